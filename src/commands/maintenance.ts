import { build } from '../build.ts';
import { systemClock } from '../clock.ts';
import type { Settings } from '../config/settings.ts';
import type { Database } from '../database/connect.ts';
import { openForMaintenance } from '../database/open.ts';
import { loadCatalog } from '../migrator/catalog.ts';
import type { MigratorOptions } from '../migrator/locked.ts';
import type { Log } from '../observability/log.ts';
import { applicationName } from './application-name.ts';
import type { CommandIO } from './command.ts';
import { openCommandLog } from './command-log.ts';
import { asCommandFailure } from './database-failure.ts';

interface Given {
  settings: Settings;
  io: CommandIO;
  purpose: 'migrate' | 'copy';
  /** The option that named the database, where it was not a setting. */
  option?: '--to';
}

/**
 * Opens the database that the settings name for `work`, which may take long, and closes it again.
 *
 * @throws {CommandFailure} it cannot be opened
 */
export async function withMaintenanceDatabase<T>(
  { settings, io, purpose, option }: Given,
  work: (database: Database, log: Log) => Promise<T>,
): Promise<T> {
  const log = openCommandLog(settings, io);
  const opening = openForMaintenance({ settings, applicationName: applicationName(purpose), log });
  const database = await opening.catch((error: unknown) => {
    throw asCommandFailure(error, {
      address: option ?? (settings.DIRECT_DATABASE_URL === undefined ? 'DATABASE_URL' : 'DIRECT_DATABASE_URL'),
      directory: option ?? 'DATA_DIR',
    });
  });
  try {
    return await work(database, log);
  } finally {
    await database.close();
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
