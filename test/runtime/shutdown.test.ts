// How a server ends: by a signal, in good order, whatever it is doing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import postgres from 'postgres';
import type { Entry } from '../../src/entries/schemas.ts';
import { clientOf } from '../harness/client.ts';
import { freePort, type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { startProxy } from '../harness/proxy.ts';
import { commandLine, runtime } from '../harness/target.ts';
import { type Ending, eventually, holdMigrationLock, openWorkshop, type Program, type Workshop } from './process.ts';
import { openWire } from './wire.ts';

let workshop: Workshop;
let server: RunningPostgres;
let databaseUrl: string;
/** Outside of every server under test. */
let sql: postgres.Sql;

before(async () => {
  workshop = openWorkshop();
  server = await startPostgres({ version: 18 });
  databaseUrl = await server.createDatabase();
  sql = postgres(databaseUrl, { max: 3, onnotice: () => {} });
});
after(async () => {
  await workshop.close();
  await sql.end({ timeout: 1 });
  await server.stop();
});

const serve = (env: Record<string, string> = {}) =>
  workshop.launch(['serve'], { env: { DATABASE_URL: databaseUrl, DEBUG: 'true', ...env } });

async function ready(program: Program): Promise<{ url: string; call: ReturnType<typeof clientOf> }> {
  await program.logged('ready');
  const url = await program.url();
  return { url, call: clientOf(url) };
}

/** A request that is under way until `release`: its row is locked by somebody else. */
async function holdRequest(call: ReturnType<typeof clientOf>) {
  const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: 'wanted by two' } });
  const held = await sql.reserve();
  await held`begin`;
  await held`select id from entries where id = ${entry.id} for update`;
  const answer = call<Entry>('POST', `/entries/${entry.id}/favorite`);
  answer.catch(() => {});
  await eventually('the request waits for the row', async () => {
    const waiting = await sql`
      select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%is_favorite = not is_favorite%'`;
    return waiting.length > 0 || undefined;
  });
  return {
    answer,
    async release() {
      await held`rollback`;
      held.release();
    },
  };
}

const connections = async () => {
  const rows = await sql`select pid from pg_stat_activity where application_name like 'catatlas/%'`;
  return rows.length;
};

/** How long something takes, in milliseconds. */
async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const began = performance.now();
  return [await work, performance.now() - began];
}

/** As a person would: again and again, until it ends. What comes right behind the first signal may be its echo. */
async function insist(program: Program, signal: NodeJS.Signals): Promise<Ending> {
  await eventually('the process ends', () => {
    if (program.over()) return true;
    program.signal(signal);
    return undefined;
  });
  return program.ended();
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  describe(signal, () => {
    test('not ready, finishes what is under way, closes, exit code 0', async () => {
      const program = serve({ SHUTDOWN_DRAIN_SECONDS: '4', DATABASE_STATEMENT_TIMEOUT_SECONDS: '30' });
      const { url, call } = await ready(program);
      const slow = await holdRequest(call);
      const idle = await openWire(url);
      const before = await idle.get('/health/ready');
      assert.equal(before.status, 200, before.body);
      assert.notEqual(before.headers.get('connection'), 'close');

      program.signal(signal);
      await program.logged('shutting down');
      // While it drains it still answers, and asks for kept connections to be given up.
      const during = await idle.get('/health/ready');
      assert.equal(during.status, 503);
      assert.equal(during.headers.get('connection'), 'close');
      assert.ok(Number(during.headers.get('retry-after')) > 0);
      const { status, checks } = JSON.parse(during.body);
      assert.equal(status, 'not_ready');
      assert.deepEqual(checks.accepting, { ok: false, message: 'shutting down' });
      assert.equal(checks.database.ok, true);
      const live = await (await openWire(url)).get('/health/live');
      assert.deepEqual([live.status, live.headers.get('connection')], [200, 'close']);
      const made = await call<Entry>('POST', '/entries', { json: { text: 'at the last moment' } });
      assert.equal(made.status, 200, made.text);

      // Then it takes no more connections, and waits for the request that is under way.
      await eventually('new connections are refused', async () => {
        try {
          (await openWire(url)).destroy();
          return undefined;
        } catch {
          return true;
        }
      });
      await idle.closed;
      assert.equal(program.over(), false);
      await slow.release();
      const answer = await slow.answer;
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.body.isFavorite, true);

      const [ending, milliseconds] = await timed(program.ended());
      assert.deepEqual(
        { code: ending.code, signal: ending.signal, stderr: ending.stderr },
        { code: 0, signal: null, stderr: '' },
      );
      assert.ok(milliseconds < 3000, `${milliseconds} ms from the last answer to the end`);
      assert.equal(program.log.at(-1)?.message, 'stopped');
      await eventually('no connection is left', async () => (await connections()) === 0 || undefined, 2000);
    });
  });
}

