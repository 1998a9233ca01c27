// A database that is there, but slow, busy, full of others or closed to writes.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import postgres from 'postgres';
import type { Entry } from '../../src/entries/schemas.ts';
import type { ReadinessReport } from '../../src/health/schemas.ts';
import { type Answer, type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { startProxy } from '../harness/proxy.ts';
import { eventually, openWorkshop, type Program, type Workshop } from '../runtime/process.ts';
import { lockTables, takeEveryConnection, through } from './interfere.ts';
import { assertUnavailable, boundMilliseconds, timed, watchHealth } from './watch.ts';

let workshop: Workshop;
let server: RunningPostgres;
/** The database of everybody. */
let url: string;
/** Somebody who looks at the server from outside. */
let outside: postgres.Sql;
/** The server of the test that runs, and who asks it for its health until the end. */
let program: Program;
let health: ReturnType<typeof watchHealth>;

before(async () => {
  workshop = openWorkshop();
  server = await startPostgres({ version: 18, settings: { max_connections: '25', deadlock_timeout: '3s' } });
  url = await server.createDatabase();
  outside = postgres(server.url, { max: 1, onnotice: () => {} });
});
afterEach(async () => {
  const { slowest, asked } = await health.stop();
  await program.kill();
  assert.ok(asked > 0);
  assert.ok(slowest < 1000, `/health took ${slowest} ms`);
});
after(async () => {
  await workshop.close();
  await outside.end({ timeout: 1 });
  await server.stop();
});

/** A server that is ready, its health watched until the end of the test. */
async function serve(env: Record<string, string> = {}): Promise<{ call: Client; entry: Entry }> {
  program = workshop.launch(['serve'], { env: { DATABASE_URL: url, DEBUG: 'true', ...env } });
  await program.logged('ready');
  const call = clientOf(await program.url());
  health = watchHealth(call);
  const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: 'Before all that' } });
  return { call, entry };
}

const readiness = (call: Client) => call<ReadinessReport>('GET', '/health/ready');
const write = (call: Client) => call<Entry>('POST', '/entries', { json: { text: 'written' } });

/** Works again, by itself: every kind of request, on every connection. */
async function heals(call: Client): Promise<void> {
  await eventually('writes work', async () => (await write(call)).status === 200 || undefined, boundMilliseconds);
  await eventually('it is ready', async () => (await readiness(call)).status === 200 || undefined);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => (index % 2 ? call('GET', '/entries') : write(call))),
  );
  for (const answer of answers) assert.equal(answer.status, 200, answer.text);
  assert.equal(program.over(), false);
}

test('half a second away: slow, correct, and ready', async () => {
  const proxy = await startProxy(server.port);
  try {
    const { call, entry } = await serve({ DATABASE_URL: through(proxy, url) });
    // Connections that are there: a new one takes four ways to the database and back.
    await heals(call);
    proxy.delay(200, 100);
    const change = { json: { nickname: 'Slow' } };
    const work = [
      ['GET', `/entries/${entry.id}`, {}],
      ['GET', '/entries', {}],
      ['POST', '/entries', { json: { text: 'slowly' } }],
      ['POST', `/entries/${entry.id}/favorite`, {}],
      // A transaction: four ways to the database and back.
      ['PATCH', `/entries/${entry.id}`, change],
    ] as const;
    const answers = Promise.all(work.map(([method, path, options]) => timed(call(method, path, options))));
    let counted = 0;
    for (let looks = 0; counted < 3; looks += 1) {
      assert.ok(looks < 15, 'this process is too busy to hold anything back for half a second');
      proxy.lateness();
      const { answer, milliseconds } = await timed(readiness(call));
      // The database has a second to answer: what came later still through the proxy was further away than this is about.
      if (proxy.lateness() >= 150) continue;
      counted += 1;
      assert.equal(answer.status, 200, answer.text);
      assert.ok(milliseconds >= 400, `${milliseconds} ms: the proxy does not hold anything back`);
    }
    for (const { answer, milliseconds } of await answers) {
      assert.equal(answer.status, 200, answer.text);
      assert.ok(milliseconds >= 400 && milliseconds < boundMilliseconds, `${milliseconds} ms`);
    }
    proxy.delay(0);
    const { body } = await call<Entry>('GET', `/entries/${entry.id}`);
    assert.deepEqual([body.nickname, body.isFavorite], ['Slow', true]);
    await heals(call);
  } finally {
    await proxy.close();
  }
});

