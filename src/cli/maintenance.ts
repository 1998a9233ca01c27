import { tablesAt, unarchivedTables } from '../archive/tables.ts';
import { build } from '../build.ts';
import { systemClock } from '../clock.ts';
import { readDatabaseAddress } from '../config/database-address.ts';
import type { Settings } from '../config/settings.ts';
import { type Database, lookAround } from '../database/connect.ts';
import { insufficientPrivilege, sqlStateOf } from '../database/errors.ts';
import { openForMaintenance } from '../database/open.ts';
import { refusedParameterOf } from '../database/refused-parameter.ts';
import { type Deed, findMissingGrants } from '../database/rights.ts';
import { findSystemUser } from '../database/system-user.ts';
import { quoteName } from '../migrator/home.ts';
import type { MigratorOptions } from '../migrator/locked.ts';
import { loadCatalog } from '../migrator/migration-catalog.ts';
import { MigrationError } from '../migrator/migration-error.ts';
import type { Log } from '../observability/log.ts';
import { applicationName } from './application-name.ts';
import type { CommandIO } from './command.ts';
import { openCommandLog } from './command-log.ts';
import { asCommandFailure, asDenial } from './database-failure.ts';

interface Given {
  settings: Settings;
  io: CommandIO;
  purpose: 'migrate' | 'copy';
  /** What the work does to it, to say which right is missing. */
  deed: Deed;
  /** The option that named the database, where it was not a setting. */
  option?: '--to' | 'TARGET_DATABASE_URL';
}

/**
 * Opens the database that the settings name for `work`, which may take long, and closes it again.
 *
 * @throws {CommandFailure} it cannot be opened
 */
export async function withMaintenanceDatabase<T>(
  { settings, io, purpose, deed, option }: Given,
  work: (database: Database, log: Log) => Promise<T>,
): Promise<T> {
  const log = openCommandLog(settings, io);
  const opening = openForMaintenance({ settings, applicationName: applicationName(purpose), log });
  const database = await opening.catch((error: unknown) => {
    throw asCommandFailure(explainClosedDoor(error, settings), {
      address: option ?? (settings.DIRECT_DATABASE_URL === undefined ? 'DATABASE_URL' : 'DIRECT_DATABASE_URL'),
      directory: option ?? 'DATA_DIR',
    });
  });
  try {
    await requireOpenSchema(database, deed);
    return await work(database, log);
  } catch (error) {
    throw await explainDenial(error, database, deed);
  } finally {
    await database.close();
  }
}

/** An error about the right to connect, which is all that keeps the role out, with the statement that grants it. Others stay as they are. */
export function explainClosedDoor(error: unknown, { database, DIRECT_DATABASE_URL: direct }: Settings): unknown {
  if (sqlStateOf(error) !== insufficientPrivilege || refusedParameterOf(error) !== undefined) return error;
  if ((error as { severity?: string }).severity !== 'FATAL' || database.kind === 'embedded') return error;
  const reading = readDatabaseAddress(direct ?? database.url);
  if ('wrong' in reading) return error;
  const { database: name, user } = reading.value;
  return asDenial(error, [
    `grant connect on database ${nameInSql(name)} to ${nameInSql(user ?? findSystemUser() ?? '')}`,
  ]);
}

/** As quote_ident() of the server would, but for its key words: quoted only where it has to be. */
function nameInSql(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteName(name);
}

/** The tables of ours and that of the history. */
const ourTables = [...tablesAt(loadCatalog().length).map(({ name }) => name), ...unarchivedTables];

/**
 * What a schema has that may not be used, cannot be seen: to the statements that follow there would be no table, and nothing to back up.
 *
 * @throws {CommandFailure} with the statements that grant what is missing
 */
export async function requireOpenSchema({ kind, sql, home }: Database, deed: Deed): Promise<void> {
  if (kind === 'embedded') return;
  const found = home === undefined ? (await lookAround(sql)).home : home;
  if (found !== null) return;
  const grants = await findMissingGrants(sql, deed, ourTables);
  if (grants.some((grant) => grant.includes(' on schema ')))
    throw asDenial(new Error('the schema of the tables may not be used by this role'), grants);
}

/** An error about a right that the role lacks, with the statements that grant what the work needs. Any other error stays what it is. */
export async function explainDenial(error: unknown, { sql }: Database, deed: Deed): Promise<unknown> {
  const cause = error instanceof MigrationError ? error.cause : error;
  if (sqlStateOf(cause) !== insufficientPrivilege || refusedParameterOf(cause) !== undefined) return error;
  try {
    return asDenial(error, await findMissingGrants(sql, deed, ourTables));
  } catch {
    // The connection is gone as well: then what is missing remains what the server said.
    return error;
  }
}

/** What this program brings to a migration, as the settings have it. */
export function migratorOptions(given: {
  settings: Settings;
  database: Database;
  log: Log;
  shutdown: AbortSignal;
}): MigratorOptions {
  const { settings, ...others } = given;
  return {
    ...others,
    catalog: loadCatalog(),
    clock: systemClock,
    binaryVersion: build.version,
    lockTimeoutSeconds: settings.MIGRATION_LOCK_TIMEOUT_SECONDS,
  };
}
