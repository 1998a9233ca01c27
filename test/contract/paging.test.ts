import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { bodyOf } from './answers.ts';

interface Row {
  id: number;
  createdAt: string;
}

interface Page {
  sightings?: Row[];
  comments?: Row[];
  total: number;
  page: number;
  limit: number;
  totalPages: number;
  hasMore: boolean;
}

/** Moments by row, several at the very same one; stored in this order, which is not that of their ids. */
const moments: [number, string][] = [
  [13, '2026-01-02T00:00:00Z'],
  [11, '2026-01-02T00:00:00Z'],
  [17, '2026-01-02T00:00:00Z'],
  [12, '2026-01-02T00:00:00Z'],
  [20, '2026-01-02T00:00:00Z'],
  [15, '2026-01-02T00:00:00.5Z'],
  [14, '2026-01-02T00:00:00.5Z'],
  [16, '2026-01-02T00:00:00.000001Z'],
  [19, '2026-01-01T23:59:59.999999Z'],
  [18, '2026-01-01T23:59:59.999999Z'],
];
const newestFirst = [15, 14, 16, 20, 17, 13, 12, 11, 19, 18];

let site: Site;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    await sql`insert into cats (id, created_at) values (500, '2026-01-01T00:00:00Z'), (501, '2026-01-01T00:00:00Z')`;
    for (const [id, moment] of moments) {
      await sql`insert into entries (id, cat_id, text, created_at) values (${id}, 500, 'Grey', ${moment})`;
      await sql`
        insert into cat_comments (id, cat_id, author_name, content, created_at, updated_at)
        values (${id}, 500, 'Mia', 'Hello', ${moment}, ${moment})`;
      // Neighbours at the same moments, which belong to another cat.
      await sql`insert into entries (id, cat_id, text, created_at) values (${id + 100}, 501, 'Black', ${moment})`;
    }
  });
  call = clientOf((await site.start()).url);
});
after(() => site.close());

for (const list of ['sightings', 'comments'] as const) {
  const pageOf = async (page: number, limit: number) =>
    bodyOf(await call<Page>('GET', `/cats/500/${list}?page=${page}&limit=${limit}`));
  const idsOf = (page: Page) => (page[list] ?? []).map(({ id }) => id);

  describe(`/cats/{cat_id}/${list}`, () => {
    test('is ordered by time, then by id, the newest first', async () => {
      assert.deepEqual(idsOf(await pageOf(1, 100)), newestFirst);
    });

    for (const limit of [1, 2, 3, 4, 10])
      test(`pages of ${limit} repeat nothing and skip nothing`, async () => {
        const found: number[] = [];
        const totalPages = Math.ceil(moments.length / limit);
        for (let number = 1; number <= totalPages; number += 1) {
          const page = await pageOf(number, limit);
          const { total, page: asked, limit: size, totalPages: pages, hasMore } = page;
          assert.deepEqual([total, asked, size, pages, hasMore], [10, number, limit, totalPages, number < totalPages]);
          found.push(...idsOf(page));
        }
        assert.deepEqual(found, newestFirst);
        assert.deepEqual(idsOf(await pageOf(totalPages + 1, limit)), []);
      });

    test('the last page that can be asked for is empty', async () => {
      const page = await pageOf(1_000_000_000, 100);
      assert.deepEqual([idsOf(page), page.total, page.totalPages, page.hasMore], [[], 10, 1, false]);
    });
  });
}

test('a row that is rewritten does not move among its equals', async () => {
  const before = bodyOf(await call<Page>('GET', '/cats/500/sightings?limit=100'));
  for (const id of [17, 12]) bodyOf(await call('POST', `/entries/${id}/favorite`));
  const after = bodyOf(await call<Page>('GET', '/cats/500/sightings?limit=100'));
  assert.deepEqual(
    after.sightings?.map(({ id }) => id),
    before.sightings?.map(({ id }) => id),
  );
});

test('the enhanced profile has the same order', async () => {
  const profile = bodyOf(await call<{ recentSightings: Row[] }>('GET', '/cats/500/profile/enhanced'));
  assert.deepEqual(
    profile.recentSightings.map(({ id }) => id),
    newestFirst.slice(0, 5),
  );
});