describe('every connection of the pool is in use', () => {
  /** Waiting for a connection is bounded by three seconds (src/database/connect.ts). */
  const queueMilliseconds = 3000;
  const pool = { DATABASE_POOL_SIZE: '2', DATABASE_POOL_OVERFLOW: '1' };

  test('others wait, then 503; those that have one finish their work', async () => {
    const { call, entry } = await serve({ ...pool, DATABASE_STATEMENT_TIMEOUT_SECONDS: '20' });
    const lock = await lockTables(url);
    const holders = ['GET /entries', 'GET /cats', `POST /entries/${entry.id}/favorite`].map((one) => {
      const [method = '', path = ''] = one.split(' ');
      return call(method, path);
    });
    await lock.waiting(3);
    const others = await Promise.all(
      ['GET', 'POST', 'GET', 'POST', 'GET'].map((method) =>
        timed(call(method, '/entries', method === 'POST' ? { json: { text: 'in the queue' } } : {})),
      ),
    );
    for (const { answer, milliseconds } of others) {
      assertUnavailable(answer);
      assert.equal(answer.body['message'], 'The database is busy. Try again soon.');
      assert.ok(
        milliseconds > queueMilliseconds - 100 && milliseconds < queueMilliseconds + 2000,
        `${milliseconds} ms`,
      );
    }
    const { answer, milliseconds } = await timed(readiness(call));
    assert.equal(answer.status, 503);
    assert.ok(milliseconds < 2000, `${milliseconds} ms`);
    await lock.release();
    for (const answer of await Promise.all(holders)) assert.equal(answer.status, 200, answer.text);
    await heals(call);
    const { body } = await call<Entry[]>('GET', '/entries');
    assert.equal(body.filter(({ text }) => text === 'in the queue').length, 0, 'what was refused was not done');
  });

  test('a lock that is not given up: 503 before the statement has its deadline', async () => {
    const { call, entry } = await serve({ ...pool, DATABASE_STATEMENT_TIMEOUT_SECONDS: '2' });
    const lock = await lockTables(url);
    const requests = ['GET /entries', `PATCH /entries/${entry.id}`].map((one) => {
      const [method = '', path = ''] = one.split(' ');
      return timed(call(method, path, method === 'PATCH' ? { json: { nickname: 'Never' } } : {}));
    });
    for (const { answer, milliseconds } of await Promise.all(requests)) {
      assertUnavailable(answer);
      assert.equal(answer.body['message'], 'The database is busy. Try again soon.');
      assert.ok(milliseconds > 1500 && milliseconds < boundMilliseconds, `${milliseconds} ms`);
    }
    const lines = await eventually('both are in the log', () => {
      const found = program.log.filter(({ message }) => message === 'request could not be served');
      return found.length >= requests.length ? found : undefined;
    });
    // lock_not_available, and not query_canceled.
    assert.deepEqual(
      lines.map((line) => (line['cause'] as { code?: string }).code),
      ['55P03', '55P03'],
    );
    await lock.release();
    await heals(call);
    assert.equal((await call<Entry>('GET', `/entries/${entry.id}`)).body.nickname, null);
  });
});

