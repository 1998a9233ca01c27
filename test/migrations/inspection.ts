import assert from 'node:assert/strict';
import postgres from 'postgres';
import { eventually } from '../runtime/process.ts';

/** Runs statements in a database from outside of the program, on a connection of their own. */
export async function inDatabase<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, {
    max: 1,
    onnotice: () => {},
    connection: { application_name: 'test' },
  });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** What the history says: `0001_schema done`, by version. */
export async function historyOf(url: string): Promise<string[]> {
  return await inDatabase(url, async (sql) => {
    const rows = await sql<{ version: number; name: string; state: string }[]>`
      select version, name, state from catatlas_migrations order by version`;
    return rows.map(({ version, name, state }) => `${String(version).padStart(4, '0')}_${name} ${state}`);
  });
}

/** The history of a database where each of these files has been applied. */
export function doneOf(files: readonly string[]): string[] {
  return files.map((file) => `${file.replace(/\.sql$/, '')} done`);
}

/** How many advisory locks anybody holds in this database. */
export async function countAdvisoryLocks(url: string): Promise<number> {
  return await inDatabase(url, async (sql) => {
    const [row] = await sql<[{ count: number }]>`
      select count(*)::int as count from pg_locks
      where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`;
    return row.count;
  });
}

/** Fails unless every advisory lock of this database is given back within a few seconds. */
export async function assertNoLockIsLeft(url: string): Promise<void> {
  await eventually(
    'no advisory lock is held',
    async () => ((await countAdvisoryLocks(url)) === 0 ? true : undefined),
    5000,
  );
}

/** Is there an index of this name, and can queries use it? */
export async function stateOfIndex(url: string, name: string): Promise<'absent' | 'invalid' | 'valid'> {
  return await inDatabase(url, async (sql) => {
    const [row] = await sql<{ valid: boolean }[]>`
      select indisvalid and indisready as valid from pg_index where indexrelid = to_regclass(${name})`;
    return row === undefined ? 'absent' : row.valid ? 'valid' : 'invalid';
  });
}

/** Fails when any index of the database is one that a CREATE INDEX CONCURRENTLY left behind. */
export async function assertEveryIndexIsValid(url: string): Promise<void> {
  const invalid = await inDatabase(
    url,
    (sql) => sql<{ name: string }[]>`select indexrelid::regclass::text as name from pg_index where not indisvalid`,
  );
  assert.deepEqual([...invalid], []);
}

/** Makes sightings of cats, each with a text of its own. */
export async function insertEntries(url: string, count: number): Promise<void> {
  await inDatabase(url, async (sql) => {
    await sql`
      insert into entries (text, created_at, nickname)
      select 'sighting ' || md5(number::text), timestamptz '2026-01-01' + number * interval '1 second', 'cat ' || number % 97
      from generate_series(1, ${count}::int) as number`;
    await sql`analyze entries`;
  });
}

/** Copies a database that nobody is connected to. */
export async function copyDatabase(url: string, name: string): Promise<string> {
  const source = new URL(url);
  const copy = new URL(url);
  copy.pathname = `/${name}`;
  source.pathname = '/postgres';
  const template = new URL(url).pathname.slice(1);
  await inDatabase(source.href, (sql) => sql`create database ${sql(name)} template ${sql(template)}`);
  return copy.href;
}
