import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { assertError, assertInvalid, assertKeys, bodyOf } from './answers.ts';

interface Match {
  entry_id: number;
  candidate_id: number;
  score: number;
  reasons: string[];
}

interface Nearby {
  entry_id: number;
  distance_meters: number;
  text_preview: string;
  match_score: number;
  reasons: string[];
}

/** Every test has words and a corner of the Earth of its own, so that sightings of others never match. */
const sightings: [id: number, text: string, place?: { location?: string; lat?: number; lon?: number; cat?: number }][] =
  [
    [101, 'alpha beta gamma delta'],
    [102, 'alpha, beta; gamma: delta'],
    [103, 'DELTA GAMMA BETA ALPHA', { location: 'Nowhere in particular' }],
    [104, 'alpha'],
    [105, 'alpha epsilon zeta eta theta'],
    [110, 'one1 two2 three3 four4 five5'],
    [111, 'one1 two2 three3 four4 five5 six6 seven7 eight8'],
    [120, 'tomcat', { location: 'North Harbour Street', cat: 500 }],
    [121, 'tomcat', { location: 'harbour, north', cat: 500 }],
    [122, 'queen', { location: 'Street Harbour North', lat: 70, lon: 70 }],
    [130, 'uno', { lat: 10, lon: 10 }],
    [131, 'dos', { lat: 10, lon: 10.001 }],
    [140, 'equator', { lat: 0, lon: 0 }],
    [141, 'equator', { lat: 0, lon: 1 }],
    [142, 'polar', { lat: 90, lon: 0 }],
    [143, 'polar', { lat: -90, lon: 0 }],
    // Nearby: 1000 m south to north is 0.0089932 degrees.
    [200, 'middle', { lat: 30, lon: 30 }],
    [201, 'left', { lat: 30, lon: 30, location: 'Here', cat: 500 }],
    [202, 'right', { lat: 30, lon: 30 }],
    [203, `${'🐈'.repeat(100)}!`, { lat: 30.001, lon: 30 }],
    [204, `  ${'x'.repeat(98)}`, { lat: 30.0012, lon: 30 }],
    [205, 'middle', { lat: 30.01, lon: 30 }],
    [206, 'elsewhere', { lat: 30.02, lon: 30 }],
    [210, 'west of the line', { lat: 5, lon: 179.9999 }],
    [211, 'east of the line', { lat: 5, lon: -179.9999 }],
    [220, 'at the pole', { lat: 89.9999, lon: 0 }],
    [221, 'across the pole', { lat: 89.9999, lon: 180 }],
  ];

let site: Site;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    await sql`insert into cats (id, name, created_at) values (500, 'Tom', '2026-01-01T00:00:00Z')`;
    for (const [id, text, { location = null, lat = null, lon = null, cat = null } = {}] of sightings)
      await sql`
        insert into entries (id, text, created_at, nickname, location, location_lat, location_lon, cat_id)
        values (${id}, ${text}, '2026-01-02T03:04:05.000006Z', ${id === 121 ? 'Tommy' : null}, ${location}, ${lat}, ${lon}, ${cat})`;
  });
  call = clientOf((await site.start()).url);
});
after(() => site.close());

const matchesOf = async (id: number, query = '') =>
  bodyOf(await call<Match[]>('GET', `/entries/${id}/matches?${query}`));
const nearbyOf = async (id: number, query = '') =>
  bodyOf(await call<Nearby[]>('GET', `/entries/${id}/nearby?${query}`));
const inShort = (matches: Match[]) => matches.map(({ candidate_id, score, reasons }) => [candidate_id, score, reasons]);
const idsOf = (nearby: Nearby[]) => nearby.map(({ entry_id }) => entry_id);

