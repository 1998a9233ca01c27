// What a Sentry gets to hear, and that it can be slow or gone without anybody noticing.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import postgres from 'postgres';
import { clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { commandLine, root, runtime } from '../harness/target.ts';
import { type FakeSentry, type SentryPayload, startFakeSentry } from './fake-sentry.ts';
import { eventually, openWorkshop, type Program, type Workshop } from './process.ts';

let workshop: Workshop;
let server: RunningPostgres;
let sentry: FakeSentry;

before(async () => {
  workshop = openWorkshop();
  // It is killed below, and must still have what it has acknowledged.
  server = await startPostgres({ version: 18, settings: { synchronous_commit: 'on' } });
  sentry = await startFakeSentry();
});
after(async () => {
  await workshop.close();
  await sentry.close();
  await server.stop();
});
beforeEach(() => {
  sentry.manner = 'accepts';
  sentry.envelopes.length = 0;
});

const password = 'the-password-of-the-database';
const jwtSecret = '9fK2-pW7x_Q4mZ8rT1vB6nJ3sD5gH0yL';

const serve = (env: Record<string, string>) =>
  workshop.launch(['serve'], {
    env: { DEBUG: 'true', JWT_SECRET: jwtSecret, SENTRY_DSN: sentry.dsn, SENTRY_TRACES_SAMPLE_RATE: '0', ...env },
  });

async function ready(program: Program) {
  await program.logged('ready');
  return clientOf(await program.url());
}

/** A database with the password in its address; the test server asks for none. */
async function database(): Promise<string> {
  const url = new URL(await server.createDatabase());
  url.password = password;
  return url.href;
}

async function outside(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(statement);
  await sql.end({ timeout: 1 });
}

const events = (count: number) =>
  eventually(`${count} events`, () => (sentry.of('event').length >= count ? sentry.of('event') : undefined));

/** Nothing that a request brought, nothing that is secret, nobody's address. */
function assertPrivate(): void {
  const all = sentry.envelopes.map(({ raw }) => raw).join('\n');
  for (const forbidden of [
    password,
    jwtSecret,
    'Smokey',
    'private words',
    'secret-query',
    'user-agent-of-anna',
    'cookie-of-anna',
  ])
    assert.ok(!all.includes(forbidden), `${forbidden} was sent: ${all}`);
  assert.doesNotMatch(
    sentry.envelopes.flatMap(({ items }) => items.map(({ payload }) => JSON.stringify(payload))).join('\n'),
    /127\.0\.0\.1|"(?:user|request|server_name|ip_address|cookies|headers|data|query_string)":/,
  );
}

describe('faults', () => {
  let program: Program;
  let call: ReturnType<typeof clientOf>;
  let url: string;
  before(async () => {
    url = await database();
    program = serve({ DATABASE_URL: url, SENTRY_ENVIRONMENT: 'staging' });
    call = await ready(program);
  });

  test('an unexpected error is one event that says where and for which request, and nothing of what it brought', async () => {
    await outside(url, 'alter table entries rename column nickname to moniker');
    const answer = await call('POST', '/entries?secret-query=1', {
      json: { text: 'private words', nickname: 'Smokey' },
      headers: {
        'x-request-id': 'request-17',
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        'user-agent': 'user-agent-of-anna',
        cookie: 'cookie-of-anna=1',
      },
    });
    assert.equal(answer.status, 500);
    const [event] = (await events(1)) as [SentryPayload];
    assert.equal(event.level, 'error');
    assert.equal(event.environment, 'staging');
    assert.match(event.release ?? '', /^catatlas@\d+\.\d+\.\d+\+\S+$/);
    assert.equal(event.transaction, 'POST /entries');
    assert.deepEqual(event.tags, { request_id: 'request-17', method: 'POST', route: '/entries' });
    assert.equal(event.contexts?.trace?.['trace_id'], '4bf92f3577b34da6a3ce929d0e0e4736');
    assert.equal(event.contexts?.trace?.['parent_span_id'], '00f067aa0ba902b7');
    const [exception] = event.exception?.values ?? [];
    assert.match(exception?.value ?? '', /^SQLSTATE 42703/);
    const frames = exception?.stacktrace?.frames ?? [];
    assert.ok(frames.length > 0, JSON.stringify(event));
    if (runtime !== 'binary') assert.ok(frames.some((frame) => String(frame['filename']).startsWith('src/')));
    const [envelope] = sentry.envelopes;
    assert.equal(envelope?.path, 'POST /api/42/envelope/');
    assert.match(envelope.auth, /^Sentry sentry_version=7, .*sentry_key=public-key$/);
    assert.equal(envelope.header['event_id'], event.event_id);
    assertPrivate();
    // Ours says the same, under the same ids.
    const line = await program.logged('request failed');
    assert.deepEqual([line['request_id'], line['trace_id']], ['request-17', '4bf92f3577b34da6a3ce929d0e0e4736']);
    await outside(url, 'alter table entries rename column moniker to nickname');
  });

  test("what is the client's affair, or expected, is no event: 404, 405, 422, 501, an unreachable database", async () => {
    for (const [method, path, status, json] of [
      ['GET', '/no/such/path', 404, undefined],
      ['GET', '/entries/987654', 404, undefined],
      ['PUT', '/entries', 405, undefined],
      ['POST', '/entries', 422, { text: 5 }],
    ] as const)
      assert.equal((await call(method, path, json ? { json } : {})).status, status, `${method} ${path}`);
    await server.kill();
    assert.equal((await call('GET', '/entries')).status, 503);
    await server.restart();
    await eventually('works again', async () => ((await call('GET', '/entries')).status === 200 ? true : undefined));
    // The one that follows arrives: so nothing before it is still on its way.
    await outside(url, 'alter table cats rename column name to moniker');
    assert.equal((await call('GET', '/cats')).status, 500);
    const [only, ...others] = await events(1);
    assert.equal(only?.transaction, 'GET /cats');
    assert.deepEqual(others, []);
    await outside(url, 'alter table cats rename column moniker to name');
  });

  test('told to stop it does so in good order, without an event', async () => {
    program.signal('SIGTERM');
    const { code } = await program.ended();
    assert.equal(code, 0);
    assert.deepEqual(sentry.of('event'), []);
  });
});

describe('an end that was not planned', () => {
  test('an unexpected error of the start: a fatal event has arrived when the process ends', async () => {
    const url = await database();
    await outside(url, 'create table catatlas_migrations (version integer)');
    const { code, stderr } = await serve({ DATABASE_URL: url }).ended();
    assert.equal(code, 1);
    assert.match(stderr, /unexpected error, stopping/);
    const [event, ...others] = sentry.of('event');
    assert.deepEqual(others, []);
    assert.equal(event?.level, 'fatal');
    assert.equal(event.message?.formatted, 'unexpected error, stopping');
    assert.match(event.exception?.values[0]?.value ?? '', /^SQLSTATE 42703/);
    assertPrivate();
  });

  for (const [crash, message] of [
    ['exception', 'uncaught exception, stopping'],
    ['rejection', 'unhandled rejection, stopping'],
  ] as const) {
    test(`${crash} that nobody caught while it serves: the same`, { skip: runtime === 'binary' }, async () => {
      const [command, ...args] = commandLine([]).map((word) =>
        word === `${root}src/main.ts` ? `${root}test/runtime/crash.fixture.ts` : word,
      );
      const { code, stderr } = await workshop
        .launch(['serve'], {
          env: { DEBUG: 'true', DATABASE_URL: await database(), SENTRY_DSN: sentry.dsn, CRASH: crash },
          program: [command ?? '', ...args],
        })
        .ended();
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(message));
      const [event, ...others] = sentry.of('event');
      assert.deepEqual(others, []);
      assert.deepEqual([event?.level, event?.message?.formatted], ['fatal', message]);
      assert.match(event?.exception?.values[0]?.value ?? '', /^nobody caught this of postgres:/);
      assertPrivate();
    });
  }

  test('a migration that fails is an event', async () => {
    const url = await database();
    await outside(url, 'create sequence entries_by_cat');
    const { code } = await serve({ DATABASE_URL: url }).ended();
    assert.equal(code, 1);
    const [event] = sentry.of('event');
    assert.equal(event?.message?.formatted, 'a migration failed');
    assert.match(JSON.stringify(event.exception), /SQLSTATE 42P07/);
  });

  test('also of a command that is no server', async () => {
    const url = await database();
    await outside(url, 'create table catatlas_migrations (version integer)');
    const { code } = await workshop.run(['migrate', 'status'], {
      env: { DATABASE_URL: url, DEBUG: 'true', SENTRY_DSN: sentry.dsn },
    });
    assert.notEqual(code, 0);
    assert.equal(sentry.of('event').at(0)?.level, 'fatal');
  });

  test('what the operator has to see to is none: a port in use, settings that are wrong', async () => {
    const port = new URL(sentry.dsn).port;
    assert.equal((await serve({ PORT: port }).ended()).code, 1);
    assert.equal((await serve({ METRICS_PORT: port }).ended()).code, 1);
    assert.equal((await serve({ LOG_LEVEL: 'LOUD' }).ended()).code, 2);
    assert.deepEqual(sentry.envelopes, []);
  });
});

