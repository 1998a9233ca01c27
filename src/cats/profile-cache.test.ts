import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Made, ProfileCache } from './profile-cache.ts';

/** Something that is made when told to, of this version, and how often it was asked for. */
function workshop() {
  const orders: { done(profile: string, version?: string): void; fail(error: Error): void }[] = [];
  const makeOf = (asked: string) => () =>
    new Promise<Made<string>>((resolve, reject) => {
      orders.push({ done: (profile, version = asked) => resolve({ profile, version }), fail: reject });
    });
  return { orders, make: makeOf('a'), makeOf };
}

test('a crowd waits for the same work, and whoever comes later gets its result', async () => {
  const cache = new ProfileCache<string>(10);
  const { orders, make } = workshop();
  const crowd = Array.from({ length: 100 }, () => cache.get(1, 'a', make));
  assert.equal(orders.length, 1);
  orders[0]?.done('profile');
  assert.deepEqual(new Set(await Promise.all([...crowd, cache.get(1, 'a', make)])), new Set(['profile']));
  assert.equal(orders.length, 1);
});

test('another version is made anew, also while an older one is still being made', async () => {
  const cache = new ProfileCache<string>(10);
  const { orders, makeOf } = workshop();
  const older = cache.get(1, 'a', makeOf('a'));
  const newer = cache.get(1, 'b', makeOf('b'));
  orders[1]?.done('newer');
  orders[0]?.done('older');
  assert.deepEqual([await older, await newer], ['older', 'newer']);
  assert.equal(await cache.get(1, 'b', makeOf('b')), 'newer');
  assert.equal(orders.length, 2);
});

test('a failure is told to everybody who waits, and not kept', async () => {
  const cache = new ProfileCache<string>(10);
  const { orders, make } = workshop();
  const crowd = [cache.get(1, 'a', make), cache.get(1, 'a', make)];
  orders[0]?.fail(new Error('lost'));
  for (const one of crowd) await assert.rejects(one, /lost/);
  const again = cache.get(1, 'a', make);
  orders[1]?.done('profile');
  assert.equal(await again, 'profile');
});

test('a failure of an older version does not take a newer one with it', async () => {
  const cache = new ProfileCache<string>(10);
  const { orders, makeOf } = workshop();
  const older = cache.get(1, 'a', makeOf('a'));
  const newer = cache.get(1, 'b', makeOf('b'));
  orders[0]?.fail(new Error('lost'));
  await assert.rejects(older);
  orders[1]?.done('newer');
  assert.deepEqual([await newer, await cache.get(1, 'b', makeOf('b'))], ['newer', 'newer']);
});

test('what a server made that is behind is kept as what it is: the newer version is made anew', async () => {
  const cache = new ProfileCache<string>(10);
  const { orders, make } = workshop();
  const behind = cache.get(1, 'b', make);
  orders[0]?.done('older', 'a');
  assert.equal(await behind, 'older');
  assert.equal(await cache.get(1, 'a', make), 'older');
  const again = cache.get(1, 'b', make);
  orders[1]?.done('newer', 'b');
  assert.equal(await again, 'newer');
});

test('above the limit, the cat that was not asked for longest goes', async () => {
  const cache = new ProfileCache<number>(2);
  let made = 0;
  const ask = (catId: number) => cache.get(catId, 'a', async () => ({ version: 'a', profile: ++made }));
  await ask(1);
  await ask(2);
  await ask(1);
  await ask(3);
  assert.equal(made, 3);
  await ask(1);
  assert.equal(made, 3, 'asked for since: still there');
  await ask(2);
  assert.equal(made, 4, 'gone');
});
