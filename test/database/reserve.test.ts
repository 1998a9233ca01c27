// A pool that is asked for a session gives one, or an error: a promise that never settles keeps a command from ending.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import postgres from 'postgres';
import { connectPostgres } from '../../src/database/connect.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { inDatabase } from '../migrations/inspection.ts';
import { eventually, inTime } from '../runtime/process.ts';
import { failureOf, untilAsleep } from './waiting.ts';

const deadlineMilliseconds = 20_000;

for (const version of testedVersions) {
  describe(`sessions of PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    before(async () => {
      server = await startPostgres({ version });
    });
    after(() => server.stop());

    test('a session that is asked for while the only connection closes is on the next connection', async () => {
      const database = connectPostgres({
        url: server.url,
        applicationName: 'reserve test',
        maxConnections: 1,
        idleTimeout: 0.05,
        unlimited: true,
      });
      try {
        const { sql } = database;
        const doomed = await sql.reserve();
        const [first] = await doomed<[{ pid: number }]>`select pg_backend_pid() as pid`;
        const asked = sql.reserve();
        // As a statement that its connection does not outlive.
        const lost = failureOf(doomed`select pg_sleep(60)`);
        await untilAsleep(server);
        await inDatabase(server.url, (admin) => admin`select pg_terminate_backend(${first.pid})`);
        await lost;
        doomed.release();
        const session = await inTime(asked, deadlineMilliseconds, () => 'the session that was asked for never came');
        const [second] = await session<[{ pid: number }]>`select pg_backend_pid() as pid`;
        assert.notEqual(second.pid, first.pid);
        session.release();
      } finally {
        await database.close();
      }
    });

    test('a session that is asked for comes on its own connection when another one closes meanwhile', async () => {
      const sockets: Socket[] = [];
      const gate = Promise.withResolvers<void>();
      const sql = postgres({
        user: 'postgres',
        database: 'postgres',
        max: 2,
        fetch_types: false,
        backoff: () => 0,
        socket: async () => {
          const socket = connect(server.port, '127.0.0.1');
          const number = sockets.push(socket);
          await once(socket, 'connect');
          // The second connection takes its time, until the first one has closed.
          if (number === 2) await gate.promise;
          return socket;
        },
      } as unknown as postgres.Options<Record<string, never>>);
      try {
        const first = await sql.reserve();
        const asked = sql.reserve();
        await eventually('the second connection is under way', () => sockets.length === 2 || undefined);
        const [socket] = sockets;
        assert.ok(socket);
        const closed = once(socket, 'close');
        socket.destroy();
        await closed;
        gate.resolve();
        const session = await inTime(asked, deadlineMilliseconds, () => 'the session that was asked for never came');
        assert.equal((await session<[{ one: number }]>`select 1 as one`)[0].one, 1);
        session.release();
        first.release();
      } finally {
        gate.resolve();
        await sql.end({ timeout: 1 });
      }
    });
  });
}
