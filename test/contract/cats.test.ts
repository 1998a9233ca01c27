import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LinkOutcome } from '../../src/cats/linking.ts';
import type { EnhancedProfile, Profile } from '../../src/cats/profile.ts';
import type { CatSighting, RenamedCat } from '../../src/cats/queries.ts';
import type { Cat } from '../../src/cats/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import {
  assertError,
  assertInvalid,
  assertKeys,
  assertObjectError,
  bodyOf,
  catKeys,
  offset,
  pageKeys,
  zulu,
} from './answers.ts';
import { catOf, createCat, createEntry } from './records.ts';

const missing = 424_242;

let site: Site;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    // A cat whose sightings differ by time, place and photo in ways that only a direct write can make.
    await sql`insert into cats (id, name, created_at) values (500, 'Tom', '2026-01-01T00:00:00Z')`;
    await sql`
      insert into entries (id, text, created_at, cat_id, location, location_normalized, location_lat, location_lon, photo_url)
      values
        (501, 'Grey tom', '2026-01-05T10:00:00.5Z', 500, 'Harbour', null, null, null, null),
        (502, 'Grey tom asleep', '2026-01-04T10:00:00Z', 500, 'Market', 'Market Square, Berlin', 52.5, 13.4, 'https://cdn.example/old.jpg'),
        (503, 'Grey tom again', '2026-01-05T10:00:00Z', 500, null, 'Station, Berlin', 52.6, 13.5, 'https://cdn.example/new.jpg'),
        (504, 'Grey tom eating', '2026-01-03T10:00:00.000001Z', 500, 'Market', null, 1, 2, null),
        (505, 'Grey tom nowhere', '2026-01-02T10:00:00Z', 500, null, null, null, null, '')`;
    await sql`alter table cats alter column id restart with 1000`;
    await sql`alter table entries alter column id restart with 1000`;
  });
  call = clientOf((await site.start()).url);
});
after(() => site.close());

describe('POST /cats', () => {
  const names: [string, unknown, string | null][] = [
    ['a name is trimmed, by the white space of Python', '\u0085\u001c Mietze \t', 'Mietze'],
    ['a byte order mark is no white space', '\uFEFFMietze', '\uFEFFMietze'],
    ['a blank name is null', ' \n ', null],
    ['an empty name is null', '', null],
    ['null is null', null, null],
    ['100 emoji are 100 characters', '🐈'.repeat(100), '🐈'.repeat(100)],
    ['mark-up is text', `<b>'; drop table cats; --</b>`, `<b>'; drop table cats; --</b>`],
  ];
  for (const [title, name, expected] of names)
    test(title, async () => {
      const cat = bodyOf(await call<Cat>('POST', '/cats', { json: { name } }));
      assertKeys(cat, catKeys);
      assert.equal(cat.name, expected);
      assert.ok(Number.isSafeInteger(cat.id) && cat.id > 0);
      assert.match(cat.createdAt, zulu);
    });

  test('{} is a cat without a name; unknown keys are ignored', async () => {
    for (const json of [{}, { id: 1, createdAt: 'x', colour: 'grey' }]) {
      const cat = bodyOf(await call<Cat>('POST', '/cats', { json }));
      assert.equal(cat.name, null);
      assert.notEqual(cat.id, 1);
    }
  });

  const refused: [string, string | undefined, (string | number)[]][] = [
    ['no body', undefined, ['missing', 'body']],
    ['null', 'null', ['missing', 'body']],
    ['a list', '[]', ['model_attributes_type', 'body']],
    ['a text', '"Tom"', ['model_attributes_type', 'body']],
    ['no JSON', '{"name": Tom}', ['json_invalid', 'body', 9]],
    ['a number as name', '{"name": 1}', ['string_type', 'body', 'name']],
    ['101 characters', JSON.stringify({ name: 'x'.repeat(101) }), ['string_too_long', 'body', 'name']],
    ['101 spaces', JSON.stringify({ name: ' '.repeat(101) }), ['string_too_long', 'body', 'name']],
  ];
  for (const [title, raw, problem] of refused)
    test(`refuses ${title}`, async () => {
      assertInvalid(await call('POST', '/cats', raw === undefined ? {} : { raw }), problem);
    });
});

