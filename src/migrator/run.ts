import type { Clock } from '../clock.ts';
import type { Session, Sql } from '../database/connect.ts';
import { sqlStateOf } from '../database/errors.ts';
import type { Log } from '../observability/log.ts';
import type { Migration } from './catalog.ts';
import { MigrationError } from './failure.ts';
import { createHistory, readHistory, recordMigration } from './history.ts';
import { acquireMigrationLock, releaseMigrationLock } from './lock.ts';
import { type Plan, planMigrations } from './plan.ts';

interface MigrateOptions {
  /** A handle whose statements may take long. One of its connections is held for the whole run. */
  sql: Sql;
  catalog: readonly Migration[];
  clock: Clock;
  log: Log;
  binaryVersion: string;
  lockTimeoutSeconds: number;
  /** Waits for the lock no longer, and begins no further file; a file under way is finished. */
  shutdown?: AbortSignal;
  onProgress?(progress: { applied: number; expected: number; step: string }): void;
}

/** Throws MigrationError where the plan must not be carried out. */
export function requireSound(plan: Plan): void {
  if (plan.changed.length > 0) {
    const list = plan.changed.map(
      ({ file, recorded, expected }) => `${file} (applied as ${recorded}, now ${expected})`,
    );
    throw new MigrationError(
      'changed',
      `applied migrations were edited afterwards: ${list.join(', ')}. Restore the files as they were applied and put the change into a new migration.`,
    );
  }
  if (plan.unknown.length > 0) {
    const list = plan.unknown.map(({ version, name, binary_version }) => `${version} ${name} (by ${binary_version})`);
    throw new MigrationError(
      'newer',
      `the database is newer than this binary: it has ${list.join(', ')}, this binary ends at ${plan.target}. Run a binary of at least version ${plan.unknown.at(-1)?.binary_version}.`,
    );
  }
}

/**
 * Applies what is pending, each file in a transaction of its own with its history row, so that a failure or a kill leaves
 * whole files only. Safe to run from many processes at once: one works, the others wait and find nothing to do.
 *
 * @returns the migrations this call applied
 * @throws MigrationError
 */
export async function migrateUp(options: MigrateOptions): Promise<Migration[]> {
  const session = await options.sql.reserve();
  try {
    const step = (text: string, applied = 0) =>
      options.onProgress?.({ applied, expected: options.catalog.length, step: text });
    await acquireMigrationLock(session, {
      deadlineSeconds: options.lockTimeoutSeconds,
      log: options.log,
      onWait: (holder) => step(`waiting for another process (${holder})`),
      shutdown: options.shutdown,
    });
    try {
      await createHistory(session);
      // Read again under the lock: another process may have done the work meanwhile.
      const plan = planMigrations(options.catalog, await readHistory(session));
      requireSound(plan);
      for (const migration of plan.pending) {
        if (options.shutdown?.aborted) {
          const kept = `the schema is at version ${migration.version - 1} of ${plan.target}`;
          throw new MigrationError('interrupted', `told to stop before migrations/${migration.file}: ${kept}.`);
        }
        step(migration.file, migration.version - 1);
        await applyMigration(session, migration, options);
      }
      return plan.pending;
    } finally {
      await releaseMigrationLock(session, options.log);
    }
  } finally {
    session.release();
  }
}

async function applyMigration(session: Session, migration: Migration, options: MigrateOptions): Promise<void> {
  const began = performance.now();
  await session`begin`;
  try {
    await session.unsafe(migration.sql);
    const durationMilliseconds = Math.round(performance.now() - began);
    await recordMigration(session, migration, {
      appliedAt: options.clock.now(),
      durationMilliseconds,
      binaryVersion: options.binaryVersion,
    });
    await session`commit`;
    options.log.info('migration applied', { file: migration.file, duration_ms: durationMilliseconds });
  } catch (error) {
    await session`rollback`.catch((rollbackError) => {
      // The connection is gone, and the server has rolled back by itself.
      options.log.debug('rollback after a failed migration', { error: rollbackError });
    });
    throw new MigrationError('failed', describeFailure(migration, error), { cause: error });
  }
}

function describeFailure(migration: Migration, error: unknown): string {
  const { message, position, hint } = error as { message?: string; position?: string; hint?: string };
  const state = sqlStateOf(error);
  const place = position === undefined ? '' : `:${placeOf(migration.sql, Number(position))}`;
  return [
    `migrations/${migration.file}${place}: ${message ?? String(error)}${state ? ` (SQLSTATE ${state})` : ''}`,
    ...(hint ? [`hint: ${hint}`] : []),
    `It was rolled back; the schema is at version ${migration.version - 1}.`,
  ].join('\n');
}

/** `line:column` of a one-based character position. */
function placeOf(sql: string, position: number): string {
  const before = [...sql]
    .slice(0, Math.max(0, position - 1))
    .join('')
    .split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
