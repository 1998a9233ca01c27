import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Insight } from '../../src/insights/insight.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { assertError, assertInvalid, assertKeys, bodyOf, zulu } from './answers.ts';
import { createCat, createEntry } from './records.ts';

const insightKeys = [
  'cat_id',
  'mode',
  'prompt_version',
  'confidence',
  'headline',
  'summary',
  'flags',
  'suggested_actions',
  'citations',
  'generatedAt',
];

/** An insight as the first server stored it, under the key that server made. */
const inherited: Insight = {
  cat_id: 500,
  mode: 'update',
  prompt_version: 'v1',
  confidence: 0.51,
  headline: 'Cat #500 — unknown / neutral',
  summary: 'Written by the first server.',
  flags: [],
  suggested_actions: ['Its advice.'],
  citations: [{ entry_id: 502, quote: 'Grey', location: null, createdAt: '2026-01-02T10:00:00.000001Z' }],
  generatedAt: '2026-01-03T00:00:00.5Z',
};
const inheritedContext = [
  'id=502 createdAt=2026-01-02T10:00:00.000001Z location=\ntext=Grey',
  'id=501 createdAt=2026-01-01T10:00:00Z location=Park A\ntext=Black\ncat',
].join('\n---\n');

let site: Site;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    await sql`insert into cats (id, created_at) values (500, '2026-01-01T00:00:00Z')`;
    await sql`
      insert into entries (id, cat_id, location, text, created_at) values
        (501, 500, 'Park A', ${'Black\ncat'}, '2026-01-01T10:00:00Z'),
        (502, 500, null, 'Grey', '2026-01-02T10:00:00.000001Z')`;
    const hash = createHash('sha256').update(inheritedContext, 'utf8').digest('hex');
    await sql`
      insert into cat_insights (cat_id, mode, prompt_version, context_hash, insight, created_at, updated_at)
      values (500, 'update', 'v1', ${hash}, ${JSON.stringify(inherited)}::text::jsonb, '2026-01-03T00:00:00Z', '2026-01-03T00:00:00Z')`;
    const oldHash = createHash('sha256')
      .update('id=510 createdAt=2026-01-01T10:00:00Z location=\ntext=Grey')
      .digest('hex');
    await sql`insert into cats (id, created_at) values (510, '2026-01-01T00:00:00Z')`;
    await sql`insert into entries (id, cat_id, text, created_at) values (510, 510, 'Grey', '2026-01-01T10:00:00Z')`;
    const old = { ...inherited, cat_id: 510, mode: 'care', summary: 'Drawn from 1 sighting. You asked: “secret”' };
    await sql`
      insert into cat_insights (cat_id, mode, prompt_version, context_hash, insight, created_at, updated_at)
      values (510, 'care', 'v1', ${oldHash}, ${JSON.stringify(old)}::text::jsonb, '2026-01-03T00:00:00Z', '2026-01-03T00:00:00Z')`;
    await sql`alter table cats alter column id restart with 1000`;
    await sql`alter table entries alter column id restart with 1000`;
  });
  call = clientOf((await site.start()).url);
});
after(() => site.close());

const ask = (catId: number, json: unknown) => call<Insight>('POST', `/cats/${catId}/insights`, { json });