describe('GET /cats', () => {
  test('is a bare array of every cat, newest id first', async () => {
    const made = [await createCat(call), await createCat(call, { name: 'Minka' })];
    const cats = bodyOf(await call<Cat[]>('GET', '/cats'));
    for (const cat of cats) assertKeys(cat, catKeys);
    const ids = cats.map(({ id }) => id);
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => b - a),
    );
    for (const { id } of made) assert.ok(ids.includes(id));
    assert.deepEqual(cats.at(-1), { id: 500, name: 'Tom', createdAt: '2026-01-01T00:00:00Z' });
  });
});

describe('GET, PATCH and DELETE /cats/{cat_id}', () => {
  test('a cat is read as it was made', async () => {
    const { entryIds: _, ...made } = await createCat(call, { name: 'Minka' });
    assert.deepEqual(bodyOf(await call('GET', `/cats/${made.id}`)), made);
  });

  test('PATCH renames, trims, clears, and says when', async () => {
    const { id, createdAt } = await createCat(call, { name: 'Minka' });
    let last = createdAt.slice(0, -1);
    for (const [name, expected] of [
      ['  Mimi ', 'Mimi'],
      ['', null],
      ['Momo', 'Momo'],
      [null, null],
    ]) {
      const changed = bodyOf(await call<RenamedCat>('PATCH', `/cats/${id}`, { json: { name } }));
      assertKeys(changed, ['id', 'name', 'updatedAt']);
      assert.deepEqual([changed.id, changed.name], [id, expected]);
      assert.match(changed.updatedAt, offset);
      const moment = changed.updatedAt.slice(0, -'+00:00'.length);
      assert.ok(new Date(`${moment}Z`) >= new Date(`${last}Z`));
      last = moment;
      assert.deepEqual(bodyOf(await call('GET', `/cats/${id}`)), { id, name: expected, createdAt });
    }
  });

  test('DELETE takes the cat, its comments and insights; its sightings stay without a cat', async () => {
    const { id, entryIds } = await createCat(call, { texts: ['Grey', 'Grey again'] });
    bodyOf(await call('POST', `/cats/${id}/comments`, { json: { author_name: 'Mia', content: 'Hello' } }), 201);
    bodyOf(await call('POST', `/cats/${id}/insights`, { json: { mode: 'care' } }));
    const deleted = await call('DELETE', `/cats/${id}`);
    assert.deepEqual([deleted.status, deleted.text], [204, '']);
    assertError(await call('GET', `/cats/${id}`), 404, 'CAT_NOT_FOUND', 'Cat not found');
    assertError(await call('DELETE', `/cats/${id}`), 404, 'CAT_NOT_FOUND', 'Cat not found');
    for (const entryId of entryIds) assert.equal(await catOf(call, entryId), null);
  });
});

describe('a cat that does not exist', () => {
  const json = { entry_ids: [1], name: 'x', mode: 'care', author_name: 'x', content: 'x' };
  const older = [
    ['GET', ''],
    ['DELETE', ''],
    ['GET', '/profile'],
    ['POST', '/link-sightings'],
    ['POST', '/insights'],
  ] as const;
  for (const [method, path] of older)
    test(`${method} /cats/{cat_id}${path}: detail is a text`, async () => {
      const options = method === 'POST' ? { json } : {};
      for (const id of [missing, 0, -1])
        assertError(await call(method, `/cats/${id}${path}`, options), 404, 'CAT_NOT_FOUND', 'Cat not found');
    });
  const profilePage = [
    ['PATCH', ''],
    ['GET', '/profile/enhanced'],
    ['GET', '/sightings'],
    ['GET', '/comments'],
    ['POST', '/comments'],
  ] as const;
  for (const [method, path] of profilePage)
    test(`${method} /cats/{cat_id}${path}: detail is an object`, async () => {
      const options = method === 'GET' ? {} : { json };
      for (const id of [missing, 0, -1]) {
        const answer = await call(method, `/cats/${id}${path}`, options);
        assertObjectError(answer, 404, 'CAT_NOT_FOUND', `Cat with ID ${id} not found`);
      }
    });
  test('PATCH with {} is 404 too', async () => {
    const answer = await call('PATCH', `/cats/${missing}`, { json: {} });
    assertObjectError(answer, 404, 'CAT_NOT_FOUND', `Cat with ID ${missing} not found`);
  });
});

