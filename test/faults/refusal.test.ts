// A server whose database is there and will not have it, or does less than before: until somebody puts that right.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectPostgres, type Database } from '../../src/database/connect.ts';
import type { ReadinessReport } from '../../src/health/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { type FaultProxy, startProxy } from '../harness/proxy.ts';
import { eventually, openWorkshop, type Program, type Workshop } from '../runtime/process.ts';
import { through } from './interfere.ts';
import { assertUnavailable } from './watch.ts';

interface Refusal {
  what: string;
  /** Run as superuser, in a database of its own. `app` is the role, `diary` the database. */
  begin: string[];
  end: string[];
  /** In the database `diary`. */
  beginInside?: string;
  endInside?: string;
  /** SQLSTATE that the log has. */
  code: RegExp;
  /** What /health/ready says. */
  said: RegExp;
}

const refusals: readonly Refusal[] = [
  {
    what: 'the password is another one',
    begin: ["alter role app password 'new'"],
    end: ["alter role app password 'old'"],
    code: /^28P01$/,
    said: /refuses the password \(28P01\)/,
  },
  {
    what: 'the role may not log in any more',
    begin: ['alter role app nologin'],
    end: ['alter role app login'],
    code: /^28000$/,
    said: /refuses the user \(28000\)/,
  },
  {
    what: 'the database is closed to connections',
    begin: ['alter database diary allow_connections false'],
    end: ['alter database diary allow_connections true'],
    code: /^55000$/,
    said: /refuses this server \(55000\)/,
  },
  {
    what: 'the database has another name',
    begin: ['alter database diary allow_connections false', 'terminate', 'alter database diary rename to other'],
    end: ['alter database other rename to diary', 'alter database diary allow_connections true'],
    code: /^3D000$/,
    said: /does not exist \(3D000\)/,
  },
  {
    what: 'the role may not connect to the database any more',
    begin: ['revoke connect on database diary from app, public'],
    end: ['grant connect on database diary to app, public'],
    code: /^42501$/,
    said: /a privilege is missing \(42501\)/,
  },
  {
    what: 'the role has lost its rights on the tables',
    begin: [],
    end: [],
    beginInside: 'revoke all on all tables in schema public from app',
    endInside: 'grant all on all tables in schema public to app',
    code: /^42501$/,
    said: /a privilege is missing \(42501\)/,
  },
  {
    what: 'the role has lost its rights on the schema',
    begin: [],
    end: [],
    beginInside: 'revoke all on schema public from app, public',
    endInside: 'grant all on schema public to app',
    code: /^(42501|42P01)$/,
    said: /\((42501|42P01)\)/,
  },
];

