import type { Database } from '../database/connect.ts';
import { sqlStateOf } from '../database/errors.ts';
import type { MigratorOptions } from './locked.ts';
import { MigrationError } from './migration-error.ts';
import { pause } from './pause.ts';

/**
 * How long a statement waits for a table. While it waits, everybody who comes later waits behind it, so it gives up
 * soon, lets them through, and tries again.
 */
export const lockTimeoutMilliseconds = 500;

/** Lock not available in time, deadlock, serialization failure. */
const retryStates = new Set(['55P03', '40P01', '40001']);

/** Did the server give up because somebody was in the way? Then it did nothing, and may do it the next time. */
export function wasBlocked(error: unknown): boolean {
  return retryStates.has(sqlStateOf(error) ?? '');
}

/** Shortest and longest time between two tries, in milliseconds. */
const firstPause = 200;
const longestPause = 5000;

/**
 * Runs `attempt` until it succeeds, again only when it failed for being in somebody's way, and for no longer than
 * `lockTimeoutSeconds`. `what` names the work in messages. `attempt` must have undone everything when it throws.
 *
 * @throws MigrationError `lock_timeout` naming who was in the way; `interrupted` by shutdown; else what `attempt` throws
 */
export async function retryWhenBlocked<T>(
  options: Pick<MigratorOptions, 'database' | 'log' | 'lockTimeoutSeconds' | 'shutdown'>,
  what: string,
  attempt: (watch: WatchBlockers) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + options.lockTimeoutSeconds * 1000;
  let blockers: string[] = [];
  const watch: WatchBlockers = (pid) =>
    watchBlockers(options, pid, (seen) => {
      blockers = seen;
    });
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt(watch);
    } catch (error) {
      if (!wasBlocked(error)) throw error;
      const state = sqlStateOf(error);
      const who = blockers.length > 0 ? blockers : ['somebody who has gone meanwhile'];
      if (performance.now() >= deadline)
        throw new MigrationError(
          'lock_timeout',
          [
            `${what}: a table it changes was in use for ${options.lockTimeoutSeconds} s, in ${tries} tries (SQLSTATE ${state}). In the way:`,
            ...who.map((line) => `  ${line}`),
            'It was rolled back. End those sessions (select pg_terminate_backend(PID)) or wait for them, then try again.',
          ].join('\n'),
          { cause: error },
        );
      if (options.shutdown?.aborted)
        throw new MigrationError('interrupted', `told to stop while waiting for a table: ${what} was rolled back.`);
      const wait = Math.min(firstPause * 2 ** Math.min(tries, 10), longestPause) * (0.5 + Math.random() / 2);
      options.log.warn('a table is in use: trying again', {
        work: what,
        sqlstate: state,
        blocked_by: who,
        retry_in_ms: Math.round(wait),
      });
      await pause(wait, options.shutdown);
    }
  }
}

/** Begins to look who blocks the server process `pid`; the function it returns ends that. */
export type WatchBlockers = (pid: number) => () => void;

/** Asked once a statement has waited for most of the time it may: afterwards nobody is in the way any more. */
function watchBlockers(
  { database, log }: Pick<MigratorOptions, 'database' | 'log'>,
  pid: number,
  found: (blockers: string[]) => void,
): () => void {
  // One process with one session: nobody can be in the way.
  if (database.kind === 'embedded') return () => {};
  const timer = setInterval(async () => {
    try {
      const blockers = await readBlockers(database, pid);
      if (blockers.length > 0) found(blockers);
    } catch (error) {
      // Only the message would be richer for it: the statement itself has an error of its own.
      log.debug('cannot see who is in the way', { error });
    }
  }, lockTimeoutMilliseconds * 0.6);
  return () => clearInterval(timer);
}

async function readBlockers({ sql }: Database, pid: number): Promise<string[]> {
  const rows = await sql<
    { pid: number; application_name: string; state: string | null; seconds: number; query: string | null }[]
  >`
    select activity.pid, activity.application_name, activity.state,
      round(extract(epoch from clock_timestamp() - coalesce(activity.xact_start, activity.backend_start)))::int as seconds,
      left(regexp_replace(activity.query, '\\s+', ' ', 'g'), 120) as query
    from unnest(pg_blocking_pids(${pid})) as blocking (pid)
    join pg_stat_activity as activity on activity.pid = blocking.pid
    order by activity.xact_start nulls last`;
  return rows.map(
    (row) =>
      `pid ${row.pid}, ${row.application_name || 'unnamed application'}, ${row.state ?? 'unknown state'} for ${row.seconds} s: ${row.query ?? ''}`,
  );
}
