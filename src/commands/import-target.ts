import type { Settings } from '../config/settings.ts';
import type { Database } from '../database/connect.ts';
import { readHistory } from '../migrator/history.ts';
import { planMigrations, requireAgreement, requireCompatible } from '../migrator/plan.ts';
import type { Log } from '../observability/log.ts';
import { CommandFailure, type CommandIO } from './command.ts';
import { asCommandFailure } from './database-failure.ts';
import { ExitCode } from './exit-codes.ts';
import { migratorOptions, withMaintenanceDatabase } from './maintenance.ts';

interface Given {
  settings: Settings;
  io: CommandIO;
  /** Nothing may change, so an empty database is not brought up. */
  dryRun: boolean;
}

/**
 * Opens the database that rows are to be written into, and closes it again. Its schema must be current; where there is none yet, and in
 * the embedded database, it is made. What goes wrong becomes a message and an exit code.
 */
export async function withImportTarget<T>(given: Given, work: (database: Database) => Promise<T>): Promise<T> {
  const { settings, io } = given;
  try {
    return await withMaintenanceDatabase({ settings, io, purpose: 'copy' }, async (database, log) => {
      await makeSchemaCurrent(database, given, log);
      return await work(database);
    });
  } catch (error) {
    throw asCommandFailure(error);
  }
}

async function makeSchemaCurrent(database: Database, { settings, io, dryRun }: Given, log: Log): Promise<void> {
  const options = migratorOptions({ settings, database, log, shutdown: io.shutdown });
  const plan = planMigrations(options.catalog, await readHistory(database.sql));
  requireAgreement(plan);
  requireCompatible(plan);
  if (plan.pending.length === 0) return;
  const mayChange = !dryRun && (database.kind === 'embedded' || (await isUntouched(database)));
  if (!mayChange)
    throw new CommandFailure(
      ExitCode.migrationsPending,
      `the schema of the database is at version ${plan.current} of ${plan.target}: run catatlas migrate first`,
    );
  const { migrateUp } = await import('../migrator/run.ts');
  await migrateUp(options);
}

/** Is there neither a history nor a table that a migration would take over? */
async function isUntouched({ sql }: Database): Promise<boolean> {
  const [row] = await sql<[{ untouched: boolean }]>`
    select coalesce(to_regclass('catatlas_migrations'), to_regclass('entries'), to_regclass('cats')) is null as untouched`;
  return row.untouched;
}
