// What somebody else does to a database while a server works on it.
import assert from 'node:assert/strict';
import postgres from 'postgres';
import type { FaultProxy } from '../harness/proxy.ts';
import { eventually } from '../runtime/process.ts';

/** The same database, reached through the proxy. */
export function through(proxy: FaultProxy, databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.port = String(proxy.port);
  return url.href;
}

/** Sightings and cats, locked by somebody else: every request that needs one of them waits in the database. */
export interface TableLock {
  /** Resolves, with their process ids, once so many sessions wait; those in `but` do not count. */
  waiting(count: number, but?: readonly number[]): Promise<number[]>;
  /** Ends these sessions, as an administrator does. */
  end(pids: readonly number[]): Promise<void>;
  release(): Promise<void>;
}

export async function lockTables(databaseUrl: string): Promise<TableLock> {
  const sql = postgres(databaseUrl, { max: 2, onnotice: () => {} });
  const held = await sql.reserve();
  await held`begin`;
  await held`lock table entries, cats in access exclusive mode`;
  return {
    waiting: (count, but = []) =>
      eventually(`${count} sessions wait for a lock`, async () => {
        const rows = await sql<{ pid: number }[]>`
          select pid from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and application_name like 'catatlas/%'`;
        const pids = rows.map(({ pid }) => pid).filter((pid) => !but.includes(pid));
        return pids.length === count ? pids : undefined;
      }),
    async end(pids) {
      const rows = await sql<
        { ended: boolean }[]
      >`select pg_terminate_backend(pid) as ended from unnest(${[...pids]}::int[]) as pid`;
      assert.deepEqual(
        rows.map(({ ended }) => ended),
        pids.map(() => true),
      );
    },
    async release() {
      await held`rollback`;
      held.release();
      await sql.end({ timeout: 1 });
    },
  };
}

/** Sessions of other programs, as many as the server lets in. */
export interface OtherSessions {
  /** Takes what has become free meanwhile. */
  takeMore(): Promise<void>;
  leave(): Promise<void>;
}

export async function takeEveryConnection(databaseUrl: string): Promise<OtherSessions> {
  const sessions: postgres.Sql[] = [];
  const take = async (): Promise<boolean> => {
    const sql = postgres(databaseUrl, { max: 1, idle_timeout: 0, onnotice: () => {} });
    try {
      await sql`select 1`;
      sessions.push(sql);
      return true;
    } catch (error) {
      await sql.end({ timeout: 1 });
      assert.equal((error as { code?: string }).code, '53300', String(error));
      return false;
    }
  };
  const takeMore = async () => {
    while (await take());
  };
  await takeMore();
  return {
    takeMore,
    async leave() {
      await Promise.all(sessions.splice(0).map((sql) => sql.end({ timeout: 1 })));
    },
  };
}
