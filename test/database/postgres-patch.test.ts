// patches/postgres@3.4.9.patch: what it cures, against real servers. Without the patch the first test commits a row outside its
// transaction and the second ends the process with an uncatchable TypeError (porsager/postgres#1066, #1154, #1155, #1208).
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { connectPostgres, type Database } from '../../src/database/connect.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';

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

function runScript(script: string): Promise<{ code: number; output: string }> {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  return new Promise((resolve) => {
    execFile('bun', ['-e', script], { cwd, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, output: stdout + stderr });
    });
  });
}
