import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';

// What the React front end asks, in its order, and the fields that it reads: contract section 10.

const origin = 'http://localhost:5173';
const place = { lat: 52.52, lon: 13.405 };

let site: Site;
let url: string;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    // Geocoded long ago, as an existing database has them.
    const at = (minute: number) => `2026-11-22T13:${minute}:34.577339Z`;
    await sql`
      insert into entries (text, created_at, location, location_normalized, location_lat, location_lon, location_osm_id)
      values
        ('Orange tabby cat torn ear near park benches', ${at(10)}, 'Park A', 'Park A, Mitte, Berlin', 52.520008, 13.404954, '1'),
        ('Orange tabby with torn ear sleeping', ${at(11)}, 'Park A', 'Park A, Mitte, Berlin', 52.520308, 13.405254, '1'),
        ('Grey kitten', ${at(12)}, null, null, 52.53, 13.41, null)`;
  });
  url = (await site.start()).url;
  call = clientOf(url);
});
after(() => site.close());

type Kind = 'number' | 'string' | 'boolean' | 'string?' | 'number?' | 'strings' | 'numbers' | 'date' | 'rows';
type Row = Record<string, unknown>;

function isOf(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'numbers':
      return Array.isArray(value) && value.every((item) => typeof item === 'number');
    case 'rows':
      return Array.isArray(value);
    case 'date':
      return typeof value === 'string' && !Number.isNaN(new Date(value).getTime());
    case 'string?':
    case 'number?':
      return value === null || `${typeof value}?` === kind;
    default:
      return typeof value === kind;
  }
}

/** The fields that a screen reads are there, with a type that it can show. */
function assertReads(row: Row | undefined, fields: Record<string, Kind>): void {
  assert.ok(row !== undefined, 'there is a row');
  for (const [name, kind] of Object.entries(fields))
    assert.ok(isOf(kind, row[name]), `${name} should be ${kind}: ${JSON.stringify(row[name])}`);
}

/** As `api/client.ts` calls: from its origin, always with a JSON content type, and a success is parsed as JSON. */
async function ask<Body = Row>(method: string, path: string, json?: unknown): Promise<Body> {
  const answer = await call<Body>(method, path, { json, headers: { origin } });
  assert.equal(answer.status >= 200 && answer.status < 300, true, `${method} ${path}: ${answer.text}`);
  assert.equal(answer.headers.get('access-control-allow-origin'), origin);
  return answer.body;
}

/** The message that `utils/errors.ts` takes out of a failed response. */
async function messageOf(response: Response): Promise<unknown> {
  if (response.headers.get('content-type')?.includes('application/json')) {
    const data = (await response.json()) as Row;
    return data['message'] || data['error'] || data['detail'] || 'Unknown error';
  }
  return (await response.text()) || `HTTP ${response.status}: ${response.statusText}`;
}

const entryFields: Record<string, Kind> = {
  id: 'number',
  text: 'string',
  createdAt: 'date',
  isFavorite: 'boolean',
  nickname: 'string?',
  location: 'string?',
  cat_id: 'number?',
  photo_url: 'string?',
  location_normalized: 'string?',
  location_lat: 'number?',
  location_lon: 'number?',
};
const analysisFields: Record<string, Kind> = {
  summary: 'string',
  tags: 'strings',
  sentiment: 'string',
  updatedAt: 'date',
};
const commentFields: Record<string, Kind> = {
  id: 'number',
  cat_id: 'number',
  author_name: 'string',
  content: 'string',
  createdAt: 'date',
  updatedAt: 'date',
};

