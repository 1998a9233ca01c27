import type { Queryable, Tx } from './connect.ts';

/** The most rows, and about the most bytes of their long texts, that one batch of a long read holds. */
export const batchRows = 500;
const batchBytes = 256 * 1024;

/** The most bytes that UTF-8 has for one unit of a JavaScript text. */
const bytesPerUnit = 3;

/**
 * The condition that ends a batch of `entries`, read by descending id from below `before`, after `batchRows` rows or `batchBytes` of text.
 * It holds one row at least, however long. The sizes are read without the texts.
 */
export function withinEntryBatch(sql: Queryable, before: number) {
  return sql`id < ${before} and id >= (
    select min(id) from (
      select id, sum(octet_length(text)) over (order by id desc) - octet_length(text) as bytes_before
      from entries where id < ${before} order by id desc limit ${batchRows}
    ) as sizes where bytes_before < ${batchBytes})`;
}

/** The same for `cats` and their names. */
export function withinCatBatch(sql: Queryable, before: number) {
  return sql`id < ${before} and id >= (
    select min(id) from (
      select id, sum(octet_length(coalesce(name, ''))) over (order by id desc) - octet_length(coalesce(name, '')) as bytes_before
      from cats where id < ${before} order by id desc limit ${batchRows}
    ) as sizes where bytes_before < ${batchBytes})`;
}

/** Is there surely nothing after this batch, whose long texts have so many UTF-16 units together? */
export function isLastBatch(rows: number, units: number): boolean {
  return rows < batchRows && units * bytesPerUnit < batchBytes;
}

/** The rest of a cursor that was declared in this transaction, so many rows at a time. `cursor` is a name of ours, never input. */
export async function* fetchBatches<Row extends object>(tx: Tx, cursor: string, size: number): AsyncGenerator<Row[]> {
  for (;;) {
    const rows = await tx.unsafe<Row[]>(`fetch ${size} from ${cursor}`);
    if (rows.length > 0) yield rows;
    if (rows.length < size) return;
  }
}

/** Ids as a PostgreSQL array literal: one parameter, so one prepared statement whatever their number. */
export const arrayOf = (ids: readonly number[]) => `{${ids.join(',')}}`;