describe('POST /cats/{cat_id}/insights', () => {
  for (const [mode, actions] of [
    ['profile', 2],
    ['care', 4],
    ['update', 2],
    ['risk', 3],
  ] as const)
    test(`${mode}: every key, ${actions} lines of advice`, async () => {
      const { id, entryIds } = await createCat(call, {
        texts: ['Nice orange tabby', 'A happy orange  tabby\nlimping'],
      });
      const insight = bodyOf(await ask(id, { mode }));
      assertKeys(insight, insightKeys);
      const { summary, suggested_actions, citations, generatedAt, ...facts } = insight;
      assert.deepEqual(facts, {
        cat_id: id,
        mode,
        prompt_version: 'v1',
        confidence: 0.51,
        headline: `Cat #${id} — friendly`,
        flags: ['possible injury (limping mentioned)'],
      });
      for (const part of ['2', 'friendly', 'orange, tabby, happy, limping, nice'])
        assert.ok(summary.includes(part), summary);
      assert.equal(suggested_actions.length, actions);
      for (const citation of citations) {
        assertKeys(citation, ['entry_id', 'quote', 'location', 'createdAt']);
        assert.match(citation.createdAt, zulu);
      }
      assert.deepEqual(
        citations.map(({ entry_id, quote, location }) => [entry_id, quote, location]),
        [
          [entryIds[1], 'A happy orange tabby limping', null],
          [entryIds[0], 'Nice orange tabby', null],
        ],
      );
      assert.match(generatedAt, zulu);
    });

  test('the same sightings and mode give the same insight, key by key; a question does not change it', async () => {
    const { id } = await createCat(call, { texts: ['Grey'] });
    const first = await ask(id, { mode: 'profile' });
    const again = await ask(id, { mode: 'profile', question: 'Is it hungry?' });
    assert.equal(again.text, first.text);
  });

  test('another mode or another sighting gives another', async () => {
    const { id } = await createCat(call, { texts: ['Grey'] });
    const first = bodyOf(await ask(id, { mode: 'profile' }));
    assert.equal(bodyOf(await ask(id, { mode: 'risk' })).mode, 'risk');
    const { id: entryId } = await createEntry(call, { text: 'Black' });
    bodyOf(await call('POST', `/cats/${id}/link-sightings`, { json: { entry_ids: [entryId] } }));
    const second = bodyOf(await ask(id, { mode: 'profile' }));
    assert.equal(second.citations[0]?.entry_id, entryId);
    assert.ok(new Date(second.generatedAt) >= new Date(first.generatedAt));
    assert.notEqual(second.confidence, first.confidence);
  });

  test('a question is echoed, trimmed', async () => {
    const { id } = await createCat(call, { texts: ['Grey'] });
    const { summary } = bodyOf(await ask(id, { mode: 'care', question: ' Is it <b>hungry</b>? ' }));
    assert.ok(summary.endsWith('“Is it <b>hungry</b>?”'), summary);
  });

  test('a question is answered to the visitor who asked, and to nobody after', async () => {
    const { id } = await createCat(call, { texts: ['Grey'] });
    const asked = bodyOf(await ask(id, { mode: 'care', question: 'Is 030-555 her owner?' }));
    assert.match(asked.summary, /030-555/);
    for (const question of [undefined, 'Another?']) {
      const { summary, ...rest } = bodyOf(await ask(id, { mode: 'care', question }));
      assert.doesNotMatch(summary, /030-555/);
      const { summary: _asked, ...shared } = asked;
      assert.deepEqual(rest, shared);
    }
  });

  test('a question that an earlier version stored is not shown', async () => {
    const first = bodyOf(await ask(510, { mode: 'care' }));
    assert.doesNotMatch(first.summary, /secret/);
    assert.deepEqual(bodyOf(await ask(510, { mode: 'care' })), first);
  });

  test('of all states that a cat had, the newest five insights of a mode are kept', async () => {
    const { id } = await createCat(call, { texts: ['Grey'] });
    const made = [bodyOf(await ask(id, { mode: 'care' }))];
    const linked: number[] = [];
    for (let state = 1; state <= 6; state += 1) {
      const { id: entryId } = await createEntry(call, { text: `Seen ${state}` });
      linked.push(entryId);
      bodyOf(await call('POST', `/cats/${id}/link-sightings`, { json: { entry_ids: [entryId] } }));
      made.push(bodyOf(await ask(id, { mode: 'care' })));
    }
    const again: string[] = [];
    for (const entryId of linked.toReversed()) {
      bodyOf(await call('DELETE', `/entries/${entryId}/cat`));
      again.push(bodyOf(await ask(id, { mode: 'care' })).generatedAt);
    }
    const earlier = made.map(({ generatedAt }) => generatedAt).reverse();
    assert.deepEqual(again.slice(0, 4), earlier.slice(1, 5), 'as it was stored');
    assert.notEqual(again[5], earlier[6], 'the oldest is made again');
  });

  test('a blank question is none', async () => {
    const { id } = await createCat(call, { texts: ['Grey'] });
    for (const question of ['', '  ', null]) {
      const { summary } = bodyOf(await ask(id, { mode: 'care', question }));
      assert.doesNotMatch(summary, /[“”]|\s$/);
    }
  });

  test('confidence grows with the sightings; ten are used, five cited', async () => {
    const { id } = await createCat(call);
    const ids: number[] = [];
    const found: number[] = [];
    for (let count = 1; count <= 11; count += 1) {
      const { id: entryId } = await createEntry(call, { text: count === 1 ? 'wound' : `Sighting ${count}` });
      ids.unshift(entryId);
      bodyOf(await call('POST', `/cats/${id}/link-sightings`, { json: { entry_ids: [entryId] } }));
      const insight = bodyOf(await ask(id, { mode: 'risk' }));
      found.push(insight.confidence);
      assert.deepEqual(
        insight.citations.map(({ entry_id }) => entry_id),
        ids.slice(0, 5),
      );
      // The eleventh pushes the first out of what is read.
      assert.equal(insight.flags.length, count <= 10 ? 1 : 0);
    }
    assert.deepEqual(found, [0.4, 0.51, 0.59, 0.67, 0.75, 0.83, 0.85, 0.85, 0.85, 0.85, 0.85]);
  });

  test('a quote is cut at 120 characters', async () => {
    const { id } = await createCat(call, { texts: ['x'.repeat(121)] });
    const { citations } = bodyOf(await ask(id, { mode: 'risk' }));
    assert.equal(citations[0]?.quote, `${'x'.repeat(119)}…`);
  });

  test('flags come in a fixed order, eight at most, each as the word stands in the text', async () => {
    const { id } = await createCat(call, {
      texts: ['Hissing, AGGRESSIVE, sneezing and coughing; thin; wounded, bloody, limps'],
    });
    const { flags } = bodyOf(await ask(id, { mode: 'risk' }));
    assert.deepEqual(flags, [
      'possible injury (limps mentioned)',
      'possible injury (bloody mentioned)',
      'possible injury (wounded mentioned)',
      'possible malnutrition (thin mentioned)',
      'possible respiratory issue (coughing mentioned)',
      'possible respiratory issue (sneezing mentioned)',
      'behavior risk (aggressive mentioned)',
      'behavior risk (hissing mentioned)',
    ]);
  });

  test('an insight that the first server stored is answered verbatim', async () => {
    const answer = await ask(500, { mode: 'update' });
    assert.deepEqual(bodyOf(answer), inherited);
    assertKeys(answer.body, insightKeys);
  });

  test('of a cat without sightings is 400', async () => {
    const { id } = await createCat(call);
    assertError(await ask(id, { mode: 'care' }), 400, 'NO_SIGHTINGS', 'No sightings assigned to this cat yet');
  });

  const refused: [string, unknown, (string | number)[][]][] = [
    ['no mode', {}, [['missing', 'body', 'mode']]],
    ['null', { mode: null }, [['literal_error', 'body', 'mode']]],
    ['an unknown mode', { mode: 'poem' }, [['literal_error', 'body', 'mode']]],
    ['upper case', { mode: 'Care' }, [['literal_error', 'body', 'mode']]],
    ['501 characters', { mode: 'care', question: 'x'.repeat(501) }, [['string_too_long', 'body', 'question']]],
    [
      'both',
      { mode: 1, question: 1 },
      [
        ['literal_error', 'body', 'mode'],
        ['string_type', 'body', 'question'],
      ],
    ],
  ];
  for (const [title, json, problems] of refused)
    test(`refuses ${title}`, async () => {
      const [found] = assertInvalid(await ask(500, json), ...problems);
      if (found?.type === 'literal_error') {
        const expected = "'profile', 'care', 'update' or 'risk'";
        assert.deepEqual([found.msg, found.ctx], [`Input should be ${expected}`, { expected }]);
      }
    });
});
