import type { Instant } from '../clock.ts';
import { arrayOf, fetchBatches } from '../database/batches.ts';
import type { Queryable, Tx } from '../database/connect.ts';
import type { BoundingBox } from './distance.ts';

/** True for entries with coordinates inside one of the boxes; served by the index entries_by_place. */
export function insideBoxes(sql: Queryable, boxes: readonly BoundingBox[]) {
  const inside = ({ south, north, west, east }: BoundingBox) =>
    sql`point(location_lon, location_lat) <@ box(point(${west}, ${south}), point(${east}, ${north}))`;
  const [first, second] = boxes;
  if (!first) return sql`false`;
  return sql`location_lat is not null and location_lon is not null
    and (${inside(first)} ${second ? sql`or ${inside(second)}` : sql``})`;
}

/**
 * The name of an entry's cat. Looked up row by row: the planner takes a box for a thousand rows, and with a join it would read all
 * cats for the few that a place really has.
 */
export function catName(sql: Queryable) {
  return sql`(select name from cats where cats.id = entries.cat_id) as cat_name`;
}

/** Where a sighting is, and no more of it: what a place has of them can be a million. */
export interface Place {
  id: number;
  latitude: number;
  longitude: number;
  cat_id: number | null;
  /** How long the text is, in bytes. */
  bytes: number;
}

/** How many places are read at once. */
const placesAtOnce = 2000;

/**
 * The places of sightings inside these boxes by id descending, a superset of those within the radius. Read by a cursor: the index gives
 * them in no order, so a batch by key would look through the whole box again.
 */
export async function* eachPlace(
  tx: Tx,
  { boxes, includeAssigned }: { boxes: readonly BoundingBox[]; includeAssigned: boolean },
): AsyncGenerator<Place[]> {
  await tx`
    declare places no scroll cursor for
    select id, location_lat as latitude, location_lon as longitude, cat_id, octet_length(text) as bytes
    from entries
    where ${insideBoxes(tx, boxes)} ${includeAssigned ? tx`` : tx`and cat_id is null`}
    order by id desc`;
  yield* fetchBatches<Place>(tx, 'places', placesAtOnce);
}

export interface AreaSighting {
  id: number;
  text: string;
  location: string | null;
  location_normalized: string | null;
  latitude: number;
  longitude: number;
  cat_id: number | null;
  cat_name: string | null;
  createdAt: Instant;
}

/** These sightings by id descending. Of a text, what a preview needs. */
export async function listAreaSightings(sql: Queryable, ids: readonly number[]): Promise<AreaSighting[]> {
  return await sql<AreaSighting[]>`
    select id, left(text, 101) as text, location, location_normalized, location_lat as latitude, location_lon as longitude,
      cat_id, ${catName(sql)}, created_at as "createdAt"
    from entries where id = any(${arrayOf(ids)}::bigint[]) order by id desc`;
}

/** The words of these sightings, in any order. */
export async function listTexts(sql: Queryable, ids: readonly number[]): Promise<{ id: number; text: string }[]> {
  return await sql<{ id: number; text: string }[]>`
    select id, text from entries where id = any(${arrayOf(ids)}::bigint[])`;
}

/** What these sightings say of where they were, as text. */
export async function listLocations(
  sql: Queryable,
  ids: readonly number[],
): Promise<{ id: number; location: string | null }[]> {
  return await sql<{ id: number; location: string | null }[]>`
    select id, location from entries where id = any(${arrayOf(ids)}::bigint[])`;
}