describe('a deadlock with somebody else', () => {
  interface Attempt {
    /** Locks the cat and then the sighting. */
    request(call: Client, entryId: number, catId: number): Promise<Answer<Entry>>;
    /** The statement that waits for the sighting. */
    statement: string;
    /** The sighting belongs to the cat from the beginning. */
    linked?: boolean;
  }

  /** Makes a request, and has PostgreSQL end it so often in favour of somebody else. */
  async function askThrough(deadlocks: number, { request, statement, linked = false }: Attempt) {
    const { call, entry } = await serve({ DATABASE_STATEMENT_TIMEOUT_SECONDS: '20' });
    const { body: cat } = await call<{ id: number }>('POST', '/cats', { json: {} });
    if (linked) await call('POST', `/entries/${entry.id}/assign/${cat.id}`);
    const rival = postgres(url, { max: 1, onnotice: () => {} });
    try {
      await rival`begin`;
      // Whoever is the first to look for a deadlock is the one that is ended: the server, after three seconds.
      await rival`set local deadlock_timeout = '1min'`;
      await rival`select 1 from entries where id = ${entry.id} for update`;
      const asked = request(call, entry.id, cat.id);
      for (let made = 0; made < deadlocks; made += 1) {
        await eventually('the server has the cat and waits for the sighting', async () => {
          const rows = await outside`
            select 1 from pg_stat_activity
            where wait_event_type = 'Lock' and application_name like 'catatlas/%' and query like ${`%${statement}%`}`;
          return rows.length === 1 || undefined;
        });
        await rival`savepoint before`;
        await rival`select 1 from cats where id = ${cat.id} for update`;
        await rival`rollback to savepoint before`;
      }
      if (deadlocks < 3) await rival`commit`;
      const answer = await asked;
      if (deadlocks >= 3) await rival`commit`;
      const { body: now } = await call<Entry>('GET', `/entries/${entry.id}`);
      await heals(call);
      return { answer, catId: cat.id, now };
    } finally {
      await rival.end({ timeout: 1 });
    }
  }

  /** Assigns a sighting: in a transaction. */
  const assign: Attempt = {
    request: (call, entryId, catId) => call<Entry>('POST', `/entries/${entryId}/assign/${catId}`),
    statement: 'update entries',
  };

  test('a deletion of a cat is tried again, and succeeds', async () => {
    const { answer, now } = await askThrough(2, {
      request: (call, _entryId, catId) => call<Entry>('DELETE', `/cats/${catId}`),
      statement: 'delete from cats',
      linked: true,
    });
    assert.equal(answer.status, 204, answer.text);
    assert.equal(now.cat_id, null);
  });

  test('is tried again, and the request succeeds', async () => {
    const { answer, catId, now } = await askThrough(2, assign);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual([answer.body.cat_id, now.cat_id], [catId, catId]);
  });

  test('a third one is 503, and nothing was done', async () => {
    const { answer, now } = await askThrough(3, assign);
    assertUnavailable(answer);
    assert.equal(now.cat_id, null);
  });
});

test('a request that takes longer than it may is 503 with CORS headers, and its connection is free again', async () => {
  const { call } = await serve({
    REQUEST_TIMEOUT_SECONDS: '1',
    DATABASE_STATEMENT_TIMEOUT_SECONDS: '4',
    DATABASE_POOL_SIZE: '1',
    DATABASE_POOL_OVERFLOW: '0',
  });
  const lock = await lockTables(url);
  const origin = 'http://localhost:5173';
  const { answer, milliseconds } = await timed(
    call<Record<string, unknown>>('GET', '/entries', { headers: { origin } }),
  );
  await lock.release();
  assert.deepEqual([answer.status, answer.body['code']], [503, 'REQUEST_TIMEOUT'], answer.text);
  assert.ok(milliseconds >= 1000 && milliseconds < 2000, `${milliseconds} ms`);
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
  // The same headers as those of an error that the application itself answers.
  const other = await call('GET', '/entries/999999', { headers: { origin } });
  const common = (headers: Headers) =>
    [...headers]
      .filter(([name]) => /^(access-control|vary|x-|content-security|referrer)/.test(name))
      .map(([name, value]) => [name, name === 'x-request-id' ? 'any' : value]);
  assert.deepEqual(common(answer.headers), common(other.headers));
  await heals(call);
});

