// An address with several hosts, as libpq means it (PostgreSQL documentation, 34.1.1.3 "Specifying Multiple Hosts"), against a
// primary and its standby. The patch of the driver has a part in nearly all of it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { connectPostgres, type Database } from '../../src/database/connect.ts';
import { toAppError } from '../../src/database/errors.ts';
import { boundMilliseconds } from '../faults/watch.ts';
import { freePort, type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { type FaultProxy, startProxy } from '../harness/proxy.ts';
import { type Standby, startStandby } from '../harness/standby.ts';
import { failureOf, untilAsleep, untilConnected } from './waiting.ts';

const connectTimeout = 3;

for (const version of testedVersions) {
  describe(`several hosts of PostgreSQL ${version}`, () => {
    let primary: RunningPostgres;
    let standby: Standby;
    /** Two ways to the primary that can be frozen. */
    let proxies: [FaultProxy, FaultProxy];
    /** Refuses every connection as a server does that starts or stops. */
    let starting: Server;
    let deadPort: number;
    const opened: Database[] = [];
    before(async () => {
      primary = await startPostgres({ version });
      standby = await startStandby(primary);
      proxies = [await startProxy(primary.port), await startProxy(primary.port)];
      starting = await startUnready();
      deadPort = await freePort();
    });
    afterEach(async () => {
      for (const proxy of proxies) proxy.resume();
      for (const database of opened.splice(0)) await database.close();
    });
    after(async () => {
      for (const proxy of proxies ?? []) await proxy.close();
      starting?.close();
      await standby?.stop();
      await primary?.stop();
    });

    function open(
      ports: readonly number[],
      attributes?: string,
      { maxConnections = 1, statementTimeout = 1 } = {},
    ): Database {
      const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
      const query = attributes === undefined ? '' : `?target_session_attrs=${attributes}`;
      const database = connectPostgres({
        url: `postgresql://postgres@${hosts}/postgres${query}`,
        applicationName: 'hosts test',
        connectTimeout,
        statementTimeout,
        maxConnections,
      });
      opened.push(database);
      return database;
    }

    /** The port of the server that answers. */
    async function portOf({ sql }: Database): Promise<number> {
      const [row] = await sql<[{ port: number }]>`select current_setting('port')::int as port`;
      return row.port;
    }

    test('target_session_attrs chooses, whatever the order', async () => {
      const first = primary.port;
      const second = standby.server.port;
      for (const [attributes, wanted] of [
        ['read-write', first],
        ['primary', first],
        ['read-only', second],
        ['standby', second],
        ['prefer-standby', second],
      ] as const)
        for (const ports of [
          [first, second],
          [second, first],
        ])
          assert.equal(await portOf(open(ports, attributes)), wanted, `${attributes} of ${ports}`);
      for (const attributes of [undefined, 'any'])
        assert.equal(await portOf(open([second, first], attributes)), second);
      assert.equal(await portOf(open([first, deadPort], 'prefer-standby')), first);
    });

    test('none that suits is an error that waiting may cure, and says so', async () => {
      for (const [port, attributes] of [
        [standby.server.port, 'read-write'],
        [standby.server.port, 'primary'],
        [primary.port, 'read-only'],
        [primary.port, 'standby'],
      ] as const) {
        const error = await failureOf(portOf(open([port, port], attributes)));
        assert.match(String(error), new RegExp(`no host of the list is ${attributes}`));
        assert.equal(toAppError(error)?.code, 'DATABASE_UNAVAILABLE');
      }
    });

    test('a primary that takes no writes is not read-write', async () => {
      const { sql } = open([primary.port]);
      await sql`alter system set default_transaction_read_only = on`;
      await sql`select pg_reload_conf()`;
      try {
        const database = open([primary.port, standby.server.port], 'read-write');
        assert.match(String(await failureOf(portOf(database))), /no host of the list is read-write/);
      } finally {
        await sql.begin('read write', (tx) => tx`select pg_reload_conf()`);
        await sql`alter system reset default_transaction_read_only`;
        await sql`select pg_reload_conf()`;
      }
    });

    test('hosts that are down or not ready are passed over', async () => {
      const ports = [deadPort, portOfServer(starting), standby.server.port, primary.port];
      assert.equal(await portOf(open(ports, 'read-write')), primary.port);
      const error = await failureOf(portOf(open([deadPort, portOfServer(starting)])));
      assert.equal((error as { code?: string }).code, '57P03', 'the reason of the last one');
    });

    test('a frozen host costs its share of the time, and only the first connection', async () => {
      proxies[0].blackhole();
      const database = open([proxies[0].port, standby.server.port, primary.port], 'read-write', {
        maxConnections: 2,
      });
      const share = (connectTimeout * 1000) / 3;
      const accepted = proxies[0].accepted();
      const first = await timed(() => portOf(database));
      assert.equal(first.value, primary.port);
      assert.ok(
        first.milliseconds >= share * 0.9 && first.milliseconds < boundMilliseconds,
        `${first.milliseconds} ms`,
      );
      assert.equal(proxies[0].accepted(), accepted + 1);
      // Two at once: one of them needs another connection.
      const next = await timed(() => Promise.all([portOf(database), portOf(database)]));
      assert.deepEqual(next.value, [primary.port, primary.port]);
      assert.equal(proxies[0].accepted(), accepted + 1, 'the frozen one was not tried again');
      assert.ok(next.milliseconds < boundMilliseconds, `${next.milliseconds} ms`);
    });

    test('when all are frozen it is an error in the time for one', async () => {
      for (const proxy of proxies) proxy.blackhole();
      const failed = await timed(() => failureOf(portOf(open(proxies.map(({ port }) => port)))));
      assert.equal((failed.value as { code?: string }).code, 'CONNECT_TIMEOUT');
      // One after the other with all of the time for each would be twice as long.
      assert.ok(failed.milliseconds < connectTimeout * 1000 * 1.8, `${failed.milliseconds} ms`);
    });

    test('a host that freezes costs one query its deadline, not one for every idle connection', async () => {
      const connections = 5;
      const database = open(
        proxies.map(({ port }) => port),
        'read-write',
        { maxConnections: connections },
      );
      await Promise.all(Array.from({ length: connections }, () => database.sql`select pg_sleep(0.1)`));
      await untilConnected(proxies[0], connections);
      proxies[0].blackhole();
      assert.equal(((await failureOf(portOf(database))) as { code?: string }).code, 'QUERY_TIMEOUT');
      const accepted = proxies[0].accepted();
      const began = performance.now();
      for (let query = 0; query < connections; query += 1) assert.equal(await portOf(database), primary.port);
      const milliseconds = performance.now() - began;
      assert.equal(proxies[0].accepted(), accepted, 'none began with the frozen one again');
      assert.ok(milliseconds < boundMilliseconds, `${milliseconds} ms`);
    });

    test('a query is cancelled on the host where it runs', async () => {
      const { sql } = open([standby.server.port, primary.port], 'read-write', { statementTimeout: 60 });
      await sql`select 1`;
      const query = sql`select pg_sleep(50)`.execute();
      const outcome = failureOf(query);
      await untilAsleep(primary);
      query.cancel();
      assert.equal(((await outcome) as { code?: string }).code, '57014');
    });

    test('the driver reads every form of a host', () => {
      const address = (hosts: string) => {
        const { sql, close } = connectPostgres({ url: `postgresql://u:p@${hosts}/d`, applicationName: 'hosts test' });
        void close();
        const { host, port } = sql.options as unknown as { host: string[]; port: number[] };
        return host.map((name, index) => [name, port[index]]);
      };
      assert.deepEqual(address('one'), [['one', 5432]]);
      assert.deepEqual(address('one,two:5433'), [
        ['one', 5432],
        ['two', 5433],
      ]);
      assert.deepEqual(address('[::1]'), [['::1', 5432]]);
      assert.deepEqual(address('[fdaa::3]:5433,[fdaa::4],two:6000'), [
        ['fdaa::3', 5433],
        ['fdaa::4', 5432],
        ['two', 6000],
      ]);
    });
  });
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; milliseconds: number }> {
  const began = performance.now();
  const value = await work();
  return { value, milliseconds: performance.now() - began };
}

/** Answers every start-up message with 57P03, as a server does before it can take connections. */
async function startUnready(): Promise<Server> {
  const fields = ['SFATAL', 'VFATAL', 'C57P03', 'Mthe database system is starting up', ''];
  const body = Buffer.from(`${fields.join('\0')}\0`);
  const head = Buffer.from([0x45, 0, 0, 0, body.length + 4]);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (message) => {
      // SSLRequest: without TLS, please.
      if (message.length === 8) socket.write('N');
      else socket.end(Buffer.concat([head, body]));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOfServer(server: Server): number {
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}
