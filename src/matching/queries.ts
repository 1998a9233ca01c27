import type { Instant } from '../clock.ts';
import type { Queryable } from '../database/connect.ts';
import type { BoundingBox } from '../map/distance.ts';
import { catName, insideBoxes } from '../map/queries.ts';
import type { MatchEntry } from './score.ts';

export interface MatchCandidate extends MatchEntry {
  nickname: string | null;
  createdAt: Instant;
}

const matchColumns = (sql: Queryable) => sql`
  id, text, location, location_lat as latitude, location_lon as longitude, nickname, created_at as "createdAt"`;

export async function findMatchEntry(sql: Queryable, id: number): Promise<MatchCandidate | undefined> {
  const [row] = await sql<MatchCandidate[]>`select ${matchColumns(sql)} from entries where id = ${id}`;
  return row;
}

const batchSize = 500;

/** Every sighting, in batches by id descending: each batch is a query of its own, so no connection is held between them. */
export async function* eachMatchCandidate(sql: Queryable): AsyncGenerator<MatchCandidate[]> {
  let before = Number.MAX_SAFE_INTEGER;
  for (;;) {
    const rows = await sql<MatchCandidate[]>`
      select ${matchColumns(sql)} from entries where id < ${before} order by id desc limit ${batchSize}`;
    const last = rows.at(-1);
    if (last !== undefined) yield rows;
    if (last === undefined || rows.length < batchSize) return;
    before = last.id;
  }
}

export interface NearbyCandidate extends MatchEntry {
  location_normalized: string | null;
  cat_id: number | null;
  cat_name: string | null;
  createdAt: Instant;
}

/** Sightings inside these boxes: a superset of those within the radius, by the index on places. */
export async function listNearbyCandidates(
  sql: Queryable,
  { boxes, includeAssigned }: { boxes: readonly BoundingBox[]; includeAssigned: boolean },
): Promise<NearbyCandidate[]> {
  return await sql<NearbyCandidate[]>`
    select id, text, location, location_lat as latitude, location_lon as longitude, location_normalized,
      cat_id, ${catName(sql)}, created_at as "createdAt"
    from entries
    where ${insideBoxes(sql, boxes)} ${includeAssigned ? sql`` : sql`and cat_id is null`}`;
}
