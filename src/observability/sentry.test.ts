import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CurrentRequest } from './current-request.ts';
import { type Log, silentLog } from './log.ts';
import { openSentry } from './sentry.ts';

const origin = { release: 'catatlas@1', environment: 'test', runtime: 'bun 1', secrets: ['hush-hush'] };

/** What came, and how the next one is answered. */
let received: string[] = [];
let answer: { status: number; headers: Record<string, string> };
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => (body += text));
  request.on('end', () => {
    received.push(body);
    response.writeHead(answer.status, answer.headers).end();
  });
});

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  received = [];
  answer = { status: 200, headers: {} };
});

const open = (log: Log = silentLog) =>
  openSentry({
    dsn: `http://key@127.0.0.1:${(server.address() as AddressInfo).port}/prefix/7`,
    origin,
    sampleRate: 1,
    log,
  });

const request = (): CurrentRequest => ({
  id: 'r',
  method: 'GET',
  route: '/cats',
  trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), parentSpanId: undefined },
});

const types = () => received.map((body) => JSON.parse(body.split('\n')[1] ?? '').type);

test('told to wait, it lets go of what comes meanwhile: all of it by Retry-After, one kind by the header for that', async () => {
  for (const [headers, expected] of [
    [{ 'retry-after': '30' }, []],
    [{ 'x-sentry-rate-limits': '30:error:organization' }, ['transaction']],
    [{ 'x-sentry-rate-limits': '30:transaction;profile:key, 30:replay:key' }, ['event']],
    [{ 'x-sentry-rate-limits': '30::organization' }, []],
  ] as const) {
    const sentry = open();
    answer = { status: 429, headers };
    sentry.report({ message: 'first' });
    await sentry.flush(2000);
    received = [];
    sentry.report({ message: 'second' });
    const answered = request();
    sentry.requests.begins(answered);
    sentry.requests.ends({ request: answered, status: 200, began: 0, milliseconds: 1 });
    await sentry.flush(2000);
    assert.deepEqual(types(), expected, JSON.stringify(headers));
  }
});

test('when everything fails, it is told sixty times a minute and not more', async () => {
  const sentry = open();
  for (let count = 0; count < 100; count += 1) {
    sentry.report({ message: `fault ${count}` });
    await sentry.flush(2000);
  }
  assert.equal(received.length, 60);
});

test('what cannot be delivered is said once, and once more when it can be again', async () => {
  const said: string[] = [];
  const sentry = open({ ...silentLog, warn: (message) => said.push(message), info: (message) => said.push(message) });
  const report = async () => {
    sentry.report({ message: 'fault' });
    await sentry.flush(2000);
  };
  answer = { status: 400, headers: {} };
  await report();
  await report();
  answer = { status: 200, headers: {} };
  await report();
  await report();
  assert.equal(said.length, 2, said.join('\n'));
  assert.match(said[0] ?? '', /^Sentry cannot be reached/);
  assert.match(said[1] ?? '', /^Sentry takes reports again/);
});

test('causes come with it, the innermost first, and a secret in none of them', async () => {
  const sentry = open();
  const inner = new TypeError('it was hush-hush all along');
  const outer = new Error('reading "Smokey" failed', { cause: inner });
  sentry.report({ message: 'request failed', error: outer });
  sentry.report({ message: 'thrown was no error', error: 'hush-hush' });
  await sentry.flush(2000);
  const values = received
    .map((body) => JSON.parse(body.split('\n')[2] ?? ''))
    .flatMap((event) => event.exception.values.map((one: { type: string; value: string }) => [one.type, one.value]));
  assert.deepEqual(values, [
    ['TypeError', 'it was [secret] all along'],
    ['Error', 'reading "…" failed'],
    ['string', '[secret]'],
  ]);
});

test('flush waits no longer than it is told to', async () => {
  const deaf = createServer(() => {});
  deaf.listen(0, '127.0.0.1');
  await once(deaf, 'listening');
  const { port } = deaf.address() as AddressInfo;
  const sentry = openSentry({ dsn: `http://key@127.0.0.1:${port}/1`, origin, sampleRate: 0, log: silentLog });
  sentry.report({ message: 'nobody listens' });
  const began = performance.now();
  await sentry.flush(200);
  const milliseconds = performance.now() - began;
  assert.ok(milliseconds >= 190 && milliseconds < 1500, `${milliseconds} ms`);
  deaf.closeAllConnections();
  deaf.close();
});

test('nothing imports it but what is loaded when SENTRY_DSN is set', () => {
  const source = fileURLToPath(new URL('..', import.meta.url));
  const optional = ['process-sentry.ts', 'sentry.ts', 'sentry-events.ts', 'scrub.ts', 'stack-frames.ts'];
  const importers = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .filter((name) => !optional.some((one) => name.endsWith(`observability/${one}`)))
    .filter((name) =>
      [...readFileSync(`${source}${name}`, 'utf8').matchAll(/^import (?!type )[^;]*?'([^']+)';/gm)].some(([, from]) =>
        optional.some((one) => from?.endsWith(`/${one}`)),
      ),
    );
  assert.deepEqual(importers, []);
});