describe('a Sentry that does not work', () => {
  for (const manner of ['hangs', { status: 500 }] as const) {
    test(`${typeof manner === 'string' ? manner : 'answers 500'}: requests are not held up, the end by two seconds at most`, async () => {
      const url = await database();
      const program = serve({ DATABASE_URL: url, SENTRY_TRACES_SAMPLE_RATE: '1' });
      const call = await ready(program);
      await call('GET', '/entries');
      await outside(url, 'alter table entries rename column nickname to moniker');
      sentry.manner = manner;
      const began = performance.now();
      for (let count = 0; count < 50; count += 1) assert.equal((await call('GET', '/entries/1')).status, 500);
      assert.ok(performance.now() - began < 3000, `50 requests took ${performance.now() - began} ms`);
      const stopped = performance.now();
      program.signal('SIGTERM');
      const { code } = await program.ended();
      const milliseconds = performance.now() - stopped;
      assert.equal(code, 0);
      // Two seconds, and what the rest of the end takes.
      assert.ok(milliseconds < 4000, `${milliseconds} ms`);
      if (manner === 'hangs') {
        assert.ok(milliseconds > 1900, `it did not wait: ${milliseconds} ms`);
        assert.equal(sentry.envelopes.length <= 31, true, 'what comes while it hangs is let go');
      } else {
        const said = program.log.filter(({ message }) => message.startsWith('Sentry cannot be reached'));
        assert.equal(said.length, 1);
      }
    });
  }

  test('not there: a crash ends as soon as that is known', async () => {
    const url = await database();
    await outside(url, 'create table catatlas_migrations (version integer)');
    const began = performance.now();
    const { code, stderr } = await serve({ DATABASE_URL: url, SENTRY_DSN: 'http://key@127.0.0.1:1/1' }).ended();
    assert.equal(code, 1);
    assert.match(stderr, /unexpected error, stopping/);
    assert.ok(performance.now() - began < 8000);
  });
});

