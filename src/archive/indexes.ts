import type { Tx } from '../database/connect.ts';

/**
 * Drops every index of these tables that no constraint needs, and returns the statements that make them again: an index on rows
 * that are there already is made several times faster than one that grows with them.
 */
export async function dropIndexes(tx: Tx, tables: readonly string[]): Promise<string[]> {
  const indexes = await tx<{ name: string; definition: string }[]>`
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
    from pg_index join unnest(${`{${tables.join(',')}}`}::text[]) as wanted (name) on indrelid = to_regclass(wanted.name)
    where not exists (select 1 from pg_constraint where conindid = indexrelid)`;
  if (indexes.length > 0) await tx.unsafe(`drop index ${indexes.map(({ name }) => name).join(', ')}`);
  return indexes.map(({ definition }) => definition);
}
