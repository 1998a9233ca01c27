import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Cat } from '../../src/cats/schemas.ts';
import type { Entry } from '../../src/entries/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { assertKeys, bodyOf, catKeys, entryKeys } from './answers.ts';
import { createEntry } from './records.ts';

// The two lists that have no pages: whole, valid JSON at any length, around the 500 rows that the server reads at a time.

/** Texts whose characters have one to four bytes, so that a cut between two parts of the answer would show. */
const textOf = (number: number) => `Sighting ${number}: "ä", \\, 猫, 🐈`;
const catCount = 1203;

let site: Site;
let url: string;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    const rows = Array.from({ length: 499 }, (_, at) => ({ text: textOf(at), created_at: '2026-11-22T13:13:34Z' }));
    await sql`insert into entries ${sql(rows)}`;
    await sql`
      insert into cats (name, created_at)
      select 'Cat ' || number, '2026-11-22T13:13:34Z' from generate_series(1, ${catCount * 2}) as number`;
    // Ids with gaps, as deletions leave them.
    await sql`delete from cats where id % 2 = 0`;
  });
  url = (await site.start()).url;
  call = clientOf(url);
});
after(() => site.close());

async function assertListed<Row extends { id: number }>(path: string, count: number, keys: string[]): Promise<Row[]> {
  const rows = bodyOf(await call<Row[]>('GET', path));
  assert.equal(rows.length, count);
  rows.forEach((row, at) => {
    assertKeys(row, keys);
    assert.ok(at === 0 || row.id < Number(rows[at - 1]?.id), `id ${row.id} at ${at}`);
  });
  return rows;
}

test('entries: 499, 500, 501 and more than 1000 rows', async () => {
  const seeded = await assertListed<Entry>('/entries', 499, entryKeys);
  assert.deepEqual(seeded.map(({ text }) => text).sort(), Array.from({ length: 499 }, (_, at) => textOf(at)).sort());

  const added: Entry[] = [];
  for (const count of [500, 501]) {
    added.unshift(await createEntry(call, { text: textOf(count) }));
    const listed = await assertListed<Entry>('/entries', count, entryKeys);
    assert.deepEqual(listed, [...added, ...seeded]);
  }

  for (let round = 0; round < 10; round++)
    added.push(...(await Promise.all(Array.from({ length: 50 }, () => createEntry(call, { text: textOf(round) })))));
  const listed = await assertListed<Entry>('/entries', 1001, entryKeys);
  assert.deepEqual(listed, [...added.toSorted((a, b) => b.id - a.id), ...seeded]);
});

test('cats: more than 1000 rows, with gaps between the ids', async () => {
  const cats = await assertListed<Cat>('/cats', catCount, catKeys);
  assert.equal(new Set(cats.map(({ name }) => name)).size, catCount);
});

// To know its length, the whole table would be read.
test('HEAD of a long list has no length', async () => {
  const head = await call('HEAD', '/cats');
  assert.equal(head.status, 200);
  assert.equal(head.text, '');
  assert.match(head.headers.get('content-type') ?? '', /^application\/json/);
  assert.equal(head.headers.get('content-length'), null);
});

test('several readers at once, and one that gives up', async () => {
  const abandoned = await fetch(`${url}/cats`);
  await abandoned.body?.cancel();
  const lists = await Promise.all(Array.from({ length: 8 }, () => assertListed<Cat>('/cats', catCount, catKeys)));
  for (const list of lists) assert.deepEqual(list, lists[0]);
});
