import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyPatch, locationOf } from './edit.ts';
import type { Entry, EntryPatch } from './schemas.ts';

const entry: Entry = {
  id: 7,
  text: 'Orange tabby',
  createdAt: '2026-11-22T13:13:34.577339Z',
  isFavorite: true,
  nickname: 'Smokey',
  location: 'Park Street 5, 10115 Berlin',
  cat_id: 3,
  photo_url: null,
  location_normalized: 'Park Street 5, Mitte, Berlin',
  location_lat: 52.52,
  location_lon: 13.405,
  location_osm_id: '1',
  location_street: 'Park Street',
  location_number: '5',
  location_zip: '10115',
  location_city: 'Berlin',
  location_country: null,
};

const nothing: EntryPatch = {
  nickname: undefined,
  location: undefined,
  photo_url: undefined,
  location_street: undefined,
  location_number: undefined,
  location_zip: undefined,
  location_city: undefined,
  location_country: undefined,
};

const patched = (patch: Partial<EntryPatch>) => applyPatch(entry, { ...nothing, ...patch });

test('an empty patch changes nothing', () => {
  assert.deepEqual(patched({}), entry);
});

test('what is sent changes, null clears, the rest stays', () => {
  assert.deepEqual(patched({ nickname: null, photo_url: 'https://a.example/b.jpg' }), {
    ...entry,
    nickname: null,
    photo_url: 'https://a.example/b.jpg',
  });
});

test('a changed address part makes the location again, and its coordinates are not those of the new place', () => {
  const changed = patched({ location_number: '6' });
  assert.equal(changed.location, 'Park Street 6, 10115 Berlin');
  assert.deepEqual(
    [changed.location_lat, changed.location_lon, changed.location_normalized, changed.location_osm_id],
    [null, null, null, null],
  );
});

test('the same address again keeps the coordinates', () => {
  assert.deepEqual(patched({ location_city: 'Berlin' }), entry);
});

test('without any part left, the location that was made from them goes too', () => {
  const parts = { location_street: null, location_number: null, location_zip: null, location_city: null };
  assert.equal(patched(parts).location, null);
  assert.equal(patched({ ...parts, location: 'behind the bakery' }).location, 'behind the bakery');
});

test('a location of its own is kept when there never were parts', () => {
  const free = {
    ...entry,
    location: 'behind the bakery',
    location_street: null,
    location_number: null,
    location_zip: null,
    location_city: null,
  };
  assert.equal(applyPatch(free, { ...nothing, location_country: null }).location, 'behind the bakery');
});

test('a new sighting: parts win over a location', () => {
  const input = {
    ...nothing,
    text: 'x',
    nickname: null,
    photo_url: null,
    location: 'ignored',
    location_street: null,
    location_number: null,
    location_zip: null,
    location_country: null,
  };
  assert.equal(locationOf({ ...input, location_city: 'Berlin' }), 'Berlin');
  assert.equal(locationOf({ ...input, location_city: null }), 'ignored');
});

test('null coordinates take the sighting off the map, and leave its address', () => {
  for (const patch of [{ location_lat: null }, { location_lon: null }, { location_lat: null, location_lon: null }]) {
    const changed = patched(patch);
    assert.equal(changed.location, entry.location);
    assert.deepEqual(
      [changed.location_lat, changed.location_lon, changed.location_normalized, changed.location_osm_id],
      [null, null, null, null],
    );
  }
});
