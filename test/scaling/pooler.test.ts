// More servers than PostgreSQL has connections for: without a pooler requests are refused, with PgBouncer none is. What else goes
// through a pooler, migrations above all, is in test/migrations/pooler.test.ts.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import postgres from 'postgres';
import type { Entry } from '../../src/entries/schemas.ts';
import { clientOf } from '../harness/client.ts';
import { startPgbouncer } from '../harness/pgbouncer.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { commandLine, root } from '../harness/target.ts';
import { eventually, openWorkshop, type Workshop } from '../runtime/process.ts';

const program = commandLine([], 'binary');

/** Three servers with the pools they have by themselves, 15 connections each, on a PostgreSQL that takes 20. */
const processes = 3;
const mostConnections = 20;
/** Clients of each server, all busy: more than a pool has. */
const clients = 30;
const requestsOfEach = 20;
/** `default_pool_size` in deploy/scaling/pgbouncer.ini. */
const poolSize = 10;

interface Outcome {
  statuses: Map<number, number>;
  /** Connections to the database at once, at the most. */
  connections: number;
  /** What the servers logged. */
  log: string;
}

describe(`${processes} servers, ${mostConnections} connections`, () => {
  let workshop: Workshop;
  let server: RunningPostgres;
  let admin: postgres.Sql;
  before(async () => {
    workshop = openWorkshop();
    server = await startPostgres({ version: 18, settings: { max_connections: String(mostConnections) } });
    // Opened before anybody else: later there may be none left.
    admin = postgres(server.url, { max: 1, onnotice: () => {} });
    await admin`select 1`;
  });
  after(async () => {
    await admin?.end({ timeout: 1 });
    await workshop?.close();
    await server?.stop();
  });

  /** Starts the servers on this address and lets every client read and write without a pause. */
  async function load(url: string, database: string): Promise<Outcome> {
    const servers = Array.from({ length: processes }, () =>
      workshop.launch(['serve'], { program, env: { DATABASE_URL: url, DEBUG: 'true' } }),
    );
    await Promise.all(servers.map((one) => one.logged('ready')));
    const calls = await Promise.all(servers.map(async (one) => clientOf(await one.url())));
    const statuses = new Map<number, number>();
    let connections = 0;
    let under = true;
    const watch = async () => {
      while (under) {
        const [row] = await admin<[{ open: number }]>`
          select count(*)::int as open from pg_stat_activity
          where datname = ${database} and backend_type = 'client backend'`;
        connections = Math.max(connections, row.open);
      }
    };
    const client = async (call: (typeof calls)[number]) => {
      for (let request = 0; request < requestsOfEach; request += 1) {
        const { status } =
          request % 2 === 0
            ? await call<Entry>('POST', '/entries', { json: { text: 'one of many' } })
            : await call('GET', '/cats');
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const watching = watch();
    await Promise.all(calls.flatMap((call) => Array.from({ length: clients }, () => client(call))));
    under = false;
    await watching;
    const log = servers.map((one) => one.output()).join('\n');
    await Promise.all(servers.map((one) => one.kill()));
    return { statuses, connections, log };
  }

  const databaseOf = (url: string) => new URL(url).pathname.slice(1);
  const requests = processes * clients * requestsOfEach;
  const written = async (url: string) => {
    const sql = postgres(url, { max: 1 });
    try {
      return (await sql<[{ count: number }]>`select count(*)::int as count from entries`)[0].count;
    } finally {
      await sql.end({ timeout: 1 });
    }
  };

  test('without a pooler some requests are refused, as PostgreSQL has no connection for them', async () => {
    const url = await server.createDatabase();
    const { statuses, connections, log } = await load(url, databaseOf(url));
    console.log(`without a pooler: ${connections} connections, answers ${JSON.stringify([...statuses])}`);
    assert.deepEqual([...statuses.keys()].sort(), [200, 503]);
    assert.match(log, /53300|too many clients/);
    assert.ok(connections > poolSize && connections < mostConnections, `${connections} connections`);
  });

  test('through PgBouncer none is, with half as many connections', async () => {
    // The servers before had all there are, and their sessions may still be ending.
    await eventually('nobody else is connected', async () => {
      const sessions = await admin`select 1 from pg_stat_activity where backend_type = 'client backend'`;
      return sessions.length === 1 || undefined;
    });
    const url = await server.createDatabase();
    const pooler = await startPgbouncer({ server, settingsFile: `${root}deploy/scaling/pgbouncer.ini` });
    try {
      const { statuses, connections } = await load(pooler.url(url), databaseOf(url));
      console.log(`through PgBouncer: ${connections} connections, answers ${JSON.stringify([...statuses])}`);
      assert.deepEqual([...statuses], [[200, requests]]);
      assert.equal(await written(url), requests / 2);
      assert.ok(connections <= poolSize, `${connections} connections`);
    } finally {
      await pooler.stop();
    }
  });
});
