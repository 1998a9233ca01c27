import type { Queryable, Session } from '../database/connect.ts';
import { liftTransactionLimit } from '../database/transaction.ts';
import type { Log } from '../observability/log.ts';
import { MigrationError } from './migration-error.ts';
import { pause } from './pause.ts';

interface LockOptions {
  deadlineSeconds: number;
  log: Log;
  /**
   * `session`: the lock belongs to the connection that migrates, so it cannot outlive or be outlived by it.
   * `transaction`: behind a pooler a connection is ours only within a transaction, so the lock belongs to one that stays
   * open on a connection of its own. It must keep no snapshot, or CREATE INDEX CONCURRENTLY would wait for it: it reads at READ
   * COMMITTED, and by the simple protocol, because a portal of the extended one keeps its snapshot until the next (PostgreSQL,
   * "Message Flow": an unnamed portal lasts to the end of the transaction).
   */
  scope: 'session' | 'transaction';
  onWait(holder: string): void;
  /** Ends the waiting. */
  shutdown?: AbortSignal | undefined;
}

/** The right to migrate a database, held by one connection. */
export interface MigrationLock {
  /** Throws MigrationError when the server no longer knows of it: then another process may be migrating. */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Takes the migration lock on this session, by polling. Never by waiting inside `pg_advisory_lock`: a waiting statement holds
 * a snapshot, CREATE INDEX CONCURRENTLY waits for that snapshot, and the two deadlock.
 *
 * @throws MigrationError `lock_timeout` after the deadline, naming the holder; `interrupted` by `shutdown`
 */
export async function acquireMigrationLock(
  connect: () => Promise<Session>,
  options: LockOptions,
): Promise<MigrationLock> {
  const { scope, log, shutdown, deadlineSeconds } = options;
  const deadline = performance.now() + deadlineSeconds * 1000;
  for (let attempt = 0; ; attempt += 1) {
    const session = await connect();
    let holder: string;
    let locked = false;
    try {
      locked = await tryLock(session, scope);
      if (locked) return { assertHeld: () => assertHeld(session), release: () => release(session) };
      holder = await describeHolder(session);
    } finally {
      // Given back between two tries: behind a pooler there may be few, and whoever holds the lock needs a second.
      if (!locked && scope === 'transaction') session.release();
    }
    if (performance.now() >= deadline) {
      throw new MigrationError(
        'lock_timeout',
        `another process is migrating this database (${holder}) and did not finish within ${deadlineSeconds} s. ` +
          'Nothing was changed. Look at what that process does, then try again, or wait longer with MIGRATION_LOCK_TIMEOUT_SECONDS.',
      );
    }
    if (shutdown?.aborted) {
      throw new MigrationError(
        'interrupted',
        `told to stop while another process is migrating this database (${holder}). Nothing was changed.`,
      );
    }
    options.onWait(holder);
    if (attempt % 10 === 0) log.info('waiting for the migration lock', { holder });
    // Jitter keeps many starting processes from asking in step.
    await pause(100 + Math.random() * 200, shutdown);
  }

  async function release(session: Session): Promise<void> {
    if (scope === 'transaction') {
      try {
        await session`rollback`;
      } finally {
        session.release();
      }
      return;
    }
    const [row] = await session<
      [{ unlocked: boolean }]
    >`select pg_advisory_unlock(${migrationLockKey(session)}) as unlocked`;
    if (!row.unlocked) log.error('the migration lock was no longer held by this session when it was released');
  }
}

async function tryLock(session: Session, scope: LockOptions['scope']): Promise<boolean> {
  if (scope === 'session') {
    const [row] = await session<
      [{ locked: boolean }]
    >`select pg_try_advisory_lock(${migrationLockKey(session)}) as locked`;
    return row.locked;
  }
  await session`begin isolation level read committed`;
  // The transaction is idle while another connection migrates, for as long as that takes.
  await session`set local idle_in_transaction_session_timeout = 0`;
  await liftTransactionLimit(session);
  const [row] = await session<[{ locked: boolean }]>`
    select pg_try_advisory_xact_lock(${migrationLockKey(session)}) as locked`.simple();
  if (!row.locked) await session`rollback`;
  return row.locked;
}

async function assertHeld(session: Session): Promise<void> {
  const [row] = await session<[{ held: boolean }]>`
    with lock as (select ${migrationLockKey(session)} as key)
    select exists (select 1 from lock join pg_locks as held on ${matches(session)} where held.pid = pg_backend_pid()) as held`.simple();
  if (!row.held)
    throw new MigrationError(
      'failed',
      'the migration lock was lost: the server no longer knows of it. Nothing more was changed. See whether another process is migrating (catatlas migrate status), then try again.',
    );
}

/**
 * One key for each database and schema, so that installations in one server do not wait for each other. A search path without a
 * schema that exists is refused later, with what to do.
 */
export function migrationLockKey(sql: Queryable) {
  return sql`hashtextextended('catatlas migrations ' || current_database() || ' ' || coalesce(current_schema(), ''), 0)`;
}

/** Is the row `held` of pg_locks about the key of `lock`? */
function matches(session: Session) {
  return session`held.locktype = 'advisory' and held.granted and held.objsubid = 1
    and held.database = (select oid from pg_database where datname = current_database())
    and held.classid::bigint = (lock.key >> 32) & 4294967295 and held.objid::bigint = lock.key & 4294967295`;
}

async function describeHolder(session: Session): Promise<string> {
  const [row] = await session<{ pid: number; application_name: string | null; since: string | null }[]>`
    with lock as (select ${migrationLockKey(session)} as key)
    select held.pid, activity.application_name, activity.backend_start::text as since
    from lock
    join pg_locks as held on ${matches(session)}
    left join pg_stat_activity as activity on activity.pid = held.pid`;
  if (!row) return 'it has just finished';
  return `pid ${row.pid}, ${row.application_name || 'unnamed application'}, connected since ${row.since ?? 'unknown'}`;
}
