import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Analysis } from '../../src/analysis/schemas.ts';
import type { LinkOutcome } from '../../src/cats/linking.ts';
import type { EnhancedProfile, Profile } from '../../src/cats/profile.ts';
import type { Cat } from '../../src/cats/schemas.ts';
import type { Entry } from '../../src/entries/schemas.ts';
import type { Insight } from '../../src/insights/insight.ts';
import type { SuggestedGroup } from '../../src/matching/groups.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { bodyOf } from './answers.ts';

/** The five sightings that the first server was run with; every number below is what it answered, on SQLite. */
const texts = {
  7: 'Orange tabby cat torn ear near park benches, friendly and good',
  8: 'Orange tabby with torn ear sleeping, limping a bit',
  9: 'Black cat hissing, bad mood, thin',
  10: 'Grey kitten',
  11: 'Orange tabby torn ear '.repeat(8).trim(),
};

let site: Site;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    await sql`
      insert into entries (id, text, location_lat, location_lon, location, created_at) values
        (7, ${texts[7]}, 52.520008, 13.404954, 'Park A', '2026-11-22T13:00:07Z'),
        (8, ${texts[8]}, 52.520308, 13.405254, 'Park A', '2026-11-22T13:00:08Z'),
        (9, ${texts[9]}, 52.520108, 13.404854, 'Park B', '2026-11-22T13:00:09Z'),
        (10, ${texts[10]}, 52.5300, 13.41, 'Far street', '2026-11-22T13:00:10Z'),
        (11, ${texts[11]}, 52.520050, 13.404950, null, '2026-11-22T13:00:11Z')`;
    await sql`alter table entries alter column id restart with 1000`;
  });
  call = clientOf((await site.start()).url);
});
after(() => site.close());

/** Tests share the five sightings, so what they add they take away. */
async function withEntry(input: Record<string, unknown>, work: (entry: Entry) => Promise<void>): Promise<void> {
  const entry = bodyOf(await call<Entry>('POST', '/entries', { json: input }));
  try {
    await work(entry);
  } finally {
    await call('DELETE', `/entries/${entry.id}`);
  }
}

test('matches of 7', async () => {
  interface Match {
    entry_id: number;
    candidate_id: number;
    candidate_text: string;
    score: number;
    reasons: string[];
  }
  const matches = bodyOf(await call<Match[]>('GET', '/entries/7/matches?min_score=0'));
  assert.deepEqual(
    matches.map(({ candidate_id, score, reasons }) => [candidate_id, score, reasons]),
    [
      [11, 0.698, ['text similarity 0.40', 'distance 5m (score 1.00)']],
      [8, 0.634, ['text similarity 0.31', 'distance 39m (score 0.96)']],
      [9, 0.527, ['text similarity 0.07', 'distance 13m (score 0.99)']],
      [10, 0, ['distance 1162m (too far)']],
    ],
  );
  assert.equal(matches[0]?.candidate_text, texts[11]);
});

test('nearby of 7', async () => {
  interface Nearby {
    entry_id: number;
    distance_meters: number;
    text_preview: string;
  }
  const nearby = bodyOf(await call<Nearby[]>('GET', '/entries/7/nearby?radius_meters=5000'));
  assert.deepEqual(
    nearby.map(({ entry_id, distance_meters }) => [entry_id, distance_meters]),
    [
      [11, 4.7],
      [9, 13],
      [8, 39],
      [10, 1162.3],
    ],
  );
  assert.equal(nearby[0]?.text_preview, `${texts[11].slice(0, 100)}...`);
});

test('suggested groups', async () => {
  const groups = bodyOf(await call('GET', '/entries/by-area/suggested-groups?lat=52.52&lon=13.405&radius=2000'));
  const group: SuggestedGroup = {
    group_id: 0,
    confidence: 0.61,
    center_lat: 52.520118499999995,
    center_lon: 13.405003,
    radius_meters: 27.1,
    entry_ids: [11, 9, 8, 7],
    reasons: ['4 sightings within 27m', 'text similarity 0.22'],
    suggested_name: 'Cat near Park A',
  };
  assert.deepEqual(groups, {
    area_center_lat: 52.52,
    area_center_lon: 13.405,
    area_radius_meters: 2000,
    total_unassigned: 5,
    groups: [group],
  });
});

test('coordinates come back to the last digit', async () => {
  const entries = bodyOf(await call<Entry[]>('GET', '/entries'));
  assert.deepEqual(
    entries.map(({ id, location_lat, location_lon }) => [id, location_lat, location_lon]),
    [
      [11, 52.52005, 13.40495],
      [10, 52.53, 13.41],
      [9, 52.520108, 13.404854],
      [8, 52.520308, 13.405254],
      [7, 52.520008, 13.404954],
    ],
  );
});

