import type { Sql } from '../database/connect.ts';
import { damagedStates, sqlStateOf } from '../database/errors.ts';
import { type Check, checkOf, describeError, type Finding, sayBytes } from './check.ts';

/** What is known of damage to what the database keeps. */
export interface DamageFacts {
  /** Does the server check a sum of each page that it reads? */
  checksums: boolean;
  /** How many pages of this database had a wrong one, since the server counts. */
  failures: number;
  /** How much the tables hold, with their indexes, in bytes. */
  bytes: number;
  /** Tables whose rows could not all be read because they are damaged, and what the server said. */
  unreadable: { table: string; problem: string }[];
  /** Were all rows read? Not where there are too many for an examination. */
  read: boolean;
}

/** Reading more takes too long, and too much from others: in bytes. */
const mostRead = 64 * 1024 * 1024;

/** Reads every row of the tables, where that is little: a page that nobody reads is damaged without a sign. */
export async function readDamage(sql: Sql, tables: readonly string[]): Promise<DamageFacts> {
  const [row] = await sql<[{ checksums: boolean; failures: number; bytes: number }]>`
    select current_setting('data_checksums')::boolean as checksums,
      coalesce((select checksum_failures from pg_stat_database where datname = current_database()), 0) as failures,
      coalesce((select sum(pg_total_relation_size(to_regclass(quote_ident(name))))::bigint
        from unnest(${`{${tables.map((name) => JSON.stringify(name)).join(',')}}`}::text[]) name), 0) as bytes`;
  const read = row.bytes <= mostRead;
  const unreadable: DamageFacts['unreadable'] = [];
  for (const table of read ? tables : []) {
    try {
      // As text: it is put together from the parts that a long value is kept in.
      await sql`select sum(length(${sql(table)}::text)) as letters from ${sql(table)}`;
    } catch (error) {
      if (!damagedStates.test(sqlStateOf(error) ?? '')) throw error;
      unreadable.push({ table, problem: describeError(error) });
    }
  }
  return { ...row, unreadable, read };
}

const { pass, fail, unknown, unasked } = checkOf('database.damage', 'Damage');

/** Judges whether the database still holds what was written to it. */
export function checkDamage(finding: Finding<DamageFacts>): Check {
  if ('error' in finding) return unasked(`the database did not say: ${describeError(finding.error)}`);
  const { checksums, failures, bytes, unreadable, read } = finding.value;
  const advice =
    'Stop the server and copy the files of the database aside. Then restore the newest backup (catatlas backup restore), on another disk if this one is failing.';
  if (unreadable.length > 0)
    return fail(unreadable.map(({ table, problem }) => `${table} is damaged: ${problem}`).join('; '), advice);
  if (failures > 0) return fail(`pages with a wrong checksum, met ${failures} times`, advice);
  const sums = `data checksums are ${checksums ? 'on' : 'off'}`;
  if (read) return pass(`every row can be read; ${sums}`);
  if (checksums) return pass(`no wrong page was met; ${sums}`);
  return unknown(
    `${sums}, and ${sayBytes(bytes)} are too much to read here`,
    'Switch them on while the server is stopped (pg_checksums --enable): then a damaged page is noticed when it is read.',
  );
}
