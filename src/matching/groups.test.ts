import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixed, roundTo } from '../analysis/rounding.ts';
import { keywords } from '../analysis/tokens.ts';
import { haversineMeters } from '../geo/distance.ts';
import { type GroupCandidate, type Pace, type SuggestedGroup, suggestGroups } from './groups.ts';
import { jaccard } from './score.ts';
import { KeywordNumbers, meanSimilarity as similaritySteps, textsToCompare } from './similarity.ts';

/** A sighting with all that the database would be asked for. */
type Sighting = Omit<GroupCandidate, 'bytes'> & { text: string; location: string | null };

/** Nothing else waits for a turn here. */
const pace: Pace = {
  breathe: async () => {},
  async run(steps) {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  },
};

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

async function suggest(
  sightings: readonly Sighting[],
  options: { clusterRadius: number; minSightings: number },
): Promise<SuggestedGroup[]> {
  const known = new Map(sightings.map((sighting) => [sighting.id, sighting]));
  const candidates = sightings.map(({ id, text, latitude, longitude }) => ({
    id,
    latitude,
    longitude,
    bytes: bytesOf(text),
  }));
  const reader = {
    texts: async (ids: readonly number[]) => ids.map((id) => known.get(id)?.text ?? ''),
    locations: async (ids: readonly number[]) => new Map(ids.map((id) => [id, known.get(id)?.location ?? null])),
  };
  return await suggestGroups(candidates, options, reader, pace);
}

/** The mean similarity of these texts, for so many steps. */
async function meanSimilarity(texts: readonly string[], steps?: number): Promise<number> {
  const keywordNumbers = new KeywordNumbers();
  const sets = textsToCompare(texts, bytesOf, steps).map((text) => keywordNumbers.of(text));
  return await pace.run(similaritySteps(sets, keywordNumbers.count, steps));
}

const DEFAULTS = { clusterRadius: 100, minSightings: 2 };
const GOLDEN: Sighting[] = [
  {
    id: 7,
    text: 'Orange tabby cat torn ear near park benches, friendly and good',
    location: 'Park A',
    latitude: 52.520008,
    longitude: 13.404954,
  },
  {
    id: 8,
    text: 'Orange tabby with torn ear sleeping, limping a bit',
    location: 'Park A',
    latitude: 52.520308,
    longitude: 13.405254,
  },
  {
    id: 9,
    text: 'Black cat hissing, bad mood, thin',
    location: 'Park B',
    latitude: 52.520108,
    longitude: 13.404854,
  },
  { id: 10, text: 'Grey kitten', location: 'Far street', latitude: 52.53, longitude: 13.41 },
  {
    id: 11,
    text: 'Orange tabby torn ear '.repeat(8).trim(),
    location: null,
    latitude: 52.52005,
    longitude: 13.40495,
  },
];

test('groups of the known five sightings', async () => {
  assert.deepEqual(await suggest(GOLDEN, DEFAULTS), [
    {
      group_id: 0,
      confidence: 0.61,
      center_lat: 52.520118499999995,
      center_lon: 13.405003,
      radius_meters: 27.1,
      entry_ids: [11, 9, 8, 7],
      reasons: ['4 sightings within 27m', 'text similarity 0.22'],
      suggested_name: 'Cat near Park A',
    },
  ]);
});

test('nobody, and one alone, make no group', async () => {
  assert.deepEqual(await suggest([], DEFAULTS), []);
  assert.deepEqual(await suggest(GOLDEN.slice(0, 1), DEFAULTS), []);
});

