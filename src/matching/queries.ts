import { catName } from '../cats/queries.ts';
import type { Instant } from '../clock.ts';
import { arrayOf, isLastBatch, withinEntryBatch } from '../database/batches.ts';
import type { Queryable } from '../database/connect.ts';
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

/** Every sighting with an id below, in batches by id descending: each batch is a query of its own, so no connection is held between them. */
export async function* eachMatchCandidate(
  sql: Queryable,
  below = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<MatchCandidate[]> {
  let before: number | undefined = below;
  while (before !== undefined) {
    const rows: MatchCandidate[] = await sql<MatchCandidate[]>`
      select ${matchColumns(sql)} from entries where ${withinEntryBatch(sql, before)} order by id desc`;
    if (rows.length > 0) yield rows;
    const units = rows.reduce((sum, row) => sum + row.text.length, 0);
    before = isLastBatch(rows.length, units) ? undefined : rows.at(-1)?.id;
  }
}

export interface NearbyCandidate extends MatchEntry {
  location_normalized: string | null;
  cat_id: number | null;
  cat_name: string | null;
  createdAt: Instant;
}

/** These sightings, in any order. */
export async function listNearbyCandidates(sql: Queryable, ids: readonly number[]): Promise<NearbyCandidate[]> {
  return await sql<NearbyCandidate[]>`
    select id, text, location, location_lat as latitude, location_lon as longitude, location_normalized,
      cat_id, ${catName(sql)}, created_at as "createdAt"
    from entries where id = any(${arrayOf(ids)}::bigint[])`;
}
