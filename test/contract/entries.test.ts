import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Entry } from '../../src/entries/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { assertError, assertInvalid, assertKeys, bodyOf, entryKeys, zulu } from './answers.ts';
import { catOf, createCat, createEntry } from './records.ts';

// Sightings: contract sections 3, 4.2 and 5.9.

const missing = 424_242;
const normalized = { text: 'On the map', location: 'Park A', location_normalized: 'Park A, Mitte, Berlin' };
const coordinates = { location_lat: 52.520008, location_lon: 13.404954, location_osm_id: '240109189' };

let site: Site;
let call: Client;
/** Rows with coordinates, which no operation can make: one that stays as it is and one that moves. */
let placed: number;
let moving: number;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    const at = '2026-11-22T13:13:34Z';
    const row = { ...normalized, ...coordinates, created_at: at };
    const made = await sql<[{ id: number }, { id: number }]>`insert into entries ${sql([row, row])} returning id`;
    [placed, moving] = [made[0].id, made[1].id];
  });
  call = clientOf((await site.start()).url);
});
after(() => site.close());

const post = (json: unknown) => call<Entry>('POST', '/entries', { json });
const patch = (id: number, json: unknown) => call<Entry>('PATCH', `/entries/${id}`, { json });
const read = async (id: number) => bodyOf(await call<Entry>('GET', `/entries/${id}`));

describe('POST /entries', () => {
  test('a text is enough', async () => {
    const earliest = Date.now() - 1;
    const entry = bodyOf(await post({ text: 'Grey kitten' }));
    assertKeys(entry, entryKeys);
    const { id, createdAt, ...rest } = entry;
    assert.ok(Number.isSafeInteger(id) && id > 0);
    assert.match(createdAt, zulu);
    const created = new Date(createdAt).getTime();
    assert.ok(created >= earliest && created <= Date.now() + 1, createdAt);
    assert.deepEqual(rest, {
      text: 'Grey kitten',
      isFavorite: false,
      nickname: null,
      location: null,
      cat_id: null,
      photo_url: null,
      location_normalized: null,
      location_lat: null,
      location_lon: null,
      location_osm_id: null,
      location_street: null,
      location_number: null,
      location_zip: null,
      location_city: null,
      location_country: null,
    });
    assert.deepEqual(await read(id), entry);
    assert.ok((await createEntry(call)).id > id, 'ids grow');
  });

  test('every field is trimmed, by the white space of Python; inner white space is kept', async () => {
    const space = ' \t\n\r\u001c\u001f\u0085\u00a0\u2003\u3000';
    const entry = bodyOf(
      await post({
        text: `${space}Two  lines\n\tof text${space}`,
        nickname: `${space}Smokey${space}`,
        location: `${space}Park A${space}`,
        photo_url: `${space}https://cdn.example/cat.jpg${space}`,
      }),
    );
    assert.equal(entry.text, 'Two  lines\n\tof text');
    assert.equal(entry.nickname, 'Smokey');
    assert.equal(entry.location, 'Park A');
    assert.equal(entry.photo_url, 'https://cdn.example/cat.jpg');
    assert.equal(bodyOf(await post({ text: '\ufeffGrey' })).text, '\ufeffGrey', 'a byte order mark is no white space');
  });

  test('optional fields that are blank, empty or null become null', async () => {
    for (const blank of ['', ' \u0085\n', null]) {
      const sent = { nickname: blank, location: blank, photo_url: blank, location_street: blank, location_zip: blank };
      const entry = bodyOf(await post({ text: 'Grey', ...sent }));
      for (const key of Object.keys(sent)) assert.equal(entry[key as keyof Entry], null, key);
    }
  });

  test('a text that trims to nothing is 400, an empty one 422', async () => {
    for (const text of [' ', '\n\t', '\u0085\u3000', ' '.repeat(5000)])
      assertError(await post({ text }), 400, 'TEXT_EMPTY', 'text must not be empty');
    assertInvalid(await post({ text: '' }), ['string_too_short', 'body', 'text']);
  });

  test('limits', async () => {
    const limits = {
      text: 5000,
      nickname: 100,
      location: 200,
      photo_url: 1000,
      location_street: 200,
      location_number: 20,
      location_zip: 20,
      location_city: 100,
      location_country: 100,
    };
    const begin = (key: string) => (key === 'photo_url' ? 'https://ä/' : '');
    const ofLength = (extra: number) =>
      Object.fromEntries(
        Object.entries(limits).map(([key, limit]) => [key, begin(key).padEnd(limit + extra, 'ä')] as const),
      );
    const entry = bodyOf(await post(ofLength(0)));
    for (const [key, sent] of Object.entries(ofLength(0)))
      if (key !== 'location') assert.equal(entry[key as keyof Entry], sent, key);
    const problems = assertInvalid(
      await post(ofLength(1)),
      ...Object.keys(limits).map((key) => ['string_too_long', 'body', key]),
    );
    assert.deepEqual(
      problems.map(({ ctx }) => ctx),
      Object.values(limits).map((limit) => ({ max_length: limit })),
    );
    const { location } = bodyOf(await post({ text: 'Grey', location: 'ä'.repeat(200) }));
    assert.equal(location, 'ä'.repeat(200));
  });

  test('the address parts make the location', async () => {
    type Parts = [street: string, number: string, zip: string, city: string, country: string];
    const cases: [parts: Parts, location: string | null][] = [
      [['Park Street', '5', '10115', 'Berlin', 'Germany'], 'Park Street 5, 10115 Berlin, Germany'],
      [['S', '', '1', 'C', 'X'], 'S, 1 C, X'],
      [['S', '5', '', '', 'X'], 'S 5, X'],
      [['', '5', '1', '', ''], '1'],
      [['', '5', '', '', ''], null],
      [['', '', '', 'Berlin', ''], 'Berlin'],
      [[' S ', ' 5 ', ' ', ' C', ' '], 'S 5, C'],
      [['', ' ', '', '', ''], 'sent'],
    ];
    for (const [[street, number, zip, city, country], location] of cases) {
      const parts = { location_street: street, location_number: number, location_zip: zip, location_city: city };
      const entry = bodyOf(await post({ text: 'Grey', location: 'sent', ...parts, location_country: country }));
      assert.equal(entry.location, location, JSON.stringify(parts));
      assert.equal(entry.location_street, street.trim() || null);
      assert.equal(entry.location_number, number.trim() || null, 'kept even where it is not shown');
      assert.equal(entry.location_country, country.trim() || null);
    }
  });

  test('nothing is stored of a refused sighting', async () => {
    const before = bodyOf(await call<Entry[]>('GET', '/entries')).length;
    await post({ text: ' ' });
    await post({ text: 'Grey', nickname: 'n'.repeat(101) });
    assert.equal(bodyOf(await call<Entry[]>('GET', '/entries')).length, before);
  });
});

