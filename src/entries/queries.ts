import type { Instant } from '../clock.ts';
import { withinEntryBatch } from '../database/batches.ts';
import type { Queryable, Tx } from '../database/connect.ts';
import { instantText } from '../database/instant-text.ts';
import type { JsonRow } from '../http/json-stream.ts';
import type { Entry, EntryInput } from './schemas.ts';

/** The columns of an Entry, named and ordered as the API writes them (contract section 3). */
export function entryColumns(sql: Queryable) {
  return sql`
    id, text, created_at as "createdAt", is_favorite as "isFavorite", nickname, location, cat_id, photo_url,
    location_normalized, location_lat, location_lon, location_osm_id,
    location_street, location_number, location_zip, location_city, location_country`;
}

export async function findEntry(sql: Queryable, id: number): Promise<Entry | undefined> {
  const [row] = await sql<Entry[]>`select ${entryColumns(sql)} from entries where id = ${id}`;
  return row;
}

/** The same, locked against other writers until the transaction ends. */
export async function lockEntry(tx: Tx, id: number): Promise<Entry | undefined> {
  const [row] = await tx<Entry[]>`select ${entryColumns(tx)} from entries where id = ${id} for update`;
  return row;
}

/**
 * A batch of entries by id descending, beginning below `before`, as the JSON that the API sends: the list is read whole by
 * every visitor, and taking rows apart here only to put them together again costs four times the memory.
 */
export async function listEntriesBefore(sql: Queryable, before: number): Promise<JsonRow[]> {
  return await sql<JsonRow[]>`
    select id, row_to_json(entry)::text as json
    from (
      select
        id, text, ${instantText(sql, 'created_at')} as "createdAt", is_favorite as "isFavorite", nickname, location, cat_id,
        photo_url, location_normalized, location_lat, location_lon, location_osm_id,
        location_street, location_number, location_zip, location_city, location_country
      from entries where ${withinEntryBatch(sql, before)} order by id desc
    ) as entry`;
}

export async function insertEntry(sql: Queryable, input: EntryInput & { createdAt: Instant }): Promise<Entry> {
  const [row] = await sql<[Entry]>`
    insert into entries (
      text, created_at, nickname, location, photo_url,
      location_street, location_number, location_zip, location_city, location_country
    ) values (
      ${input.text}, ${input.createdAt}, ${input.nickname}, ${input.location}, ${input.photo_url},
      ${input.location_street}, ${input.location_number}, ${input.location_zip}, ${input.location_city}, ${input.location_country}
    ) returning ${entryColumns(sql)}`;
  return row;
}

/** Writes the fields that a PATCH may change. Coordinates belong to the address: the caller clears them with it. */
export async function updateEntry(sql: Queryable, changed: Entry): Promise<Entry> {
  const [row] = await sql<[Entry]>`
    update entries set
      text = ${changed.text}, nickname = ${changed.nickname}, location = ${changed.location}, photo_url = ${changed.photo_url},
      location_street = ${changed.location_street}, location_number = ${changed.location_number},
      location_zip = ${changed.location_zip}, location_city = ${changed.location_city},
      location_country = ${changed.location_country}, location_normalized = ${changed.location_normalized},
      location_lat = ${changed.location_lat}, location_lon = ${changed.location_lon},
      location_osm_id = ${changed.location_osm_id}
    where id = ${changed.id}
    returning ${entryColumns(sql)}`;
  return row;
}

/** Flips the favourite mark in one statement, so that no click is lost between a read and a write. */
export async function toggleFavorite(sql: Queryable, id: number): Promise<Entry | undefined> {
  const [row] = await sql<Entry[]>`
    update entries set is_favorite = not is_favorite where id = ${id} returning ${entryColumns(sql)}`;
  return row;
}

/** Points an entry to a cat, or to none. */
export async function assignEntry(sql: Queryable, id: number, catId: number | null): Promise<Entry | undefined> {
  const [row] = await sql<Entry[]>`
    update entries set cat_id = ${catId} where id = ${id} returning ${entryColumns(sql)}`;
  return row;
}

/** Deletes an entry; its analysis goes with it. True when there was one. */
export async function deleteEntry(sql: Queryable, id: number): Promise<boolean> {
  const { count } = await sql`delete from entries where id = ${id}`;
  return count > 0;
}
