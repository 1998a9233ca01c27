import type { Queryable, Tx } from '../database/connect.ts';
import type { Difference } from './drift.ts';
import { quoteName } from './home.ts';

/** A column that numbers its rows, and how far it is. */
export interface Numbering {
  table: string;
  column: string;
  /** The sequence and the table, with their schemas, as one writes them in SQL. */
  sequence: string;
  path: string;
  lastValue: number;
  /** Has `lastValue` been given? Otherwise it is the next one. */
  isCalled: boolean;
  /** The highest number among the rows; null when there are none. */
  highest: number | null;
}

/** Every row counts from now on, or the statement fails: a policy that hides some would make the highest number too small. */
export async function seeEveryRow(tx: Tx): Promise<void> {
  await tx.unsafe('set local row_security to off');
}

/**
 * The identity columns of these tables of the current schema. A sequence knows nothing of snapshots: read in the statement that reads
 * the rows, it is never behind one that only came meanwhile.
 */
export async function readNumbering(sql: Queryable, tables: readonly string[]): Promise<Numbering[]> {
  const found = await sql<{ table: string; column: string; sequence: string; path: string }[]>`
    select owner.relname as "table", attname as "column", format('%I.%I', places.nspname, sequence.relname) as sequence,
      format('%I.%I', current_schema(), owner.relname) as path
    from pg_class owner
    join pg_depend on refclassid = 'pg_class'::regclass and refobjid = owner.oid and classid = 'pg_class'::regclass and deptype = 'i'
    join pg_class sequence on sequence.oid = objid and sequence.relkind = 'S'
    join pg_namespace places on places.oid = sequence.relnamespace
    join pg_attribute on attrelid = owner.oid and attnum = refobjsubid
    where owner.relnamespace = (select oid from pg_namespace where nspname = current_schema())
      and owner.relname = any(${`{${tables.map((name) => JSON.stringify(name)).join(',')}}`}::text[])
    order by owner.relname`;
  const numberings: Numbering[] = [];
  for (const one of found) {
    const [row] = await sql.unsafe<[{ highest: number | null; lastValue: number; isCalled: boolean }]>(
      `select (select max(${quoteName(one.column)}) from ${one.path}) as highest, last_value as "lastValue", is_called as "isCalled"
      from ${one.sequence}`,
    );
    numberings.push({ ...one, ...row });
  }
  return numberings;
}

/** Would the next number be one that a row has already, or that one of the next would meet? */
export function isBehind({ lastValue, isCalled, highest }: Numbering): boolean {
  return highest !== null && nextOf(lastValue, isCalled) <= highest;
}

function nextOf(lastValue: number, isCalled: boolean): number {
  return isCalled ? lastValue + 1 : lastValue;
}

/** The statement that lets a sequence go on behind the highest number. */
export function healNumbering({ sequence, column, path }: Numbering): string {
  return `select setval('${sequence.replaceAll("'", "''")}', (select max(${quoteName(column)}) from ${path}))`;
}

/** A sequence that is behind its table, as a difference between what is and what should be. */
export function describeLag(numbering: Numbering): Difference {
  const { table, column, lastValue, isCalled, highest } = numbering;
  return {
    kind: 'different',
    object: `numbering of ${table}.${column}`,
    expected: `the next number above ${highest}, the highest there is`,
    actual: `the next number ${nextOf(lastValue, isCalled)}`,
    remedy:
      'New rows are refused (23505, duplicate key), as after a logical replication or a wrong setval. Let it go on behind the highest number.',
    statements: [healNumbering(numbering)],
  };
}