describe('GET /entries', () => {
  test('all, by id descending, whole', async () => {
    const made = [await createEntry(call, { text: 'first' }), await createEntry(call, { text: 'second' })];
    const all = bodyOf(await call<Entry[]>('GET', '/entries?limit=1&page=2'));
    const ids = all.map(({ id }) => id);
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => b - a),
    );
    assert.deepEqual(all.slice(0, 2), made.toReversed());
    for (const entry of all) assertKeys(entry, entryKeys);
  });
});

describe('GET /entries/{id}', () => {
  test('one sighting, coordinates in full precision', async () => {
    const entry = await read(placed);
    assertKeys(entry, entryKeys);
    const { location_lat, location_lon, location_osm_id, location_normalized, createdAt } = entry;
    assert.deepEqual({ location_lat, location_lon, location_osm_id }, coordinates);
    assert.equal(location_normalized, normalized.location_normalized);
    assert.equal(createdAt, '2026-11-22T13:13:34Z', 'no microseconds where they are 0');
  });

  test('404, 422', async () => {
    assertError(await call('GET', `/entries/${missing}`), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
    assertInvalid(await call('GET', '/entries/abc'), ['int_parsing', 'path', 'entry_id']);
  });
});

describe('PATCH /entries/{id}', () => {
  test('changes what is sent, keeps what is left out, clears what is null or blank', async () => {
    const entry = bodyOf(
      await post({ text: 'Grey', nickname: 'Smokey', location: 'Park A', photo_url: 'https://cdn.example/a.jpg' }),
    );
    assert.deepEqual(bodyOf(await patch(entry.id, {})), entry, '{} changes nothing');
    let expected: Entry = { ...entry, text: 'Grey tom', nickname: 'Tom' };
    assert.deepEqual(bodyOf(await patch(entry.id, { text: ' Grey tom ', nickname: 'Tom ' })), expected);
    expected = { ...expected, nickname: null, photo_url: null, location: null };
    const cleared = { nickname: null, photo_url: ' ', location: '' };
    assert.deepEqual(bodyOf(await patch(entry.id, cleared)), expected);
    assert.deepEqual(await read(entry.id), expected);
    const foreign = { id: 1, createdAt: '2001-01-01T00:00:00Z', isFavorite: true, cat_id: 1, location_osm_id: '5' };
    assert.deepEqual(bodyOf(await patch(entry.id, foreign)), expected, 'what is not its own is ignored');
  });

  test('the location follows the address parts', async () => {
    const { id } = bodyOf(await post({ text: 'Grey', location_street: 'Park Street', location_city: 'Berlin' }));
    assert.equal(bodyOf(await patch(id, { location_number: '5' })).location, 'Park Street 5, Berlin');
    assert.equal(bodyOf(await patch(id, { location_street: null })).location, 'Berlin');
    assert.equal(bodyOf(await patch(id, { location_city: 'Bonn', location: 'ignored' })).location, 'Bonn');
  });

  test('a changed location loses its coordinates, an unchanged one keeps them', async () => {
    const kept = bodyOf(await patch(moving, { text: 'Moved', location: 'Park A' }));
    assert.equal(kept.location_lat, coordinates.location_lat);
    assert.equal(kept.text, 'Moved');
    const moved = bodyOf(await patch(moving, { location: 'Park B' }));
    assert.equal(moved.location, 'Park B');
    for (const key of ['location_normalized', 'location_lat', 'location_lon', 'location_osm_id'] as const)
      assert.equal(moved[key], null, key);
  });

  test('400, 404, 422', async () => {
    const { id } = await createEntry(call);
    assertError(await patch(id, { text: ' ' }), 400, 'TEXT_EMPTY', 'text must not be empty');
    assertError(await patch(missing, { text: 'Grey' }), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
    assertError(await patch(missing, {}), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
    assertInvalid(await patch(id, { text: '' }), ['string_too_short', 'body', 'text']);
    assertInvalid(await patch(id, { text: null }), ['string_type', 'body', 'text']);
    assertInvalid(await patch(id, { nickname: 'n'.repeat(101) }), ['string_too_long', 'body', 'nickname']);
  });
});

describe('DELETE /entries/{id}', () => {
  test('the sighting and its analysis are gone', async () => {
    const { id } = await createEntry(call);
    bodyOf(await call('POST', `/entries/${id}/analyze`));
    const deleted = await call('DELETE', `/entries/${id}`);
    assert.equal(deleted.status, 204);
    assert.equal(deleted.text, '');
    assertError(await call('GET', `/entries/${id}`), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
    const analysis = await call('GET', `/entries/${id}/analysis`);
    assertError(analysis, 404, 'ANALYSIS_NOT_FOUND', 'No analysis found for this entry');
    assertError(await call('DELETE', `/entries/${id}`), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
    assert.ok((await createEntry(call)).id > id, 'its id is not given again');
  });

  test('its cat stays', async () => {
    const { id: catId, entryIds } = await createCat(call, { texts: ['Grey'] });
    assert.equal((await call('DELETE', `/entries/${entryIds[0]}`)).status, 204);
    assert.equal(bodyOf(await call('GET', `/cats/${catId}/profile`))['sightings_count'], 0);
  });

  test('422', async () => {
    assertInvalid(await call('DELETE', '/entries/abc'), ['int_parsing', 'path', 'entry_id']);
  });
});

describe('POST /entries/{id}/favorite', () => {
  test('flips, and changes nothing else', async () => {
    const entry = await createEntry(call);
    for (const isFavorite of [true, false, true])
      assert.deepEqual(bodyOf(await call<Entry>('POST', `/entries/${entry.id}/favorite`)), { ...entry, isFavorite });
    assert.equal((await read(entry.id)).isFavorite, true);
  });

  test('404, 422', async () => {
    assertError(await call('POST', `/entries/${missing}/favorite`), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
    assertInvalid(await call('POST', '/entries/abc/favorite'), ['int_parsing', 'path', 'entry_id']);
  });
});

describe('POST /entries/{id}/assign/{cat_id}, DELETE /entries/{id}/cat', () => {
  test('to a cat, to another one, away', async () => {
    const [first, second] = [await createCat(call), await createCat(call)];
    const entry = await createEntry(call);
    const assign = (catId: number) => call<Entry>('POST', `/entries/${entry.id}/assign/${catId}`);
    assert.deepEqual(bodyOf(await assign(first.id)), { ...entry, cat_id: first.id });
    assert.equal(bodyOf(await assign(second.id)).cat_id, second.id);
    assert.equal(bodyOf(await assign(second.id)).cat_id, second.id, 'twice is once');
    assert.equal(await catOf(call, entry.id), second.id);
    for (const _ of ['taken away', 'nothing to take away'])
      assert.deepEqual(bodyOf(await call<Entry>('DELETE', `/entries/${entry.id}/cat`)), entry);
    assert.equal(await catOf(call, entry.id), null);
  });

  test('404: the cat is looked for first', async () => {
    const [{ id: catId }, { id }] = [await createCat(call), await createEntry(call)];
    const assign = (entryId: number, toCat: number) => call('POST', `/entries/${entryId}/assign/${toCat}`);
    assertError(await assign(id, missing), 404, 'CAT_NOT_FOUND', 'Cat not found');
    assertError(await assign(missing, missing), 404, 'CAT_NOT_FOUND', 'Cat not found');
    assertError(await assign(missing, catId), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
    assertError(await call('DELETE', `/entries/${missing}/cat`), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
    assert.equal(await catOf(call, id), null);
  });
});

describe('POST /entries/{id}/normalize-location', () => {
  const normalize = (id: number, query = '') => call('POST', `/entries/${id}/normalize-location${query}`);

  test('no_location', async () => {
    const { id } = await createEntry(call);
    const { message, ...answer } = bodyOf(await normalize(id));
    assert.ok(typeof message === 'string' && message.length > 0);
    assert.deepEqual(answer, {
      entry_id: id,
      original_location: '',
      normalized_location: null,
      latitude: null,
      longitude: null,
      osm_id: null,
      status: 'no_location',
    });
  });

  test('already_normalized', async () => {
    assert.deepEqual(bodyOf(await normalize(placed, '?force=false')), {
      entry_id: placed,
      original_location: 'Park A',
      normalized_location: 'Park A, Mitte, Berlin',
      latitude: 52.520008,
      longitude: 13.404954,
      osm_id: '240109189',
      status: 'already_normalized',
      message: null,
    });
  });

  test('what would need a geocoder is `fallback`, with the reason, and changes nothing', async () => {
    const { id } = await createEntry(call, { location: 'Park A' });
    for (const [entryId, query] of [
      [id, ''],
      [id, '?force=true'],
      [placed, '?force=true'],
    ] as const) {
      const earlier = await read(entryId);
      const answer = await normalize(entryId, query);
      assert.deepEqual(bodyOf(answer), {
        entry_id: entryId,
        original_location: 'Park A',
        normalized_location: 'Park A',
        latitude: null,
        longitude: null,
        osm_id: null,
        status: 'fallback',
        message: 'This server has no geocoder: the location was not looked up, and nothing was changed',
      });
      assert.deepEqual(await read(entryId), earlier);
    }
    assert.equal(bodyOf(await call('GET', '/health/geocoding'))['status'], 'unavailable');
  });

  test('404, 422', async () => {
    assertError(await normalize(missing), 404, 'ENTRY_NOT_FOUND', 'Entry not found');
    assertInvalid(await normalize(missing, '?force=maybe'), ['bool_parsing', 'query', 'force']);
  });
});