describe('the id in the path', () => {
  for (const written of ['500', '500.0', '+500', '%20500%20', '0500'])
    test(`${written} is 500`, async () => {
      assert.equal(bodyOf(await call<Cat>('GET', `/cats/${written}`)).id, 500);
    });
  for (const written of ['abc', '1.5', '1e2', '0x1F4', '%E2%91%A0'])
    test(`${written} is no integer`, async () => {
      for (const path of ['', '/profile', '/profile/enhanced', '/sightings', '/comments'])
        assertInvalid(await call('GET', `/cats/${written}${path}`), ['int_parsing', 'path', 'cat_id']);
    });
  test('problems of path, query and body come together', async () => {
    assertInvalid(
      await call('GET', '/cats/abc/sightings?page=0&limit=x'),
      ['int_parsing', 'path', 'cat_id'],
      ['greater_than_equal', 'query', 'page'],
      ['int_parsing', 'query', 'limit'],
    );
    assertInvalid(
      await call('POST', '/cats/abc/link-sightings', { json: {} }),
      ['int_parsing', 'path', 'cat_id'],
      ['missing', 'body', 'entry_ids'],
    );
  });
});

describe('POST /cats/from-sightings', () => {
  test('makes a cat of sightings, also of those of other cats; duplicates and unknown ids are passed over', async () => {
    const other = await createCat(call, { texts: ['Grey'] });
    const entry = await createEntry(call);
    const stolen = other.entryIds[0] ?? 0;
    const cat = bodyOf(
      await call<Cat>('POST', '/cats/from-sightings', {
        json: { entry_ids: [entry.id, missing, stolen, entry.id], name: ' Tiger ' },
      }),
    );
    assertKeys(cat, catKeys);
    assert.equal(cat.name, 'Tiger');
    assert.match(cat.createdAt, zulu);
    assert.deepEqual([await catOf(call, entry.id), await catOf(call, stolen)], [cat.id, cat.id]);
  });
});

describe('POST /cats/{cat_id}/link-sightings', () => {
  test('tells what became of each id, in the order sent', async () => {
    const { id, entryIds } = await createCat(call, { texts: ['Grey'] });
    const [linked = 0] = entryIds;
    const other = await createCat(call, { texts: ['Black'] });
    const [stolen = 0] = other.entryIds;
    const { id: free } = await createEntry(call);
    const json = { entry_ids: [free, stolen, linked, missing, free, -1, missing] };
    const outcome = bodyOf(await call<LinkOutcome>('POST', `/cats/${id}/link-sightings`, { json }));
    assertKeys(outcome, ['cat_id', 'linked_count', 'already_linked', 'newly_linked', 'failed']);
    assert.deepEqual(outcome, {
      cat_id: id,
      linked_count: 4,
      already_linked: [linked, free],
      newly_linked: [free, stolen],
      failed: [missing, -1, missing],
    });
    for (const entryId of [free, stolen, linked]) assert.equal(await catOf(call, entryId), id);
  });

  test('linking again changes nothing', async () => {
    const { id, entryIds } = await createCat(call, { texts: ['Grey', 'Black'] });
    const again = await call('POST', `/cats/${id}/link-sightings`, { json: { entry_ids: entryIds } });
    assert.deepEqual(bodyOf(again), {
      cat_id: id,
      linked_count: 2,
      already_linked: entryIds,
      newly_linked: [],
      failed: [],
    });
  });
});

describe('entry_ids', () => {
  const refused: [unknown, (string | number)[]][] = [
    [undefined, ['missing', 'body', 'entry_ids']],
    [null, ['list_type', 'body', 'entry_ids']],
    ['1', ['list_type', 'body', 'entry_ids']],
    [[], ['too_short', 'body', 'entry_ids']],
    [
      [1, null],
      ['int_type', 'body', 'entry_ids', 1],
    ],
    [[1.5], ['int_from_float', 'body', 'entry_ids', 0]],
    [[[]], ['int_type', 'body', 'entry_ids', 0]],
  ];
  for (const [entry_ids, problem] of refused)
    for (const path of ['/cats/500/link-sightings', '/cats/from-sightings'])
      test(`${JSON.stringify(entry_ids)} is refused by ${path}`, async () => {
        const [found] = assertInvalid(await call('POST', path, { json: { entry_ids } }), problem);
        if (problem[0] === 'too_short')
          assert.deepEqual(found?.ctx, { field_type: 'List', min_length: 1, actual_length: 0 });
      });
});

