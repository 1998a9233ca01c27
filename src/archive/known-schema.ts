import type { Tx } from '../database/connect.ts';
import { type AppliedMigration, readHistory } from '../migrator/history.ts';
import { loadCatalog, relationsMadeBy } from '../migrator/migration-catalog.ts';
import { planMigrations } from '../migrator/migration-plan.ts';
import { ArchiveTargetError } from './archive-error.ts';
import { type ArchivedTable, tablesAt, unarchivedTables } from './tables.ts';

/** What an archive of the current schema holds. */
export interface KnownSchema {
  version: number;
  tables: readonly ArchivedTable[];
}

/**
 * The version of the current schema, of which this program knows every table and column.
 *
 * @throws {ArchiveTargetError} there is no schema, it is newer, or it has something that an archive would leave out
 */
export async function requireKnownSchema(tx: Tx): Promise<KnownSchema> {
  const version = requireKnownVersion(await readHistory(tx));
  const tables = tablesAt(version);
  await requireKnownTables(tx, version, tables);
  return { version, tables };
}

/** The version of a schema that this program knows in full. */
function requireKnownVersion(history: readonly AppliedMigration[]): number {
  const { current, unknown, pending } = planMigrations(loadCatalog(), history);
  if (current === 0)
    throw new ArchiveTargetError(
      'the database has no schema, so there is nothing to back up: catatlas migrate makes one.',
    );
  const newest = unknown.at(-1);
  // That it can be served, after a rollback, does not mean that all of it is known.
  if (newest) {
    throw new ArchiveTargetError(
      [
        `the database is newer than this program (schema version ${newest.version}, by ${newest.binary_version}), which would leave out what it does not know.`,
        'Have it done by the newer program, from anywhere that reaches the database: it need not serve for that. Or back up the server itself: a snapshot of your provider, pg_dump.',
      ].join('\n'),
    );
  }
  const missing = pending.filter(({ version }) => version < current).map(({ file }) => file);
  if (missing.length > 0) {
    throw new ArchiveTargetError(
      `the database is at schema version ${current}, but ${missing.join(', ')} was never applied: run catatlas migrate first.`,
    );
  }
  return current;
}

interface FoundTable {
  name: string;
  columns: string[];
}

/** Columns that the server computes are no data: they come back with the rows. */
async function requireKnownTables(tx: Tx, version: number, tables: readonly ArchivedTable[]): Promise<void> {
  const made = relationsMadeBy(loadCatalog().slice(0, version));
  const names = [...new Set([...made, ...tables.map(({ name }) => name)])].filter(
    (name) => !unarchivedTables.includes(name),
  );
  const found = await tx<FoundTable[]>`
    select relname as name, coalesce((
      select json_agg(attname order by attnum) from pg_attribute
      where attrelid = pg_class.oid and attnum > 0 and not attisdropped and attgenerated = ''), '[]') as columns
    from pg_class
    where relnamespace = (select oid from pg_namespace where nspname = current_schema()) and relkind in ('r', 'p')
      and relname = any(${`{${names.map((name) => JSON.stringify(name)).join(',')}}`}::text[])
    order by relname`;
  const problems = differencesOf(tables, found);
  if (problems.length === 0) return;
  throw new ArchiveTargetError(
    [
      `the database is not what this program knows as schema version ${version}, so nothing was written:`,
      ...problems.map((line) => `  ${line}`),
      'What the program does not know, an archive or a copy would leave out. catatlas migrate verify says what somebody has changed by hand, with the SQL that puts it right. ' +
        'What a migration has made belongs into src/archive/tables.ts of the program that applied it. Until then back up the server itself: a snapshot of your provider, pg_dump.',
    ].join('\n'),
  );
}

/** In words, what an archive would leave out or not find; empty when it holds everything. Pure. */
export function differencesOf(known: readonly ArchivedTable[], found: readonly FoundTable[]): string[] {
  const unknownTables = found
    .filter(({ name }) => !known.some((table) => table.name === name))
    .map(({ name }) => `table ${name}: this program does not know it`);
  return [
    ...unknownTables,
    ...known.flatMap(({ name, columns }) => {
      const table = found.find((one) => one.name === name);
      if (!table) return [`table ${name}: is missing`];
      return [
        ...table.columns
          .filter((column) => !columns.includes(column))
          .map((column) => `column ${name}.${column}: this program does not know it`),
        ...columns
          .filter((column) => !table.columns.includes(column))
          .map((column) => `column ${name}.${column}: is missing`),
      ];
    }),
  ];
}
