import { previewOf } from '../analysis/excerpt.ts';
import { batchRows } from '../database/batches.ts';
import type { Queryable, Tx } from '../database/connect.ts';
import { AppError } from '../errors.ts';
import { boundingBoxes, haversineMeters } from '../geo/distance.ts';
import { eachPlace } from '../geo/places.ts';
import type { Work } from '../http/work.ts';
import type { GroupCandidate, GroupReader } from '../matching/groups.ts';
import { type AreaSighting, listAreaSightings, listLocations, listTexts } from './queries.ts';

/** The most sightings that one answer lists: their ids are kept until it is sent, in 8 bytes each. */
const mostSightings = 500_000;

/** The most sightings that are grouped: the newest. */
export const mostCandidates = 20_000;

interface Circle {
  lat: number;
  lon: number;
  radius: number;
}

const within =
  ({ lat, lon, radius }: Circle) =>
  (place: { latitude: number; longitude: number }) =>
    haversineMeters(lat, lon, place.latitude, place.longitude) <= radius;

/** A sighting as a list of an area shows it; keys as the API writes them. */
const listed = (row: AreaSighting) => ({
  entry_id: row.id,
  text_preview: previewOf(row.text),
  location: row.location,
  location_normalized: row.location_normalized,
  latitude: row.latitude,
  longitude: row.longitude,
  cat_id: row.cat_id,
  cat_name: row.cat_name,
  created_at: row.createdAt,
});

/** What an area has: its counts, the ids of its sightings (descending), and the first of these. */
interface Area {
  head: {
    center_lat: number;
    center_lon: number;
    radius_meters: number;
    total_count: number;
    unassigned_count: number;
  };
  ids: readonly number[];
  first: ReturnType<typeof listed>[];
}

/**
 * Looks through an area.
 *
 * @throws {AppError} 422 AREA_TOO_LARGE for more than `most` sightings
 */
export async function readArea(
  tx: Tx,
  query: Circle & { include_assigned: boolean },
  work: Pick<Work, 'each'>,
  most = mostSightings,
): Promise<Area> {
  const { lat, lon, radius } = query;
  const isWithin = within(query);
  const ids: number[] = [];
  let unassigned = 0;
  const boxes = boundingBoxes(lat, lon, radius);
  for await (const places of eachPlace(tx, { boxes, includeAssigned: query.include_assigned }))
    await work.each(places, (place) => {
      if (!isWithin(place)) return;
      if (ids.length >= most) throw areaTooLarge(most, radius);
      ids.push(place.id);
      if (place.cat_id === null) unassigned += 1;
    });
  return {
    head: {
      center_lat: lat,
      center_lon: lon,
      radius_meters: radius,
      total_count: ids.length,
      unassigned_count: unassigned,
    },
    ids,
    first: (await listAreaSightings(tx, ids.slice(0, batchRows))).map(listed),
  };
}

function areaTooLarge(most: number, radius: number): AppError {
  const message = `More than ${most} sightings lie in this area. Ask for a smaller radius.`;
  return new AppError(422, 'AREA_TOO_LARGE', message, {
    fields: [{ type: 'value_error', loc: ['query', 'radius'], msg: `Value error, ${message}`, input: String(radius) }],
  });
}

/**
 * The answer of a large area in parts: the counts, then the sightings. Each part is a query of its own, so no connection is held while a
 * client reads.
 */
export function areaParts(sql: Queryable, { head, ids, first }: Area): () => Promise<string | undefined> {
  let next = first.length;
  let opening: string | undefined = `${JSON.stringify(head).slice(0, -1)},"sightings":[`;
  let unsent: Area['first'] | undefined = first;
  return async () => {
    if (opening === undefined) return undefined;
    const rows = unsent ?? (await listAreaSightings(sql, ids.slice(next, next + batchRows))).map(listed);
    if (unsent === undefined) next += batchRows;
    unsent = undefined;
    const last = next >= ids.length;
    const part = `${rows.length > 0 || opening !== ',' ? opening : ''}${JSON.stringify(rows).slice(1, -1)}${last ? ']}' : ''}`;
    opening = last ? undefined : ',';
    return part;
  };
}

/** How many sightings without a cat an area has, and the newest of them. */
export async function readGroupCandidates(
  tx: Tx,
  query: Circle,
  work: Pick<Work, 'each'>,
): Promise<{ total: number; candidates: GroupCandidate[] }> {
  const isWithin = within(query);
  const candidates: GroupCandidate[] = [];
  let total = 0;
  const boxes = boundingBoxes(query.lat, query.lon, query.radius);
  for await (const places of eachPlace(tx, { boxes, includeAssigned: false }))
    await work.each(places, (place) => {
      if (!isWithin(place)) return;
      total += 1;
      if (candidates.length >= mostCandidates) return;
      const { id, latitude, longitude, bytes } = place;
      candidates.push({ id, latitude, longitude, bytes });
    });
  return { total, candidates };
}

/** Reads what groups are described by. */
export function readerOf(sql: Queryable, work: Pick<Work, 'turn'>): GroupReader {
  return {
    async texts(ids) {
      const texts = new Map((await listTexts(sql, ids)).map(({ id, text }) => [id, text]));
      await work.turn();
      return ids.map((id) => texts.get(id) ?? '');
    },
    async locations(ids) {
      const locations = new Map<number, string | null>();
      for (let at = 0; at < ids.length; at += batchRows) {
        for (const { id, location } of await listLocations(sql, ids.slice(at, at + batchRows)))
          locations.set(id, location);
        await work.turn();
      }
      return locations;
    },
  };
}
