import { firstCodePoints } from '../analysis/excerpt.ts';
import { fixed, roundTo } from '../analysis/rounding.ts';
import { EARTH_RADIUS_METERS, haversineMeters, wrapLongitude } from '../geo/distance.ts';
import type { Work } from '../http/work.ts';
import { KeywordNumbers, meanSimilarity, SIMILARITY_STEPS, similarityCost, textsToCompare } from './similarity.ts';

/** A sighting that has coordinates (degrees) and no cat yet. */
export interface GroupCandidate {
  id: number;
  /** How long its text is, in bytes. */
  bytes: number;
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
 * and groups that turn out too small keep their members. A step of the generator is one seed.
 */
function* gatherAroundSeeds(
  candidates: readonly GroupCandidate[],
  radius: number,
): Generator<void, GroupCandidate[][]> {
  const neighbours = createGrid(candidates, radius);
  const taken = new Uint8Array(candidates.length);
  const groups: GroupCandidate[][] = [];
  for (const [seedIndex, seed] of candidates.entries()) {
    if (taken[seedIndex] === 1) continue;
    yield;
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

/** What is to be known of sightings besides where they are, read when it is needed: there may be a lot of it. */
export interface GroupReader {
  /** The texts of these sightings, in this order; a sighting that is not there has an empty one. */
  texts(ids: readonly number[]): Promise<readonly string[]>;
  /** What each of these sightings says of where it was. */
  locations(ids: readonly number[]): Promise<ReadonlyMap<number, string | null>>;
}

/** How the work is divided: so that other requests get their turn in between. */
export type Pace = Pick<Work, 'breathe' | 'run'>;

/** How many texts, and how many bytes of them, are read at once. */
const TEXTS_AT_ONCE = 500;
const BYTES_AT_ONCE = 256 * 1024;

/** The texts of these sightings one by one, read in batches. */
async function* eachText(members: readonly GroupCandidate[], reader: GroupReader): AsyncGenerator<string> {
  let batch: number[] = [];
  let bytes = 0;
  for (const [position, member] of members.entries()) {
    batch.push(member.id);
    bytes += member.bytes;
    if (batch.length < TEXTS_AT_ONCE && bytes < BYTES_AT_ONCE && position < members.length - 1) continue;
    yield* await reader.texts(batch);
    batch = [];
    bytes = 0;
  }
}

interface Draft {
  members: readonly GroupCandidate[];
  /** What its mean similarity may cost. */
  steps: number;
  /** Those whose texts stand for all. */
  compared: readonly GroupCandidate[];
}

const bytesOf = ({ bytes }: GroupCandidate) => bytes;

/** Together the groups of an answer may cost what one may: each gets its share. */
function draftsOf(groups: readonly GroupCandidate[][]): Draft[] {
  const costs = groups.map((members) => similarityCost(members.map(bytesOf)));
  const all = costs.reduce((sum, cost) => sum + cost, 0);
  return groups.map((members, position) => {
    const steps = SIMILARITY_STEPS * ((costs[position] ?? 0) / all);
    return { members, steps, compared: textsToCompare(members, bytesOf, steps) };
  });
}

function describeGroup(
  groupId: number,
  { members }: Draft,
  clusterRadius: number,
  similarity: number,
  locations: ReadonlyMap<number, string | null>,
): SuggestedGroup {
  const center = centerOf(members);
  const radius = members
    .map((member) => haversineMeters(center.latitude, center.longitude, member.latitude, member.longitude))
    .reduce((a, b) => Math.max(a, b));
  const confidence =
    0.4 * Math.min(1, members.length / 5) + 0.3 * similarity + 0.3 * Math.max(0, 1 - radius / clusterRadius);

  const places = new Map<string, number>();
  for (const { id } of members) {
    const location = locations.get(id);
    if (location) places.set(location, (places.get(location) ?? 0) + 1);
  }
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
export async function suggestGroups(
  candidates: readonly GroupCandidate[],
  options: { clusterRadius: number; minSightings: number },
  reader: GroupReader,
  pace: Pace,
): Promise<SuggestedGroup[]> {
  const newestFirst = [...candidates].sort((a, b) => b.id - a.id);
  const gathered = await pace.run(gatherAroundSeeds(newestFirst, options.clusterRadius));
  const drafts = draftsOf(gathered.filter((members) => members.length >= options.minSightings));
  const locations = await reader.locations(drafts.flatMap(({ members }) => members.map(({ id }) => id)));
  const texts = eachText(
    drafts.flatMap(({ compared }) => compared),
    reader,
  );
  const groups: SuggestedGroup[] = [];
  for (const [groupId, draft] of drafts.entries()) {
    const keywords = new KeywordNumbers();
    const sets: Uint32Array[] = [];
    while (sets.length < draft.compared.length) {
      sets.push(keywords.of((await texts.next()).value ?? ''));
      await pace.breathe();
    }
    const similarity = await pace.run(meanSimilarity(sets, keywords.count, draft.steps));
    groups.push(describeGroup(groupId, draft, options.clusterRadius, similarity, locations));
  }
  return groups.sort((a, b) => b.confidence - a.confidence);
}
