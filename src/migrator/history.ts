import type { Instant } from '../clock.ts';
import type { Queryable } from '../database/connect.ts';
import { sqlStateOf } from '../database/errors.ts';
import type { Compatibility } from './header.ts';
import type { Migration } from './migration-catalog.ts';

/** A migration as the database remembers it. */
export interface AppliedMigration {
  version: number;
  name: string;
  checksum: string;
  compat: Compatibility;
  /** What undoes it, so that a binary that does not have the file can. Null: nothing does. */
  down_sql: string | null;
  /** Does what undoes it run in a transaction? */
  transactional: boolean;
  /** `started`: the single statement of a file without transaction was begun and not seen to end. */
  state: 'started' | 'done';
  applied_at: Instant;
  duration_ms: number;
  binary_version: string;
}

const undefinedTable = '42P01';
const undefinedColumn = '42703';

/** What has been applied, by version. One round trip; a database without the table has an empty history. */
export async function readHistory(sql: Queryable): Promise<AppliedMigration[]> {
  try {
    return await sql<AppliedMigration[]>`
      select version, name, checksum, compat, down_sql, transactional, state, applied_at, duration_ms, binary_version
      from catatlas_migrations order by version`;
  } catch (error) {
    if (sqlStateOf(error) === undefinedTable) return [];
    if (sqlStateOf(error) === undefinedColumn) return await readFirstHistory(sql);
    throw error;
  }
}

/** The table as version 1.0.0 made it, before it knew what undoes a migration. */
async function readFirstHistory(sql: Queryable): Promise<AppliedMigration[]> {
  return await sql<AppliedMigration[]>`
    select version, name, checksum, 'contract' as compat, null as down_sql, true as transactional, 'done' as state,
      applied_at, duration_ms, binary_version
    from catatlas_migrations order by version`;
}

/**
 * Makes the table, or gives the one of version 1.0.0 its further columns. Only under the lock: `create table if not exists`
 * is not safe against another doing the same. The defaults are what is careful, and let version 1.0.0 go on writing.
 */
export async function createHistory(sql: Queryable): Promise<void> {
  const [row] = await sql<[{ columns: number }]>`
    select count(*) as columns from pg_attribute
    where attrelid = (select pg_class.oid from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where relname = 'catatlas_migrations' and nspname = current_schema())
      and attnum > 0 and not attisdropped`;
  if (row.columns >= 10) return;
  await sql.unsafe(`
    create table if not exists catatlas_migrations (
      version integer constraint catatlas_migrations_pkey primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null,
      duration_ms integer not null,
      binary_version text not null
    );
    alter table catatlas_migrations
      add column if not exists compat text not null default 'contract'
        constraint catatlas_migrations_compat_known check (compat in ('expand', 'contract')),
      add column if not exists down_sql text,
      add column if not exists transactional boolean not null default true,
      add column if not exists state text not null default 'done'
        constraint catatlas_migrations_state_known check (state in ('started', 'done'))`);
}

interface Facts {
  state: AppliedMigration['state'];
  appliedAt: Instant;
  durationMilliseconds: number;
  binaryVersion: string;
}

/** Records a migration: in its own transaction, or as started in front of what refuses to run in one. */
export async function recordMigration(sql: Queryable, migration: Migration, facts: Facts): Promise<void> {
  const { version, name, checksum, compat, downSql, transactional } = migration;
  await sql`
    insert into catatlas_migrations
      (version, name, checksum, compat, down_sql, transactional, state, applied_at, duration_ms, binary_version)
    values (${version}, ${name}, ${checksum}, ${compat}, ${downSql}, ${transactional}, ${facts.state},
      ${facts.appliedAt}, ${facts.durationMilliseconds}, ${facts.binaryVersion})
    on conflict (version) do update set
      name = excluded.name, checksum = excluded.checksum, compat = excluded.compat, down_sql = excluded.down_sql,
      transactional = excluded.transactional, state = excluded.state, applied_at = excluded.applied_at,
      duration_ms = excluded.duration_ms, binary_version = excluded.binary_version`;
}

/** Forgets a migration that has been undone. */
export async function forgetMigration(sql: Queryable, version: number): Promise<void> {
  await sql`delete from catatlas_migrations where version = ${version}`;
}
