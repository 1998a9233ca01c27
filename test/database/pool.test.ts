// What the pool does when the way to the database is not as it should be. The patch of the driver has a part in each of these.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connectPostgres, type Database } from '../../src/database/connect.ts';
import { isDatabaseUnreachable, sqlStateOf, toAppError } from '../../src/database/errors.ts';
import { transaction } from '../../src/database/transaction.ts';
import { readSessionState } from '../../src/health/queries.ts';
import { startMessageGate } from '../harness/message-gate.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { failureOf, untilAsleep, untilWorking } from './waiting.ts';

for (const version of testedVersions) {
  describe(`a pool on PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    let database: Database;
    /** The same, whose statements may take a minute: what is to be under way still is when this machine is busy. */
    let patient: Database;
    let admin: Database;
    before(async () => {
      server = await startPostgres({ version });
      database = connectPostgres({
        url: server.url,
        applicationName: 'pool test',
        maxConnections: 2,
        statementTimeout: 1,
        connectTimeout: 2,
      });
      patient = connectPostgres({
        url: server.url,
        applicationName: 'pool test',
        maxConnections: 2,
        statementTimeout: 60,
      });
      admin = connectPostgres({ url: server.url, applicationName: 'pool test admin', maxConnections: 1 });
    });
    after(async () => {
      await database.close();
      await patient.close();
      await admin.close();
      await server.stop();
    });

    test('a server that hangs is an error in bounded time everywhere, and works again by itself', async () => {
      const { sql } = database;
      await Promise.all([sql`select 1`, sql`select 1`]);
      // One session in the middle of a transaction, one about to read from a cursor.
      const reader = sql`select generate_series(1, 10) as number`.cursor(2)[Symbol.asyncIterator]();
      await reader.next();
      let errors: unknown[] = [];
      try {
        const began = performance.now();
        const outcome = sql.begin(async (tx) => {
          await tx`select 1`;
          server.pause();
          errors = await Promise.all([failureOf(reader.next()), failureOf(tx`select 2`), failureOf(tx`select 3`)]);
        });
        errors.push(await failureOf(outcome));
        // The two seconds of one statement; those of the next would come on top.
        assert.ok(performance.now() - began < 3900, `took ${performance.now() - began} ms`);
        for (const error of errors) assert.equal(toAppError(error)?.status, 503, String(error));
        // The pool is empty now. Connecting hangs as well: the kernel accepts, nobody answers.
        assert.equal(toAppError(await failureOf(sql`select 1`))?.status, 503);
      } finally {
        server.resume();
      }
      await untilWorking(database, 2000);
    });

    test('queries wait for a free connection one by one, each with its own deadline', async () => {
      const { sql } = patient;
      const long = sql`select pg_sleep(50)`.execute();
      const short = sql`select pg_sleep(0.1)`.execute();
      let longIsOver = false;
      const outcome = failureOf(long).finally(() => (longIsOver = true));
      await Promise.all([short, ...Array.from({ length: 6 }, () => sql`select 1`)]);
      // None was sent down the connection of the long one, to wait behind it.
      assert.equal(longIsOver, false);
      await untilAsleep(server);
      long.cancel();
      assert.equal(sqlStateOf(await outcome), '57014');
    });

    test('transactions work with one query at a time on a connection', async () => {
      const rows = await transaction(database.sql, async (tx) => {
        const parallel = await Promise.all(
          [1, 2, 3].map((number) => tx<[{ number: number }]>`select ${number}::int as number`),
        );
        const [inner] = await tx.savepoint((point) => point<[{ number: number }]>`select 4 as number`);
        return [...parallel.map(([row]) => row.number), inner.number];
      });
      assert.deepEqual(rows, [1, 2, 3, 4]);
    });

    test('a query made in a transaction and sent after its end is refused', async () => {
      let made: Promise<unknown> | undefined;
      await transaction(database.sql, async (tx) => {
        await tx`select 1`;
        // A query is sent when it is awaited.
        made = tx`create table must_not_exist (id int)`;
      });
      assert.match(String(await failureOf(made)), /after its transaction had ended/);
      const [row] = await database.sql`select to_regclass('must_not_exist') as name`;
      assert.equal(row?.['name'], null);
    });

    test('a session that has lost its connection says so, also to what is queued, and cannot be used on', async () => {
      const session = await patient.sql.reserve();
      const [row] = await session<[{ pid: number }]>`select pg_backend_pid() as pid`;
      const queued = [session`select pg_sleep(50)`, session`select ${1}::int`, session`select ${2}::int`].map(
        failureOf,
      );
      await untilAsleep(server);
      await admin.sql`select pg_terminate_backend(${row.pid})`;
      for (const error of await Promise.all(queued)) assert.ok(isDatabaseUnreachable(error), String(error));
      // Others use the pool meanwhile; the lost session must not run on one of their connections.
      await Promise.all([patient.sql`select 1`, patient.sql`select 1`]);
      assert.ok(isDatabaseUnreachable(await failureOf(session`select 1`)));
      session.release();
      await Promise.all([patient.sql`select pg_sleep(0.05)`, patient.sql`select pg_sleep(0.05)`]);
    });

    test('readiness asks in one round trip, also a session that has not been asked before', async () => {
      const gate = await startMessageGate(server.port);
      for (const pooled of [false, true]) {
        const asked = connectPostgres({ url: gate.url(server.url), applicationName: 'pool test', pooled });
        try {
          await asked.sql`select 1`;
          const before = gate.messages();
          await readSessionState(asked.sql);
          assert.equal(gate.messages() - before, 1, `pooled: ${pooled}`);
        } finally {
          await asked.close();
        }
      }
      await gate.stop();
    });

    test('several hosts: the first that answers', async () => {
      const url = `postgres://postgres@127.0.0.1:1,127.0.0.1:${server.port}/postgres?sslmode=disable`;
      const several = connectPostgres({ url, applicationName: 'pool test' });
      assert.equal((await several.sql`select 1 as one`)[0]?.['one'], 1);
      await several.close();
    });

    test('what PG* variables say does not count', async () => {
      const variables = {
        PGAPPNAME: 'wrong',
        PGPORT: '1',
        PGHOST: 'wrong.invalid',
        PGDATABASE: 'wrong',
        PGUSER: 'wrong',
        PGSSL: 'require',
        PGPREPARE: 'false',
        PGFETCH_TYPES: 'true',
        PGMAX: '1',
        PGMAX_LIFETIME: '0.001',
        PGIDLE_TIMEOUT: '0.001',
        PGCONNECT_TIMEOUT: '0.001',
        PGQUERY_TIMEOUT: '0.001',
        PGMAX_PIPELINE: '77',
      };
      Object.assign(process.env, variables);
      const plain = connectPostgres({ url: server.url, applicationName: 'pool test' });
      try {
        const [row] = await plain.sql`
          select current_setting('application_name') as name, current_database() as database, pg_sleep(0.05)`;
        assert.deepEqual([row?.['name'], row?.['database']], ['pool test', 'postgres']);
        const { options } = plain.sql;
        assert.deepEqual(
          [options.max, options.prepare, options.fetch_types, options.max_lifetime, options.idle_timeout],
          [15, true, false, 600, 300],
        );
      } finally {
        for (const name of Object.keys(variables)) delete process.env[name];
        await plain.close();
      }
    });

    test('a server that refuses because it is full is a 503', async () => {
      await admin.sql`create role guest login connection limit 1`;
      const url = server.url.replace('postgres@', 'guest@');
      const first = connectPostgres({ url, applicationName: 'pool test', maxConnections: 1 });
      const second = connectPostgres({ url, applicationName: 'pool test', maxConnections: 1 });
      try {
        await first.sql`select 1`;
        const error = await failureOf(second.sql`select 1`);
        assert.equal(sqlStateOf(error), '53300');
        assert.equal(toAppError(error)?.status, 503);
      } finally {
        await first.close();
        await second.close();
      }
    });
  });
}

