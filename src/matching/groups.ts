import { firstCodePoints } from '../analysis/excerpt.ts';
import { fixed, roundTo } from '../analysis/rounding.ts';
import { keywords } from '../analysis/tokens.ts';
import { EARTH_RADIUS_METERS, haversineMeters, wrapLongitude } from '../map/distance.ts';

/** A sighting that has coordinates (degrees) and no cat yet. */
export interface GroupCandidate {
  id: number;
  text: string;
  location: string | null;
  latitude: number;
  longitude: number;
}

/** Sightings close together that may be one cat; keys as the API writes them. */
export interface SuggestedGroup {
  group_id: number;
  /** Two decimals, 0 to 1. */
  confidence: number;
  center_lat: number;
  center_lon: number;
  /** Distance of the farthest member from the centre, one decimal. */
  radius_meters: number;
  entry_ids: number[];
  reasons: string[];
  suggested_name: string | null;
}

interface Point {
  latitude: number;
  longitude: number;
}

const NAME_LENGTH = 30;

/** How many pairs and shared words the mean similarities of one answer may cost: about 0.2 s. See `meanSimilarity`. */
const SIMILARITY_STEPS = 50_000_000;
/** Splitting a character into words takes about as long as this many of those steps. */
const STEPS_PER_CHARACTER = 10;

function onUnitSphere({ latitude, longitude }: Point): [number, number, number] {
  const lat = (latitude * Math.PI) / 180;
  const lon = (longitude * Math.PI) / 180;
  return [Math.cos(lat) * Math.cos(lon), Math.cos(lat) * Math.sin(lon), Math.sin(lat)];
}

/**
 * Answers "who is within `radius` metres of this point" without looking at everybody. Points are sorted into cubes as wide
 * as the radius, in space and not on the map, so poles and the antimeridian are places like any other: whoever is in reach
 * lies in the same cube or in one of its 26 neighbours, because a chord is never longer than its arc.
 */
function createGrid(points: readonly Point[], radius: number): (point: Point) => Iterable<number> {
  // A millimetre more than the radius, so that rounding never puts a point on the edge of reach two cubes away.
  const cubes = EARTH_RADIUS_METERS / (radius + 0.001);
  const cubeOf = (point: Point) =>
    onUnitSphere(point).map((part) => Math.floor(part * cubes)) as [number, number, number];
  // Far cubes may share a number. That costs a look at a few points too many and is never wrong.
  const numberOf = (x: number, y: number, z: number) =>
    Math.imul(x, 73_856_093) ^ Math.imul(y, 19_349_663) ^ Math.imul(z, 83_492_791);

  const members = new Map<number, number[]>();
  for (const [index, point] of points.entries()) {
    const cube = numberOf(...cubeOf(point));
    const list = members.get(cube);
    if (list === undefined) members.set(cube, [index]);
    else list.push(index);
  }
  return function* neighbours(point) {
    const [x, y, z] = cubeOf(point);
    for (let dx = -1; dx <= 1; dx += 1) {
      for (let dy = -1; dy <= 1; dy += 1) {
        for (let dz = -1; dz <= 1; dz += 1) yield* members.get(numberOf(x + dx, y + dy, z + dz)) ?? [];
      }
    }
  };
}

/**
 * Greedy, seed by seed, newest first: everybody not yet taken within `radius` metres of the seed joins it. Not transitive,
 * and groups that turn out too small keep their members.
 */