describe('GET /cats/{cat_id}/sightings', () => {
  const keys = [
    'id',
    'text',
    'createdAt',
    'location',
    'location_normalized',
    'location_lat',
    'location_lon',
    'photo_url',
    'nickname',
    'isFavorite',
  ];
  interface Page {
    sightings: CatSighting[];
    total: number;
    page: number;
    limit: number;
    totalPages: number;
    hasMore: boolean;
  }

  test('lists what a cat was seen doing, latest first', async () => {
    const page = bodyOf(await call<Page>('GET', '/cats/500/sightings'));
    assertKeys(page, ['sightings', ...pageKeys]);
    for (const sighting of page.sightings) assertKeys(sighting, keys);
    assert.deepEqual(
      page.sightings.map(({ id }) => id),
      [501, 503, 502, 504, 505],
    );
    assert.deepEqual(page.sightings[2], {
      id: 502,
      text: 'Grey tom asleep',
      createdAt: '2026-01-04T10:00:00Z',
      location: 'Market',
      location_normalized: 'Market Square, Berlin',
      location_lat: 52.5,
      location_lon: 13.4,
      photo_url: 'https://cdn.example/old.jpg',
      nickname: null,
      isFavorite: false,
    });
    const { sightings: _, ...facts } = page;
    assert.deepEqual(facts, { total: 5, page: 1, limit: 20, totalPages: 1, hasMore: false });
  });

  const pages: [string, number[], Omit<Page, 'sightings'>][] = [
    ['page=1&limit=2', [501, 503], { total: 5, page: 1, limit: 2, totalPages: 3, hasMore: true }],
    ['page=3&limit=2', [505], { total: 5, page: 3, limit: 2, totalPages: 3, hasMore: false }],
    ['page=9&limit=2', [], { total: 5, page: 9, limit: 2, totalPages: 3, hasMore: false }],
    ['limit=100', [501, 503, 502, 504, 505], { total: 5, page: 1, limit: 100, totalPages: 1, hasMore: false }],
    ['page=1&limit=5', [501, 503, 502, 504, 505], { total: 5, page: 1, limit: 5, totalPages: 1, hasMore: false }],
    ['page=7&page=2.0&limit=%203', [504, 505], { total: 5, page: 2, limit: 3, totalPages: 2, hasMore: false }],
  ];
  for (const [query, ids, facts] of pages)
    test(query, async () => {
      const { sightings, ...found } = bodyOf(await call<Page>('GET', `/cats/500/sightings?${query}`));
      assert.deepEqual(
        sightings.map(({ id }) => id),
        ids,
      );
      assert.deepEqual(found, facts);
    });

  test('a cat without sightings has one empty page', async () => {
    const { id } = await createCat(call);
    const page = bodyOf(await call('GET', `/cats/${id}/sightings`));
    assert.deepEqual(page, { sightings: [], total: 0, page: 1, limit: 20, totalPages: 1, hasMore: false });
  });

  const refused: [string, string, string][] = [
    ['page=0', 'greater_than_equal', 'page'],
    ['page=-1', 'greater_than_equal', 'page'],
    ['page=', 'int_parsing', 'page'],
    ['page=1.5', 'int_parsing', 'page'],
    ['page=2000000000', 'less_than_equal', 'page'],
    ['limit=0', 'greater_than_equal', 'limit'],
    ['limit=101', 'less_than_equal', 'limit'],
    ['limit=ten', 'int_parsing', 'limit'],
  ];
  for (const [query, type, field] of refused)
    test(`refuses ${query}`, async () => {
      assertInvalid(await call('GET', `/cats/500/sightings?${query}`), [type, 'query', field]);
    });
});