test('a visit: home, a new sighting, its panel, the map, a cat and its page', async () => {
  // Every call is preflighted, as its content type is JSON.
  const preflight = await call('OPTIONS', '/entries', {
    headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'content-type' },
  });
  assert.equal(preflight.status, 200);

  const entries = await ask<Row[]>('GET', '/entries');
  assert.equal(entries.length, 3);
  for (const entry of entries) assertReads(entry, entryFields);
  const analyses = await Promise.all(entries.map(({ id }) => call('GET', `/entries/${id}/analysis`)));
  for (const analysis of analyses) assert.equal(analysis.status, 404, 'ignored by the screen');

  const created = await ask('POST', '/entries', {
    text: 'Orange tabby cat near the benches',
    nickname: 'Smokey',
    photo_url: null,
    location_street: 'Park Street',
    location_number: '5',
    location_zip: '10115',
    location_city: 'Berlin',
    location_country: '',
  });
  assertReads(created, entryFields);
  assert.equal(created['location'], 'Park Street 5, 10115 Berlin');

  const [grey, second, first] = entries.map(({ id }) => Number(id));
  const normalized = await ask('POST', `/entries/${first}/normalize-location?force=false`);
  assertReads(normalized, { status: 'string', normalized_location: 'string', latitude: 'number', longitude: 'number' });
  assert.equal(normalized['status'], 'already_normalized');

  const favorite = await ask('POST', `/entries/${first}/favorite`);
  assertReads(favorite, entryFields);
  assert.equal(favorite['isFavorite'], true);
  assertReads(await ask('POST', `/entries/${first}/analyze`), analysisFields);
  assertReads(await ask('GET', `/entries/${first}/analysis`), analysisFields);

  const matches = await ask<Row[]>('GET', `/entries/${first}/matches?top_k=10&min_score=0.15`);
  assert.ok(matches.length > 0);
  for (const match of matches) {
    assertReads(match, { candidate_id: 'number', candidate_text: 'string', candidate_location: 'string?' });
    assertReads(match, { score: 'number', reasons: 'strings' });
    assert.ok(!('distance_meters' in match), 'that key tells the two lists apart');
  }
  for (const radius of [100, 500, 2000]) {
    const query = `radius_meters=${radius}&top_k=10&include_assigned=true`;
    const nearby = await ask<Row[]>('GET', `/entries/${first}/nearby?${query}`);
    assert.equal(nearby.length, radius === 2000 ? 2 : 1);
    for (const sighting of nearby) {
      assertReads(sighting, { entry_id: 'number', text_preview: 'string', distance_meters: 'number' });
      assertReads(sighting, { location: 'string?', location_normalized: 'string?', cat_name: 'string?' });
      assertReads(sighting, { match_score: 'number', reasons: 'strings' });
    }
  }

  for (const radius of [10000, 5000, 2500, 1200, 1000, 600, 300, 150, 75]) {
    const query = `lat=${place.lat}&lon=${place.lon}&radius=${radius}&include_assigned=true`;
    const area = await ask<{ sightings: Row[] }>('GET', `/entries/by-area?${query}`);
    assertReads(area, { total_count: 'number', unassigned_count: 'number', sightings: 'rows' });
    assert.ok(area.sightings.length >= 2);
    for (const sighting of area.sightings) {
      assertReads(sighting, { entry_id: 'number', text_preview: 'string', location: 'string?', cat_id: 'number?' });
      assertReads(sighting, {
        location_normalized: 'string?',
        latitude: 'number',
        longitude: 'number',
        cat_name: 'string?',
      });
    }
  }
  const { groups } = await ask<{ groups: Row[] }>(
    'GET',
    `/entries/by-area/suggested-groups?lat=${place.lat}&lon=${place.lon}&radius=1000&cluster_radius=100&min_sightings=2`,
  );
  assert.equal(groups.length, 1);
  assertReads(groups[0], { group_id: 'number', confidence: 'number', center_lat: 'number', center_lon: 'number' });
  assertReads(groups[0], {
    radius_meters: 'number',
    entry_ids: 'numbers',
    reasons: 'strings',
    suggested_name: 'string?',
  });

  const cat = await ask('POST', '/cats/from-sightings', { entry_ids: groups[0]?.['entry_ids'], name: 'Smokey' });
  assert.equal(cat['name'], 'Smokey');
  const catId = Number(cat['id']);
  const cats = await ask<Row[]>('GET', '/cats');
  assertReads(cats[0], { id: 'number', name: 'string?', createdAt: 'date' });
  const linked = await ask('POST', `/cats/${catId}/link-sightings`, { entry_ids: [grey, second, 424242] });
  assertReads(linked, { newly_linked: 'numbers', already_linked: 'numbers', failed: 'numbers' });
  assert.deepEqual([linked['newly_linked'], linked['already_linked'], linked['failed']], [[grey], [second], [424242]]);
  const insight = await ask<Row & { citations: Row[] }>('POST', `/cats/${catId}/insights`, { mode: 'profile' });
  assertReads(insight, { confidence: 'number', headline: 'string', summary: 'string', flags: 'strings' });
  assertReads(insight, { suggested_actions: 'strings', citations: 'rows' });
  for (const citation of insight.citations) assertReads(citation, { entry_id: 'number', quote: 'string' });

  const profile = await ask<Profile>('GET', `/cats/${catId}/profile/enhanced`);
  assertReads(profile.cat, { id: 'number', name: 'string?', createdAt: 'date', primaryPhoto: 'string?' });
  assertReads(profile.stats, { totalSightings: 'number', uniqueLocations: 'number', photoCount: 'number' });
  assertReads(profile.stats, { firstSeen: 'date', lastSeen: 'date', mostFrequentLocation: 'string?' });
  assert.equal(profile.stats['totalSightings'], 3);
  for (const sighting of profile.recentSightings)
    assertReads(sighting, {
      id: 'number',
      text: 'string',
      createdAt: 'date',
      location: 'string?',
      photo_url: 'string?',
    });
  for (const summary of profile.locationSummary)
    assertReads(summary, { location: 'string', count: 'number', lastSeen: 'date', lat: 'number?', lon: 'number?' });
  assertReads(profile.insightStatus, {
    hasProfile: 'boolean',
    hasCare: 'boolean',
    hasUpdate: 'boolean',
    hasRisk: 'boolean',
  });
  assert.equal(profile.insightStatus['hasProfile'], true);
  assertReads(profile, { top_tags: 'strings', temperament_guess: 'string', profile_text: 'string' });

  const page: Record<string, Kind> = { total: 'number', totalPages: 'number', page: 'number' };
  assertReads(await ask('GET', `/cats/${catId}/comments?page=1&limit=10`), { ...page, comments: 'rows' });
  assertReads(await ask('GET', `/cats/${catId}/sightings?page=1&limit=10`), { ...page, sightings: 'rows' });
  for (const name of ['Smokey II', null]) assert.equal((await ask('PATCH', `/cats/${catId}`, { name }))['name'], name);
  const comments = [];
  for (const content of ['Comes by every evening', 'Ate well'])
    comments.push(await ask('POST', `/cats/${catId}/comments`, { author_name: 'Mia', content }));
  for (const comment of comments) assertReads(comment, commentFields);
  const listed = await ask<{ comments: Row[] }>('GET', `/cats/${catId}/comments?page=1&limit=10`);
  assert.deepEqual(listed.comments, comments.toReversed());
  assert.equal(new Set(listed.comments.map(({ id }) => id)).size, 2, 'React keys');
  const deleted = await call('DELETE', `/cats/${catId}/comments/${comments[0]?.['id']}`, { headers: { origin } });
  assert.equal(deleted.status, 204);
  assert.equal(deleted.headers.get('access-control-allow-origin'), origin);
});

