import { fixed } from '../analysis/rounding.ts';
import { keywords } from '../analysis/tokens.ts';
import { haversineMeters } from '../geo/distance.ts';

/** What matching looks at in a sighting. Coordinates in degrees. */
export interface MatchEntry {
  id: number;
  text: string;
  location: string | null;
  latitude: number | null;
  longitude: number | null;
}

/** A sighting taken apart once, to be compared many times. */
export interface PreparedEntry {
  textKeywords: ReadonlySet<string>;
  /** Null when there is no location text at all. */
  locationKeywords: ReadonlySet<string> | null;
  latitude: number | null;
  longitude: number | null;
}

/** How alike two sightings are, unrounded. Either the distance or the likeness of the location texts speaks for the place. */
export interface PairMeasure {
  score: number;
  textSimilarity: number;
  distanceMeters: number | null;
  locationScore: number;
}

/** Distance in metres from which on the place speaks no more for a match. */
const TOO_FAR_METERS = 1000;

/** Splits a sighting's texts into keywords, for `measurePair` and `scorePair`. */
export function prepareEntry(entry: MatchEntry): PreparedEntry {
  return {
    textKeywords: keywords(entry.text),
    locationKeywords: entry.location ? keywords(entry.location) : null,
    latitude: entry.latitude,
    longitude: entry.longitude,
  };
}

/** Jaccard index: shared over all distinct words, 0 when there are none. */
export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  let shared = 0;
  for (const word of small) if (large.has(word)) shared += 1;
  return shared === 0 ? 0 : shared / (a.size + b.size - shared);
}

/**
 * Half text, half closeness (linear to nothing at 1000 m) when both have coordinates; else seven parts text, three parts
 * likeness of the location texts. Score from 0 to 1, unrounded.
 */
export function measurePair(a: PreparedEntry, b: PreparedEntry): PairMeasure {
  const textSimilarity = jaccard(a.textKeywords, b.textKeywords);
  if (a.latitude !== null && a.longitude !== null && b.latitude !== null && b.longitude !== null) {
    const distanceMeters = haversineMeters(a.latitude, a.longitude, b.latitude, b.longitude);
    const locationScore = distanceMeters < TOO_FAR_METERS ? Math.max(0, 1 - distanceMeters / TOO_FAR_METERS) : 0;
    return { score: 0.5 * textSimilarity + 0.5 * locationScore, textSimilarity, distanceMeters, locationScore };
  }
  const locationScore =
    a.locationKeywords === null || b.locationKeywords === null ? 0 : jaccard(a.locationKeywords, b.locationKeywords);
  return {
    score: 0.7 * textSimilarity + 0.3 * locationScore,
    textSimilarity,
    distanceMeters: null,
    locationScore,
  };
}

/** The reasons that clients show beside a score, in their fixed words and order. */
export function explainMeasure(measure: PairMeasure): string[] {
  const { textSimilarity, distanceMeters, locationScore } = measure;
  const reasons: string[] = [];
  if (textSimilarity > 0) reasons.push(`text similarity ${fixed(textSimilarity, 2)}`);
  if (distanceMeters !== null) {
    const closeness = distanceMeters < TOO_FAR_METERS ? `score ${fixed(locationScore, 2)}` : 'too far';
    reasons.push(`distance ${fixed(distanceMeters, 0)}m (${closeness})`);
  } else if (locationScore > 0) {
    reasons.push(`location text similarity ${fixed(locationScore, 2)}`);
  }
  return reasons.length > 0 ? reasons : ['low similarity'];
}

/** Score (unrounded, 0 to 1) and reasons for two sightings. */
export function scorePair(a: PreparedEntry, b: PreparedEntry): { score: number; reasons: string[] } {
  const measure = measurePair(a, b);
  return { score: measure.score, reasons: explainMeasure(measure) };
}
