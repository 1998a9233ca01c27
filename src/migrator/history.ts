import type { Instant } from '../clock.ts';
import type { Queryable } from '../database/connect.ts';
import { sqlStateOf } from '../database/errors.ts';
import type { Migration } from './catalog.ts';

/** A migration as the database remembers it. */
export interface AppliedMigration {
  version: number;
  name: string;
  checksum: string;
  applied_at: Instant;
  duration_ms: number;
  binary_version: string;
}

const undefinedTable = '42P01';

/** What has been applied, by version. One round trip; a database without the table has an empty history. */
export async function readHistory(sql: Queryable): Promise<AppliedMigration[]> {
  try {
    return await sql<AppliedMigration[]>`
      select version, name, checksum, applied_at, duration_ms, binary_version from catatlas_migrations order by version`;
  } catch (error) {
    if (sqlStateOf(error) === undefinedTable) return [];
    throw error;
  }
}

/** Makes the table. Only under the lock: `create table if not exists` is not safe against another doing the same. */
export async function createHistory(sql: Queryable): Promise<void> {
  await sql`
    create table if not exists catatlas_migrations (
      version integer constraint catatlas_migrations_pkey primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null,
      duration_ms integer not null,
      binary_version text not null
    )`;
}

/** Records a migration, in its own transaction. */
export async function recordMigration(
  sql: Queryable,
  { version, name, checksum }: Migration,
  facts: { appliedAt: Instant; durationMilliseconds: number; binaryVersion: string },
): Promise<void> {
  await sql`
    insert into catatlas_migrations (version, name, checksum, applied_at, duration_ms, binary_version)
    values (${version}, ${name}, ${checksum}, ${facts.appliedAt}, ${facts.durationMilliseconds}, ${facts.binaryVersion})`;
}