describe('a server that is none', () => {
  let listener: Server;
  let behaviour: 'closes' | 'silent' = 'closes';
  let port = 0;
  before(async () => {
    listener = createServer((socket) => {
      socket.on('error', () => {});
      if (behaviour === 'closes') socket.end();
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    port = (listener.address() as { port: number }).port;
  });
  after(() => {
    listener.close();
  });
  const open = (hosts: string, mode: string, connectTimeout = 0.5) =>
    connectPostgres({
      url: `postgres://postgres@${hosts}/postgres?sslmode=${mode}`,
      applicationName: 'pool test',
      maxConnections: 1,
      connectTimeout,
    });

  for (const mode of ['disable', 'prefer', 'require']) {
    test(`one that accepts and closes is an error at once (sslmode=${mode})`, async () => {
      behaviour = 'closes';
      const connectTimeout = 3;
      const database = open(`127.0.0.1:${port}`, mode, connectTimeout);
      const began = performance.now();
      assert.ok(isDatabaseUnreachable(await failureOf(database.sql`select 1`)));
      assert.ok(performance.now() - began < connectTimeout * 500);
      await database.close();
    });

    test(`one that accepts and is silent is an error in time, for each of several queries (sslmode=${mode})`, async () => {
      behaviour = 'silent';
      const database = open(`127.0.0.1:${port}`, mode);
      const began = performance.now();
      const errors = await Promise.all([1, 2, 3].map(() => failureOf(database.sql`select 1`)));
      for (const error of errors) assert.ok(isDatabaseUnreachable(error), String(error));
      assert.ok(performance.now() - began < 5000);
      await database.close();
    });
  }

  test('several hosts of which none is there', async () => {
    const database = open('127.0.0.1:1,127.0.0.1:2', 'disable');
    assert.equal(((await failureOf(database.sql`select 1`)) as { code?: string }).code, 'ECONNREFUSED');
    await database.close();
  });
});
