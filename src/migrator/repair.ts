import { settleIndex, withStatementLimit } from './apply.ts';
import { type AppliedMigration, createHistory, forgetMigration, readHistory, recordMigration } from './history.ts';
import { type MigratorOptions, withMigrationLock } from './locked.ts';
import { MigrationError } from './migration-error.ts';
import { requireFitness } from './preflight.ts';

/**
 * Records the migrations up to version `to` as applied without running them, for a database whose schema is there and whose history is
 * not. The caller has seen that the schema is what they make.
 *
 * @throws MigrationError `refused` when there is a history already
 */
export async function baseline(options: MigratorOptions, to: number): Promise<string[]> {
  return await withMigrationLock(options, async ({ session }) => {
    await requireFitness(session);
    await createHistory(session);
    const history = await readHistory(session);
    if (history.length > 0)
      throw new MigrationError(
        'refused',
        `this database has a history already, up to version ${history.at(-1)?.version}: catatlas migrate status shows it. Nothing was changed.`,
      );
    const recorded = options.catalog.filter(({ version }) => version <= to);
    await session`begin`;
    try {
      for (const migration of recorded)
        await recordMigration(session, migration, {
          state: 'done',
          appliedAt: options.clock.now(),
          durationMilliseconds: 0,
          binaryVersion: options.binaryVersion,
        });
      await session`commit`;
    } catch (error) {
      await session`rollback`;
      throw error;
    }
    return recorded.map(({ file }) => file);
  });
}

/** What a repair has done, in sentences. */
export type Repairs = string[];

/**
 * Cleans up after files without transaction that were started and not seen to end: an INVALID index is dropped and the file is
 * pending again; a whole one is recorded as done. With `acceptFiles`, when the caller has seen that the schema is what the files
 * of this binary make, their checksums and names take the place of those recorded.
 */
export async function repair(options: MigratorOptions, acceptFiles: boolean): Promise<Repairs> {
  return await withMigrationLock(options, async ({ session }) => {
    const history = await readHistory(session);
    const done: Repairs = [];
    for (const row of history.filter(({ state }) => state === 'started')) {
      const migration = options.catalog.find(({ version }) => version === row.version);
      const label = `${row.version} ${row.name}`;
      if (!migration)
        throw new MigrationError(
          'refused',
          `${label} was started by ${row.binary_version} and did not end: repair it with that version of the program.`,
        );
      const index = migration.facts.buildsIndex;
      const found = await withStatementLimit(session, migration.statementTimeoutSeconds, options, () =>
        settleIndex(session, index, options),
      );
      if (found === 'whole') {
        await recordMigration(session, migration, { ...factsOf(row), state: 'done' });
        done.push(`${label}: its index ${index} is whole, recorded as applied`);
      } else {
        await forgetMigration(session, row.version);
        done.push(`${label}: was started and did not end; it is pending again`);
      }
    }
    if (acceptFiles) {
      // The table of version 1.0.0 lacks columns that are written. Where nothing is written, none is made.
      await createHistory(session);
      const rows = new Map(history.map((row) => [row.version, row]));
      for (const migration of options.catalog) {
        const row = rows.get(migration.version);
        if (row?.state !== 'done' || (row.checksum === migration.checksum && row.name === migration.name)) continue;
        await recordMigration(session, migration, factsOf(row));
        done.push(`${migration.file}: recorded as it is in this binary`);
      }
    }
    return done;
  });
}

function factsOf(row: AppliedMigration) {
  return {
    state: row.state,
    appliedAt: row.applied_at,
    durationMilliseconds: row.duration_ms,
    binaryVersion: row.binary_version,
  };
}