describe('a second signal', () => {
  for (const [first, second, code] of [
    ['SIGTERM', 'SIGTERM', 143],
    ['SIGTERM', 'SIGINT', 130],
    ['SIGINT', 'SIGINT', 130],
  ] as const) {
    test(`${first}, ${second}: exits at once with ${code}`, async () => {
      const program = serve({ SHUTDOWN_DRAIN_SECONDS: '300' });
      await ready(program);
      program.signal(first);
      await program.logged('shutting down');
      const [ending, milliseconds] = await timed(insist(program, second));
      assert.deepEqual({ code: ending.code, signal: ending.signal }, { code, signal: null });
      assert.ok(milliseconds < 2000, `${milliseconds} ms`);
    });
  }

  test('right behind the first is its echo: a shutdown in good order', async () => {
    const program = serve();
    await ready(program);
    program.signal('SIGINT');
    program.signal('SIGINT');
    const { code } = await program.ended();
    assert.equal(code, 0);
    assert.equal(program.log.at(-1)?.message, 'stopped');
  });

  test('on the embedded engine, the directory is free and whole afterwards', async () => {
    const env = { DATA_DIR: join(workshop.folder, 'data'), SHUTDOWN_DRAIN_SECONDS: '300' };
    const program = workshop.launch(['serve'], { env });
    const { call } = await ready(program);
    const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: 'kept' } });
    program.signal('SIGINT');
    await program.logged('shutting down');
    assert.equal((await insist(program, 'SIGINT')).code, 130);
    const again = workshop.launch(['serve'], { env: { ...env, SHUTDOWN_DRAIN_SECONDS: '0' } });
    const restarted = await ready(again);
    assert.equal((await restarted.call<Entry>('GET', `/entries/${entry.id}`)).body.text, 'kept');
    again.signal('SIGTERM');
    assert.equal((await again.ended()).code, 0);
  });
});

