import type { Queryable } from './connect.ts';

/** A timestamptz column as an Instant, made by the database: six digits, or no fraction when it is exactly zero. */
export function instantText(sql: Queryable, column: string) {
  return sql`replace(
    to_char(${sql(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
  )`;
}
