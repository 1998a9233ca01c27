import type { Instant } from '../clock.ts';
import type { Queryable } from '../database/connect.ts';
import type { GroupCandidate } from '../matching/groups.ts';
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

/** Sightings inside these boxes by id descending: a superset of those within the radius. Of a text, what a preview needs. */
export async function listAreaSightings(
  sql: Queryable,
  { boxes, includeAssigned }: { boxes: readonly BoundingBox[]; includeAssigned: boolean },
): Promise<AreaSighting[]> {
  return await sql<AreaSighting[]>`
    select id, left(text, 101) as text, location, location_normalized, location_lat as latitude, location_lon as longitude,
      cat_id, ${catName(sql)}, created_at as "createdAt"
    from entries
    where ${insideBoxes(sql, boxes)} ${includeAssigned ? sql`` : sql`and cat_id is null`}
    order by id desc`;
}

/** Sightings without a cat inside these boxes. */
export async function listGroupCandidates(sql: Queryable, boxes: readonly BoundingBox[]): Promise<GroupCandidate[]> {
  return await sql<GroupCandidate[]>`
    select id, text, location, location_lat as latitude, location_lon as longitude
    from entries where ${insideBoxes(sql, boxes)} and cat_id is null order by id desc`;
}
