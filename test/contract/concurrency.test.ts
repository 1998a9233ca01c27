import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Analysis } from '../../src/analysis/schemas.ts';
import type { Comment } from '../../src/comments/schemas.ts';
import type { Entry } from '../../src/entries/schemas.ts';
import type { Insight } from '../../src/insights/insight.ts';
import { type Answer, type Client, clientOf } from '../harness/client.ts';
import { openSite, type RunningServer, type Site } from '../harness/server.ts';
import { bodyOf } from './answers.ts';
import { catOf, createCat, createEntry } from './records.ts';

let site: Site;
let server: RunningServer;
let call: Client;

before(async () => {
  site = await openSite();
  server = await site.start();
  call = clientOf(server.url);
});
after(() => site.close());

/** As many at once. */
const atOnce = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

/** Every answer has one of these statuses: who comes second may find nothing, but nobody gets an error of the server. */
function assertStatuses(answers: readonly Answer<unknown>[], ...allowed: number[]): void {
  for (const { status, text } of answers) assert.ok(allowed.includes(status), `${status} ${text}`);
}

test('20 double clicks on a favourite at once are 40 flips', async () => {
  const { id } = await createEntry(call);
  const flips = await atOnce(40, () => call<Entry>('POST', `/entries/${id}/favorite`));
  const marks = flips.map((flip) => bodyOf(flip).isFavorite);
  assert.deepEqual([marks.filter((mark) => mark).length, marks.filter((mark) => !mark).length], [20, 20]);
  assert.equal(bodyOf(await call<Entry>('GET', `/entries/${id}`)).isFavorite, false);
});

test('21 single clicks at once leave the mark set', async () => {
  const { id } = await createEntry(call);
  const flips = await atOnce(21, () => call<Entry>('POST', `/entries/${id}/favorite`));
  assert.equal(flips.filter((flip) => bodyOf(flip).isFavorite).length, 11);
  assert.equal(bodyOf(await call<Entry>('GET', `/entries/${id}`)).isFavorite, true);
});

test('30 identical insights at once are one insight', async () => {
  const { id } = await createCat(call, { texts: ['Grey', 'Grey and thin'] });
  const ask = () => call<Insight>('POST', `/cats/${id}/insights`, { json: { mode: 'profile' } });
  const answers = await atOnce(30, ask);
  assertStatuses(answers, 200);
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  assert.equal((await ask()).text, answers[0]?.text);
});

test('20 analyses of one sighting at once are one analysis', async () => {
  const { id } = await createEntry(call, { text: 'A good cat' });
  const answers = await atOnce(20, () => call<Analysis>('POST', `/entries/${id}/analyze`));
  assertStatuses(answers, 200);
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  assert.equal((await call('GET', `/entries/${id}/analysis`)).text, answers[0]?.text);
});

test('30 sightings and 30 comments at once are all kept, each with an id of its own', async () => {
  const { id: catId } = await createCat(call);
  const entries = await atOnce(30, (index) => createEntry(call, { text: `Sighting ${index}` }));
  const listed = new Map(bodyOf(await call<Entry[]>('GET', '/entries')).map((entry) => [entry.id, entry.text]));
  for (const { id, text } of entries) assert.equal(listed.get(id), text);

  const json = { author_name: 'Mia', content: 'Hello' };
  const comments = await atOnce(30, () => call<Comment>('POST', `/cats/${catId}/comments`, { json }));
  const ids = comments.map((comment) => bodyOf(comment, 201).id);
  const page = bodyOf(await call<{ comments: Comment[] }>('GET', `/cats/${catId}/comments?limit=100`));
  assert.deepEqual(page.comments.map(({ id }) => id).sort(), ids.sort());
});

test('30 changes of one sighting at once: each field ends as one of them said, none is undone by another', async () => {
  const { id } = await createEntry(call);
  const fields = ['nickname', 'location', 'photo_url'] as const;
  const answers = await atOnce(30, (index) =>
    call('PATCH', `/entries/${id}`, { json: { [fields[index % 3] ?? 'nickname']: `https://photos.example/${index}` } }),
  );
  assertStatuses(answers, 200);
  const entry = bodyOf(await call<Entry>('GET', `/entries/${id}`));
  for (const [rest, field] of fields.entries()) {
    const [, index] = /^https:\/\/photos\.example\/(\d+)$/.exec(entry[field] ?? '') ?? [];
    assert.equal(Number(index) % 3, rest, `${field}: ${entry[field]}`);
  }
});

test('linking the same sightings to two cats at once, in opposite order, ends with all at one of them', async () => {
  const [one, two] = [await createCat(call), await createCat(call)];
  const ids = (await atOnce(12, () => createEntry(call))).map(({ id }) => id);
  const answers = await atOnce(10, (index) =>
    index % 2 === 0
      ? call('POST', `/cats/${one.id}/link-sightings`, { json: { entry_ids: ids } })
      : call('POST', `/cats/${two.id}/link-sightings`, { json: { entry_ids: ids.toReversed() } }),
  );
  assertStatuses(answers, 200);
  const cats = new Set(await Promise.all(ids.map((id) => catOf(call, id))));
  assert.equal(cats.size, 1);
  assert.ok([one.id, two.id].includes([...cats][0] ?? 0));
});

