import { fetchBatches } from '../database/batches.ts';
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