describe('transactions', () => {
  test('all of them at rate 1: route, time and statements, joined to the caller; health checks are left out', async () => {
    const url = await database();
    const program = serve({ DATABASE_URL: url, SENTRY_TRACES_SAMPLE_RATE: '1' });
    const call = await ready(program);
    await call('GET', '/health');
    await call('GET', '/health/ready');
    await call('GET', '/no/such/path');
    await call('POST', '/entries', {
      json: { text: 'private words', nickname: 'Smokey' },
      headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00' },
    });
    const [transaction, ...others] = await eventually('a transaction', () => {
      const found = sentry.of('transaction');
      return found.length > 0 ? found : undefined;
    });
    assert.deepEqual(others, []);
    assert.equal(transaction?.transaction, 'POST /entries');
    assert.equal(transaction.contexts?.trace?.['trace_id'], '4bf92f3577b34da6a3ce929d0e0e4736');
    const { start_timestamp: start = 0, timestamp: end = 0, spans = [] } = transaction;
    assert.ok(end > start && end - start < 10 && Math.abs(Date.now() / 1000 - end) < 60);
    const statements = spans.map(({ description }) => String(description));
    assert.ok(
      statements.some((statement) => statement.startsWith('insert into entries')),
      String(statements),
    );
    for (const span of spans) {
      assert.equal(span['parent_span_id'], transaction.contexts.trace['span_id']);
      assert.ok(Number(span['start_timestamp']) >= start && Number(span['timestamp']) <= end + 0.001);
    }
    assertPrivate();
    await program.kill();
  });

  test('none at rate 0', async () => {
    const program = serve({ DATABASE_URL: await database() });
    const call = await ready(program);
    for (let count = 0; count < 5; count += 1) await call('GET', '/entries');
    program.signal('SIGTERM');
    assert.equal((await program.ended()).code, 0);
    assert.deepEqual(sentry.envelopes, []);
  });
});

test('without SENTRY_DSN nothing is reported', async () => {
  const url = await database();
  await outside(url, 'create table catatlas_migrations (version integer)');
  const { code } = await serve({ DATABASE_URL: url, SENTRY_DSN: '' }).ended();
  assert.equal(code, 1);
  assert.deepEqual(sentry.envelopes, []);
});
