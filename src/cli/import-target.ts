import type { Settings } from '../config/settings.ts';
import type { Database } from '../database/connect.ts';
import { holdsDatabase } from '../database/embedded-directory.ts';
import { readHistory } from '../migrator/history.ts';
import { requireHome } from '../migrator/home.ts';
import type { MigratorOptions } from '../migrator/locked.ts';
import { type Plan, planMigrations, requireAgreement, requireCompatible } from '../migrator/migration-plan.ts';
import { silentLog } from '../observability/log.ts';
import { CommandFailure, type CommandIO } from './command.ts';
import { asCommandFailure } from './database-failure.ts';
import { ExitCode } from './exit-codes.ts';
import { migratorOptions, withMaintenanceDatabase } from './maintenance.ts';

interface Given {
  settings: Settings;
  io: CommandIO;
  deed: 'import' | 'seed';
  /** Nothing may change: what would be made for the rows is made in memory. */
  dryRun: boolean;
}

/**
 * Opens the database that rows are to be written into, and closes it again. Its schema must be current; where there is none yet, and in
 * the embedded database, it is made. What goes wrong becomes a message and an exit code.
 */
export async function withImportTarget<T>(given: Given, work: (database: Database) => Promise<T>): Promise<T> {
  const { settings, io, deed, dryRun } = given;
  try {
    if (dryRun && settings.database.kind === 'embedded' && !holdsDatabase(settings.database.directory))
      return await inMemory(given, work);
    return await withMaintenanceDatabase({ settings, io, purpose: 'copy', deed }, async (database, log) => {
      await requireHome(database.sql);
      const options = migratorOptions({ settings, database, log, shutdown: io.shutdown });
      const plan = planMigrations(options.catalog, await readHistory(database.sql));
      requireAgreement(plan);
      requireCompatible(plan);
      if (plan.pending.length === 0) return await work(database);
      const untouched = await isUntouched(database);
      if (dryRun && untouched) return await inMemory(given, work);
      if (dryRun || !(untouched || database.kind === 'embedded')) throw pendingFailure(plan);
      await makeSchemaCurrent(options);
      return await work(database);
    });
  } catch (error) {
    throw asCommandFailure(error);
  }
}

/** An empty database is like any other: a dry run takes one that is gone afterwards. */
async function inMemory<T>({ settings, io }: Given, work: (database: Database) => Promise<T>): Promise<T> {
  const { openScratch } = await import('../database/scratch.ts');
  const database = await openScratch();
  try {
    await makeSchemaCurrent(migratorOptions({ settings, database, log: silentLog, shutdown: io.shutdown }));
    return await work(database);
  } finally {
    await database.close();
  }
}

async function makeSchemaCurrent(options: MigratorOptions): Promise<void> {
  const { migrateUp } = await import('../migrator/migration-run.ts');
  await migrateUp(options);
}

function pendingFailure({ current, target }: Plan): CommandFailure {
  return new CommandFailure(
    ExitCode.migrationsPending,
    `the schema of the database is at version ${current} of ${target}: run catatlas migrate first`,
  );
}

/** Is there neither a history nor a table that a migration would take over? */
async function isUntouched({ sql }: Database): Promise<boolean> {
  const [row] = await sql<[{ untouched: boolean }]>`
    select coalesce(to_regclass('catatlas_migrations'), to_regclass('entries'), to_regclass('cats')) is null as untouched`;
  return row.untouched;
}
