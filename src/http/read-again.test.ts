import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toAppError } from '../database/errors.ts';
import type { AppError } from '../errors.ts';
import { noteInterruption, readAgain, readOnceMore } from './read-again.ts';
import { factsOf } from './request-facts.ts';

const failure = (code: string): AppError => {
  const error = toAppError(Object.assign(new Error('lost'), { code }));
  assert.ok(error);
  return error;
};

/** An application whose first answers are these failures, and then 200. */
function failing(...codes: string[]) {
  const asked: string[] = [];
  const fetch = readAgain(async (request) => {
    const code = codes[asked.length];
    asked.push(request.method);
    if (code === undefined) return new Response('done');
    noteInterruption(request, failure(code));
    return new Response(code, { status: 503 });
  });
  return { asked, fetch };
}

const ask = async (method: string, ...codes: string[]) => {
  const { asked, fetch } = failing(...codes);
  const { status } = await fetch(new Request('http://server/entries', { method }));
  return [status, asked.length];
};

test('a read whose connection broke is asked once more', async () => {
  for (const code of ['CONNECTION_CLOSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P05', '08006'])
    for (const method of ['GET', 'HEAD']) assert.deepEqual(await ask(method, code), [200, 2], `${method} ${code}`);
});

test('once, and no more', async () => {
  assert.deepEqual(await ask('GET', 'ECONNRESET', 'ECONNRESET'), [503, 2]);
});

test('what succeeds is asked once', async () => {
  assert.deepEqual(await ask('GET'), [200, 1]);
});

test('a write is never asked again', async () => {
  for (const method of ['POST', 'PATCH', 'PUT', 'DELETE'])
    assert.deepEqual(await ask(method, 'CONNECTION_CLOSED'), [503, 1], method);
});

test('nor is a read that was refused, came to a deadline or ended for a reason that stays', async () => {
  for (const code of [
    'ECONNREFUSED',
    'CONNECT_TIMEOUT',
    'QUERY_TIMEOUT',
    'QUEUE_TIMEOUT',
    'ETIMEDOUT',
    '57P03',
    '57014',
  ])
    assert.deepEqual(await ask('GET', code), [503, 1], code);
});

test('nor one whose client has waited for long', () => {
  const request = new Request('http://server/entries');
  factsOf(request).began -= 1500;
  assert.equal(noteInterruption(request, failure('ECONNRESET')), false);
});

test('a part of an answer that has begun is read once more, and no more', async () => {
  const reading = (...codes: string[]) => {
    let reads = 0;
    const rows = readOnceMore(async () => {
      const code = codes[reads];
      reads += 1;
      if (code !== undefined) throw Object.assign(new Error(code), { code });
      return reads;
    });
    return rows.catch((error: Error) => `${error.message} at read ${reads}`);
  };
  assert.equal(await reading(), 1);
  assert.equal(await reading('ECONNRESET'), 2);
  assert.equal(await reading('ECONNRESET', '57P01'), '57P01 at read 2');
  assert.equal(await reading('ECONNREFUSED'), 'ECONNREFUSED at read 1');
});
