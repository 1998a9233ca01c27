import type { Instant } from '../clock.ts';
import { arrayOf, fetchBatches, withinCatBatch } from '../database/batches.ts';
import type { Queryable, Tx } from '../database/connect.ts';
import { instantText } from '../database/instant-text.ts';
import type { JsonRow } from '../http/json-stream.ts';
import type { ProfileEntry, StoredInsight } from './profile.ts';
import type { Cat } from './schemas.ts';

const catColumns = (sql: Queryable) => sql`id, name, created_at as "createdAt"`;

export async function findCat(sql: Queryable, id: number): Promise<Cat | undefined> {
  const [row] = await sql<Cat[]>`select ${catColumns(sql)} from cats where id = ${id}`;
  return row;
}

export async function catExists(sql: Queryable, id: number): Promise<boolean> {
  const rows = await sql`select 1 from cats where id = ${id}`;
  return rows.length > 0;
}

/** Does the cat exist, and will it until this transaction ends? A deletion waits for the lock. */
export async function keepCat(tx: Tx, id: number): Promise<boolean> {
  const rows = await tx`select 1 from cats where id = ${id} for key share`;
  return rows.length > 0;
}

/** A batch of cats by id descending, beginning below `before`, as the JSON that the API sends. */
export async function listCatsBefore(sql: Queryable, before: number): Promise<JsonRow[]> {
  return await sql<JsonRow[]>`
    select id, row_to_json(cat)::text as json
    from (
      select id, name, ${instantText(sql, 'created_at')} as "createdAt"
      from cats where ${withinCatBatch(sql, before)} order by id desc
    ) as cat`;
}

export async function insertCat(sql: Queryable, input: { name: string | null; createdAt: Instant }): Promise<Cat> {
  const [row] = await sql<[Cat]>`
    insert into cats (name, created_at) values (${input.name}, ${input.createdAt}) returning ${catColumns(sql)}`;
  return row;
}

export interface RenamedCat {
  id: number;
  name: string | null;
  updatedAt: Instant;
}

export async function renameCat(
  sql: Queryable,
  change: { id: number; name: string | null; updatedAt: Instant },
): Promise<RenamedCat | undefined> {
  const [row] = await sql<RenamedCat[]>`
    update cats set name = ${change.name}, updated_at = ${change.updatedAt}
    where id = ${change.id} returning id, name, updated_at as "updatedAt"`;
  return row;
}

/** A cat as PATCH answers when nothing was to be changed: a cat that was never changed was last touched when made. */
export async function findLastChange(sql: Queryable, id: number): Promise<RenamedCat | undefined> {
  const [row] = await sql<RenamedCat[]>`
    select id, name, coalesce(updated_at, created_at) as "updatedAt" from cats where id = ${id}`;
  return row;
}

/** Deletes a cat; its sightings stay and have no cat, its comments and insights go. True when there was one. */
export async function deleteCat(sql: Queryable, id: number): Promise<boolean> {
  const { count } = await sql`delete from cats where id = ${id}`;
  return count > 0;
}

/** The cat of each existing entry among `ids`, locked in the order of ids so that two requests cannot deadlock. */
export async function lockEntryCats(tx: Tx, ids: readonly number[]): Promise<Map<number, number | null>> {
  const rows = await tx<{ id: number; cat_id: number | null }[]>`
    select id, cat_id from entries where id = any(${arrayOf(ids)}::bigint[]) order by id for update`;
  return new Map(rows.map((row) => [row.id, row.cat_id]));
}

/**
 * The oldest of the cats that have these sightings and no others; undefined when there is none. They must be locked: then of several
 * requests for the same sightings the later ones find the cat of the first. It stays until this transaction ends.
 */
export async function findEmptiedCat(tx: Tx, catOfEntry: ReadonlyMap<number, number | null>): Promise<Cat | undefined> {
  const cats = new Set([...catOfEntry.values()].filter((cat) => cat !== null));
  if (cats.size === 0) return undefined;
  const [row] = await tx<Cat[]>`
    select ${catColumns(tx)} from cats
    where id = any(${arrayOf([...cats])}::bigint[]) and not exists (
      select from entries where cat_id = cats.id and not (entries.id = any(${arrayOf([...catOfEntry.keys()])}::bigint[])))
    order by id limit 1 for no key update`;
  return row;
}

