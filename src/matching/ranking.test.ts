import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roundTo } from '../analysis/rounding.ts';
import { haversineMeters } from '../geo/distance.ts';
import { createMatchRanking, createNearbyRanking } from './ranking.ts';
import { type MatchEntry, prepareEntry, scorePair } from './score.ts';

const REPEATED = 'Orange tabby torn ear '.repeat(8).trim();
const SUBJECT = {
  id: 7,
  text: 'Orange tabby cat torn ear near park benches, friendly and good',
  location: 'Park A',
  latitude: 52.520008,
  longitude: 13.404954,
};
const OTHERS: MatchEntry[] = [
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
  { id: 11, text: REPEATED, location: null, latitude: 52.52005, longitude: 13.40495 },
];

function fill<Candidate, Ranked>(
  ranking: { add(candidate: Candidate): void; ranked(): Ranked[] },
  candidates: Iterable<Candidate>,
): Ranked[] {
  for (const candidate of candidates) ranking.add(candidate);
  return ranking.ranked();
}

test('matches of the known five sightings', () => {
  const ranking = createMatchRanking<MatchEntry>(SUBJECT, { topK: 20, minScore: 0 });
  const matches = fill(ranking, [SUBJECT, ...OTHERS]);
  assert.deepEqual(
    matches.map(({ candidate, score, reasons }) => [candidate.id, score, reasons]),
    [
      [11, 0.698, ['text similarity 0.40', 'distance 5m (score 1.00)']],
      [8, 0.634, ['text similarity 0.31', 'distance 39m (score 0.96)']],
      [9, 0.527, ['text similarity 0.07', 'distance 13m (score 0.99)']],
      [10, 0, ['distance 1162m (too far)']],
    ],
  );
});

test('nearby of the known five sightings', () => {
  const ranking = createNearbyRanking<MatchEntry>(SUBJECT, { topK: 10, radiusMeters: 5000 });
  const nearby = fill(ranking, [SUBJECT, ...OTHERS]);
  assert.deepEqual(
    nearby.map(({ candidate, distanceMeters, matchScore }) => [candidate.id, distanceMeters, matchScore]),
    [
      [11, 4.7, 0.698],
      [9, 13, 0.527],
      [8, 39, 0.634],
      [10, 1162.3, 0],
    ],
  );
  assert.deepEqual(nearby[3]?.reasons, ['distance 1162m (too far)']);
});

/** Lehmer's generator: the same numbers in every run, from 0 to 1. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function createEntries(count: number, random: () => number): MatchEntry[] {
  const words = ['orange', 'tabby', 'grey', 'black', 'torn', 'ear', 'kitten', 'park', 'limping', 'white'];
  const pick = () => words[Math.floor(random() * words.length)] ?? '';
  const entries = Array.from({ length: count }, (_, index) => {
    const located = random() < 0.7;
    return {
      id: index + 1,
      text: Array.from({ length: Math.floor(random() * 5) }, pick).join(' '),
      location: random() < 0.5 ? pick() : null,
      // A coarse raster, so that equal places and equal distances happen.
      latitude: located ? 52.52 + Math.floor(random() * 12) * 0.001 : null,
      longitude: located ? 13.4 + Math.floor(random() * 12) * 0.001 : null,
    };
  });
  // In no order: the ranking must not lean on the order in which candidates come.
  return entries
    .map((entry) => ({ entry, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ entry }) => entry);
}

test('matches equal scoring everything, sorting and cutting', () => {
  const random = createRandom(17);
  let found = 0;
  for (let round = 0; round < 60; round += 1) {
    const entries = createEntries(150, random);
    const [subject] = entries;
    assert.ok(subject);
    const topK = 1 + Math.floor(random() * 20);
    const minScore = [0, 0.15, 0.5, 0.625][round % 4] ?? 0;
    const expected = entries
      .filter((entry) => entry.id !== subject.id)
      .map((entry) => ({ id: entry.id, ...scorePair(prepareEntry(subject), prepareEntry(entry)) }))
      .filter(({ score }) => score >= minScore)
      .map(({ id, score, reasons }) => ({ id, score: roundTo(score, 3), reasons }))
      .sort((a, b) => b.score - a.score || b.id - a.id)
      .slice(0, topK);
    const matches = fill(createMatchRanking<MatchEntry>(subject, { topK, minScore }), entries);
    assert.deepEqual(
      matches.map(({ candidate, score, reasons }) => ({ id: candidate.id, score, reasons })),
      expected,
    );
    found += expected.length;
  }
  assert.ok(found > 100, `only ${found} matches`);
});

test('nearby equals measuring everything, sorting and cutting', () => {
  const random = createRandom(23);
  let found = 0;
  for (let round = 0; round < 60; round += 1) {
    const entries = createEntries(150, random);
    const subject = { ...SUBJECT, id: 1, latitude: 52.525, longitude: 13.405 };
    const topK = 1 + Math.floor(random() * 50);
    const radiusMeters = [50, 400, 700, 5000][round % 4] ?? 0;
    const expected = entries
      .flatMap(({ id, latitude, longitude }) =>
        id === subject.id || latitude === null || longitude === null
          ? []
          : { id, distance: haversineMeters(subject.latitude, subject.longitude, latitude, longitude) },
      )
      .filter(({ distance }) => distance <= radiusMeters)
      .map(({ id, distance }) => ({ id, distance: roundTo(distance, 1) }))
      .sort((a, b) => a.distance - b.distance || b.id - a.id)
      .slice(0, topK);
    const nearby = fill(createNearbyRanking<MatchEntry>(subject, { topK, radiusMeters }), entries);
    assert.deepEqual(
      nearby.map(({ candidate, distanceMeters }) => ({ id: candidate.id, distance: distanceMeters })),
      expected,
    );
    found += expected.length;
  }
  assert.ok(found > 100, `only ${found} neighbours`);
});

test('the threshold looks at the unrounded score', () => {
  // 1 of 3 words shared: 0.7 / 3 = 0.2333…, which rounds to 0.233 and is above it.
  const pair = (id: number, text: string) => ({ id, text, location: null, latitude: null, longitude: null });
  const subject = pair(1, 'aaa bbb');
  const candidate = pair(2, 'aaa ccc');
  assert.equal(fill(createMatchRanking(subject, { topK: 5, minScore: 0.2333 }), [candidate]).length, 1);
  assert.equal(fill(createMatchRanking(subject, { topK: 5, minScore: 0.2334 }), [candidate]).length, 0);
});

test('no candidates, no matches', () => {
  assert.deepEqual(createMatchRanking(SUBJECT, { topK: 5, minScore: 0 }).ranked(), []);
  assert.deepEqual(fill(createNearbyRanking(SUBJECT, { topK: 5, radiusMeters: 5000 }), [SUBJECT]), []);
});

test('100 000 candidates take a moment', () => {
  const entries = createEntries(100_000, createRandom(29));
  const subject = { ...SUBJECT, id: 0 };
  const before = performance.now();
  const matches = fill(createMatchRanking<MatchEntry>(subject, { topK: 20, minScore: 0.15 }), entries);
  const elapsed = performance.now() - before;
  assert.equal(matches.length, 20);
  assert.ok(elapsed < 3000, `${elapsed} ms`);
});
