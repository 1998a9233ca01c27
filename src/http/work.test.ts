import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admission } from './admission.ts';
import { createWork } from './work.ts';

const minute = 60_000;
const begin = (milliseconds = minute, client?: AbortSignal) =>
  createWork(client, new Admission(), performance.now() + milliseconds);

/** Keeps the event loop for so long. */
function toil(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

test('others get their turn while long work goes on, however much of it there is', async () => {
  let visits = 0;
  let most = 0;
  let watching = true;
  const watch = () => {
    most = Math.max(most, visits);
    visits = 0;
    if (watching) setImmediate(watch);
  };
  setImmediate(watch);
  const items = Array.from({ length: 40 }, (_, index) => index);
  const seen: number[][] = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const own: number[] = [];
      await begin().each(items, (item) => {
        toil(1);
        visits += 1;
        own.push(item);
      });
      return own;
    }),
  );
  watching = false;
  for (const own of seen) assert.deepEqual(own, items);
  // Visits of a millisecond, in slices of two: eight slices between two turns would be sixteen.
  assert.ok(most <= 4, `${most} ms without a turn`);
});

test('steps of a generator are run to their end in slices, and their result is returned', async () => {
  let turns = 0;
  let running = true;
  const count = () => {
    turns += 1;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  const result = await begin().run(
    (function* () {
      for (let step = 0; step < 30; step += 1) {
        toil(1);
        yield;
      }
      return 'done';
    })(),
  );
  running = false;
  assert.equal(result, 'done');
  assert.ok(turns > 5, `${turns} turns`);
});

test('work whose time is over stops with 503', async () => {
  let visited = 0;
  const items = Array.from({ length: 10_000 }, () => 0);
  const work = begin(20).each(items, () => {
    visited += 1;
    toil(1);
  });
  await assert.rejects(work, { status: 503, code: 'REQUEST_TIMEOUT' });
  assert.ok(visited > 0 && visited < 2000, `${visited}`);
});

test('work whose client has gone stops; what others wait for too goes on', async () => {
  const client = new AbortController();
  const work = begin(minute, client.signal);
  client.abort();
  await assert.rejects(work.turn(), { status: 499, code: 'CLIENT_GONE' });
  await work.shared().turn();
});
