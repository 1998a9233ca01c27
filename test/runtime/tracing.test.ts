// One request, followed: from the caller's trace to the log and to the statement in the database.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import postgres from 'postgres';
import type { Entry } from '../../src/entries/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import type { LogLine } from '../harness/server.ts';
import { eventually, openWorkshop, type Program, type Workshop } from './process.ts';

let workshop: Workshop;
let server: RunningPostgres;
let url: string;
/** Outside of every server under test. */
let sql: postgres.Sql;

before(async () => {
  workshop = openWorkshop();
  server = await startPostgres({ version: 18 });
  url = await server.createDatabase();
  sql = postgres(url, { max: 3, onnotice: () => {} });
});
after(async () => {
  await workshop.close();
  await sql.end({ timeout: 1 });
  await server.stop();
});

async function serve(env: Record<string, string> = {}): Promise<{ program: Program; call: Client }> {
  const program = workshop.launch(['serve'], { env: { DATABASE_URL: url, DEBUG: 'true', ...env } });
  await program.logged('ready');
  return { program, call: clientOf(await program.url()) };
}

const lineOf = (program: Program, message: string, requestId: string) =>
  eventually(`"${message}" of ${requestId}`, () =>
    program.log.find((line) => line.message === message && line['request_id'] === requestId),
  );

/** Keeps a row to itself until `release`; tells which process of the server waits for it, and with which statement. */
async function lockEntry(id: number) {
  const held = await sql.reserve();
  await held`begin`;
  await held`select id from entries where id = ${id} for update`;
  return {
    waiting: () =>
      eventually('a statement waits for the row', async () => {
        const [row] = await sql<{ pid: number; query: string }[]>`
          select pid, query from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'catatlas/%'`;
        return row;
      }),
    async release() {
      await held`rollback`;
      held.release();
    },
  };
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test('a traceparent is taken over into the log; one that is none is replaced; neither is sent back', async () => {
  const { program, call } = await serve();
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const traced = async (id: string, traceparent?: string): Promise<LogLine> => {
    const headers = { 'x-request-id': id, ...(traceparent === undefined ? {} : { traceparent }) };
    const answer = await call('GET', '/entries', { headers });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers.get('x-request-id'), id);
    assert.equal(answer.headers.get('traceparent'), null);
    return await lineOf(program, 'request', id);
  };
  assert.equal((await traced('given', `00-${traceId}-00f067aa0ba902b7-01`))['trace_id'], traceId);
  const made = new Set<unknown>();
  for (const [id, header] of [
    ['missing', undefined],
    ['wrong', `00-${traceId}-00f067aa0ba902b7`],
    ['zero', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
  ] as const) {
    const line = await traced(id, header);
    assert.match(String(line['trace_id']), /^[\da-f]{32}$/);
    made.add(line['trace_id']);
  }
  assert.equal(made.size, 3);
  assert.equal(made.has(traceId), false);
  await program.kill();
});

test('a slow statement is logged with its request and the process that ran it, and without the values in it', async () => {
  const { program, call } = await serve({
    SLOW_QUERY_MILLISECONDS: '500',
    DATABASE_STATEMENT_TIMEOUT_SECONDS: '30',
  });
  const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: 'wanted' } });
  // A connection for everybody is there: on a busy machine it takes so long to make twenty that who waits for one is slow, too.
  await Promise.all(Array.from({ length: 20 }, () => call('GET', '/entries')));
  const lock = await lockEntry(entry.id);
  const answer = call('PATCH', `/entries/${entry.id}`, {
    json: { nickname: 'Smokey', text: 'private words' },
    headers: { 'x-request-id': 'the-slow-one' },
  });
  // Many others at the same time: theirs are not to be mixed up with it.
  const others = Array.from({ length: 20 }, (_, index) =>
    call('GET', '/entries', { headers: { 'x-request-id': `quick-${index}` } }),
  );
  const { pid, query } = await lock.waiting();
  await Promise.all(others);
  // It is the text that the server shows, so that one can be found by the other. On a busy machine any other may be slow as well.
  const sqlOfLock = query.replace(/\s+/g, ' ').trim();
  const linesOf = (message: string) =>
    program.log.filter(
      (one) => one.message === message && one['request_id'] === 'the-slow-one' && one['sql'] === sqlOfLock,
    );
  const firstLine = (message: string) => eventually(`"${message}" of the lock`, () => linesOf(message)[0]);
  // Whoever finds it in pg_stat_activity, waiting, learns whose it is.
  const early = await firstLine('slow statement, still running');
  assert.equal(early['pid'], pid);
  assert.ok(Number(early['duration_ms']) >= 500, JSON.stringify(early));
  await lock.release();
  assert.equal((await answer).status, 200);

  const line = await firstLine('slow statement');
  assert.equal(line['pid'], pid);
  assert.equal(line['route'], '/entries/:entry_id');
  assert.ok(Number(line['duration_ms']) >= 500, JSON.stringify(line));
  assert.ok(Number(line['waited_ms']) < 250, JSON.stringify(line));
  assert.equal(line['trace_id'], (await lineOf(program, 'request', 'the-slow-one'))['trace_id']);
  assert.doesNotMatch(JSON.stringify(program.log), /Smokey|private words/);
  assert.doesNotMatch(query, /the-slow-one/);
  for (const message of ['slow statement, still running', 'slow statement'])
    assert.equal(linesOf(message).length, 1, `"${message}" once`);
  for (const one of program.log)
    if (one.message.startsWith('slow statement') && String(one['request_id']).startsWith('quick'))
      assert.ok(one['sql'] !== sqlOfLock && one['pid'] !== pid, JSON.stringify(one));
  await program.kill();
});

test('one that is cancelled is logged with its SQLSTATE; what only waited for a connection says so', async () => {
  const { program, call } = await serve({
    SLOW_QUERY_MILLISECONDS: '200',
    DATABASE_POOL_SIZE: '1',
    DATABASE_POOL_OVERFLOW: '0',
    DATABASE_STATEMENT_TIMEOUT_SECONDS: '2',
  });
  const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: 'wanted' } });
  const lock = await lockEntry(entry.id);
  const cancelled = call('POST', `/entries/${entry.id}/favorite`, { headers: { 'x-request-id': 'cancelled' } });
  await lock.waiting();
  const waited = call('GET', '/entries', { headers: { 'x-request-id': 'waited' } });
  assert.equal((await cancelled).status, 503);
  assert.equal((await waited).status, 200);
  await lock.release();
  assert.match(String((await lineOf(program, 'slow statement', 'cancelled'))['error']), /^(55P03|57014)$/);
  const line = await lineOf(program, 'slow statement', 'waited');
  const [duration, waiting] = [Number(line['duration_ms']), Number(line['waited_ms'])];
  assert.ok(waiting > 200 && duration - waiting < waiting, JSON.stringify(line));
  assert.equal(line['error'], undefined);
  await program.kill();
});

test('SLOW_QUERY_MILLISECONDS=0: none', async () => {
  const { program, call } = await serve({ SLOW_QUERY_MILLISECONDS: '0' });
  const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: 'wanted' } });
  const lock = await lockEntry(entry.id);
  const answer = call('POST', `/entries/${entry.id}/favorite`);
  await lock.waiting();
  await pause(1100);
  await lock.release();
  assert.equal((await answer).status, 200);
  program.signal('SIGTERM');
  await program.ended();
  assert.equal(
    program.log.some(({ message }) => message.startsWith('slow statement')),
    false,
  );
});
