import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  EnhancedProfileDraft,
  type ProfileCat,
  ProfileDraft,
  type ProfileEntry,
  type StoredInsight,
} from './profile.ts';

const CAT = { id: 3, name: null, createdAt: '2026-11-22T13:00:00.000001Z' };

function entry(id: number, text: string, rest: Partial<ProfileEntry> = {}): ProfileEntry {
  return {
    id,
    text,
    createdAt: `2026-11-22T13:13:${String(id).padStart(2, '0')}.577339Z`,
    location: null,
    locationNormalized: null,
    latitude: null,
    longitude: null,
    photoUrl: null,
    ...rest,
  };
}

function buildProfile(cat: Pick<ProfileCat, 'id' | 'name'>, entries: readonly ProfileEntry[]) {
  const draft = new ProfileDraft();
  for (const each of entries) draft.add(each);
  return draft.finish(cat);
}

function buildEnhancedProfile(cat: ProfileCat, entries: readonly ProfileEntry[], insights: readonly StoredInsight[]) {
  const draft = new EnhancedProfileDraft();
  for (const each of entries) draft.add(each);
  return draft.finish(cat, insights);
}

const GOLDEN = [
  entry(10, 'Grey kitten', { location: 'Far street', latitude: 52.53, longitude: 13.41 }),
  entry(9, 'Black cat hissing, bad mood, thin', { location: 'Park B', latitude: 52.520108, longitude: 13.404854 }),
  entry(8, 'Orange tabby with torn ear sleeping, limping a bit', {
    location: 'Park A',
    latitude: 52.520308,
    longitude: 13.405254,
  }),
  entry(7, 'Orange tabby cat torn ear near park benches, friendly and good', {
    location: 'Park A',
    latitude: 52.520008,
    longitude: 13.404954,
  }),
];
const TAGS = ['cat', 'orange', 'tabby', 'torn', 'ear', 'grey', 'kitten', 'black'];

test('the short profile of the known cat', () => {
  const profile = buildProfile(CAT, GOLDEN);
  const { profile_text: text, ...rest } = profile;
  assert.deepEqual(rest, {
    cat_id: 3,
    name: null,
    sightings_count: 4,
    locations: ['Far street', 'Park B', 'Park A'],
    top_tags: TAGS,
    temperament_guess: 'unknown / neutral',
  });
  const slots = ['Cat #3', 'Far street', '4', 'unknown / neutral', TAGS.join(', '), 'Grey kitten Black cat'];
  let from = 0;
  for (const slot of slots) {
    const found = text.indexOf(slot, from);
    assert.ok(found >= 0, `${slot} in ${text}`);
    from = found + slot.length;
  }
});

test('the profile page of the known cat', () => {
  const profile = buildEnhancedProfile(CAT, GOLDEN, []);
  assert.deepEqual(profile.cat, { id: 3, name: null, createdAt: CAT.createdAt, primaryPhoto: null });
  assert.deepEqual(profile.stats, {
    totalSightings: 4,
    uniqueLocations: 3,
    photoCount: 0,
    firstSeen: '2026-11-22T13:13:07.577339Z',
    lastSeen: '2026-11-22T13:13:10.577339Z',
    mostFrequentLocation: 'Park A',
  });
  assert.deepEqual(
    profile.locationSummary.map(({ location, count, lat, lon }) => [location, count, lat, lon]),
    [
      ['Park A', 2, 52.520308, 13.405254],
      ['Far street', 1, 52.53, 13.41],
      ['Park B', 1, 52.520108, 13.404854],
    ],
  );
  assert.equal(profile.locationSummary[0]?.lastSeen, '2026-11-22T13:13:08.577339Z');
  assert.deepEqual(profile.top_tags, TAGS);
  assert.equal(profile.temperament_guess, 'unknown / neutral');
  assert.ok(profile.profile_text.includes('Park A'));
  assert.ok(!profile.profile_text.includes('Far street'));
  assert.deepEqual(profile.recentSightings[0], {
    id: 10,
    text: 'Grey kitten',
    createdAt: '2026-11-22T13:13:10.577339Z',
    location: 'Far street',
    photo_url: null,
  });
});