test('a cat made of the same sightings many times at once is one cat, and no cat is left without sightings', async () => {
  const before = bodyOf(await call<{ id: number }[]>('GET', '/cats')).length;
  const ids = (await atOnce(3, () => createEntry(call))).map(({ id }) => id);
  const answers = await atOnce(8, (index) =>
    call<{ id: number; name: string | null }>('POST', '/cats/from-sightings', {
      json: { entry_ids: index % 2 === 0 ? ids : ids.toReversed(), name: `Tiger ${index}` },
    }),
  );
  assertStatuses(answers, 200);
  assert.deepEqual(
    answers.map((answer) => bodyOf(answer).name),
    answers.map((_, index) => `Tiger ${index}`),
    'each is answered the name that it sent',
  );
  const [catId = 0, ...others] = new Set(answers.map((answer) => bodyOf(answer).id));
  assert.deepEqual(others, []);
  for (const id of ids) assert.equal(await catOf(call, id), catId);
  assert.equal(bodyOf(await call<unknown[]>('GET', '/cats')).length, before + 1);
});

test('a cat made of more sightings takes over the cat that would be left without any', async () => {
  const [first, second] = [await createEntry(call), await createEntry(call)];
  const make = (entryIds: number[], name: string | null) =>
    call<{ id: number; name: string | null }>('POST', '/cats/from-sightings', { json: { entry_ids: entryIds, name } });
  const small = bodyOf(await make([first.id], 'Mia'));
  const large = bodyOf(await make([second.id, first.id], null));
  assert.deepEqual([large.id, large.name], [small.id, 'Mia']);
  assert.equal(await catOf(call, second.id), small.id);
  const third = await createEntry(call);
  const stolen = bodyOf(await make([first.id, third.id], 'Tom'));
  assert.notEqual(stolen.id, small.id, 'the other cat keeps a sighting, so this is a new one');
  assert.equal(await catOf(call, second.id), small.id);
});

/** What may reach for a cat while it is deleted, and what it answers when it is too late. */
const reaches: [string, (catId: number, entryId: number) => Promise<Answer<unknown>>, success: number][] = [
  [
    'linking to a cat',
    (catId, entryId) => call('POST', `/cats/${catId}/link-sightings`, { json: { entry_ids: [entryId] } }),
    200,
  ],
  ['assigning to a cat', (catId, entryId) => call('POST', `/entries/${entryId}/assign/${catId}`), 200],
  [
    'a comment on a cat',
    (catId) => call('POST', `/cats/${catId}/comments`, { json: { author_name: 'Mia', content: 'Hello' } }),
    201,
  ],
  ['an insight about a cat', (catId) => call('POST', `/cats/${catId}/insights`, { json: { mode: 'care' } }), 200],
];
for (const [title, reach, success] of reaches)
  test(`${title} while it is deleted`, async () => {
    await atOnce(10, async () => {
      const { id: catId, entryIds } = await createCat(call, { texts: ['Grey'] });
      const { id: entryId } = await createEntry(call);
      const early = reach(catId, entryId);
      const deletion = call('DELETE', `/cats/${catId}`);
      const late = reach(catId, entryId);
      assertStatuses(await Promise.all([early, late]), success, 404);
      assert.equal((await deletion).status, 204);
      assert.equal((await call('GET', `/cats/${catId}`)).status, 404);
      for (const id of [...entryIds, entryId]) assert.equal(await catOf(call, id), null);
    });
  });

test('assigning, analysing and marking a sighting while it is deleted', async () => {
  const { id: catId } = await createCat(call);
  await atOnce(10, async () => {
    const { id } = await createEntry(call);
    const [deletion, ...answers] = await Promise.all([
      call('DELETE', `/entries/${id}`),
      call('POST', `/entries/${id}/assign/${catId}`),
      call('POST', `/entries/${id}/analyze`),
      call('POST', `/entries/${id}/favorite`),
      call('POST', `/cats/${catId}/link-sightings`, { json: { entry_ids: [id] } }),
    ]);
    assert.equal(deletion.status, 204);
    assertStatuses(answers, 200, 404);
    assert.equal((await call('GET', `/entries/${id}`)).status, 404);
    assert.equal((await call('GET', `/entries/${id}/analysis`)).status, 404);
  });
  assert.equal(bodyOf(await call<{ total: number }>('GET', `/cats/${catId}/sightings`)).total, 0);
});

test('of 10 deletions at once one deletes', async () => {
  const { id } = await createEntry(call);
  const answers = await atOnce(10, () => call('DELETE', `/entries/${id}`));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [204, ...Array.from({ length: 9 }, () => 404)]);
});

test('the server noticed nothing wrong', () => {
  assert.deepEqual(
    server.log.filter(({ message }) => message === 'request failed' || message === 'request could not be served'),
    [],
  );
});
