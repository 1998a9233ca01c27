import type { Settings } from '../config/settings.ts';
import type { Log } from '../observability/log.ts';
import { connectEmbedded, connectPostgres, type Database, lookAround, type PostgresOptions } from './connect.ts';
import type { EmbeddedOptions } from './embedded.ts';

interface OpenOptions {
  settings: Settings;
  applicationName: string;
  log: Log;
}

/** What a server is told besides. */
interface ServeOptions extends OpenOptions, Pick<EmbeddedOptions, 'onStopped'>, Pick<PostgresOptions, 'onStatement'> {}

/**
 * The database that a server uses: a real PostgreSQL by DATABASE_URL, or a replica of it that is nearer, else the embedded one in
 * DATA_DIR.
 */
export async function openDatabase(
  { settings, applicationName, log, onStatement, onStopped }: ServeOptions,
  pooled = false,
): Promise<Database> {
  if (settings.database.kind === 'embedded')
    return await connectEmbedded({ dataDir: settings.database.directory, log, onStatement, onStopped });
  const replica = settings.primaryElsewhere === undefined ? undefined : settings.REPLICA_DATABASE_URL;
  return connectPostgres({
    url: replica ?? settings.database.url,
    applicationName,
    // The driver knows one maximum: the pool and its overflow together.
    maxConnections: settings.DATABASE_POOL_SIZE + settings.DATABASE_POOL_OVERFLOW,
    connectTimeout: settings.DATABASE_CONNECT_TIMEOUT_SECONDS,
    statementTimeout: settings.DATABASE_STATEMENT_TIMEOUT_SECONDS,
    idleTimeout: settings.DATABASE_IDLE_TIMEOUT_SECONDS,
    maxLifetime: settings.DATABASE_MAX_LIFETIME_SECONDS,
    pooled,
    onStatement,
    log,
  });
}

/** How long a statement of theirs waits for a lock, in seconds, unless its caller has said otherwise: `migrate status` says what is wrong. */
const maintenanceLockSeconds = 10;

/** One connection works, one holds the lock behind a pooler, one looks who is in the way. */
const maintenanceConnections = 3;

/**
 * A handle for migrations and for moving data: by DIRECT_DATABASE_URL if there is one. Its statements may take as long as they
 * take; a caller sets limits for itself. Looks whether it goes through a pooler. The embedded engine has a single handle: when `opened` is
 * that one, it is shared, and closing the result does nothing.
 */
export async function openForMaintenance(
  { settings, applicationName, log }: OpenOptions,
  opened?: Database,
): Promise<Database> {
  const { database } = settings;
  if (opened?.kind === 'embedded') return { ...opened, close: async () => {} };
  if (database.kind === 'embedded') return await connectEmbedded({ dataDir: database.directory, log });
  const connect = (pooled: boolean, unlimitedTransactions = false) =>
    connectPostgres({
      url: settings.DIRECT_DATABASE_URL ?? database.url,
      applicationName,
      maxConnections: maintenanceConnections,
      connectTimeout: settings.DATABASE_CONNECT_TIMEOUT_SECONDS,
      unlimited: true,
      unlimitedTransactions,
      lockTimeout: maintenanceLockSeconds,
      pooled,
      // A pooler in session mode has a connection of the server for each of ours, idle or not, and perhaps few of them.
      ...(pooled ? { idleTimeout: 0.05 } : {}),
      log,
    });
  const direct = connect(false);
  try {
    const { pooled, home, limitsTransactions } = await lookAround(direct.sql);
    if (!pooled) {
      if (!limitsTransactions) return { ...direct, home };
      await direct.close();
      return { ...connect(false, true), home };
    }
  } catch (error) {
    await direct.close();
    throw error;
  }
  await direct.close();
  log.warn('the database is reached through a pooler: migrations work, but a direct connection is safer', {
    advice: 'set DIRECT_DATABASE_URL to the address of the server itself',
  });
  return connect(true);
}