describe('one cat from 7, 8, 9, 10', () => {
  const tags = ['cat', 'orange', 'tabby', 'torn', 'ear', 'grey', 'kitten', 'black'];
  let cat: Cat;
  before(async () => {
    cat = bodyOf(await call<Cat>('POST', '/cats/from-sightings', { json: { entry_ids: [7, 8, 9, 10] } }));
  });
  after(() => call('DELETE', `/cats/${cat.id}`));

  test('profile', async () => {
    const profile = bodyOf(await call<Profile>('GET', `/cats/${cat.id}/profile`));
    assert.deepEqual(profile.top_tags, tags);
    assert.equal(profile.temperament_guess, 'unknown / neutral');
    assert.deepEqual(profile.locations, ['Far street', 'Park B', 'Park A']);
    assert.ok(profile.profile_text.includes('Far street') && !profile.profile_text.includes('Park A'));
  });

  test('enhanced profile', async () => {
    const profile = bodyOf(await call<EnhancedProfile>('GET', `/cats/${cat.id}/profile/enhanced`));
    assert.deepEqual(profile.top_tags, tags);
    assert.equal(profile.temperament_guess, 'unknown / neutral');
    assert.equal(profile.stats.mostFrequentLocation, 'Park A');
    assert.ok(profile.profile_text.includes('Park A') && !profile.profile_text.includes('Far street'));
    assert.deepEqual(
      profile.locationSummary.map(({ location, count, lat, lon }) => [location, count, lat, lon]),
      [
        ['Park A', 2, 52.520308, 13.405254],
        ['Far street', 1, 52.53, 13.41],
        ['Park B', 1, 52.520108, 13.404854],
      ],
    );
  });

  test('insight', async () => {
    const insight = bodyOf(await call<Insight>('POST', `/cats/${cat.id}/insights`, { json: { mode: 'profile' } }));
    assert.equal(insight.confidence, 0.67);
    assert.equal(insight.headline, `Cat #${cat.id} — unknown / neutral`);
    assert.ok(insight.summary.includes(tags.join(', ')), insight.summary);
    assert.deepEqual(
      insight.flags.map((flag) => /\((\w+)/.exec(flag)?.[1]),
      ['limping', 'thin', 'hissing'],
    );
    assert.deepEqual(
      insight.citations.map(({ entry_id }) => entry_id),
      [10, 9, 8, 7],
    );
  });
});

test('analysis of 7', async () => {
  const { summary, tags, sentiment } = bodyOf(await call<Analysis>('POST', '/entries/7/analyze'));
  assert.deepEqual(
    { summary, tags, sentiment },
    { summary: texts[7], tags: ['orange', 'tabby', 'cat', 'torn', 'ear'], sentiment: 'positive' },
  );
});

test('link-sightings of 10, 10, 7 and an unknown id twice', async () => {
  const cat = bodyOf(await call<Cat>('POST', '/cats/from-sightings', { json: { entry_ids: [7] } }));
  try {
    const json = { entry_ids: [10, 10, 7, 424242, 424242] };
    assert.deepEqual(bodyOf(await call<LinkOutcome>('POST', `/cats/${cat.id}/link-sightings`, { json })), {
      cat_id: cat.id,
      linked_count: 3,
      already_linked: [10, 7],
      newly_linked: [10],
      failed: [424242, 424242],
    });
  } finally {
    await call('DELETE', `/cats/${cat.id}`);
  }
});

describe('address join', () => {
  const addresses: [Record<string, string>, string | null][] = [
    [{ location_street: 'S', location_zip: '1', location_city: 'C', location_country: 'X' }, 'S, 1 C, X'],
    [{ location_number: '5' }, null],
    [{ location_number: '5', location_zip: '1' }, '1'],
    [{ location_street: 'S', location_number: '5', location_country: 'X' }, 'S 5, X'],
  ];
  for (const [parts, location] of addresses)
    test(`${Object.values(parts).join(' | ')} is ${location}`, async () => {
      await withEntry({ text: 'x', ...parts }, async (entry) => {
        assert.equal(entry.location, location);
      });
    });
});

describe('summary and tags', () => {
  const analyses: [string, Pick<Analysis, 'summary' | 'tags'>][] = [
    ['a'.repeat(161), { summary: `${'a'.repeat(159)}…`, tags: ['a'.repeat(161)] }],
    ['a'.repeat(160), { summary: 'a'.repeat(160), tags: ['a'.repeat(160)] }],
    [
      'b a cat dog dog cat bird zebra yak emu eel',
      { summary: 'b a cat dog dog cat bird zebra yak emu eel', tags: ['cat', 'dog', 'bird', 'zebra', 'yak'] },
    ],
  ];
  for (const [text, expected] of analyses)
    test(`of ${text.length} characters`, async () => {
      await withEntry({ text }, async ({ id }) => {
        const { summary, tags } = bodyOf(await call<Analysis>('POST', `/entries/${id}/analyze`));
        assert.deepEqual({ summary, tags }, expected);
      });
    });
});

test('keywords', async () => {
  const same = 'caf cats a_b-c x-1 foo bar tabby';
  await withEntry({ text: "Café 3cats a_b-c x-1 it's _foo -bar Tabby" }, async ({ id }) => {
    await withEntry({ text: same }, async (twin) => {
      const matches = bodyOf(
        await call<{ candidate_id: number; score: number; reasons: string[] }[]>('GET', `/entries/${id}/matches`),
      );
      assert.deepEqual(
        matches.map(({ candidate_id, score, reasons }) => [candidate_id, score, reasons]),
        [[twin.id, 0.7, ['text similarity 1.00']]],
      );
    });
  });
});
