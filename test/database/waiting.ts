// What tests of the pool wait for.
import assert from 'node:assert/strict';
import { connectPostgres, type Database } from '../../src/database/connect.ts';
import type { RunningPostgres } from '../harness/postgres.ts';
import type { FaultProxy } from '../harness/proxy.ts';
import { eventually } from '../runtime/process.ts';

const deadlineMilliseconds = 30_000;

/** What a promise rejects with; fails the test when it does not. */
export async function failureOf(promise: PromiseLike<unknown> | undefined): Promise<unknown> {
  return await Promise.resolve(promise).then(
    () => assert.fail('expected a rejection'),
    (error: unknown) => error,
  );
}

/** Resolves once the database answers; rejects with what it last said when it does not within this time. */
export async function untilWorking(database: Database, withinMilliseconds: number): Promise<void> {
  const deadline = performance.now() + withinMilliseconds;
  for (;;) {
    try {
      return await database.ping(1000);
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

/** Resolves once so many connections are open, and no more: those of an earlier test may still be closing. */
export async function untilConnected(proxy: FaultProxy, count: number): Promise<void> {
  const open = () => proxy.connections() === count || undefined;
  await eventually(`${count} connections are open`, open, deadlineMilliseconds);
}

/**
 * Resolves once a session of the server is inside pg_sleep. That its statement has been sent is not enough to cancel it or to
 * kill it: the server may learn of that before it reads the statement.
 */
export async function untilAsleep(server: RunningPostgres): Promise<void> {
  const watcher = connectPostgres({ url: server.url, applicationName: 'watcher', maxConnections: 1 });
  try {
    await eventually(
      'a session sleeps',
      async () => {
        const rows = await watcher.sql`select 1 from pg_stat_activity where wait_event = 'PgSleep'`;
        return rows.length > 0 || undefined;
      },
      deadlineMilliseconds,
    );
  } finally {
    await watcher.close();
  }
}
