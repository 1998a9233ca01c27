import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duringRequest } from '../observability/current-request.ts';
import type { Log } from '../observability/log.ts';
import { silentLog } from '../observability/log.ts';
import { traceContextOf } from '../observability/trace-context.ts';
import { streamJsonArray } from './json-stream.ts';

/** A table of so many rows; `asked` collects the ids that batches were asked to begin below. */
function tableOf(count: number, fail: (asks: number) => string | undefined = () => undefined, log: Log = silentLog) {
  const asked: number[] = [];
  const listBefore = async (before: number) => {
    asked.push(before);
    const code = fail(asked.length);
    if (code !== undefined) throw Object.assign(new Error(code), { code });
    const newest = Math.min(count, before - 1);
    return Array.from({ length: Math.min(500, newest) }, (_, index) => ({
      id: newest - index,
      json: `{"id":${newest - index}}`,
    }));
  };
  const work = { enterStreams: async () => () => {} };
  return { asked, answer: () => streamJsonArray({ log, work }, listBefore) };
}

const idsOf = async (response: Response) => ((await response.json()) as { id: number }[]).map(({ id }) => id);
const descending = (count: number) => Array.from({ length: count }, (_, index) => count - index);

test('every row once, by descending id, whatever the number of batches', async () => {
  for (const count of [0, 1, 499, 500, 501, 999, 1000, 1001, 1234]) {
    const response = await tableOf(count).answer();
    assert.equal(response.headers.get('content-type'), 'application/json');
    assert.deepEqual(await idsOf(response), descending(count), `${count} rows`);
  }
});

test('nothing is read before its reader wants it', async () => {
  const { asked, answer } = tableOf(5000);
  const reader = (await answer()).body?.getReader();
  await reader?.read();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(asked.length, 1);
  await reader?.read();
  assert.equal(asked.length, 2);
  await reader?.cancel();
});

test('HEAD reads one batch of a long list and has no length', async () => {
  const { asked, answer } = tableOf(5000);
  const request = { id: 'mine', method: 'HEAD', route: '/entries', trace: traceContextOf(null) };
  const response = await duringRequest(request, answer);
  assert.notEqual(response.body, null);
  assert.equal(await response.text(), '');
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.equal(asked.length, 1);
});

test('a connection that breaks under a later batch: that batch is read again', async () => {
  const { answer } = tableOf(1200, (asks) => (asks === 2 ? 'ECONNRESET' : undefined));
  assert.deepEqual(await idsOf(await answer()), descending(1200));
});

test('a failure that stays ends the answer in the middle, and both the reader and the log get to know', async () => {
  const lines: unknown[] = [];
  const log: Log = { ...silentLog, warn: (message, fields) => lines.push([message, fields?.['request_id']]) };
  const { answer } = tableOf(1200, (asks) => (asks > 1 ? 'ECONNREFUSED' : undefined), log);
  const request = { id: 'mine', method: 'GET', route: '/entries', trace: traceContextOf(null) };
  await assert.rejects((await duringRequest(request, answer)).text(), /ECONNREFUSED/);
  assert.deepEqual(lines, [['request could not be served', 'mine']]);
});

test('a failure of the first batch is an error before the answer begins', async () => {
  await assert.rejects(tableOf(3, () => 'ECONNREFUSED').answer(), /ECONNREFUSED/);
});
