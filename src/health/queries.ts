import type { Queryable } from '../database/connect.ts';

/** The tables that requests read and write. A test compares it with what the migrations make. */
export const servedTables = ['analyses', 'cat_comments', 'cat_insights', 'cats', 'entries'] as const;

/** The same in SQL. */
const servedList = `'{${servedTables.join(',')}}'::text[]`;

/** What a session of the pool may do. */
export interface SessionState {
  /** It takes no writes: a replica, or the database or the role is set to read-only. */
  readOnly: boolean;
  /** Tables of ours that it does not see: they are gone, or it may not use the schema. */
  missing: string[];
  /** Those that it may not read or, unless it takes no writes, write. */
  closed: string[];
}

/**
 * Asks the session that it gets from the pool, as a request would. Reads catalogues only. One round trip, on a session that has not been
 * asked before, too: the driver has a statement with parameters described first, so this one has none.
 */
export async function readSessionState(sql: Queryable): Promise<SessionState> {
  const [row] = await sql<[{ read_only: boolean; missing: string[]; closed: string[] }]>`
    with session as (select pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as read_only),
      served as (select name, to_regclass(name) as found from unnest(${sql.unsafe(servedList)}) name)
    select read_only,
      coalesce((select json_agg(name order by name) from served where found is null), '[]') as missing,
      coalesce((select json_agg(name order by name) from served
        where not has_table_privilege(found, 'select') or not read_only and not (has_table_privilege(found, 'insert')
          and has_table_privilege(found, 'update') and has_table_privilege(found, 'delete'))), '[]') as closed
    from session`;
  return { readOnly: row.read_only, missing: row.missing, closed: row.closed };
}
