import { build } from '../build.ts';
import { systemClock } from '../clock.ts';
import type { Settings } from '../config/settings.ts';
import type { Database } from '../database/connect.ts';
import { isDatabaseUnreachable } from '../database/errors.ts';
import { openDatabase, openForMigrations } from '../database/open.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { loadCatalog } from '../migrator/catalog.ts';
import { MigrationError } from '../migrator/failure.ts';
import { readHistory } from '../migrator/history.ts';
import { planMigrations } from '../migrator/plan.ts';
import { migrateUp, requireSound } from '../migrator/run.ts';
import type { Log } from '../observability/log.ts';
import { asCommandFailure } from './database-failure.ts';

interface BringUp {
  settings: Settings;
  lifecycle: Lifecycle;
  log: Log;
  shutdown: AbortSignal;
  /** Told of the database as soon as it is open, so that health checks can ask it. */
  onOpen(database: Database): void;
}

const firstRetryMilliseconds = 250;
const lastRetryMilliseconds = 5000;

/**
 * Opens the database and makes its schema current. A server that cannot be reached yet is waited for; what waiting cannot
 * cure (a wrong password, a directory in use, an edited migration) throws CommandFailure with its exit code.
 */
export async function bringUpDatabase({ settings, lifecycle, log, shutdown, onOpen }: BringUp): Promise<void> {
  const options = { settings, applicationName: `catatlas/${build.version}`, log };
  try {
    const database = await openDatabase(options);
    onOpen(database);
    await untilReachable({ log, lifecycle, shutdown }, async () => {
      await makeSchemaCurrent(database, { settings, lifecycle, log, shutdown }, () =>
        openForMigrations(database, options),
      );
    });
  } catch (error) {
    throw asCommandFailure(error);
  }
}

async function untilReachable(
  { log, lifecycle, shutdown }: Pick<BringUp, 'log' | 'lifecycle' | 'shutdown'>,
  attempt: () => Promise<void>,
): Promise<void> {
  let delay = firstRetryMilliseconds;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const cause = error instanceof MigrationError ? error.cause : error;
      if (!isDatabaseUnreachable(cause)) throw error;
      if (shutdown.aborted) return;
      lifecycle.schema = { state: 'failed', reason: 'the database cannot be reached' };
      log.warn('the database cannot be reached: trying again', { retry_in_ms: delay, error: cause });
      await pause(delay, shutdown);
      delay = Math.min(delay * 2, lastRetryMilliseconds);
    }
  }
}

async function makeSchemaCurrent(
  database: Database,
  { settings, lifecycle, log, shutdown }: Omit<BringUp, 'onOpen'>,
  openMigrations: () => Database,
): Promise<void> {
  const catalog = loadCatalog();
  // A look without the lock: usually there is nothing to do.
  const plan = planMigrations(catalog, await readHistory(database.sql));
  requireSound(plan);
  if (plan.pending.length > 0) {
    const migrations = openMigrations();
    try {
      await migrateUp({
        sql: migrations.sql,
        catalog,
        clock: systemClock,
        log,
        binaryVersion: build.version,
        lockTimeoutSeconds: settings.MIGRATION_LOCK_TIMEOUT_SECONDS,
        shutdown,
        onProgress: (progress) => {
          lifecycle.schema = { state: 'migrating', ...progress };
        },
      });
    } finally {
      await migrations.close();
    }
  }
  lifecycle.schema = { state: 'current', version: plan.target };
}

/** Waits, but not beyond a shutdown. */
function pause(milliseconds: number, shutdown: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, milliseconds);
    function finish() {
      clearTimeout(timer);
      shutdown.removeEventListener('abort', finish);
      resolve();
    }
    shutdown.addEventListener('abort', finish, { once: true });
  });
}
