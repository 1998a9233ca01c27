// The pool on real servers, and what becomes of it when they go away.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connectPostgres, type Database } from '../../src/database/connect.ts';
import { isDatabaseUnreachable, sqlStateOf, toAppError } from '../../src/database/errors.ts';
import { transaction } from '../../src/database/transaction.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { type FaultProxy, startProxy } from '../harness/proxy.ts';
import { untilAsleep, untilConnected, untilWorking } from './waiting.ts';

for (const version of testedVersions) {
  describe(`PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    let proxy: FaultProxy;
    let database: Database;
    before(async () => {
      // A deadlock is to be found before the limit of a statement is reached.
      server = await startPostgres({ version, settings: { deadlock_timeout: '50ms' } });
      proxy = await startProxy(server.port);
      database = connectPostgres({
        url: `postgres://postgres@127.0.0.1:${proxy.port}/postgres`,
        applicationName: 'catatlas/test',
        maxConnections: 3,
        statementTimeout: 1,
        connectTimeout: 1,
      });
    });
    after(async () => {
      proxy.resume();
      await database.close();
      await proxy.close();
      await server.stop();
    });

    test('values come back as the program keeps them', async () => {
      const { sql } = database;
      const [row] = await sql`
        select timestamptz '2026-11-22 13:13:34.577340+00' as padded, timestamptz '2026-11-22 13:13:34+00' as whole,
          9007199254740991::int8 as large, '{"a":[1]}'::jsonb as json, 12.25::float8 as float, true as boolean`;
      assert.deepEqual(
        { ...row },
        {
          padded: '2026-11-22T13:13:34.577340Z',
          whole: '2026-11-22T13:13:34Z',
          large: 9007199254740991,
          json: { a: [1] },
          float: 12.25,
          boolean: true,
        },
      );
      await assert.rejects(async () => await sql`select 9007199254740993::int8 as beyond`, /9007199254740993/);
      const instant = '2026-11-22T13:13:34.000001Z';
      const [back] = await sql<[{ moment: string }]>`select ${instant}::timestamptz as moment`;
      assert.equal(back.moment, instant);
      const found = await sql`select id from generate_series(1, 5) as id where id = any(${'{2,4}'}::bigint[])`;
      assert.deepEqual(
        found.map((one) => one['id']),
        [2, 4],
      );
    });

    test('the server knows who is connected and when to give up', async () => {
      const [row] = await database.sql`
        select current_setting('application_name') as name, current_setting('statement_timeout') as statement,
          current_setting('lock_timeout') as lock, current_setting('TimeZone') as zone`;
      assert.deepEqual({ ...row }, { name: 'catatlas/test', statement: '1s', lock: '800ms', zone: 'UTC' });
    });

    test('a handle without limits has none, whatever was set for the role', async () => {
      await database.sql.unsafe(`
        create role impatient login;
        alter role impatient set statement_timeout = '5s';
        alter role impatient set lock_timeout = '6s';
        alter role impatient set idle_in_transaction_session_timeout = '7s'`);
      const unlimited = connectPostgres({
        url: `postgres://impatient@127.0.0.1:${server.port}/postgres`,
        applicationName: 'catatlas/test',
        unlimited: true,
      });
      try {
        const [row] = await unlimited.sql`
          select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
            current_setting('idle_in_transaction_session_timeout') as idle`;
        assert.deepEqual({ ...row }, { statement: '0', lock: '0', idle: '0' });
      } finally {
        await unlimited.close();
      }
    });

    test('a statement that takes too long is ended by the server', async () => {
      const cut = () => database.sql`select pg_sleep(20)`.catch((failure: unknown) => failure);
      let error = await cut();
      // A busy machine may hold up the word of the server for the second that this side waits longer.
      for (let again = 0; again < 2 && (error as { code?: string }).code === 'QUERY_TIMEOUT'; again += 1)
        error = await cut();
      assert.equal(sqlStateOf(error), '57014');
      assert.equal(toAppError(error)?.status, 503);
    });

    test('a server that has silently gone is an error in bounded time, and the pool heals', async () => {
      await Promise.all([database.sql`select 1`, database.sql`select 1`, database.sql`select 1`]);
      proxy.blackhole();
      const began = performance.now();
      const outcomes = await Promise.allSettled([
        database.sql`select 1`,
        database.sql.begin((tx) => tx`select 1`),
        ...Array.from({ length: 12 }, () => database.sql`select 2`),
      ]);
      const seconds = (performance.now() - began) / 1000;
      assert.ok(seconds < 8, `took ${seconds} s`);
      for (const outcome of outcomes) {
        assert.equal(outcome.status, 'rejected');
        if (outcome.status === 'rejected')
          assert.equal(toAppError(outcome.reason)?.status, 503, String(outcome.reason));
      }
      await assert.rejects(database.ping(300), /300 ms|QUERY_TIMEOUT|CONNECT/);
      proxy.resume();
      await untilWorking(database, 4000);
    });

    test('connections that are reset fail the queries under way and nothing after', async () => {
      const patient = connectPostgres({
        url: `postgres://postgres@127.0.0.1:${proxy.port}/postgres`,
        applicationName: 'catatlas/test',
        statementTimeout: 60,
      });
      try {
        const query = patient.sql`select pg_sleep(50)`.catch((failure: unknown) => failure);
        await untilAsleep(server);
        proxy.resetAll();
        assert.ok(isDatabaseUnreachable(await query));
        for (const one of [patient, database]) await untilWorking(one, 2000);
      } finally {
        await patient.close();
      }
    });

    test('a pool with nothing free makes a query wait, but not for ever', async () => {
      const release = Promise.withResolvers<void>();
      const holders = Array.from({ length: 3 }, () =>
        database.sql.begin(async (tx) => {
          await tx`select 1`;
          await release.promise;
        }),
      );
      await untilConnected(proxy, 3);
      const error = await database.sql`select 1`.catch((failure: unknown) => failure);
      assert.equal((error as { code?: string }).code, 'QUEUE_TIMEOUT');
      assert.equal(toAppError(error)?.headers['retry-after'], '2');
      release.resolve();
      await Promise.all(holders);
      await untilWorking(database, 1000);
    });

    test('a killed server is an error at once, and is found again when it is back', async () => {
      await server.kill();
      const error = await database.sql`select 1`.catch((failure: unknown) => failure);
      assert.ok(isDatabaseUnreachable(error), String(error));
      await server.restart();
      await untilWorking(database, 3000);
    });

    test('a deadlock is tried again, and both transactions are done', async () => {
      await database.sql`create table counters (id int primary key, value int not null)`;
      await database.sql`insert into counters values (1, 0), (2, 0)`;
      const both = Promise.withResolvers<void>();
      let arrived = 0;
      const cross = (first: number, second: number) =>
        transaction(database.sql, async (tx) => {
          await tx`update counters set value = value + 1 where id = ${first}`;
          arrived += 1;
          if (arrived === 2) both.resolve();
          await both.promise;
          await tx`update counters set value = value + 1 where id = ${second}`;
        });
      const outcomes = await Promise.allSettled([cross(1, 2), cross(2, 1)]);
      const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
      // Whichever limit is reached first, nothing is half done.
      const [sum] = await database.sql<[{ sum: number }]>`select sum(value)::int as sum from counters`;
      assert.equal(sum.sum, 4 - 2 * failed.length);
      assert.equal(failed.length, 0, String(failed[0]));
    });

    test('a query after the end of its transaction is refused', async () => {
      let leaked: (() => Promise<unknown>) | undefined;
      await transaction(database.sql, async (tx) => {
        leaked = async () => await tx`select 1`;
        await tx`select 1`;
      });
      await assert.rejects(async () => await leaked?.(), /after its transaction had ended/);
    });
  });
}
