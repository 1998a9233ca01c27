import type { Settings } from '../config/settings.ts';
import type { Log } from '../observability/log.ts';
import { connectEmbedded, connectPostgres, type Database } from './connect.ts';

/** Statements of a migration may rewrite a whole table; an hour is a hang. */
const migrationStatementSeconds = 3600;

interface OpenOptions {
  settings: Settings;
  applicationName: string;
  log: Log;
}

/** The database that the settings name: a real PostgreSQL by DATABASE_URL, else the embedded one in DATA_DIR. */
export async function openDatabase({ settings, applicationName, log }: OpenOptions): Promise<Database> {
  if (settings.database.kind === 'embedded')
    return await connectEmbedded({ dataDir: settings.database.directory, log });
  return connectPostgres({
    ...postgresOptions(settings, applicationName, log),
    maxConnections: settings.DATABASE_POOL_SIZE + settings.DATABASE_POOL_OVERFLOW,
    statementTimeoutSeconds: settings.DATABASE_STATEMENT_TIMEOUT_SECONDS,
  });
}

/**
 * A handle for migrations: one connection whose statements may take long. The embedded engine has only one, so it is shared
 * and closing it here does nothing.
 */
export function openForMigrations(database: Database, { settings, applicationName, log }: OpenOptions): Database {
  if (database.kind === 'embedded' || settings.DATABASE_URL === undefined) return { ...database, close: async () => {} };
  return connectPostgres({
    ...postgresOptions(settings, `${applicationName} migrate`, log),
    maxConnections: 1,
    statementTimeoutSeconds: migrationStatementSeconds,
  });
}
