import type { Queryable } from '../../database/connect.ts';
import { describeLock } from '../lock-modes.ts';
import type { Plan } from '../migration-plan.ts';
import { OLD_SCHEMA } from './conversion.ts';
import { type PrototypeTable, prototypeTables } from './prototype.ts';
import { recognizeSchema } from './recognize.ts';

/** What `up` will do with tables of our names that are there before its first file. */
export type Outlook =
  | {
      kind: 'adoption';
      /** Those of the first server, with the number of rows that the planner assumes: null where it has never looked. */
      tables: { table: PrototypeTable; estimatedRows: number | null }[];
    }
  | { kind: 'refusal'; differences: string[] };

/** Undefined where there is nothing to take over: an empty database, or one that has our schema. Reads catalogs only. */
export async function foreseeAdoption(
  sql: Queryable,
  { current }: Pick<Plan, 'current'>,
): Promise<Outlook | undefined> {
  if (current > 0) return undefined;
  const found = await recognizeSchema(sql);
  if (found.kind === 'empty') return undefined;
  if (found.kind === 'foreign') return { kind: 'refusal', differences: found.differences };
  const names = prototypeTables.filter((table) => found.shape[table] !== undefined);
  const rows = await sql<{ name: PrototypeTable; rows: number }[]>`
    select relname::text as name, reltuples::float8 as rows from pg_class
    where relnamespace = (select oid from pg_namespace where nspname = current_schema())
      and relname = any(${`{${names.join(',')}}`}::text[])`;
  return {
    kind: 'adoption',
    tables: names.map((table) => {
      const estimate = rows.find(({ name }) => name === table)?.rows ?? -1;
      return { table, estimatedRows: estimate < 0 ? null : estimate };
    }),
  };
}

/** The same in lines for people. */
export function describeOutlook(outlook: Outlook | undefined): string[] {
  if (outlook === undefined) return [];
  if (outlook.kind === 'refusal')
    return [
      'The database has tables with our names that neither this program nor the first server made. up will refuse it:',
      ...outlook.differences.map((line) => `  ${line}`),
    ];
  return [
    'The tables are those of the first server. up will take them over, in one transaction with the first file:',
    ...outlook.tables.map(
      ({ table, estimatedRows }) =>
        `  locks ${table} (ACCESS EXCLUSIVE): blocks ${describeLock('ACCESS EXCLUSIVE')}${estimatedRows === null ? '' : `; about ${estimatedRows} rows`}`,
    ),
    `  checks every row, copies it, compares counts and checksums; the old tables stay, in the schema ${OLD_SCHEMA}`,
    'Stop the first server for this. How long it takes, and whether every row can be taken: catatlas migrate up --dry-run',
  ];
}