/** Lehmer's generator: the same numbers in every run, from 0 to 1. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const WORDS = ['orange', 'tabby', 'grey', 'black', 'torn', 'ear', 'kitten', 'limping', 'white', 'park'];

function createCandidates(
  count: number,
  random: () => number,
  place: { latitude: number; longitude: number; spread: number },
  words = WORDS,
): Sighting[] {
  const pick = () => words[Math.floor(random() * words.length)] ?? '';
  return Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    text: Array.from({ length: Math.floor(random() * 12) }, pick).join(' '),
    location: random() < 0.4 ? `${pick()} street` : null,
    latitude: place.latitude + (random() - 0.5) * place.spread,
    longitude: place.longitude + (random() - 0.5) * place.spread,
  }));
}

function mean(values: number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** The rule as the contract words it: everybody against everybody, plain means. */
function groupByBruteForce(
  candidates: Sighting[],
  { clusterRadius, minSightings }: { clusterRadius: number; minSightings: number },
): SuggestedGroup[] {
  const ordered = [...candidates].sort((a, b) => b.id - a.id);
  const taken = new Set<number>();
  const groups: SuggestedGroup[] = [];
  for (const seed of ordered) {
    if (taken.has(seed.id)) continue;
    taken.add(seed.id);
    const members = [seed];
    for (const other of ordered) {
      if (taken.has(other.id)) continue;
      if (haversineMeters(seed.latitude, seed.longitude, other.latitude, other.longitude) <= clusterRadius) {
        taken.add(other.id);
        members.push(other);
      }
    }
    if (members.length < minSightings) continue;
    const lat = mean(members.map((member) => member.latitude));
    const lon = mean(members.map((member) => member.longitude));
    const radius = Math.max(...members.map((member) => haversineMeters(lat, lon, member.latitude, member.longitude)));
    const similarities: number[] = [];
    for (const [index, a] of members.entries()) {
      for (const b of members.slice(index + 1)) similarities.push(jaccard(keywords(a.text), keywords(b.text)));
    }
    const similarity = mean(similarities);
    const confidence =
      0.4 * Math.min(1, members.length / 5) + 0.3 * similarity + 0.3 * Math.max(0, 1 - radius / clusterRadius);
    const reasons = [`${members.length} sightings within ${fixed(radius, 0)}m`];
    if (similarity > 0.2) reasons.push(`text similarity ${fixed(similarity, 2)}`);
    const locations = members.flatMap((member) => member.location ?? []);
    if (new Set(locations).size === 1) reasons.push('same location text');
    let commonest: string | null = null;
    for (const location of locations) {
      const count = (name: string | null) => locations.filter((other) => other === name).length;
      if (commonest === null || count(location) > count(commonest)) commonest = location;
    }
    groups.push({
      group_id: groups.length,
      confidence: roundTo(confidence, 2),
      center_lat: lat,
      center_lon: lon,
      radius_meters: roundTo(radius, 1),
      entry_ids: members.map((member) => member.id),
      reasons,
      suggested_name: commonest === null ? null : `Cat near ${commonest}`,
    });
  }
  return groups.sort((a, b) => b.confidence - a.confidence);
}

test('equals brute force on random sightings, to the last bit', async () => {
  const random = createRandom(31);
  let made = 0;
  for (let round = 0; round < 120; round += 1) {
    const place = {
      latitude: [52.52, -33.9, 0, 69.6, 84.9][round % 5] ?? 0,
      longitude: [13.4, 151.2, 0, -178, 100][round % 5] ?? 0,
      spread: [0.001, 0.005, 0.02, 0.1][round % 4] ?? 0,
    };
    const options = { clusterRadius: [10, 100, 137, 500][round % 4] ?? 0, minSightings: 2 + (round % 4) };
    const candidates = createCandidates(120, random, place);
    const expected = groupByBruteForce(candidates, options);
    assert.deepEqual(await suggest(candidates, options), expected);
    made += expected.length;
  }
  assert.ok(made > 300, `only ${made} groups`);
});

test('somebody exactly at the radius joins, somebody beyond does not', async () => {
  const at = (id: number, latitude: number) => ({ id, text: '', location: null, latitude, longitude: 0 });
  const distance = haversineMeters(0, 0, 0.0009, 0);
  const pair = [at(1, 0), at(2, 0.0009)];
  assert.equal((await suggest(pair, { clusterRadius: distance, minSightings: 2 })).length, 1);
  assert.equal((await suggest(pair, { clusterRadius: distance - 1e-6, minSightings: 2 })).length, 0);
});

test('small groups keep their members', async () => {
  // In reach of each other are 3-2 and 2-1. Seed 3 takes 2; the pair is too small for three, and 1 stays alone.
  const at = (id: number, latitude: number) => ({ id, text: '', location: null, latitude, longitude: 0 });
  const chain = [at(3, 0), at(2, 0.0008), at(1, 0.0016)];
  assert.deepEqual(
    (await suggest(chain, DEFAULTS)).map((group) => group.entry_ids),
    [[3, 2]],
  );
  assert.deepEqual(await suggest(chain, { clusterRadius: 100, minSightings: 3 }), []);
});

test('identical positions have radius 0 and full confidence with like texts', async () => {
  const twins = [1, 2, 3, 4, 5].map((id) => ({ ...GOLDEN[0], id }) as Sighting);
  const [group] = await suggest(twins, DEFAULTS);
  assert.ok(group);
  assert.equal(group.radius_meters, 0);
  assert.equal(group.confidence, 1);
  assert.deepEqual(group.reasons, ['5 sightings within 0m', 'text similarity 1.00', 'same location text']);
});

test('names: the most common location, first met among equals, 30 code points, or none', async () => {
  const at = (id: number, location: string | null) => ({ id, text: '', location, latitude: 1, longitude: 1 });
  const nameOf = async (...candidates: Sighting[]) => (await suggest(candidates, DEFAULTS))[0]?.suggested_name;
  assert.equal(await nameOf(at(1, 'A'), at(2, 'B')), 'Cat near B');
  assert.equal(await nameOf(at(1, 'A'), at(2, 'B'), at(3, 'A')), 'Cat near A');
  assert.equal(await nameOf(at(1, null), at(2, '')), null);
  assert.equal(await nameOf(at(1, '🐈'.repeat(31)), at(2, null)), `Cat near ${'🐈'.repeat(30)}`);
  const [oneNamed] = await suggest([at(1, 'A'), at(2, null)], DEFAULTS);
  assert.deepEqual(oneNamed?.reasons, ['2 sightings within 0m', 'same location text']);
});

