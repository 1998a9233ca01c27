import { sqlStateOf } from '../database/errors.ts';
import { runInTransaction, withStatementLimit } from './apply.ts';
import { retryWhenBlocked, wasBlocked } from './blocked.ts';
import { type AppliedMigration, forgetMigration, readHistory } from './history.ts';
import { type MigratorOptions, withMigrationLock } from './locked.ts';
import { MigrationError } from './migration-error.ts';

/** How long one statement of a down part may take, in seconds. */
const undoTimeoutSeconds = 3600;

/** A migration that can be undone. */
export type Undoable = AppliedMigration & { down_sql: string };

/**
 * What taking the schema back to version `to` would undo, newest first, by what the database itself remembers: so an older binary
 * can undo what it does not contain.
 *
 * @throws MigrationError `refused` naming every one of them that cannot be undone
 */
export function planUndo(history: readonly AppliedMigration[], to: number): Undoable[] {
  const beyond = history.filter(({ version }) => version > to).toReversed();
  const stuck = beyond.filter(({ down_sql }) => down_sql === null);
  if (stuck.length > 0)
    throw new MigrationError(
      'refused',
      [
        `the schema cannot be taken back to version ${to}, because these are irreversible:`,
        ...stuck.map(({ version, name }) => `  ${version} ${name}`),
        'Nothing was changed. To go back behind them, restore a backup from before.',
      ].join('\n'),
    );
  return beyond.filter((row): row is Undoable => row.down_sql !== null);
}

/** Undoes every migration after version `to`, newest first, each in a transaction of its own. Returns what it undid. */
export async function migrateDown(options: MigratorOptions, to: number): Promise<Undoable[]> {
  return await withMigrationLock(options, async ({ session, assertLocked }) => {
    const steps = planUndo(await readHistory(session), to);
    for (const step of steps) {
      const label = `${String(step.version).padStart(4, '0')}_${step.name}.sql`;
      if (options.shutdown?.aborted)
        throw new MigrationError('interrupted', `told to stop: the schema is at version ${step.version}.`);
      const undo = async () => {
        await session.unsafe(step.down_sql).catch((error: unknown) => {
          throw describeUndoFailure(step, error);
        });
      };
      await retryWhenBlocked(options, `undoing ${label}`, async (watch) => {
        await assertLocked();
        if (step.transactional)
          await runInTransaction(session, options, { watch, statementTimeoutSeconds: undoTimeoutSeconds }, async () => {
            await undo();
            await forgetMigration(session, step.version);
          });
        else {
          // It can be repeated (the build sees to that), so a kill between the two is cured by another try.
          await withStatementLimit(session, undoTimeoutSeconds, options, undo);
          await forgetMigration(session, step.version);
        }
      });
      options.log.info('migration undone', { file: label });
    }
    return steps;
  });
}

function describeUndoFailure(step: Undoable, error: unknown): unknown {
  const state = sqlStateOf(error);
  // Nor is a lost connection the fault of the SQL.
  if (state === undefined || wasBlocked(error)) return error;
  const { message, hint } = error as { message?: string; hint?: string };
  return new MigrationError(
    'failed',
    [
      `the down part of ${step.version} ${step.name}: ${message} (SQLSTATE ${state})`,
      ...(hint ? [`hint: ${hint}`] : []),
      `The schema is at version ${step.version}.`,
    ].join('\n'),
    { cause: error },
  );
}