test('set to take no writes, as after a failover or by a provider whose disk is full: reads go on', async () => {
  const { call, entry } = await serve();
  // Sessions that are there already have to notice too.
  await heals(call);
  const writes = [
    ['POST', '/entries', { text: 'refused' }],
    ['PATCH', `/entries/${entry.id}`, { nickname: 'Refused' }],
    ['POST', `/entries/${entry.id}/favorite`, undefined],
    ['POST', '/cats', { name: 'Refused' }],
    ['DELETE', `/entries/${entry.id}`, undefined],
  ] as const;
  const writeAll = (): Promise<Answer<Record<string, unknown>>[]> =>
    Promise.all(
      [...writes, ...writes, ...writes].map(([method, path, json]) => call(method, path, json ? { json } : {})),
    );
  const { length } = (await call<Entry[]>('GET', '/entries')).body;
  await outside`alter system set default_transaction_read_only = on`;
  await outside`select pg_reload_conf()`;
  // The configuration reaches each session by a signal of its own. Only one operation, whose successes do not matter.
  const everySession = (expected: number) =>
    eventually(`every session answers ${expected} to a write`, async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => call('POST', '/cats', { json: {} })));
      return answers.every(({ status }) => status === expected) || undefined;
    });
  try {
    await everySession(503);
    for (const { status, body, text, headers } of await writeAll()) {
      assert.equal(status, 503, text);
      assert.deepEqual(
        [body['code'], body['message'], body['retryable']],
        ['DATABASE_READ_ONLY', 'The database takes no writes at the moment. Try again soon.', true],
      );
      assert.ok(Number(headers.get('retry-after')) > 0);
    }
    for (const path of ['/entries', `/entries/${entry.id}`, '/cats', '/health/ready'])
      assert.equal((await call('GET', path)).status, 200, path);
    const { body } = await call<Entry[]>('GET', '/entries');
    assert.equal(body.length, length);
    assert.deepEqual(
      body.find(({ id }) => id === entry.id),
      entry,
    );
  } finally {
    await outside`set default_transaction_read_only = off`;
    await outside`alter system reset default_transaction_read_only`;
    await outside`select pg_reload_conf()`;
  }
  await everySession(200);
  await heals(call);
});

describe('others have every connection that the server allows', () => {
  test('503; when they leave, it works', async () => {
    const { call } = await serve();
    const others = await takeEveryConnection(url);
    try {
      // Those of the pool, too, once they are really gone: until then they are taken, and afterwards they would be free again.
      await outside`
        select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'catatlas/%'`;
      await others.takeMore();
      const answers = await Promise.all(
        [call('GET', '/entries'), write(call), call('GET', '/cats'), call('POST', '/cats', { json: {} })].map(timed),
      );
      for (const { answer, milliseconds } of answers) {
        assertUnavailable({ ...answer, body: answer.body as unknown as Record<string, unknown> });
        assert.ok(milliseconds < 2000, `${milliseconds} ms`);
      }
      const { status, body } = await readiness(call);
      assert.deepEqual([status, body.checks.database.ok, body.checks.schema.ok], [503, false, true]);
    } finally {
      await others.leave();
    }
    await heals(call);
  });

  test('at the start: alive, not ready; when they leave, ready without a restart', async () => {
    // Those of the server before, which was killed, are taken a moment longer, and would be free then.
    await eventually('no session of a server is left', async () => {
      const left = await outside`select 1 from pg_stat_activity where application_name like 'catatlas/%'`;
      return left.length === 0 || undefined;
    });
    const others = await takeEveryConnection(url);
    try {
      program = workshop.launch(['serve'], { env: { DATABASE_URL: url, DEBUG: 'true' } });
      const call = clientOf(await program.url());
      health = watchHealth(call);
      const line = await program.logged('the database cannot be reached: trying again');
      assert.match(JSON.stringify(line['error']), /53300/);
      const answer = await call('GET', '/entries');
      assert.deepEqual([answer.status, answer.body['code'], answer.body['retryable']], [503, 'NOT_READY', true]);
      assert.ok(Number(answer.headers.get('retry-after')) > 0);
      assert.equal((await readiness(call)).status, 503);
      await others.leave();
      await program.logged('ready');
      await heals(call);
    } finally {
      await others.leave();
    }
  });
});