test('a cat without sightings', () => {
  const short = buildProfile({ id: 3, name: 'Mia' }, []);
  assert.ok(short.profile_text.startsWith('No sightings assigned yet'));
  assert.deepEqual(
    [short.name, short.sightings_count, short.locations, short.top_tags, short.temperament_guess],
    ['Mia', 0, [], [], 'unknown'],
  );
  const page = buildEnhancedProfile(CAT, [], []);
  assert.equal(page.profile_text, short.profile_text);
  assert.equal(page.temperament_guess, 'unknown / neutral');
  assert.deepEqual(page.stats, {
    totalSightings: 0,
    uniqueLocations: 0,
    photoCount: 0,
    firstSeen: null,
    lastSeen: null,
    mostFrequentLocation: null,
  });
  assert.deepEqual([page.recentSightings, page.locationSummary, page.top_tags], [[], [], []]);
});

test('the name is in the text, an unknown place is called so', () => {
  const short = buildProfile({ id: 3, name: 'Mia' }, [entry(1, '🐈', { location: '' })]);
  assert.ok(short.profile_text.includes('Mia'));
  assert.ok(short.profile_text.includes('unknown area'));
  assert.ok(short.profile_text.includes('none yet'));
  assert.deepEqual(short.locations, []);
  const page = buildEnhancedProfile({ ...CAT, name: 'Mia' }, [entry(1, 'grey')], []);
  assert.ok(page.profile_text.includes('Mia') && page.profile_text.includes('unknown area'));
});

test('lists are cut: 5 locations, 5 sightings, 10 places, 8 tags, 220 characters of text', () => {
  const many = Array.from({ length: 12 }, (_, index) =>
    entry(12 - index, `${'abcdefghijkl'.charAt(index).repeat(3)} ${'word '.repeat(20)}`, {
      location: `Place ${index}`,
    }),
  );
  const short = buildProfile(CAT, many);
  assert.deepEqual(short.locations, ['Place 0', 'Place 1', 'Place 2', 'Place 3', 'Place 4']);
  assert.equal(short.top_tags.length, 8);
  assert.ok(short.profile_text.endsWith('…'));
  const page = buildEnhancedProfile(CAT, many, []);
  assert.equal(page.recentSightings.length, 5);
  assert.equal(page.locationSummary.length, 10);
  assert.equal(page.stats.uniqueLocations, 12);
});

test('a place is its location, or else its normalised one, told by the newest sighting there', () => {
  const page = buildEnhancedProfile(
    CAT,
    [
      entry(4, 'a', { locationNormalized: 'Park A' }),
      entry(3, 'b', { location: 'Pond', locationNormalized: 'Pond, Town', latitude: 0, longitude: 0 }),
      entry(2, 'c', { location: 'Park A', locationNormalized: 'Park A, Town', latitude: 1, longitude: 2 }),
      entry(1, 'd', { location: 'Pond' }),
    ],
    [],
  );
  assert.deepEqual(page.locationSummary, [
    {
      location: 'Park A',
      normalizedLocation: 'Park A',
      count: 2,
      lastSeen: '2026-11-22T13:13:04.577339Z',
      lat: null,
      lon: null,
    },
    {
      location: 'Pond',
      normalizedLocation: 'Pond, Town',
      count: 2,
      lastSeen: '2026-11-22T13:13:03.577339Z',
      lat: 0,
      lon: 0,
    },
  ]);
  assert.equal(page.stats.mostFrequentLocation, 'Park A', 'ties go to the most recently seen');
});

test('photos: all are counted, the newest is the main one', () => {
  const page = buildEnhancedProfile(
    CAT,
    [entry(3, 'a'), entry(2, 'b', { photoUrl: 'https://cdn/2.jpg' }), entry(1, 'c', { photoUrl: 'https://cdn/1.jpg' })],
    [],
  );
  assert.equal(page.cat.primaryPhoto, 'https://cdn/2.jpg');
  assert.equal(page.stats.photoCount, 2);
});

test('insight status: modes that are stored, and the latest time even where the fraction is dropped', () => {
  const page = buildEnhancedProfile(
    CAT,
    [],
    [
      { mode: 'profile', updatedAt: '2026-11-22T13:13:34Z' },
      { mode: 'risk', updatedAt: '2026-11-22T13:13:34.500000Z' },
      { mode: 'risk', updatedAt: '2026-11-22T13:13:33.900000Z' },
    ],
  );
  assert.deepEqual(page.insightStatus, {
    hasProfile: true,
    hasCare: false,
    hasUpdate: false,
    hasRisk: true,
    lastUpdated: '2026-11-22T13:13:34.500000Z',
  });
  assert.equal(buildEnhancedProfile(CAT, [], []).insightStatus.lastUpdated, null);
});
