import type { Clock } from '../clock.ts';
import type { Database, Session } from '../database/connect.ts';
import { sqlStateOf } from '../database/errors.ts';
import type { Log } from '../observability/log.ts';
import type { RepairSink } from './adopt/adopt.ts';
import { requireHome } from './home.ts';
import { acquireMigrationLock, type MigrationLock } from './lock.ts';
import type { Migration } from './migration-catalog.ts';

/** What changing the schema takes. */
export interface MigratorOptions {
  /** A handle without limits of time (`openForMaintenance`). One or two of its connections are held for the whole run. */
  database: Database;
  catalog: readonly Migration[];
  clock: Clock;
  log: Log;
  binaryVersion: string;
  /** How long to wait for another process, and for a table that is in use. */
  lockTimeoutSeconds: number;
  /** Waits no longer, and begins no further file; a file under way is finished. */
  shutdown?: AbortSignal;
  /** The version of the schema, where it is known already: what is told while waiting for the lock. */
  applied?: number;
  onProgress?(progress: Progress): void;
  /** Repairs bad rows of the first server where its tables are taken over, and takes the list of them. */
  repair?: RepairSink;
}

export interface Progress {
  applied: number;
  expected: number;
  /** The file under way, or what is waited for. */
  step: string;
}

/** A connection that may change the schema, for as long as it holds the lock. */
export interface LockedSession {
  session: Session;
  /** To be called before each file: throws when the lock is lost. */
  assertLocked(): Promise<void>;
}

/**
 * Runs `work` while this process, and no other, may change the schema. On a direct connection the lock is on the one that works,
 * so both end together; behind a pooler it is on a second one.
 *
 * @throws MigrationError as requireHome and acquireMigrationLock
 */
export async function withMigrationLock<T>(
  options: MigratorOptions,
  work: (locked: LockedSession) => Promise<T>,
): Promise<T> {
  const { database, log, lockTimeoutSeconds, shutdown, catalog } = options;
  const lockOptions = {
    deadlineSeconds: lockTimeoutSeconds,
    log,
    onWait: (by: string) =>
      options.onProgress?.({
        applied: options.applied ?? 0,
        expected: catalog.length,
        step: `waiting for another process (${by})`,
      }),
    shutdown,
  };
  // The lock is that of a schema, and so must be the one that the work is done in.
  await requireHome(database.sql);
  const giveBack = (lock: MigrationLock) =>
    lock.release().catch((error: unknown) => {
      // The connection is gone, and with it the lock. What ended it is thrown by the work.
      log.warn('the migration lock could not be given back: the connection is gone', { error });
    });
  if (database.pooled) {
    const lock = await acquireMigrationLock(() => database.sql.reserve(), { ...lockOptions, scope: 'transaction' });
    try {
      const session = await database.sql.reserve();
      try {
        return await work({ session, assertLocked: lock.assertHeld });
      } finally {
        session.release();
      }
    } finally {
      await giveBack(lock);
    }
  }
  const session = await database.sql.reserve();
  try {
    if (database.kind === 'postgresql') await endWithClient(session, log);
    const lock = await acquireMigrationLock(async () => session, { ...lockOptions, scope: 'session' });
    try {
      return await work({ session, assertLocked: lock.assertHeld });
    } finally {
      await giveBack(lock);
    }
  } finally {
    session.release();
  }
}

/**
 * Has the server look once a second whether its client still lives. Otherwise a killed migration goes on there to the end of its
 * statement, holding its locks and this lock (PostgreSQL documentation, client_connection_check_interval).
 */
async function endWithClient(session: Session, log: Log): Promise<void> {
  try {
    await session`select set_config('client_connection_check_interval', '1s', false)`;
  } catch (error) {
    // Servers on systems that cannot tell refuse any other value than 0.
    if (sqlStateOf(error) !== '22023') throw error;
    log.debug('the server cannot notice that its client is gone during a statement', { error });
  }
}
