import { catName } from '../cats/queries.ts';
import type { Instant } from '../clock.ts';
import { arrayOf } from '../database/batches.ts';
import type { Queryable } from '../database/connect.ts';

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