function gatherAroundSeeds(candidates: readonly GroupCandidate[], radius: number): GroupCandidate[][] {
  const neighbours = createGrid(candidates, radius);
  const taken = new Uint8Array(candidates.length);
  const groups: GroupCandidate[][] = [];
  for (const [seedIndex, seed] of candidates.entries()) {
    if (taken[seedIndex] === 1) continue;
    taken[seedIndex] = 1;
    const joined: number[] = [];
    for (const index of neighbours(seed)) {
      const other = candidates[index];
      if (other === undefined || taken[index] === 1) continue;
      if (haversineMeters(seed.latitude, seed.longitude, other.latitude, other.longitude) > radius) continue;
      taken[index] = 1;
      joined.push(index);
    }
    const others = joined.sort((a, b) => a - b).flatMap((index) => candidates[index] ?? []);
    groups.push([seed, ...others]);
  }
  return groups;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The plain mean of the coordinates, summed in the order of the members. When they span more than half the globe the mean
 * of the longitudes would lie on its other side: 179.9 and -179.9 would meet in Greenwich. Such a group lies across the
 * antimeridian or around a pole, and its centre is the direction of the mean of the members' positions in space.
 */
function centerOf(members: readonly GroupCandidate[]): Point {
  const longitudes = members.map((member) => member.longitude);
  // reduce, not Math.max(...longitudes): an argument list of thousands can overflow the stack.
  const east = longitudes.reduce((a, b) => Math.max(a, b));
  const west = longitudes.reduce((a, b) => Math.min(a, b));
  if (east - west <= 180) {
    return { latitude: meanOf(members.map((member) => member.latitude)), longitude: meanOf(longitudes) };
  }
  const positions = members.map(onUnitSphere);
  const x = meanOf(positions.map((position) => position[0]));
  const y = meanOf(positions.map((position) => position[1]));
  const z = meanOf(positions.map((position) => position[2]));
  return {
    latitude: (Math.atan2(z, Math.hypot(x, y)) * 180) / Math.PI,
    longitude: wrapLongitude((Math.atan2(y, x) * 180) / Math.PI),
  };
}

/** For every keyword the indices of the texts that have it, ascending. */
function indexKeywords(keywordSets: readonly ReadonlySet<string>[]): Map<string, number[]> {
  const index = new Map<string, number[]>();
  for (const [position, words] of keywordSets.entries()) {
    for (const word of words) {
      const positions = index.get(word);
      if (positions === undefined) index.set(word, [position]);
      else positions.push(position);
    }
  }
  return index;
}

/** Every n-th item, with n the next whole number from `excess` up: all of them when nothing is in excess. At least two. */
function thinOut<Item>(items: readonly Item[], excess: number): readonly Item[] {
  const stride = Math.max(1, Math.ceil(excess));
  const kept = stride === 1 ? items : items.filter((_, position) => position % stride === 0);
  return kept.length < 2 ? items.slice(0, 2) : kept;
}

const pairsOf = (texts: readonly string[]) => (texts.length * (texts.length - 1)) / 2;

/** In steps. */
const splittingCost = (texts: readonly string[]) =>
  STEPS_PER_CHARACTER * texts.reduce((sum, text) => sum + text.length, 0);

/**
 * Mean Jaccard index of the keywords over all pairs of texts, 0 to 1; 0 for fewer than two texts. Exact, to the last bit
 * what comparing set with set in two nested loops gives, as long as that takes at most `steps` steps.
 *
 * Pairs grow with the square. Where they are more than that (some 4500 ordinary notes within one cluster radius, as when
 * a city is all that is known of the address), every n-th text stands for all, evenly over the group.
 */
export function meanSimilarity(texts: readonly string[], steps = SIMILARITY_STEPS): number {
  const excess = Math.max(Math.sqrt(pairsOf(texts) / steps), splittingCost(texts) / steps);
  const keywordSets = thinOut(texts, excess).map(keywords);
  let shared = 0;
  for (const positions of indexKeywords(keywordSets).values()) {
    shared += (positions.length * (positions.length - 1)) / 2;
  }
  return meanJaccard(thinOut(keywordSets, Math.sqrt(shared / steps)));
}

/** Shared words are counted through an index of who has which word: the most part of most pairs is never looked at. */
function meanJaccard(keywordSets: readonly ReadonlySet<string>[]): number {
  const count = keywordSets.length;
  if (count < 2) return 0;
  const index = indexKeywords(keywordSets);
  const sizes = Uint32Array.from(keywordSets, (words) => words.size);
  const shared = new Uint32Array(count);
  const passed = new Map<string, number>();
  let sum = 0;
  for (const [a, words] of keywordSets.entries()) {
    for (const word of words) {
      const positions = index.get(word) ?? [];
      // Everybody up to and including this text is behind us: they have been paired.
      const next = (passed.get(word) ?? 0) + 1;
      passed.set(word, next);
      for (let place = next; place < positions.length; place += 1) {
        const b = positions[place];
        if (b !== undefined) shared[b] = (shared[b] ?? 0) + 1;
      }
    }
    const size = sizes[a] ?? 0;
    for (let b = a + 1; b < count; b += 1) {
      const both = shared[b] ?? 0;
      if (both === 0) continue;
      sum += both / (size + (sizes[b] ?? 0) - both);
      shared[b] = 0;
    }
  }
  return sum / ((count * (count - 1)) / 2);
}

interface Draft {
  members: readonly GroupCandidate[];
  texts: readonly string[];
  /** What its mean similarity costs, in steps, shared words left out. */
  cost: number;
}

function draftOf(members: readonly GroupCandidate[]): Draft {
  const texts = members.map(({ text }) => text);
  return { members, texts, cost: 1 + pairsOf(texts) + splittingCost(texts) };
}

function describeGroup(
  groupId: number,
  { members, texts }: Draft,
  clusterRadius: number,
  steps: number,
): SuggestedGroup {
  const center = centerOf(members);
  const radius = members
    .map((member) => haversineMeters(center.latitude, center.longitude, member.latitude, member.longitude))
    .reduce((a, b) => Math.max(a, b));
  const similarity = meanSimilarity(texts, steps);
  const confidence =
    0.4 * Math.min(1, members.length / 5) + 0.3 * similarity + 0.3 * Math.max(0, 1 - radius / clusterRadius);

  const places = new Map<string, number>();
  for (const { location } of members) if (location) places.set(location, (places.get(location) ?? 0) + 1);
  // The sort is stable: among equally common locations the first met stays first.
  const [commonest] = [...places].sort(([, a], [, b]) => b - a);

  const reasons = [`${members.length} sightings within ${fixed(radius, 0)}m`];
  if (similarity > 0.2) reasons.push(`text similarity ${fixed(similarity, 2)}`);
  if (places.size === 1) reasons.push('same location text');
  return {
    group_id: groupId,
    confidence: roundTo(confidence, 2),
    center_lat: center.latitude,
    center_lon: center.longitude,
    radius_meters: roundTo(radius, 1),
    entry_ids: members.map((member) => member.id),
    reasons,
    suggested_name: commonest === undefined ? null : `Cat near ${firstCodePoints(commonest[0], NAME_LENGTH)}`,
  };
}

/**
 * Groups of sightings that may be one cat, the most confident first. `candidates` are all sightings of the area that have
 * no cat, in any order; `clusterRadius` is in metres. `group_id` counts the groups as they were made, newest seed first.
 */
export function suggestGroups(
  candidates: readonly GroupCandidate[],
  options: { clusterRadius: number; minSightings: number },
): SuggestedGroup[] {
  const newestFirst = [...candidates].sort((a, b) => b.id - a.id);
  const drafts = gatherAroundSeeds(newestFirst, options.clusterRadius)
    .filter((members) => members.length >= options.minSightings)
    .map(draftOf);
  const cost = drafts.reduce((sum, draft) => sum + draft.cost, 0);
  // Together they may cost what one may: each gets its share.
  const describe = (draft: Draft, groupId: number) =>
    describeGroup(groupId, draft, options.clusterRadius, SIMILARITY_STEPS * (draft.cost / cost));
  return drafts.map(describe).sort((a, b) => b.confidence - a.confidence);
}