describe('GET /cats/{cat_id}/profile', () => {
  test('tells of the cat, newest id first', async () => {
    const profile = bodyOf(await call<Profile>('GET', '/cats/500/profile'));
    assertKeys(profile, [
      'cat_id',
      'name',
      'sightings_count',
      'locations',
      'top_tags',
      'temperament_guess',
      'profile_text',
    ]);
    const { profile_text, ...facts } = profile;
    assert.deepEqual(facts, {
      cat_id: 500,
      name: 'Tom',
      sightings_count: 5,
      locations: ['Market', 'Harbour'],
      top_tags: ['grey', 'tom', 'nowhere', 'eating', 'asleep'],
      temperament_guess: 'unknown / neutral',
    });
    for (const part of ['Tom', 'Market', '5', 'unknown / neutral', 'grey, tom']) assert.ok(profile_text.includes(part));
  });

  test('a cat without name and place is called by its number', async () => {
    const { id } = await createCat(call, { texts: ['nice and happy'] });
    const profile = bodyOf(await call<Profile>('GET', `/cats/${id}/profile`));
    assert.equal(profile.name, null);
    assert.deepEqual(profile.locations, []);
    assert.equal(profile.temperament_guess, 'friendly');
    assert.ok(profile.profile_text.includes(`Cat #${id}`) && profile.profile_text.includes('unknown area'));
  });

  test('names at most five places and eight tags', async () => {
    const { id } = await createCat(call);
    const entry_ids: number[] = [];
    for (const place of ['A', 'B', 'C', 'D', 'E', 'F'])
      entry_ids.push((await createEntry(call, { text: `word${place} other${place}`, location: `Place ${place}` })).id);
    bodyOf(await call('POST', `/cats/${id}/link-sightings`, { json: { entry_ids } }));
    const profile = bodyOf(await call<Profile>('GET', `/cats/${id}/profile`));
    assert.deepEqual(profile.locations, ['Place F', 'Place E', 'Place D', 'Place C', 'Place B']);
    assert.deepEqual(profile.top_tags, ['wordf', 'otherf', 'worde', 'othere', 'wordd', 'otherd', 'wordc', 'otherc']);
  });

  test('without sightings it says so', async () => {
    const { id } = await createCat(call);
    const profile = bodyOf(await call<Profile>('GET', `/cats/${id}/profile`));
    assert.deepEqual(
      [profile.sightings_count, profile.locations, profile.top_tags, profile.temperament_guess],
      [0, [], [], 'unknown'],
    );
    assert.ok(profile.profile_text.startsWith('No sightings assigned yet'));
  });
});

