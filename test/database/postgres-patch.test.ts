// patches/postgres@3.4.9.patch: what it cures, against real servers. Without the patch the first test commits a row outside its
// transaction and the second ends the process with an uncatchable TypeError (porsager/postgres#1066, #1154, #1155, #1208).
// statement-fuzz.test.ts looks for what nobody has thought of.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { connectPostgres, type Database, type Queryable } from '../../src/database/connect.ts';
import { through } from '../faults/interfere.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { startProxy } from '../harness/proxy.ts';

for (const version of testedVersions) {
  describe(`PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    let database: Database;
    before(async () => {
      server = await startPostgres({ version });
      database = connectPostgres({ url: server.url, applicationName: 'patch test', maxConnections: 1 });
      await database.sql`create table rows (name text)`;
    });
    after(async () => {
      await database.close();
      await server.stop();
    });

    test('a transaction whose connection dies does not go on outside of it', async () => {
      const { sql } = database;
      const admin = postgres(server.url, { max: 1 });
      let bystander: Promise<unknown> | undefined;
      const outcome = await sql
        .begin(async (tx) => {
          const [row] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`;
          await tx`insert into rows values ('before')`;
          // Queued behind the transaction; it makes the driver connect again as soon as the connection is gone.
          bystander = sql`insert into rows values ('bystander')`.execute();
          await admin`select pg_terminate_backend(${row.pid})`;
          await bystander;
          await tx`insert into rows values ('after')`;
          throw new Error('must never be reached with a row written');
        })
        .then(
          () => 'committed',
          (error: { code?: string }) => error.code,
        );
      await bystander;
      await admin.end();
      assert.match(String(outcome), /CONNECTION_CLOSED|57P01/);
      assert.deepEqual(
        (await sql`select name from rows`).map((row) => row['name']),
        ['bystander'],
      );
    });

    test('a connection that is cut while a query waits to be written is an error of that query', async () => {
      // In a process of its own: without the patch it would end this one.
      const script = `
        import postgres from 'postgres';
        const sql = postgres(${JSON.stringify(server.url)}, { max: 1, fetch_types: true, backoff: () => 0.01 });
        const admin = postgres(${JSON.stringify(server.url)}, { max: 1 });
        const failures = [];
        for (let round = 0; round < 30; round += 1) {
          try {
            const session = await sql.reserve();
            try {
              const [{ pid }] = await session\`select pg_backend_pid() as pid\`;
              await admin\`select pg_terminate_backend(\${pid})\`;
              for (let query = 0; query < 20; query += 1) {
                await session\`select 1\`.catch((error) => failures.push(error.code));
                await new Promise((resolve) => setImmediate(resolve));
              }
            } finally {
              session.release();
            }
          } catch (error) { failures.push(error.code); }
        }
        console.log(JSON.stringify({ failures: failures.length, alive: (await admin\`select 1 as one\`)[0].one }));
        process.exit(0);`;
      const { code, output } = await runScript(script);
      assert.equal(code, 0, output);
      const answer = JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as { failures: number; alive: number };
      assert.equal(answer.alive, 1);
      assert.ok(answer.failures >= 30, output);
    });

    test('a query that comes between the error of a connection and its end is an error', async () => {
      let socket: Socket | undefined;
      const connectSocket = async () => {
        socket = connect(server.port, '127.0.0.1');
        await once(socket, 'connect');
        return socket;
      };
      const sql = postgres({
        user: 'postgres',
        database: 'postgres',
        max: 1,
        backoff: () => 0.01,
        socket: connectSocket,
      } as unknown as postgres.Options<Record<string, never>>);
      await sql`select 1`;
      // As a reset is told, with time in between.
      const reset = socket;
      reset?.emit('error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
      const late = sql`select 2`.execute();
      // The driver hands a query over in a microtask.
      await new Promise((resolve) => process.nextTick(resolve));
      reset?.emit('close', true);
      await assert.rejects(late, { code: 'CONNECTION_CLOSED' });
      assert.equal((await sql`select 3 as three`)[0]?.['three'], 3);
      reset?.destroy();
      await sql.end({ timeout: 1 });
    });

    test('after a statement that fails in mid-result the next answer is whole', async () => {
      const { sql } = database;
      await assert.rejects(sql`select 1 / (5 - n) from generate_series(1, 10) n`, { code: '22012' });
      assert.deepEqual([...(await sql`select 7 as seven`)], [{ seven: 7 }]);
      // porsager/postgres#1119, #1181: so it was found, by a deadline.
      await assert.rejects(
        sql.unsafe(
          "set statement_timeout = 15; select n, pg_sleep(0.003), repeat('x', 3000) from generate_series(1, 5000) n",
        ),
        { code: '57014' },
      );
      assert.deepEqual([...(await sql`select 7 as seven`)], [{ seven: 7 }]);
    });

    test('a statement that is cancelled before it is sent is rejected at once, and what comes after it works', async () => {
      const proxy = await startProxy(server.port);
      const url = through(proxy, server.url);
      const slow = connectPostgres({ url, applicationName: 'cancelled', maxConnections: 1, connectTimeout: 30 });
      const { sql } = slow;
      try {
        // While its connection is made.
        proxy.delay(20);
        const connecting = sql`select pg_sleep(20)`.execute();
        await new Promise((resolve) => setTimeout(resolve, 12));
        connecting.cancel();
        await assert.rejects(connecting, { code: '57014' });
        assert.deepEqual([...(await sql`select 1 as one`)], [{ one: 1 }]);
        proxy.delay(0);
        // While it waits for another one, in the pool, in a transaction and in a session; and before anybody has asked for it.
        await Promise.all([sql`select pg_sleep(0.05)`.execute(), cancelledOne(sql)]);
        await sql
          .begin(async (tx) => {
            const first = tx`select pg_sleep(0.05)`.execute();
            const second = tx`select 2`.execute();
            second.cancel();
            const third = tx`select 3 as three`;
            await assert.rejects(second, { code: '57014' });
            assert.deepEqual([...(await third)], [{ three: 3 }]);
            await first;
          })
          .catch((error: { code?: string }) => assert.equal(error.code, '57014', 'it is an error of the transaction'));
        const session = await sql.reserve();
        await Promise.all([session`select pg_sleep(0.05)`.execute(), cancelledOne(session), session`select 3`]);
        session.release();
        const never = sql`select 4`;
        never.cancel();
        await assert.rejects(never, { code: '57014' });
        assert.deepEqual([...(await sql`select 1 as one`)], [{ one: 1 }]);
      } finally {
        await slow.close();
        await proxy.close();
      }
    });

    test('a session that another one waits for, and that is lost, is replaced', async () => {
      const pool = connectPostgres({ url: server.url, applicationName: 'reserved', maxConnections: 1 });
      const first = await pool.sql.reserve();
      const second = pool.sql.reserve();
      await assert.rejects(first`select pg_terminate_backend(pg_backend_pid())`, { code: /57P01|CONNECTION_CLOSED/ });
      const session = await second;
      assert.deepEqual([...(await session`select 1 as one`)], [{ one: 1 }]);
      session.release();
      await pool.close();
    });

    test('what is left open on a connection does not go back to the pool with it', async () => {
      const pool = connectPostgres({ url: server.url, applicationName: 'left', maxConnections: 2 });
      const { sql } = pool;
      await sql`create table left_open (n int)`;
      await assert.rejects(sql.unsafe('begin; insert into left_open values (1)'), { code: 'UNSAFE_TRANSACTION' });
      const session = await sql.reserve();
      await session`begin`;
      await session`insert into left_open values (2)`;
      session.release();
      await Promise.all([3, 4].map((n) => sql`insert into left_open values (${n})`));
      await pool.close();
      const rows = await database.sql`select n from left_open order by n`;
      assert.deepEqual([...rows], [{ n: 3 }, { n: 4 }]);
    });

    test('a transaction in which something has failed that was told to nobody is an error at its end', async () => {
      const { sql } = database;
      await sql`create table unnoticed (n int)`;
      const work = sql.begin(async (tx) => {
        await tx`insert into unnoticed values (1)`;
        const stream = await tx.unsafe('copy unnoticed from stdin').writable();
        stream.on('error', () => {});
        stream.destroy(new Error('given up'));
      });
      await assert.rejects(work, { code: 'TRANSACTION_ROLLED_BACK' });
      assert.equal((await sql`select n from unnoticed`).length, 0);
    });

    test('a statement that ends its transaction by itself ends it for those after it', async () => {
      const { sql } = database;
      const work = sql.begin(async (tx) => {
        const end = tx.unsafe('commit').execute();
        await assert.rejects(tx`create table outside (n int)`, { code: 'TRANSACTION_ENDED' });
        await end;
      });
      await assert.rejects(work, { code: 'TRANSACTION_ENDED' });
      assert.equal((await sql`select to_regclass('outside') as name`)[0]?.['name'], null);
    });

    test('values are sent the second time as the first, when a table has changed under a prepared statement', async () => {
      const { sql } = database;
      await sql`create table changed (value jsonb)`;
      const insert = () => sql`insert into changed values (${sql.json({ a: 1 })}) returning *`;
      await insert();
      await sql`alter table changed add column more int`;
      assert.deepEqual([...(await insert())], [{ value: { a: 1 }, more: null }]);
    });

    test('an error that says the session is read-only ends the idle ones and, when they are free, the others', async () => {
      const pool = connectPostgres({ url: server.url, applicationName: 'read-only', maxConnections: 2 });
      const { sql } = pool;
      const pids = async () => {
        const rows = await Promise.all([1, 2].map(() => sql`select pg_backend_pid() as pid, pg_sleep(0.02)`));
        return rows.map(([row]) => Number(row?.['pid'])).sort();
      };
      const before = await pids();
      const readOnly = sql.begin('read only', (tx) => tx`create table never (n int)`);
      await assert.rejects(readOnly, { code: '25006' });
      assert.deepEqual(await pids(), before, 'the program had asked for that');
      const outside = sql.unsafe('set transaction_read_only = on; create table never (n int)');
      await assert.rejects(outside, { code: '25006' });
      for (const pid of await pids()) assert.ok(!before.includes(pid));
      await pool.close();
    });

    test('the hook is told of each statement once when it begins and once when it has ended', async () => {
      const told: string[] = [];
      const watched = connectPostgres({
        url: server.url,
        applicationName: 'watched',
        maxConnections: 1,
        onStatement(statement) {
          const name = `${statement.scope}: ${statement.text.trim()}`;
          told.push(`begins ${name}`);
          return (error) => {
            assert.ok(statement.began > 0 && statement.started >= statement.began && Number(statement.pid) > 0, name);
            told.push(
              `${error === undefined ? 'ended' : (error as { code?: string }).code} ${statement.scope}: ${statement.text.trim()}`,
            );
          };
        },
      });
      const { sql } = watched;
      const statements = async (work: () => PromiseLike<unknown>) => {
        told.length = 0;
        await Promise.resolve(work()).catch(() => {});
        return [...told];
      };
      const one = (scope: string, text: string, end = 'ended') => [
        `begins ${scope}: ${text}`,
        `${end} ${scope}: ${text}`,
      ];
      try {
        // The text before it is sent has its values as $, as nobody has numbered them.
        assert.deepEqual(await statements(() => sql`select 1`), one('pool', 'select 1'));
        assert.deepEqual(await statements(() => sql.unsafe('select 1; select 2')), one('pool', 'select 1; select 2'));
        assert.deepEqual(await statements(() => sql`select 1 / 0`), one('pool', 'select 1 / 0', '22012'));
        const inTransaction = await statements(() =>
          sql.begin(async (tx) => {
            await tx`select 1`;
            await tx.savepoint((point) => point`select 2`);
          }),
        );
        assert.deepEqual(inTransaction, [
          ...one('pool', 'begin'),
          ...one('transaction', 'select 1'),
          ...one('transaction', 'savepoint s0')
            .map((line) => line.replace('savepoint s0', 'savepoint $'))
            .slice(0, 1),
          'ended transaction: savepoint "s0"',
          ...one('transaction', 'select 2'),
          ...one('transaction', 'commit'),
        ]);
        const session = async () => {
          const reserved = await sql.reserve();
          await reserved`select 1`;
          reserved.release();
        };
        assert.deepEqual(await statements(session), one('session', 'select 1'));
        const cursor = async () => {
          for await (const rows of sql`select generate_series(1, 5)`.cursor(2)) assert.ok(rows.length > 0);
        };
        assert.deepEqual(await statements(cursor), one('pool', 'select generate_series(1, 5)'));
        const copy = async () => {
          const stream = await sql.unsafe('copy (select 1) to stdout').readable();
          assert.deepEqual(
            told,
            ['begins pool: copy (select 1) to stdout'],
            'it has not ended when its stream is there',
          );
          for await (const chunk of stream) assert.ok(chunk);
        };
        assert.deepEqual(await statements(copy), one('pool', 'copy (select 1) to stdout'));
        const lost = await statements(() => sql`select pg_terminate_backend(pg_backend_pid())`);
        assert.match(String(lost[1]), /^(57P01|CONNECTION_CLOSED) pool: select pg_terminate/);
        assert.equal(lost.length, 2);
      } finally {
        await watched.close();
      }
    });

    test('a session can be reserved as the first thing on a new handle', async () => {
      const fresh = connectPostgres({ url: server.url, applicationName: 'reserve', maxConnections: 1 });
      const session = await fresh.sql.reserve();
      const [row] = await session<[{ one: number }]>`select 1 as one`;
      assert.equal(row.one, 1);
      session.release();
      await fresh.close();
    });
  });
}

/** A statement that waits for its turn, and is cancelled before it comes. */
async function cancelledOne(sql: Queryable): Promise<void> {
  const query = sql`select 2`.execute();
  await new Promise((resolve) => setImmediate(resolve));
  query.cancel();
  await assert.rejects(query, { code: '57014' });
}

function runScript(script: string): Promise<{ code: number; output: string }> {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  return new Promise((resolve) => {
    execFile('bun', ['-e', script], { cwd, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, output: stdout + stderr });
    });
  });
}