describe('GET /entries/{entry_id}/matches', () => {
  test('an item has every key, and what the candidate is', async () => {
    const [match] = await matchesOf(120);
    assertKeys(match, [
      'entry_id',
      'candidate_id',
      'score',
      'reasons',
      'candidate_nickname',
      'candidate_location',
      'candidate_text',
      'candidate_createdAt',
    ]);
    assert.deepEqual(match, {
      entry_id: 120,
      candidate_id: 121,
      score: 0.9,
      reasons: ['text similarity 1.00', 'location text similarity 0.67'],
      candidate_nickname: 'Tommy',
      candidate_location: 'harbour, north',
      candidate_text: 'tomcat',
      candidate_createdAt: '2026-01-02T03:04:05.000006Z',
    });
  });

  const lists: [string, number, string, ReturnType<typeof inShort>][] = [
    [
      'best first, the newer id among equals; text alone makes 0.7',
      101,
      '',
      [
        [103, 0.7, ['text similarity 1.00']],
        [102, 0.7, ['text similarity 1.00']],
        [104, 0.175, ['text similarity 0.25']],
      ],
    ],
    ['top_k cuts', 101, 'top_k=1', [[103, 0.7, ['text similarity 1.00']]]],
    [
      'min_score is a bound that counts in, on the unrounded score; 1/8 is written 0.12',
      101,
      'min_score=0.0874&top_k=20',
      [
        [103, 0.7, ['text similarity 1.00']],
        [102, 0.7, ['text similarity 1.00']],
        [104, 0.175, ['text similarity 0.25']],
        [105, 0.087, ['text similarity 0.12']],
      ],
    ],
    ['a score of 0.0875 is below 0.0876', 105, 'min_score=0.0876', [[104, 0.14, ['text similarity 0.20']]]],
    ['5/8 is written 0.62, and 0.4375 is 0.438', 110, '', [[111, 0.438, ['text similarity 0.62']]]],
    [
      'where one has no coordinates, words of the location count; the same cat is a candidate',
      120,
      '',
      [
        [121, 0.9, ['text similarity 1.00', 'location text similarity 0.67']],
        [122, 0.3, ['location text similarity 1.00']],
      ],
    ],
    ['where both have coordinates, the distance counts', 130, '', [[131, 0.445, ['distance 110m (score 0.89)']]]],
    ['one degree of the equator', 140, '', [[141, 0.5, ['text similarity 1.00', 'distance 111195m (too far)']]]],
    ['pole to pole', 142, 'min_score=0.5', [[143, 0.5, ['text similarity 1.00', 'distance 20015087m (too far)']]]],
    ['nothing in common', 130, 'min_score=0.5', []],
  ];
  for (const [title, id, query, expected] of lists)
    test(title, async () => {
      assert.deepEqual(inShort(await matchesOf(id, query)), expected);
    });

  test('with min_score 0 all others match, five unless asked for more, and say why not', async () => {
    assert.equal((await matchesOf(111, 'min_score=0')).length, 5);
    const matches = await matchesOf(111, 'min_score=0&top_k=20');
    const others = sightings.map(([id]) => id).filter((id) => id !== 110 && id !== 111);
    assert.deepEqual(
      matches.map(({ candidate_id }) => candidate_id),
      [110, ...others.toReversed()].slice(0, 20),
    );
    assert.deepEqual(matches[1]?.reasons, ['low similarity']);
    assert.equal(matches[1]?.score, 0);
  });

  test('of a sighting that does not exist is 404', async () => {
    for (const id of [424242, 0, -1])
      assertError(await call('GET', `/entries/${id}/matches`), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
  });

  const refused: [string, string, string][] = [
    ['top_k=0', 'greater_than_equal', 'top_k'],
    ['top_k=21', 'less_than_equal', 'top_k'],
    ['top_k=many', 'int_parsing', 'top_k'],
    ['min_score=-0.1', 'greater_than_equal', 'min_score'],
    ['min_score=1.01', 'less_than_equal', 'min_score'],
    ['min_score=high', 'float_parsing', 'min_score'],
    ['min_score=', 'float_parsing', 'min_score'],
    ['min_score=nan', 'finite_number', 'min_score'],
  ];
  for (const [query, type, field] of refused)
    test(`refuses ${query}`, async () => {
      assertInvalid(await call('GET', `/entries/101/matches?${query}`), [type, 'query', field]);
    });
});

describe('GET /entries/{entry_id}/nearby', () => {
  test('an item has every key, and what the candidate is', async () => {
    const nearby = await nearbyOf(200);
    for (const item of nearby)
      assertKeys(item, [
        'entry_id',
        'distance_meters',
        'location',
        'location_normalized',
        'text_preview',
        'cat_id',
        'cat_name',
        'created_at',
        'match_score',
        'reasons',
      ]);
    assert.deepEqual(nearby[1], {
      entry_id: 201,
      distance_meters: 0,
      location: 'Here',
      location_normalized: null,
      text_preview: 'left',
      cat_id: 500,
      cat_name: 'Tom',
      created_at: '2026-01-02T03:04:05.000006Z',
      match_score: 0.5,
      reasons: ['distance 0m (score 1.00)'],
    });
  });

  const lists: [string, string, number[]][] = [
    ['closest first, the newer id among equals, 500 m unless asked for more', '', [202, 201, 203, 204]],
    ['top_k cuts', 'top_k=2', [202, 201]],
    ['include_assigned=false leaves out those that have a cat', 'include_assigned=false', [202, 203, 204]],
    ['a radius of 1 m', 'radius_meters=1', [202, 201]],
    ['a radius just short of 111.2 m', 'radius_meters=111', [202, 201]],
    ['a radius just beyond', 'radius_meters=112', [202, 201, 203]],
    ['5000 m', 'radius_meters=5000', [202, 201, 203, 204, 205, 206]],
  ];
  for (const [title, query, ids] of lists)
    test(title, async () => {
      assert.deepEqual(idsOf(await nearbyOf(200, query)), ids);
    });

  test('distances have one decimal, scores three; beyond 1000 m only the text counts', async () => {
    const nearby = await nearbyOf(200, 'radius_meters=5000');
    assert.deepEqual(
      nearby.map(({ distance_meters, match_score, reasons }) => [distance_meters, match_score, reasons]),
      [
        [0, 0.5, ['distance 0m (score 1.00)']],
        [0, 0.5, ['distance 0m (score 1.00)']],
        [111.2, 0.444, ['distance 111m (score 0.89)']],
        [133.4, 0.433, ['distance 133m (score 0.87)']],
        [1111.9, 0.5, ['text similarity 1.00', 'distance 1112m (too far)']],
        [2223.9, 0, ['distance 2224m (too far)']],
      ],
    );
  });

  test('a preview is the first 100 code points as they are', async () => {
    const previews = new Map((await nearbyOf(200)).map((item) => [item.entry_id, item.text_preview]));
    assert.equal(previews.get(203), `${'🐈'.repeat(100)}...`);
    assert.equal(previews.get(204), `  ${'x'.repeat(98)}`);
  });

  for (const word of ['true', 'TRUE', '1', 'yes', 'on', 't', 'Y'])
    test(`include_assigned=${word} is true`, async () => {
      assert.deepEqual(idsOf(await nearbyOf(200, `radius_meters=1&include_assigned=${word}`)), [202, 201]);
    });
  for (const word of ['false', 'False', '0', 'no', 'OFF', 'f', 'n'])
    test(`include_assigned=${word} is false`, async () => {
      assert.deepEqual(idsOf(await nearbyOf(200, `radius_meters=1&include_assigned=${word}`)), [202]);
    });

  test('across the antimeridian and across a pole', async () => {
    const [east] = await nearbyOf(210);
    assert.deepEqual([east?.entry_id, east?.distance_meters], [211, 22.2]);
    const across = await nearbyOf(220);
    assert.deepEqual(
      across.map(({ entry_id, distance_meters }) => [entry_id, distance_meters]),
      [
        [142, 11.1],
        [221, 22.2],
      ],
    );
  });

  test('a latitude and longitude of 0 are coordinates', async () => {
    assert.deepEqual(await nearbyOf(140), []);
  });

  test('of a sighting without coordinates is 400', async () => {
    const message = 'Entry has no coordinates. Use POST /entries/{id}/normalize-location first.';
    assertError(await call('GET', '/entries/101/nearby'), 400, 'NO_COORDINATES', message);
  });

  test('of a sighting that does not exist is 404', async () => {
    for (const id of [424242, 0, -1])
      assertError(await call('GET', `/entries/${id}/nearby`), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
  });

  const refused: [string, string, string][] = [
    ['radius_meters=0', 'greater_than_equal', 'radius_meters'],
    ['radius_meters=5001', 'less_than_equal', 'radius_meters'],
    ['radius_meters=1.5', 'int_parsing', 'radius_meters'],
    ['top_k=0', 'greater_than_equal', 'top_k'],
    ['top_k=51', 'less_than_equal', 'top_k'],
    ['include_assigned=', 'bool_parsing', 'include_assigned'],
    ['include_assigned=maybe', 'bool_parsing', 'include_assigned'],
  ];
  for (const [query, type, field] of refused)
    test(`refuses ${query}`, async () => {
      assertInvalid(await call('GET', `/entries/200/nearby?${query}`), [type, 'query', field]);
    });
});