for (const version of testedVersions) {
  describe(`PostgreSQL ${version}`, () => {
    let workshop: Workshop;
    let server: RunningPostgres;
    let proxy: FaultProxy;
    let admin: Database;
    let inside: Database;
    let program: Program;
    let call: Client;

    before(async () => {
      workshop = openWorkshop();
      server = await startPostgres({ version });
      const hba = ['host all postgres 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256'];
      writeFileSync(join(server.dataDirectory, 'pg_hba.conf'), `${hba.join('\n')}\n`);
      proxy = await startProxy(server.port);
      admin = connectPostgres({ url: server.url, applicationName: 'admin', maxConnections: 1 });
      await admin.sql`select pg_reload_conf()`;
      await admin.sql.unsafe("create role app login password 'old'");
      const url = await server.createDatabase('diary');
      inside = connectPostgres({ url, applicationName: 'admin', maxConnections: 1 });
      await inside.sql`grant all on schema public to app`;
      const address = through(proxy, url).replace('postgres@', 'app:old@');
      program = workshop.launch(['serve'], {
        env: { DATABASE_URL: address, DEBUG: 'true', LOG_LEVEL: 'INFO' },
      });
      await program.logged('ready');
      call = clientOf(await program.url());
      assert.equal((await call('POST', '/entries', { json: { text: 'Before all that' } })).status, 200);
    });
    after(async () => {
      await workshop.close();
      await inside.close();
      await admin.close();
      await proxy.close();
      await server.stop();
    });

    const endSessions = async () => {
      await admin.sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname in ('diary', 'other') and pid <> pg_backend_pid()`;
    };
    const readiness = () => call<ReadinessReport>('GET', '/health/ready');
    const fillPool = () => Promise.all(Array.from({ length: 20 }, () => call('GET', '/entries')));
    const said = async () => (await readiness()).body.checks.database;
    /** Lines about requests that failed, and about the database, from one of them on. */
    const linesFrom = (start: number) => program.log.slice(start).filter(({ message }) => message !== 'request');
    const until = async (status: number) => {
      await eventually(`/health/ready is ${status}`, async () => (await readiness()).status === status || undefined);
    };

    for (const { what, begin, end, beginInside, endInside, code, said: words } of refusals)
      test(`${what}: 503 with Retry-After, not ready, one line of the log that says why; put right, it works by itself`, async () => {
        await fillPool();
        if (beginInside) await inside.sql.unsafe(beginInside);
        for (const statement of begin) await (statement === 'terminate' ? endSessions() : admin.sql.unsafe(statement));
        await endSessions();
        const start = program.log.length;
        // A connection that had been lost with the sessions is an error of its own.
        await eventually('a request is refused', async () => {
          const { status, body } = await call<Record<string, unknown>>('GET', '/entries');
          return (status === 503 && /refuses/.test(String(body['message']))) || undefined;
        });
        for (let round = 0; round < 5; round += 1) {
          assertUnavailable(await call('GET', '/entries'));
          assertUnavailable(await call('POST', '/entries', { json: { text: 'never' } }));
          assertUnavailable(await call('GET', '/entries/by-area?lat=0&lon=0&radius=1'));
          const { status, body, headers } = await readiness();
          assert.equal(status, 503);
          assert.ok(Number(headers.get('retry-after')) > 0);
          assert.match(body.checks.database.message, words);
        }
        const about = linesFrom(start).filter((line) => code.test(String((line['error'] as { code?: string })?.code)));
        assert.equal(about.length, 1, JSON.stringify(about));
        assert.deepEqual(
          linesFrom(start).filter(({ message }) => message === 'request failed'),
          [],
        );

        for (const statement of end) await admin.sql.unsafe(statement);
        if (endInside) await inside.sql.unsafe(endInside);
        await until(200);
        await eventually(
          'the log says so',
          () => linesFrom(start).some(({ message }) => message === 'the database can be used again') || undefined,
        );
        for (const answer of await fillPool()) assert.equal(answer.status, 200, answer.text);
        assert.equal((await call('POST', '/entries', { json: { text: 'After that' } })).status, 200);
      });

    test('set to read-only for a time: writes work again with the second one, though sessions of that time are pooled', async () => {
      const write = () => call<Record<string, unknown>>('POST', '/entries', { json: { text: 'Read-only for a time' } });
      await admin.sql`alter database diary set default_transaction_read_only = on`;
      await endSessions();
      await eventually('the pool has sessions of that time', async () => {
        const answers = await fillPool();
        return answers.every(({ status }) => status === 200) || undefined;
      });
      const refused = await write();
      assert.deepEqual([refused.status, refused.body['code']], [503, 'DATABASE_READ_ONLY']);
      const { status, body } = await readiness();
      assert.equal(status, 200);
      assert.match(body.checks.database.message, /takes no writes/);
      // Reads fill the pool again with sessions that take none.
      await fillPool();
      await admin.sql`alter database diary reset default_transaction_read_only`;
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await write();
      for (const answer of await Promise.all(Array.from({ length: 20 }, write)))
        assert.equal(answer.status, 200, answer.text);
      await eventually(
        '/health/ready says nothing of it',
        async () => !/writes/.test((await said()).message) || undefined,
      );
    });

    test('/health/ready says what happened, and the log once for each change', async () => {
      await fillPool();
      const start = program.log.length;
      await proxy.refuse();
      await until(503);
      for (let round = 0; round < 4; round += 1)
        assert.match((await said()).message, /^(refused the connection|broke)/);
      await eventually('the connection is refused', async () => /^refused/.test((await said()).message) || undefined);
      const reasons = () => linesFrom(start).filter(({ message }) => message.startsWith('not ready: the database '));
      assert.equal(reasons().filter(({ message }) => message.includes('refused the connection')).length, 1);
      proxy.resume();
      await until(200);
      proxy.blackhole();
      const { body } = await readiness();
      assert.equal(body.checks.database.message, 'did not answer within 1000 ms');
      proxy.resume();
      await until(200);
      assert.equal(reasons().filter(({ message }) => message.includes('within 1000 ms')).length, 1);
    });
  });
}