interface Profile extends Row {
  cat: Row;
  stats: Row;
  recentSightings: Row[];
  locationSummary: Row[];
  insightStatus: Row;
}

test('a sighting with an address: looking it up is no failure, which would be tried three times and shown', async () => {
  const located = await ask('POST', '/entries', { text: 'Grey', location: 'Park A' });
  for (const force of [false, true]) {
    const normalized = await ask('POST', `/entries/${located['id']}/normalize-location?force=${force}`);
    // The screen knows `success`, `not_found` and `already_normalized`; it is silent about any other.
    assert.equal(normalized['status'], 'fallback');
  }
});

test('whatever fails, the screen shows words', async () => {
  const located = await ask('POST', '/entries', { text: 'Grey', location: 'Park A' });
  const form = new FormData();
  form.set('text', 'Orange tabby');
  form.set('nickname', 'Smokey');
  form.set('location_city', 'Berlin');
  form.set('image', new File([new Uint8Array(100_000)], 'cat.jpg', { type: 'image/jpeg' }));
  const json = (body: unknown) => JSON.stringify(body);
  const cases: [method: string, path: string, body: BodyInit | undefined, status: number, words: RegExp][] = [
    ['POST', '/entries', json({ text: ' ' }), 400, /text must not be empty/],
    ['POST', '/entries', json({ text: '' }), 422, /text.*at least 1 character/],
    ['POST', '/entries', json({ text: 'a', nickname: 'n'.repeat(101) }), 422, /nickname.*at most 100 characters/],
    ['POST', '/entries', '{', 422, /not valid JSON/],
    ['POST', '/entries/with-image', form, 501, /photos.*not available/],
    ['POST', '/entries/424242/favorite', undefined, 404, /Entry not found/],
    ['POST', '/entries/424242/analyze', undefined, 404, /Entry not found/],
    ['GET', '/entries/424242/analysis', undefined, 404, /No analysis found/],
    ['GET', `/entries/${located['id']}/nearby?radius_meters=500`, undefined, 400, /no coordinates/],
    ['GET', '/entries/by-area?lat=52&lon=190&radius=500', undefined, 422, /lon.*less than or equal to 180/],
    ['POST', '/cats/from-sightings', json({ entry_ids: [] }), 422, /entry_ids.*at least 1 item/],
    ['POST', '/cats/424242/link-sightings', json({ entry_ids: [1] }), 404, /Cat not found/],
    ['POST', '/cats/424242/insights', json({ mode: 'profile' }), 404, /Cat not found/],
    ['GET', '/cats/424242/profile/enhanced', undefined, 404, /Cat with ID 424242 not found/],
    ['GET', '/cats/abc/profile/enhanced', undefined, 422, /cat_id.*valid integer/],
    ['PATCH', '/cats/424242', json({ name: 'Smokey' }), 404, /Cat with ID 424242 not found/],
    [
      'POST',
      '/cats/424242/comments',
      json({ author_name: '', content: 'a' }),
      422,
      /author_name.*at least 1 character/,
    ],
    ['DELETE', '/cats/3/comments/424242', undefined, 404, /Comment 424242 not found for cat 3/],
    ['GET', '/nothing', undefined, 404, /Not Found/],
    ['PUT', '/entries', json({}), 405, /Method Not Allowed/],
  ];
  for (const [method, path, body, status, words] of cases) {
    const what = `${method} ${path} ${typeof body === 'string' ? body : ''}`;
    // `upload.ts` lets fetch make the content type of a form.
    const headers = { origin, ...(body instanceof FormData ? {} : { 'content-type': 'application/json' }) };
    const response = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
    assert.equal(response.status, status, what);
    assert.equal(response.headers.get('access-control-allow-origin'), origin, `${what}: else it is a network error`);
    const message = await messageOf(response);
    assert.ok(typeof message === 'string', `${what}: ${JSON.stringify(message)}`);
    assert.match(message, words, what);
    assert.doesNotMatch(message, /^[{[]|\[object|undefined/, what);
  }
});