describe('GET /cats/{cat_id}/profile/enhanced', () => {
  test('tells everything the profile page shows', async () => {
    const profile = bodyOf(await call<EnhancedProfile>('GET', '/cats/500/profile/enhanced'));
    assertKeys(profile, [
      'cat',
      'stats',
      'recentSightings',
      'locationSummary',
      'insightStatus',
      'top_tags',
      'temperament_guess',
      'profile_text',
    ]);
    const { profile_text, top_tags, ...facts } = profile;
    assertKeys(profile.cat, ['id', 'name', 'createdAt', 'primaryPhoto']);
    assertKeys(profile.stats, [
      'totalSightings',
      'uniqueLocations',
      'photoCount',
      'firstSeen',
      'lastSeen',
      'mostFrequentLocation',
    ]);
    for (const sighting of profile.recentSightings)
      assertKeys(sighting, ['id', 'text', 'createdAt', 'location', 'photo_url']);
    for (const place of profile.locationSummary)
      assertKeys(place, ['location', 'normalizedLocation', 'count', 'lastSeen', 'lat', 'lon']);
    assertKeys(profile.insightStatus, ['hasProfile', 'hasCare', 'hasUpdate', 'hasRisk', 'lastUpdated']);
    assert.deepEqual(facts, {
      cat: { id: 500, name: 'Tom', createdAt: '2026-01-01T00:00:00Z', primaryPhoto: 'https://cdn.example/new.jpg' },
      stats: {
        totalSightings: 5,
        uniqueLocations: 3,
        photoCount: 2,
        firstSeen: '2026-01-02T10:00:00Z',
        lastSeen: '2026-01-05T10:00:00.500000Z',
        mostFrequentLocation: 'Market',
      },
      recentSightings: [
        {
          id: 501,
          text: 'Grey tom',
          createdAt: '2026-01-05T10:00:00.500000Z',
          location: 'Harbour',
          photo_url: null,
        },
        {
          id: 503,
          text: 'Grey tom again',
          createdAt: '2026-01-05T10:00:00Z',
          location: null,
          photo_url: 'https://cdn.example/new.jpg',
        },
        {
          id: 502,
          text: 'Grey tom asleep',
          createdAt: '2026-01-04T10:00:00Z',
          location: 'Market',
          photo_url: 'https://cdn.example/old.jpg',
        },
        {
          id: 504,
          text: 'Grey tom eating',
          createdAt: '2026-01-03T10:00:00.000001Z',
          location: 'Market',
          photo_url: null,
        },
        { id: 505, text: 'Grey tom nowhere', createdAt: '2026-01-02T10:00:00Z', location: null, photo_url: '' },
      ],
      locationSummary: [
        {
          location: 'Market',
          normalizedLocation: 'Market Square, Berlin',
          count: 2,
          lastSeen: '2026-01-04T10:00:00Z',
          lat: 52.5,
          lon: 13.4,
        },
        {
          location: 'Harbour',
          normalizedLocation: null,
          count: 1,
          lastSeen: '2026-01-05T10:00:00.500000Z',
          lat: null,
          lon: null,
        },
        {
          location: 'Station, Berlin',
          normalizedLocation: 'Station, Berlin',
          count: 1,
          lastSeen: '2026-01-05T10:00:00Z',
          lat: 52.6,
          lon: 13.5,
        },
      ],
      insightStatus: { hasProfile: false, hasCare: false, hasUpdate: false, hasRisk: false, lastUpdated: null },
      temperament_guess: 'unknown / neutral',
    });
    assert.deepEqual(top_tags, ['grey', 'tom', 'asleep', 'eating', 'nowhere']);
    for (const part of ['Tom', 'Market', '5', 'grey, tom']) assert.ok(profile_text.includes(part));
  });

  test('knows which insights there are and when the last was made', async () => {
    const { id } = await createCat(call, { texts: ['Grey'] });
    bodyOf(await call('POST', `/cats/${id}/insights`, { json: { mode: 'risk' } }));
    const care = bodyOf(
      await call<{ generatedAt: string }>('POST', `/cats/${id}/insights`, { json: { mode: 'care' } }),
    );
    const { insightStatus } = bodyOf(await call<EnhancedProfile>('GET', `/cats/${id}/profile/enhanced`));
    assert.deepEqual(insightStatus, {
      hasProfile: false,
      hasCare: true,
      hasUpdate: false,
      hasRisk: true,
      lastUpdated: care.generatedAt,
    });
  });

  test('shows the newest five sightings and ten places', async () => {
    const { id } = await createCat(call);
    const entry_ids: number[] = [];
    for (let place = 1; place <= 12; place += 1)
      entry_ids.push((await createEntry(call, { location: `Place ${place}` })).id);
    bodyOf(await call('POST', `/cats/${id}/link-sightings`, { json: { entry_ids } }));
    const profile = bodyOf(await call<EnhancedProfile>('GET', `/cats/${id}/profile/enhanced`));
    assert.equal(profile.stats.uniqueLocations, 12);
    assert.deepEqual(
      profile.recentSightings.map((sighting) => sighting.id),
      entry_ids.toReversed().slice(0, 5),
    );
    assert.deepEqual(
      profile.locationSummary.map(({ location }) => location),
      [12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map((place) => `Place ${place}`),
    );
  });

  test('without sightings it says so', async () => {
    const { id, createdAt } = await createCat(call);
    const { profile_text, ...facts } = bodyOf(await call<EnhancedProfile>('GET', `/cats/${id}/profile/enhanced`));
    assert.ok(profile_text.startsWith('No sightings assigned yet'));
    assert.deepEqual(facts, {
      cat: { id, name: null, createdAt, primaryPhoto: null },
      stats: {
        totalSightings: 0,
        uniqueLocations: 0,
        photoCount: 0,
        firstSeen: null,
        lastSeen: null,
        mostFrequentLocation: null,
      },
      recentSightings: [],
      locationSummary: [],
      insightStatus: { hasProfile: false, hasCare: false, hasUpdate: false, hasRisk: false, lastUpdated: null },
      top_tags: [],
      temperament_guess: 'unknown / neutral',
    });
  });
});
