import type { Settings } from '../config/settings.ts';
import type { Log } from '../observability/log.ts';
import { connectEmbedded, connectPostgres, type Database } from './connect.ts';

/** Statements of a migration may rewrite a whole table; an hour is a hang. */
const migrationStatementSeconds = 3600;

/** While a migration waits for a table, everybody else queues behind it. */
const migrationLockSeconds = 5;

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
    url: settings.database.url,
    applicationName,
    // The driver knows one maximum: the pool and its overflow together.
    maxConnections: settings.DATABASE_POOL_SIZE + settings.DATABASE_POOL_OVERFLOW,
    connectTimeout: settings.DATABASE_CONNECT_TIMEOUT_SECONDS,
    statementTimeout: settings.DATABASE_STATEMENT_TIMEOUT_SECONDS,
    idleTimeout: settings.DATABASE_IDLE_TIMEOUT_SECONDS,
    maxLifetime: settings.DATABASE_MAX_LIFETIME_SECONDS,
    log,
  });
}

/**
 * A handle for migrations: one connection whose statements may take long. The embedded engine has only one, so it is shared
 * and closing it here does nothing.
 */
export function openForMigrations(database: Database, { settings, applicationName, log }: OpenOptions): Database {
  if (settings.database.kind === 'embedded') return { ...database, close: async () => {} };
  return connectPostgres({
    url: settings.database.url,
    applicationName: `${applicationName} migrate`,
    maxConnections: 1,
    connectTimeout: settings.DATABASE_CONNECT_TIMEOUT_SECONDS,
    statementTimeout: migrationStatementSeconds,
    lockTimeout: migrationLockSeconds,
    log,
  });
}
