import type { Tx } from '../database/connect.ts';
import { recognizeSchema } from '../migrator/adopt/recognize.ts';
import { requireNothingHidden } from '../migrator/apply.ts';
import { createHistory, readHistory } from '../migrator/history.ts';
import { pinSchema, quoteName, requireHome } from '../migrator/home.ts';
import { migrationLockKey } from '../migrator/lock.ts';
import { loadCatalog, type Migration } from '../migrator/migration-catalog.ts';
import { planMigrations } from '../migrator/migration-plan.ts';
import { ArchiveTargetError } from './archive-error.ts';
import { requireEveryRow } from './row-security.ts';
import { tablesAt, unarchivedTables } from './tables.ts';

/** Where an archive is to be put. */
export interface Target {
  /** The schema that tables live in. */
  home: string;
  /** The version of the tables that are there; 0 when none are, or only those of the first server. */
  version: number;
}

/**
 * Takes the migration lock for the transaction, and says where the tables live. Names without a schema mean that one afterwards.
 *
 * @throws {ArchiveTargetError} a migration is running, the database is a newer program's, or its tables are somebody else's
 * @throws {MigrationError} `refused` when new tables would go to another schema, or hide those of the first server
 */
export async function requireTarget(tx: Tx, catalog: readonly Migration[]): Promise<Target> {
  const home = await requireHome(tx);
  if (home === null)
    throw new ArchiveTargetError('the database has no schema to put tables into: look at its search_path.');
  const [row] = await tx<[{ locked: boolean }]>`select pg_try_advisory_xact_lock(${migrationLockKey(tx)}) as locked`;
  if (!row.locked)
    throw new ArchiveTargetError(
      'another process is migrating this database or restoring into it: try again when it has finished.',
    );
  const present = await listTables(tx, home);
  if (present.length === 0) await requireNothingHidden(tx);
  await pinSchema(tx, home);
  const hasHistory = present.some((name) => unarchivedTables.includes(name));
  // The history of version 1.0.0 lacks columns, and an error would end the transaction.
  if (hasHistory) await createHistory(tx);
  const { unknown, current } = planMigrations(catalog, hasHistory ? await readHistory(tx) : []);
  const newest = unknown.at(-1);
  if (newest)
    throw new ArchiveTargetError(
      `the database is newer than this program (schema version ${newest.version}, by ${newest.binary_version}), which cannot replace what it does not know. Nothing was changed. Use the newer program, or an empty database.`,
    );
  if (current === 0) await requireOurs(tx);
  return { home, version: current };
}

/** Tables without a history are those of the first server, or not ours to replace. */
async function requireOurs(tx: Tx): Promise<void> {
  const found = await recognizeSchema(tx);
  if (found.kind !== 'foreign') return;
  throw new ArchiveTargetError(
    [
      'the database has tables with our names that neither this program nor the first server made:',
      ...found.differences.map((line) => `  ${line}`),
      'Nothing was changed. Use another database or schema. If they are ours, and only their history is missing: catatlas migrate baseline N',
    ].join('\n'),
  );
}

/** The tables of ours that a schema has, with the history. */
export async function listTables(tx: Tx, schema: string): Promise<string[]> {
  const names = [...new Set(loadCatalog().flatMap(({ version }) => tablesAt(version).map(({ name }) => name)))];
  const rows = await tx<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = ${schema}
      and tablename = any(${`{${[...names, ...unarchivedTables].join(',')}}`}::text[]) order by 1`;
  return rows.map(({ name }) => name);
}

/** @throws {ArchiveTargetError} the tables of ours have rows, or this role is not shown all of them */
export async function requireEmpty(tx: Tx, home: string): Promise<void> {
  const names = (await listTables(tx, home)).filter((name) => !unarchivedTables.includes(name));
  await pinSchema(tx, home);
  await requireEveryRow(tx, names);
  const counts: string[] = [];
  for (const name of names) {
    const [row] = await tx.unsafe<[{ count: number }]>(
      `select count(*) as count from ${quoteName(home)}.${quoteName(name)}`,
    );
    if (row.count > 0) counts.push(`${name} (${row.count} rows)`);
  }
  if (counts.length === 0) return;
  throw new ArchiveTargetError(
    `the database has data: ${counts.join(', ')}. Nothing was changed. Take an empty database; backup restore and copy also throw all of it away, with --replace.`,
  );
}
