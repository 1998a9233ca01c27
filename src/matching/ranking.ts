import { roundTo } from '../analysis/rounding.ts';
import { haversineMeters } from '../geo/distance.ts';
import { explainMeasure, type MatchEntry, measurePair, type PairMeasure, prepareEntry } from './score.ts';

/** Keeps the best of any number of candidates, given one at a time, in memory for as many as are kept. */
export interface Ranking<Candidate, Ranked> {
  add(candidate: Candidate): void;
  /** The kept ones, best first. */
  ranked(): Ranked[];
}

export interface Match<Candidate> {
  candidate: Candidate;
  /** Three decimals. */
  score: number;
  reasons: string[];
}

export interface Nearby<Candidate> {
  candidate: Candidate;
  /** One decimal. */
  distanceMeters: number;
  /** Three decimals; 0 is possible. */
  matchScore: number;
  reasons: string[];
}

interface Kept<Candidate> {
  candidate: Candidate;
  /** What is sorted by, the smallest first: rounded, as clients see it. */
  order: number;
  measure: PairMeasure;
}

/** Puts `item` in its place among the `size` first: by order, then the newer id. */
function insert<Candidate extends { id: number }>(kept: Kept<Candidate>[], item: Kept<Candidate>, size: number): void {
  let place = kept.length;
  for (; place > 0; place -= 1) {
    const before = kept[place - 1];
    if (before === undefined || before.order < item.order) break;
    if (before.order === item.order && before.candidate.id > item.candidate.id) break;
  }
  if (place >= size) return;
  kept.splice(place, 0, item);
  if (kept.length > size) kept.pop();
}

/** Is `order`, before it is rounded, so far behind the last of a full list that no rounding can bring it in? */
function isHopeless(kept: readonly Kept<unknown>[], size: number, order: number, unit: number): boolean {
  const last = kept[size - 1];
  return last !== undefined && order > last.order + unit;
}

/**
 * The sightings most like `subject`: at least `minScore` unrounded, then by score at three decimals, the newer id first
 * among equals. `subject` itself never matches.
 */
export function createMatchRanking<Candidate extends MatchEntry>(
  subject: MatchEntry,
  options: { topK: number; minScore: number },
): Ranking<Candidate, Match<Candidate>> {
  const { topK, minScore } = options;
  const preparedSubject = prepareEntry(subject);
  const kept: Kept<Candidate>[] = [];
  return {
    add(candidate) {
      if (candidate.id === subject.id) return;
      const measure = measurePair(preparedSubject, prepareEntry(candidate));
      if (measure.score < minScore || isHopeless(kept, topK, -measure.score, 0.001)) return;
      insert(kept, { candidate, order: -roundTo(measure.score, 3), measure }, topK);
    },
    ranked: () =>
      kept.map(({ candidate, measure }) => ({
        candidate,
        score: roundTo(measure.score, 3),
        reasons: explainMeasure(measure),
      })),
  };
}

/**
 * The sightings closest to `subject`: at most `radiusMeters` away unrounded, then by distance at one decimal, the newer id
 * first among equals. Candidates without coordinates and `subject` itself are passed over.
 */
export function createNearbyRanking<Candidate extends MatchEntry>(
  subject: MatchEntry & { latitude: number; longitude: number },
  options: { topK: number; radiusMeters: number },
): Ranking<Candidate, Nearby<Candidate>> {
  const { topK, radiusMeters } = options;
  const preparedSubject = prepareEntry(subject);
  const kept: Kept<Candidate>[] = [];
  return {
    add(candidate) {
      const { id, latitude, longitude } = candidate;
      if (id === subject.id || latitude === null || longitude === null) return;
      // The distance alone decides, so texts are looked at only when it can get in.
      const distance = haversineMeters(subject.latitude, subject.longitude, latitude, longitude);
      if (distance > radiusMeters || isHopeless(kept, topK, distance, 0.1)) return;
      const measure = measurePair(preparedSubject, prepareEntry(candidate));
      insert(kept, { candidate, order: roundTo(distance, 1), measure }, topK);
    },
    ranked: () =>
      kept.map(({ candidate, order, measure }) => ({
        candidate,
        distanceMeters: order,
        matchScore: roundTo(measure.score, 3),
        reasons: explainMeasure(measure),
      })),
  };
}
