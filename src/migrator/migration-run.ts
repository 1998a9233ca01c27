import type { Session } from '../database/connect.ts';
import type { AdoptionReport } from './adopt/adopt.ts';
import { applyAlone, applyInTransaction, carryOut, limitTimes, rollBack } from './apply.ts';
import { retryWhenBlocked } from './blocked.ts';
import { createHistory, readHistory } from './history.ts';
import { type MigratorOptions, withMigrationLock } from './locked.ts';
import { MigrationError } from './migration-error.ts';
import { planMigrations, requireAgreement, requireCompatible } from './migration-plan.ts';
import { requireFitness } from './preflight.ts';

/** What one call has done. */
export interface MigrationOutcome {
  applied: { file: string; durationMilliseconds: number }[];
  /** The version of the schema afterwards. */
  version: number;
  /** Whether the tables of the first server were taken over on the way. */
  adopted?: AdoptionReport;
}

/**
 * Applies what is pending, each file in a transaction of its own with its history row, so that a failure or a kill leaves
 * whole files only. Safe to run from many processes at once: one works, the others wait and find nothing to do.
 *
 * @param to the last version to apply; default: all
 * @throws MigrationError
 */
export async function migrateUp(options: MigratorOptions, to?: number): Promise<MigrationOutcome> {
  return await withMigrationLock(options, async (locked) => {
    // Read under the lock: another process may have done the work meanwhile.
    const { plan, pending, history } = await prepare(locked.session, options, to);
    const outcome: MigrationOutcome = { applied: [], version: plan.current };
    // The first file makes the history itself: a database that is refused keeps nothing of us.
    if (plan.current > 0) await createHistory(locked.session);
    for (const migration of pending) {
      const { file, version } = migration;
      if (options.shutdown?.aborted)
        throw new MigrationError(
          'interrupted',
          `told to stop before migrations/${file}: the schema is at version ${outcome.version} of ${plan.target}.`,
        );
      options.onProgress?.({ applied: outcome.version, expected: plan.target, step: file });
      await locked.assertLocked();
      const began = performance.now();
      if (migration.transactional) {
        const adopted = await applyInTransaction(locked, migration, options, outcome.version === 0);
        if (adopted) outcome.adopted = adopted;
      } else
        await applyAlone(
          locked,
          migration,
          options,
          history.some((row) => row.version === version),
        );
      const durationMilliseconds = Math.round(performance.now() - began);
      options.log.info('migration applied', { file, duration_ms: durationMilliseconds });
      outcome.applied.push({ file, durationMilliseconds });
      outcome.version = version;
    }
    return outcome;
  });
}

/**
 * Does what migrateUp would do, in one transaction that is rolled back: shows on the real data that every statement works and
 * how long it takes. Its locks are real until the end. Ends in front of a file that refuses to run in a transaction.
 */
export async function rehearse(
  options: MigratorOptions,
  to?: number,
): Promise<MigrationOutcome & { notRehearsed: string[] }> {
  return await withMigrationLock(options, async ({ session }) => {
    const { plan, pending } = await prepare(session, options, to);
    const alone = pending.findIndex(({ transactional }) => !transactional);
    const possible = alone < 0 ? pending : pending.slice(0, alone);
    const notRehearsed = pending.slice(possible.length).map(({ file }) => file);
    return await retryWhenBlocked(options, 'the rehearsal', async (watch) => {
      const outcome: MigrationOutcome = { applied: [], version: plan.current };
      await session`begin`;
      let unwatch: (() => void) | undefined;
      try {
        const longest = Math.max(0, ...possible.map(({ statementTimeoutSeconds }) => statementTimeoutSeconds));
        unwatch = watch(await limitTimes(session, longest, options));
        await createHistory(session);
        for (const migration of possible) {
          const began = performance.now();
          const adopted = await carryOut(session, migration, options, outcome.version === 0);
          if (adopted) outcome.adopted = adopted;
          const durationMilliseconds = Math.round(performance.now() - began);
          outcome.applied.push({ file: migration.file, durationMilliseconds });
          outcome.version = migration.version;
        }
        return { ...outcome, notRehearsed };
      } finally {
        unwatch?.();
        await rollBack(session, options);
      }
    });
  });
}

/** Looks at what is to be done, and refuses what must not be. */
async function prepare(session: Session, { catalog }: MigratorOptions, to: number | undefined) {
  await requireFitness(session);
  const history = await readHistory(session);
  const plan = planMigrations(catalog, history);
  requireAgreement(plan);
  requireCompatible(plan);
  return { history, plan, pending: plan.pending.filter(({ version }) => to === undefined || version <= to) };
}
