import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppError } from '../errors.ts';
import { Admission, capacities } from './admission.ts';

const work = { queue: 'places' } as const;
const capacity = capacities.places;

/** Takes so many places. */
const enterMany = (admission: Admission, count: number) =>
  Promise.all(Array.from({ length: count }, () => admission.enter(work)));

/** What became of work that asked to be let in, so far. */
function follow(entering: Promise<() => void>) {
  const state: { is: 'waiting' | 'at work' | 'refused'; error?: AppError; leave?: () => void } = { is: 'waiting' };
  entering.then(
    (leave) => Object.assign(state, { is: 'at work', leave }),
    (error: AppError) => Object.assign(state, { is: 'refused', error }),
  );
  return state;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('lets in what fits, and the next one when one has left', async () => {
  const admission = new Admission();
  const [leave] = await enterMany(admission, capacity);
  const next = follow(admission.enter(work));
  await settled();
  assert.equal(next.is, 'waiting');
  leave?.();
  leave?.();
  await settled();
  assert.equal(next.is, 'at work');
  const after = follow(admission.enter(work));
  await settled();
  assert.equal(after.is, 'waiting', 'who leaves twice makes room once');
  next.leave?.();
});

test('heavy work waits for as much room as it needs, and lighter work that came later waits behind it', async () => {
  const admission = new Admission();
  const leaves = await enterMany(admission, capacity);
  const heavy = follow(admission.enter({ ...work, weight: 2 }));
  const light = follow(admission.enter(work));
  leaves[0]?.();
  await settled();
  assert.deepEqual([heavy.is, light.is], ['waiting', 'waiting']);
  leaves[1]?.();
  await settled();
  assert.deepEqual([heavy.is, light.is], ['at work', 'waiting']);
  leaves[2]?.();
  await settled();
  assert.equal(light.is, 'at work');
});

test('another queue has room of its own', async () => {
  const admission = new Admission();
  await enterMany(admission, capacity);
  const leave = await admission.enter({ queue: 'matching' });
  leave();
});

test('refuses at once what comes to a full queue, with 503 and Retry-After', async () => {
  const admission = new Admission({ waiting: 2, milliseconds: 10_000 });
  const leaves = await enterMany(admission, capacity);
  const waiting = [follow(admission.enter(work)), follow(admission.enter(work))];
  const refused = follow(admission.enter(work));
  await settled();
  assert.equal(refused.is, 'refused');
  assert.deepEqual([refused.error?.status, refused.error?.code], [503, 'SERVER_BUSY']);
  assert.equal(refused.error?.headers['retry-after'], '2');
  for (const leave of leaves) leave();
  await settled();
  assert.deepEqual(
    waiting.map(({ is }) => is),
    ['at work', 'at work'],
  );
});

test('refuses what has waited too long, and lets in lighter work that stood behind it', async () => {
  const admission = new Admission({ waiting: 10, milliseconds: 30 });
  const leaves = await enterMany(admission, capacity);
  const heavy = admission.enter({ ...work, weight: capacity });
  const refusal = assert.rejects(heavy, { code: 'SERVER_BUSY' });
  leaves[0]?.();
  // It comes while the heavy one waits, and has less time left to it than the heavy one had.
  await new Promise((resolve) => setTimeout(resolve, 15));
  const light = follow(admission.enter(work));
  await settled();
  assert.equal(light.is, 'waiting');
  await refusal;
  await settled();
  assert.equal(light.is, 'at work');
});
