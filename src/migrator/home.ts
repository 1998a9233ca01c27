import type { Queryable, Sql, Tx } from '../database/connect.ts';
import { MigrationError } from './migration-error.ts';

/** The tables that a migration or an archive may have made. Of them only the history says whose a schema is. */
const historyTable = 'catatlas_migrations';

/** Where the tables of this program are, and where the server would put new ones. */
export interface Home {
  /** The schema, as the catalog has its name: where the history is, else where new tables would go. Null: no schema exists. */
  schema: string | null;
  /** The first schema of the search path that exists: where new tables would go. */
  creation: string | null;
  role: string;
  database: string;
}

/**
 * Finds the one schema of this program. A name without a schema is looked up along the search path, and a new table goes to its
 * first schema: so the two may differ, when a schema is made that stands before the one with the tables. One round trip.
 */
export async function findHome(sql: Queryable): Promise<Home> {
  const [row] = await sql<[Home & { history: string | null }]>`
    select current_schema()::text as creation, current_user::text as role, current_database()::text as database, (
      select nspname::text from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where relname = ${historyTable} and relkind in ('r', 'p') and nspname = any(current_schemas(false))
      order by array_position(current_schemas(false), nspname) limit 1) as history`;
  const { creation, role, database, history } = row;
  return { schema: history ?? creation, creation, role, database };
}

/** Says, with what to do, that new tables would go elsewhere than to the others; undefined when they would not. */
export function explainStray({ schema, creation, role, database }: Home): string | undefined {
  if (schema === null || schema === creation) return undefined;
  const path = `alter role ${quoteName(role)} in database ${quoteName(database)} set search_path = ${quoteName(schema)}`;
  return [
    `the tables of CatAtlas are in the schema ${schema}, but new ones would go to the schema ${creation}, which stands before it in the search path of ${role}.`,
    `Nothing was changed. Put ${schema} first: ${path}. Or drop the schema ${creation}, if nothing uses it.`,
    `For an installation of its own in ${creation}, leave ${schema} out of the search path.`,
  ].join('\n');
}

/**
 * The schema of this program, for statements that may make tables. Null: no schema of the search path exists.
 *
 * @throws MigrationError `refused` when new tables would go to another schema than the one that has the history
 */
export async function requireHome(sql: Queryable): Promise<string | null> {
  const home = await findHome(sql);
  const stray = explainStray(home);
  if (stray !== undefined) throw new MigrationError('refused', stray);
  return home.schema;
}

/**
 * Looks whether statements that name no schema reach the tables of this program. Returns a warning where they do, and a new table would
 * not go to the others; undefined where all is well.
 *
 * @param relations the tables that statements name
 * @throws MigrationError `refused` when a table of somebody else hides one of them
 */
export async function requireReachable(sql: Queryable, relations: readonly string[]): Promise<string | undefined> {
  const home = await findHome(sql);
  const stray = explainStray(home);
  if (stray === undefined) return undefined;
  const hiding = await sql<{ name: string }[]>`
    select format('%I.%I', nspname, relname) as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where relname = any(${`{${relations.join(',')}}`}::text[]) and nspname = any(current_schemas(false))
      and array_position(current_schemas(false), nspname) < array_position(current_schemas(false), ${home.schema}::name)
    order by 1`;
  if (hiding.length === 0) return stray;
  throw new MigrationError(
    'refused',
    `${hiding.map(({ name }) => name).join(', ')} would be read in place of ours: ${stray}`,
  );
}

/** Every name without a schema means this one, until the transaction ends. Temporary tables come last: they hide nothing. */
export async function pinSchema(tx: Tx, schema: string): Promise<void> {
  await tx.unsafe(`set local search_path to ${quoteName(schema)}, pg_temp`);
}

/** Reads in the schema of this program, whatever stands before it in the search path. */
export async function readAtHome<T>(sql: Sql, read: (tx: Tx, schema: string) => Promise<T>): Promise<T> {
  return (await sql.begin('read only', async (tx) => {
    const { schema } = await findHome(tx);
    if (schema === null)
      throw new Error(
        'the search path of this connection names no schema that exists: make the schema, or correct the search path of the role',
      );
    await pinSchema(tx, schema);
    return await read(tx, schema);
  })) as T;
}

/** A name as one writes it in SQL: always in quotes, so that none folds and none is a keyword. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