describe('nothing holds the end up', () => {
  test('kept connections: idle ones, and one that never said anything', async () => {
    const program = serve();
    const { url } = await ready(program);
    const wires = await Promise.all(Array.from({ length: 4 }, () => openWire(url)));
    for (const wire of wires.slice(1)) assert.equal((await wire.get('/health')).status, 200);
    program.signal('SIGTERM');
    const [ending, milliseconds] = await timed(program.ended());
    assert.equal(ending.code, 0, ending.stderr);
    assert.ok(milliseconds < 3000, `${milliseconds} ms`);
    for (const wire of wires.slice(1)) await wire.closed;
    wires[0]?.destroy();
  });

  test('a request that is still arriving is finished', async () => {
    const program = serve();
    const { url, call } = await ready(program);
    const wire = await openWire(url);
    const body = JSON.stringify({ text: 'slowly' });
    wire.send(
      `POST /entries HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    // Answered by the same thread: what came before it has been read.
    assert.equal((await call('GET', '/health')).status, 200);
    program.signal('SIGTERM');
    await program.logged('shutting down');
    for (const part of [body.slice(5, 10), body.slice(10)]) {
      // So that the server has begun to end.
      await new Promise((resolve) => setTimeout(resolve, 200));
      wire.send(part);
    }
    const answer = await wire.read();
    assert.equal(answer.status, 200, answer.body);
    assert.equal((await program.ended()).code, 0);
  });

  test('a client that never finishes its request is cut off after SHUTDOWN_TIMEOUT_SECONDS', async () => {
    const program = serve({ SHUTDOWN_TIMEOUT_SECONDS: '1' });
    const { url } = await ready(program);
    const wire = await openWire(url);
    wire.send(
      'POST /entries HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"text":',
    );
    // Answered by the same thread: what came before it has been read.
    assert.equal((await clientOf(url)('GET', '/health')).status, 200);
    program.signal('SIGTERM');
    const [ending, milliseconds] = await timed(program.ended());
    assert.equal(ending.code, 0, ending.stderr);
    assert.ok(milliseconds < 5000, `${milliseconds} ms`);
    await wire.closed;
  });

  test('a database that refuses connections at the start', async () => {
    const program = serve({ DATABASE_URL: `postgres://postgres@127.0.0.1:${await freePort()}/postgres` });
    await program.logged('the database cannot be reached: trying again');
    program.signal('SIGTERM');
    const [ending, milliseconds] = await timed(program.ended());
    assert.equal(ending.code, 0, ending.stderr);
    assert.ok(milliseconds < 2000, `${milliseconds} ms`);
  });

  test('a database that takes connections at the start and says nothing', async () => {
    const proxy = await startProxy(server.port);
    proxy.blackhole();
    try {
      const program = serve({ DATABASE_URL: `postgres://postgres@127.0.0.1:${proxy.port}/postgres` });
      await program.logged('listening');
      await eventually('it tries to connect', () => proxy.connections() > 0 || undefined);
      program.signal('SIGTERM');
      const [ending, milliseconds] = await timed(program.ended());
      assert.equal(ending.code, 0, ending.stderr);
      assert.ok(milliseconds < 3000, `${milliseconds} ms`);
    } finally {
      await proxy.close();
    }
  });

  test('another process that holds the migration lock', async () => {
    const url = await server.createDatabase();
    const lock = await holdMigrationLock(url);
    try {
      const program = serve({ DATABASE_URL: url });
      await program.logged('waiting for the migration lock');
      program.signal('SIGTERM');
      const [ending, milliseconds] = await timed(program.ended());
      assert.equal(ending.code, 0, ending.stderr);
      assert.ok(milliseconds < 2000, `${milliseconds} ms`);
    } finally {
      await lock.release();
    }
  });

  // Deno waits for the reader in the middle of writing, and does nothing else meanwhile.
  test('a reader of its log that has stalled', {
    skip: runtime === 'deno' || process.platform === 'win32',
  }, async () => {
    const log = join(workshop.folder, 'log');
    execFileSync('mkfifo', [log]);
    // For reading and writing: opening it for one of them waits for the other (fifo(7)).
    const reader = openSync(log, 'r+');
    try {
      const port = await freePort();
      const into: [string, ...string[]] = ['sh', '-c', `exec "$@" > '${log}'`, 'sh', ...commandLine([])];
      const env = { DATABASE_URL: databaseUrl, DEBUG: 'true', PORT: String(port) };
      const program = workshop.launch(['serve'], { env, program: into });
      const call = clientOf(`http://127.0.0.1:${port}`);
      const isReady = async () => (await call('GET', '/health/ready').catch(() => undefined))?.status === 200;
      await eventually('it is ready', async () => (await isReady()) || undefined, 60_000);
      // A pipe holds 64 KiB, and a line has some hundred letters.
      for (let round = 0; round < 20; round += 1)
        await Promise.all(Array.from({ length: 50 }, () => call('GET', '/version')));
      program.signal('SIGTERM');
      const [ending, milliseconds] = await timed(program.ended());
      // What it had to say is lost.
      assert.equal(ending.code, 1, ending.stderr);
      assert.ok(milliseconds > 1500 && milliseconds < 8000, `${milliseconds} ms`);
    } finally {
      closeSync(reader);
    }
  });

  test('a database that is lost while it stops', async () => {
    const proxy = await startProxy(server.port);
    try {
      const url = new URL(databaseUrl);
      url.port = String(proxy.port);
      const program = serve({ DATABASE_URL: url.href });
      await ready(program);
      proxy.blackhole();
      program.signal('SIGTERM');
      const [ending, milliseconds] = await timed(program.ended());
      assert.equal(ending.code, 0, ending.stderr);
      assert.ok(milliseconds < 8000, `${milliseconds} ms`);
    } finally {
      await proxy.close();
    }
  });
});

describe('SIGHUP and others', { skip: process.platform === 'win32' }, () => {
  /** A shell decides in its place what happens with the signal: here, that it does what it does by default. */
  const withDefault = ['env', '--default-signal=HUP', ...commandLine([])] as [string, ...string[]];

  test('SIGHUP ends the program as SIGTERM does: what is under way is finished', async () => {
    const env = { DATABASE_URL: databaseUrl, DEBUG: 'true', DATABASE_STATEMENT_TIMEOUT_SECONDS: '30' };
    const program = workshop.launch(['serve'], { env, program: withDefault });
    const { call } = await ready(program);
    const slow = await holdRequest(call);
    program.signal('SIGHUP');
    await program.logged('shutting down');
    assert.equal(program.over(), false);
    await slow.release();
    assert.equal((await slow.answer).status, 200);
    const ending = await program.ended();
    assert.deepEqual({ code: ending.code, signal: ending.signal }, { code: 0, signal: null });
    assert.equal(program.log.at(-1)?.message, 'stopped');
  });

  test('SIGHUP, SIGHUP: exits at once with 129', async () => {
    const env = { DATABASE_URL: databaseUrl, DEBUG: 'true', SHUTDOWN_DRAIN_SECONDS: '300' };
    const program = workshop.launch(['serve'], { env, program: withDefault });
    await ready(program);
    program.signal('SIGHUP');
    await program.logged('shutting down');
    const { code, signal } = await insist(program, 'SIGHUP');
    assert.deepEqual({ code, signal }, { code: 129, signal: null });
  });

  // Deno may not look (src/platform/signals.ts).
  test('SIGHUP changes nothing for a program that was started with nohup', {
    skip: runtime === 'deno' || process.platform !== 'linux',
  }, async () => {
    const env = { DATABASE_URL: databaseUrl, DEBUG: 'true' };
    const ignoring = ['env', '--ignore-signal=HUP', ...commandLine([])] as [string, ...string[]];
    const program = workshop.launch(['serve'], { env, program: ignoring });
    const { call } = await ready(program);
    program.signal('SIGHUP');
    for (let times = 0; times < 20; times += 1) assert.equal((await call('GET', '/health/live')).status, 200);
    program.signal('SIGTERM');
    assert.equal((await program.ended()).code, 0);
    assert.equal(program.log.filter(({ message }) => message === 'shutting down').length, 1);
  });

  test('SIGUSR1 and SIGUSR2 change nothing: a request under way is finished, and the server goes on', async () => {
    const program = serve({ DATABASE_STATEMENT_TIMEOUT_SECONDS: '30' });
    const { call } = await ready(program);
    const slow = await holdRequest(call);
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) program.signal(signal);
    for (let times = 0; times < 20; times += 1) assert.equal((await call('GET', '/health/ready')).status, 200);
    await slow.release();
    assert.equal((await slow.answer).status, 200);
    program.signal('SIGTERM');
    const { code, log } = { code: (await program.ended()).code, log: program.log };
    assert.equal(code, 0);
    assert.ok(log.every(({ message }) => message !== 'uncaught exception, stopping'));
  });
});