test('ids are given at creation, the order is by confidence and stable', async () => {
  const at = (id: number, latitude: number) => ({ id, text: 'grey', location: null, latitude, longitude: 0 });
  const groups = await suggest([at(7, 1), at(6, 1), at(5, 2), at(4, 2), at(3, 2), at(2, 3), at(1, 3)], DEFAULTS);
  assert.deepEqual(
    groups.map((group) => [group.group_id, group.entry_ids.length]),
    [
      [1, 3],
      [0, 2],
      [2, 2],
    ],
  );
});

test('a group across the antimeridian has its centre there', async () => {
  const at = (id: number, longitude: number) => ({ id, text: 'grey', location: null, latitude: -16.8, longitude });
  const [group] = await suggest([at(1, 179.9998), at(2, -179.9996), at(3, 179.9999), at(4, 180)], DEFAULTS);
  assert.ok(group);
  assert.deepEqual(group.entry_ids, [4, 3, 2, 1]);
  assert.ok(Math.abs(group.center_lat - -16.8) < 1e-9);
  assert.ok(group.center_lon > -180 && group.center_lon < -179.9999, `${group.center_lon}`);
  assert.ok(group.radius_meters < 50, `${group.radius_meters}`);
});

test('a group around a pole has its centre there', async () => {
  const at = (id: number, longitude: number) => ({ id, text: 'white', location: null, latitude: 89.9998, longitude });
  const [group] = await suggest([at(1, -120), at(2, 0), at(3, 120)], DEFAULTS);
  assert.ok(group);
  assert.equal(group.entry_ids.length, 3);
  assert.ok(group.center_lat > 89.9999);
  assert.ok(group.radius_meters < 30);
});

test('mean similarity is exact within its budget and close beyond it', async () => {
  const place = { latitude: 0, longitude: 0, spread: 1 };
  const texts = createCandidates(400, createRandom(37), place).map(({ text }) => text);
  const sets = texts.map(keywords);
  let sum = 0;
  for (const [index, a] of sets.entries()) for (const b of sets.slice(index + 1)) sum += jaccard(a, b);
  const exact = sum / ((400 * 399) / 2);
  assert.equal(await meanSimilarity(texts), exact);
  const sampled = await meanSimilarity(texts, 100_000);
  assert.notEqual(sampled, exact);
  assert.ok(Math.abs(sampled - exact) < 0.03, `${sampled} for ${exact}`);
  assert.ok((await meanSimilarity(texts, 1)) >= 0, 'an absurd budget still has an answer');
});

test('mean similarity of few or empty texts', async () => {
  assert.equal(await meanSimilarity([]), 0);
  assert.equal(await meanSimilarity(['grey']), 0);
  assert.equal(await meanSimilarity(['', '🐈']), 0);
  assert.equal(await meanSimilarity(['grey', 'grey']), 1);
});

test('20 000 sightings within 10 km take well under a second', async () => {
  const random = createRandom(41);
  const candidates = createCandidates(20_000, random, { latitude: 52.52, longitude: 13.4, spread: 0.18 });
  for (const clusterRadius of [10, 100, 500]) {
    const before = performance.now();
    const groups = await suggest(candidates, { clusterRadius, minSightings: 2 });
    const elapsed = performance.now() - before;
    assert.ok(groups.length > 10);
    assert.ok(elapsed < 2000, `${clusterRadius} m: ${elapsed} ms`);
  }
});

test('20 000 sightings at one address are one group, and no wait', async () => {
  const candidates = createCandidates(20_000, createRandom(43), { latitude: 52.52, longitude: 13.4, spread: 0 });
  const before = performance.now();
  const [group, ...others] = await suggest(candidates, DEFAULTS);
  const elapsed = performance.now() - before;
  assert.equal(group?.entry_ids.length, 20_000);
  assert.equal(others.length, 0);
  assert.ok(elapsed < 3000, `${elapsed} ms`);
});

test('many large groups share the work of one, and what is said of them stays close to the truth', async () => {
  const places = Array.from({ length: 20 }, (_, place) =>
    createCandidates(1500, createRandom(place + 1), { latitude: 52 + place / 10, longitude: 13.4, spread: 0 }),
  );
  const candidates = places.flat().map((candidate, index) => ({ ...candidate, id: index + 1 }));
  const groups = (await suggest(candidates, DEFAULTS)).sort((a, b) => a.center_lat - b.center_lat);
  for (const [place, members] of places.entries()) {
    const exact = await meanSimilarity(
      members.map(({ text }) => text),
      Number.POSITIVE_INFINITY,
    );
    const { entry_ids, confidence } = groups[place] ?? assert.fail('a group is missing');
    assert.equal(entry_ids.length, 1500);
    assert.ok(Math.abs(confidence - (0.7 + 0.3 * exact)) < 0.02, `${confidence}, similarity ${exact}`);
  }
});
