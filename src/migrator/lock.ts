import type { Session } from '../database/connect.ts';
import type { Log } from '../observability/log.ts';
import { MigrationError } from './failure.ts';

interface LockOptions {
  deadlineSeconds: number;
  log: Log;
  onWait(holder: string): void;
  /** Ends the waiting. */
  shutdown?: AbortSignal | undefined;
}

/**
 * Takes the migration lock on this session, by polling. Never by waiting inside `pg_advisory_lock`: a waiting statement holds
 * a snapshot, CREATE INDEX CONCURRENTLY waits for that snapshot, and the two deadlock.
 *
 * @throws MigrationError `lock_timeout` after the deadline, naming the holder; `interrupted` by `shutdown`
 */
export async function acquireMigrationLock(session: Session, options: LockOptions): Promise<void> {
  const deadline = performance.now() + options.deadlineSeconds * 1000;
  for (let attempt = 0; ; attempt += 1) {
    const [row] = await session<[{ locked: boolean }]>`select pg_try_advisory_lock(${lockKey(session)}) as locked`;
    if (row.locked) return;
    const holder = await describeHolder(session);
    if (performance.now() >= deadline) {
      throw new MigrationError(
        'lock_timeout',
        `another process is migrating this database (${holder}) and did not finish within ${options.deadlineSeconds} s. ` +
          'Nothing was changed. Look at what that process does, then try again, or wait longer with MIGRATION_LOCK_TIMEOUT_SECONDS.',
      );
    }
    if (options.shutdown?.aborted) {
      throw new MigrationError(
        'interrupted',
        `told to stop while another process is migrating this database (${holder}). Nothing was changed.`,
      );
    }
    options.onWait(holder);
    if (attempt % 10 === 0) options.log.info('waiting for the migration lock', { holder });
    // Jitter keeps many starting processes from asking in step.
    await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 200));
  }
}

/** Gives the lock back. Logs when the server says that it was not ours: then something else went wrong before. */
export async function releaseMigrationLock(session: Session, log: Log): Promise<void> {
  const [row] = await session<[{ unlocked: boolean }]>`select pg_advisory_unlock(${lockKey(session)}) as unlocked`;
  if (!row.unlocked) log.error('the migration lock was no longer held by this session when it was released');
}

/** One key for each database and schema, so that installations in one server do not wait for each other. */
function lockKey(session: Session) {
  return session`hashtextextended('catatlas migrations ' || current_database() || ' ' || current_schema(), 0)`;
}

async function describeHolder(session: Session): Promise<string> {
  const [row] = await session<{ pid: number; application_name: string | null; since: string | null }[]>`
    with lock as (select ${lockKey(session)} as key)
    select held.pid, activity.application_name, activity.backend_start::text as since
    from lock
    join pg_locks as held on held.locktype = 'advisory' and held.granted and held.objsubid = 1
      and held.database = (select oid from pg_database where datname = current_database())
      and held.classid::bigint = (lock.key >> 32) & 4294967295
      and held.objid::bigint = lock.key & 4294967295
    left join pg_stat_activity as activity on activity.pid = held.pid`;
  if (!row) return 'it has just finished';
  return `pid ${row.pid}, ${row.application_name || 'unnamed application'}, connected since ${row.since ?? 'unknown'}`;
}