/** Points these entries to a cat. */
export async function assignEntries(tx: Tx, ids: readonly number[], catId: number): Promise<void> {
  if (ids.length > 0) await tx`update entries set cat_id = ${catId} where id = any(${arrayOf(ids)}::bigint[])`;
}

export interface CatSighting {
  id: number;
  text: string;
  createdAt: Instant;
  location: string | null;
  location_normalized: string | null;
  location_lat: number | null;
  location_lon: number | null;
  photo_url: string | null;
  nickname: string | null;
  isFavorite: boolean;
}

/** One page of a cat's sightings, newest first, ties by id. */
export async function listSightingsPage(
  sql: Queryable,
  { catId, page, limit }: { catId: number; page: number; limit: number },
): Promise<CatSighting[]> {
  return await sql<CatSighting[]>`
    select id, text, created_at as "createdAt", location, location_normalized, location_lat, location_lon, photo_url,
      nickname, is_favorite as "isFavorite"
    from entries where cat_id = ${catId} order by created_at desc, id desc limit ${limit} offset ${(page - 1) * limit}`;
}

export async function countSightings(sql: Queryable, catId: number): Promise<number> {
  const [row] = await sql<[{ total: number }]>`select count(*) as total from entries where cat_id = ${catId}`;
  return row.total;
}

/**
 * A text that changes whenever something does that a profile of the cat is made from: the cat, its sightings, its insights. Each row
 * stands for itself by the transaction that wrote it last (xmin), so no writer has to know of this. Undefined without such a cat.
 */
export async function findProfileVersion(sql: Queryable, catId: number): Promise<string | undefined> {
  const [row] = await sql<{ version: string }[]>`
    select md5(concat_ws(' ', cats.xmin,
      (select string_agg(entries.id || '/' || entries.xmin, ',' order by entries.id) from entries where cat_id = cats.id),
      (select string_agg(cat_insights.id || '/' || cat_insights.xmin, ',' order by cat_insights.id)
        from cat_insights where cat_id = cats.id))) as version
    from cats where id = ${catId}`;
  return row?.version;
}

/** How many sightings of a cat are read at once: the longest ones come to a megabyte. */
const profileRows = 50;

/** What the short profile reads: all sightings of a cat by id descending. */
export async function* eachProfileText(
  tx: Tx,
  catId: number,
): AsyncGenerator<Pick<ProfileEntry, 'text' | 'location'>[]> {
  await tx`
    declare profile_texts no scroll cursor for
    select text, location from entries where cat_id = ${catId} order by id desc`;
  yield* fetchBatches<Pick<ProfileEntry, 'text' | 'location'>>(tx, 'profile_texts', profileRows);
}

/** What the enhanced profile reads: all sightings of a cat, newest first. */
export async function* eachProfileEntry(tx: Tx, catId: number): AsyncGenerator<ProfileEntry[]> {
  await tx`
    declare profile_entries no scroll cursor for
    select id, text, created_at as "createdAt", location, location_normalized as "locationNormalized",
      location_lat as latitude, location_lon as longitude, photo_url as "photoUrl"
    from entries where cat_id = ${catId} order by created_at desc, id desc`;
  yield* fetchBatches<ProfileEntry>(tx, 'profile_entries', profileRows);
}

/**
 * The name of an entry's cat. Looked up row by row: the planner takes a box for a thousand rows, and with a join it would read all
 * cats for the few that a place really has.
 */
export function catName(sql: Queryable) {
  return sql`(select name from cats where cats.id = entries.cat_id) as cat_name`;
}

/** When each cached insight of a cat was last made: one row a mode. */
export async function listStoredInsights(sql: Queryable, catId: number): Promise<StoredInsight[]> {
  return await sql<StoredInsight[]>`
    select mode, max(updated_at) as "updatedAt" from cat_insights where cat_id = ${catId} group by mode order by mode`;
}
