import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Analysis } from '../../src/analysis/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { assertError, assertInvalid, assertKeys, bodyOf, zulu } from './answers.ts';
import { createEntry } from './records.ts';

const analysisKeys = ['entry_id', 'summary', 'tags', 'sentiment', 'updatedAt'];

/** The hash of a text that is already folded and trimmed. */
const hashOf = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');

let site: Site;
let url: string;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    await sql`
      insert into entries (id, text, created_at) values
        (501, ${' a  b\n c '}, '2026-01-01T00:00:00Z'),
        (502, 'A text that was changed', '2026-01-01T00:00:00Z')`;
    await sql`
      insert into analyses (entry_id, text_hash, summary, tags, sentiment, created_at, updated_at) values
        (501, ${hashOf('a b c')}, 'kept', '["kept"]', 'negative', '2026-01-02T00:00:00Z', '2026-01-02T00:00:00.000001Z'),
        (502, ${hashOf('The text before')}, 'stale', '[]', 'negative', '2026-01-02T00:00:00Z', '2026-01-02T00:00:00Z')`;
    await sql`alter table entries alter column id restart with 1000`;
  });
  ({ url } = await site.start());
  call = clientOf(url);
});
after(() => site.close());

const analyze = (entryId: number | string) => call<Analysis>('POST', `/entries/${entryId}/analyze`);
const read = (entryId: number | string) => call<Analysis>('GET', `/entries/${entryId}/analysis`);

describe('POST /entries/{entry_id}/analyze', () => {
  test('answers the analysis, and keeps it', async () => {
    const { id } = await createEntry(call, { text: 'A good cat, a great cat,\n a   bad dog' });
    const made = bodyOf(await analyze(id));
    assertKeys(made, analysisKeys);
    const { updatedAt, ...facts } = made;
    assert.deepEqual(facts, {
      entry_id: id,
      summary: 'A good cat, a great cat, a bad dog',
      tags: ['cat', 'good', 'great', 'bad', 'dog'],
      sentiment: 'positive',
    });
    assert.match(updatedAt, zulu);
    assert.deepEqual(bodyOf(await analyze(id)), made);
    const found = bodyOf(await read(id));
    assertKeys(found, analysisKeys);
    assert.deepEqual(found, made);
  });

  test('the front end sends a content type without a body, others an empty object or nothing', async () => {
    const { id } = await createEntry(call);
    const made = bodyOf(await analyze(id));
    assert.deepEqual(bodyOf(await call('POST', `/entries/${id}/analyze`, { json: {} })), made);
    const bare = await fetch(`${url}/entries/${id}/analyze`, { method: 'POST' });
    assert.deepEqual(await bare.json(), made);
  });

  const texts: [string, string, Pick<Analysis, 'summary' | 'tags' | 'sentiment'>][] = [
    [
      'a summary of 160 is kept',
      'a'.repeat(160),
      { summary: 'a'.repeat(160), tags: ['a'.repeat(160)], sentiment: 'neutral' },
    ],
    ['161 are cut', 'b'.repeat(161), { summary: `${'b'.repeat(159)}…`, tags: ['b'.repeat(161)], sentiment: 'neutral' }],
    [
      'the cut counts code points and trims',
      `${'🐈'.repeat(158)} ${'🐈'.repeat(5)}`,
      { summary: `${'🐈'.repeat(158)}…`, tags: [], sentiment: 'neutral' },
    ],
    ['words of two letters are no tags', 'my ox is up', { summary: 'my ox is up', tags: [], sentiment: 'neutral' }],
    [
      'the first tag wins a tie',
      'zebra yak yak zebra ant',
      { summary: 'zebra yak yak zebra ant', tags: ['zebra', 'yak', 'ant'], sentiment: 'neutral' },
    ],
    [
      'words are whole, in every script that puts spaces between them',
      '3cats kätzin weißen кошка',
      { summary: '3cats kätzin weißen кошка', tags: ['cats', 'kätzin', 'weißen', 'кошка'], sentiment: 'neutral' },
    ],
    [
      'more bad than good',
      'bad bad stuck good',
      { summary: 'bad bad stuck good', tags: ['bad', 'stuck', 'good'], sentiment: 'negative' },
    ],
    [
      'words count once',
      'bad bad bad good',
      { summary: 'bad bad bad good', tags: ['bad', 'good'], sentiment: 'neutral' },
    ],
    ["good's is another word", "good's", { summary: "good's", tags: ['good'], sentiment: 'neutral' }],
  ];
  for (const [title, text, expected] of texts)
    test(title, async () => {
      const { id } = await createEntry(call, { text });
      const { summary, tags, sentiment } = bodyOf(await analyze(id));
      assert.deepEqual({ summary, tags, sentiment }, expected);
    });

  test('an analysis of the same text, but for white space, is returned as it was stored', async () => {
    assert.equal(hashOf('a b c'), '0e9f64031fcb2bc708b531c2a20441580425d151a38503f38592a7dd36019d3b');
    assert.deepEqual(bodyOf(await analyze(501)), {
      entry_id: 501,
      summary: 'kept',
      tags: ['kept'],
      sentiment: 'negative',
      updatedAt: '2026-01-02T00:00:00.000001Z',
    });
  });

  test('an analysis of another text is made again', async () => {
    assert.equal(bodyOf(await read(502)).summary, 'stale');
    const made = bodyOf(await analyze(502));
    assert.equal(made.summary, 'A text that was changed');
    assert.deepEqual(made.tags, ['text', 'changed']);
    assert.ok(made.updatedAt > '2026-01-03');
    assert.deepEqual(bodyOf(await read(502)), made);
  });

  test('PATCH of the text makes the next analysis new', async () => {
    const { id } = await createEntry(call, { text: 'bad' });
    const old = bodyOf(await analyze(id));
    bodyOf(await call('PATCH', `/entries/${id}`, { json: { text: 'good' } }));
    assert.deepEqual(bodyOf(await read(id)), old);
    assert.equal(bodyOf(await analyze(id)).sentiment, 'positive');
  });

  for (const id of [424242, 0, -1])
    test(`of sighting ${id} is 404`, async () => {
      assertError(await analyze(id), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
    });

  test('of an id that is no integer is 422', async () => {
    assertInvalid(await analyze('abc'), ['int_parsing', 'path', 'entry_id']);
  });
});

describe('GET /entries/{entry_id}/analysis', () => {
  test('is 404 before the first analysis, and for a sighting that does not exist', async () => {
    const { id } = await createEntry(call);
    for (const entryId of [id, 424242, -1])
      assertError(await read(entryId), 404, 'ANALYSIS_NOT_FOUND', 'No analysis found for this entry');
  });

  test('of an id that is no integer is 422, and says nothing of the database', async () => {
    const answer = await read('not_an_integer');
    const [found] = assertInvalid(answer, ['int_parsing', 'path', 'entry_id']);
    assert.deepEqual(found, {
      type: 'int_parsing',
      loc: ['path', 'entry_id'],
      msg: 'Input should be a valid integer, unable to parse string as an integer',
      input: 'not_an_integer',
    });
    assert.doesNotMatch(answer.text, /sql|postgres/i);
  });

  test('goes with its sighting', async () => {
    const { id } = await createEntry(call);
    bodyOf(await analyze(id));
    assert.equal((await call('DELETE', `/entries/${id}`)).status, 204);
    assert.equal((await read(id)).status, 404);
  });
});
