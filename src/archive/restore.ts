import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Database, Tx } from '../database/connect.ts';
import { sqlStateOf } from '../database/errors.ts';
import { lockTimeoutMilliseconds, retryWhenBlocked } from '../migrator/blocked.ts';
import { loadCatalog, type Migration } from '../migrator/catalog.ts';
import { parseHeader } from '../migrator/header.ts';
import { createHistory, readHistory, recordMigration } from '../migrator/history.ts';
import { migrationLockKey } from '../migrator/lock.ts';
import { planMigrations } from '../migrator/plan.ts';
import { type Log, silentLog } from '../observability/log.ts';
import { compareTables, createTally, type TableDigest } from './digest.ts';
import { ArchiveError, ArchiveTargetError } from './failure.ts';
import { type Header, type Manifest, type Part, requireLoadable } from './format.ts';
import { dropIndexes } from './indexes.ts';
import { pinTextFormat, readRows, writeRows } from './rows.ts';
import { type ArchivedTable, tablesAt, unarchivedTables } from './tables.ts';

export interface RestoreOptions {
  /** A handle whose statements may take long. */
  database: Database;
  parts: AsyncIterable<Part>;
  /** Throw away what the database has. Without it, a database with data is refused. */
  replace: boolean;
  programVersion: string;
  clock: Clock;
  /** How long the tables that are there may be in use at the end before the restoration gives up. Default: 30. */
  lockTimeoutSeconds?: number;
  log?: Log;
  /** Ends the waiting for them. */
  shutdown?: AbortSignal;
}

/**
 * Puts the data of an archive, or of another database, into a database, and brings it to the newest schema. All of it in one
 * transaction: the tables are made beside those that are there, at the archive's version of the schema; filled; read again
 * and compared with the manifest; migrated; and put in the place of the others at the end. Until then others read and write
 * what was there, and when this does not come to its end, by whatever cause, it was never there.
 *
 * @returns the manifest, with which every row agrees
 * @throws {ArchiveError} from `parts`, or because what the database has does not agree with the manifest
 * @throws {ArchiveTargetError} the database has data, is newer, is being migrated, or others have built on its tables
 * @throws {MigrationError} `lock_timeout` when its tables are in use all the time; `interrupted` by shutdown
 */
export async function restore(options: RestoreOptions): Promise<Manifest> {
  const catalog = loadCatalog();
  const newest = catalog.at(-1)?.version ?? 0;
  const iterator = options.parts[Symbol.asyncIterator]();
  try {
    const header = await takeHeader(iterator);
    requireLoadable(header, newest);
    return (await options.database.sql.begin(async (tx) => {
      await pinTextFormat(tx);
      // The embedded engine sorts in the memory of this process; a server knows for itself what it has.
      if (options.database.kind === 'embedded') await tx.unsafe(`set local maintenance_work_mem to '16MB'`);
      const home = await requireTarget(tx, catalog);
      if (!options.replace) await requireEmpty(tx, home);
      const workshop = `catatlas_restore_${randomUUID().replaceAll('-', '')}`;
      await tx.unsafe(`create schema ${workshop}; set local search_path to ${workshop}`);
      await createHistory(tx);
      await migrateWithin(tx, catalog.slice(0, header.schemaVersion), options);
      const indexes = await dropIndexes(
        tx,
        header.tables.map(({ name }) => name),
      );
      const manifest = await fill(tx, header, iterator);
      for (const definition of indexes) await tx.unsafe(definition);
      await migrateWithin(tx, catalog.slice(header.schemaVersion), options);
      // The planner knows nothing of the new rows before. Now, while nobody waits for it.
      await tx.unsafe(`analyze ${(await listTables(tx, workshop)).join(', ')}`);
      await moveHomeSoon(tx, { workshop, home, replace: options.replace }, options);
      return manifest;
    })) as Manifest;
  } finally {
    await iterator.return?.();
  }
}

async function takeHeader(iterator: AsyncIterator<Part>): Promise<Header> {
  const { value, done } = await iterator.next();
  if (done || value.kind !== 'header') throw new Error('the parts do not begin with a header');
  return value.header;
}

/** Loads all pages, sets the sequences, and compares what the tables have then with the manifest. */
async function fill(tx: Tx, header: Header, iterator: AsyncIterator<Part>): Promise<Manifest> {
  const tables = tablesAt(header.schemaVersion);
  for (;;) {
    const { value: part, done } = await iterator.next();
    if (done || part.kind === 'header') throw new Error('the parts do not end with a manifest');
    if (part.kind === 'page') {
      const table = tables.find(({ name }) => name === part.page.table);
      if (!table) throw new Error(`rows of an unknown table: ${part.page.table}`);
      await writePage(tx, table, part.page.text);
      continue;
    }
    for (const sequence of part.manifest.sequences) await setSequence(tx, tables, sequence);
    const differences = compareTables(part.manifest.tables, await digestTables(tx, tables));
    if (differences.length === 0) return part.manifest;
    throw new ArchiveError(
      `the database does not have what was written to it, so nothing was kept:\n${differences.join('\n')}`,
    );
  }
}

async function writePage(tx: Tx, table: ArchivedTable, text: Buffer): Promise<void> {
  try {
    await writeRows(tx, table, text);
  } catch (error) {
    // Class 22 and 23: the data are at fault, and not the server.
    const { code, message, where } = error as { code?: string; message?: string; where?: string };
    if (!/^2[23]/.test(code ?? '')) throw error;
    throw new ArchiveError(`the database refuses rows of ${table.name}: ${message}${where ? ` (${where})` : ''}.`, {
      cause: error,
    });
  }
}

async function setSequence(
  tx: Tx,
  tables: readonly ArchivedTable[],
  { table, lastValue, isCalled }: Manifest['sequences'][number],
): Promise<void> {
  const numbered = tables.find(({ name }) => name === table);
  if (!numbered?.numbered) throw new ArchiveError(`the manifest has a sequence of ${table}, which has none.`);
  await tx`select setval(pg_get_serial_sequence(${table}, ${numbered.columns[0] ?? ''}), ${lastValue}, ${isCalled})`;
}

/** Counts and digests of tables as the database has them, by name. */
export async function digestTables(tx: Tx, tables: readonly ArchivedTable[]): Promise<Map<string, TableDigest>> {
  const digests = new Map<string, TableDigest>();
  for (const table of tables) {
    const tally = createTally();
    for await (const { text } of readRows(tx, table)) tally.add(text);
    digests.set(table.name, tally.result());
  }
  return digests;
}

/** Applies migrations to tables that nobody else sees. */
async function migrateWithin(
  tx: Tx,
  migrations: readonly Migration[],
  { clock, programVersion }: RestoreOptions,
): Promise<void> {
  for (const migration of migrations) {
    const began = performance.now();
    const { up } = parseHeader(migration.file, migration.sql);
    const sql = migration.sql.slice(up.start, up.end);
    // What refuses to run in a transaction does so because others use the table meanwhile. Here nobody does.
    await tx.unsafe(migration.transactional ? sql : sql.replace(/^(?!\s*--)(.*?)\bconcurrently\b/gim, '$1'));
    await recordMigration(tx, migration, {
      state: 'done',
      appliedAt: clock.now(),
      durationMilliseconds: Math.round(performance.now() - began),
      binaryVersion: programVersion,
    });
  }
}

/** The schema that tables live in. Throws when a migration is running, or the database is a newer program's. */
async function requireTarget(tx: Tx, catalog: readonly Migration[]): Promise<string> {
  const [row] = await tx<[{ home: string | null; locked: boolean; has_history: boolean }]>`
    select current_schema() as home, to_regclass('catatlas_migrations') is not null as has_history,
      pg_try_advisory_xact_lock(${migrationLockKey(tx)}) as locked`;
  if (row.home === null)
    throw new ArchiveTargetError('the database has no schema to put tables into: look at its search_path.');
  if (!row.locked)
    throw new ArchiveTargetError(
      'another process is migrating this database or restoring into it: try again when it has finished.',
    );
  // The history of version 1.0.0 lacks columns, and an error would end the transaction.
  if (row.has_history) await createHistory(tx);
  const { unknown } = planMigrations(catalog, row.has_history ? await readHistory(tx) : []);
  const newest = unknown.at(-1);
  if (newest)
    throw new ArchiveTargetError(
      `the database is newer than this program (schema version ${newest.version}, by ${newest.binary_version}), which cannot replace what it does not know. Nothing was changed. Use the newer program, or an empty database.`,
    );
  return row.home;
}

/** The tables of ours that a schema has. */
async function listTables(tx: Tx, schema: string): Promise<string[]> {
  const names = [...new Set(loadCatalog().flatMap(({ version }) => tablesAt(version).map(({ name }) => name)))];
  const rows = await tx<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = ${schema}
      and tablename = any(${`{${[...names, ...unarchivedTables].join(',')}}`}::text[]) order by 1`;
  return rows.map(({ name }) => name);
}

async function requireEmpty(tx: Tx, home: string): Promise<void> {
  const counts: string[] = [];
  for (const name of await listTables(tx, home)) {
    if (unarchivedTables.includes(name)) continue;
    const [row] = await tx<[{ count: number }]>`select count(*) as count from ${tx(home)}.${tx(name)}`;
    if (row.count > 0) counts.push(`${name} (${row.count} rows)`);
  }
  if (counts.length === 0) return;
  throw new ArchiveTargetError(
    `the database has data: ${counts.join(', ')}. Nothing was changed. Take an empty database; backup restore and copy also throw all of it away, with --replace.`,
  );
}

interface Move {
  workshop: string;
  home: string;
  replace: boolean;
}

/**
 * Whoever uses a table is waited for in many short tries: everybody who comes while one lasts waits behind it. All of the
 * move is in each, because what hangs on a table may be in use as well.
 */
async function moveHomeSoon(tx: Tx, move: Move, options: RestoreOptions): Promise<void> {
  const { database, log = silentLog, lockTimeoutSeconds = 30, shutdown } = options;
  const limits = { database, log, lockTimeoutSeconds, ...(shutdown ? { shutdown } : {}) };
  await retryWhenBlocked(limits, 'the restoration', (watch) =>
    tx.savepoint(async (attempt) => {
      const [row] = await attempt<[{ pid: number }]>`
        select pg_backend_pid() as pid, set_config('lock_timeout', ${String(lockTimeoutMilliseconds)}, true) as lock_timeout`;
      const unwatch = watch(row.pid);
      try {
        await moveHome(attempt, move);
      } finally {
        unwatch();
      }
    }),
  );
}

/** Puts the new tables in the place of the old ones, with their owners and with what others may do with them. */
async function moveHome(tx: Tx, { workshop, home, replace }: Move): Promise<void> {
  const old = await listTables(tx, home);
  const qualified = old.map((name) => `${quoteName(home)}.${name}`);
  if (qualified.length > 0) await tx.unsafe(`lock table ${qualified.join(', ')} in access exclusive mode`);
  // Somebody may have written since the first look. Now nobody can.
  if (!replace) await requireEmpty(tx, home);
  const rights = await tx<{ name: string; statement: string }[]>`
    select relname as name, format('alter table %I.%I owner to %I', ${home}::text, relname, pg_get_userbyid(relowner)) as statement
    from pg_class where relnamespace = ${home}::regnamespace and relname = any(${`{${old.join(',')}}`}::text[])
      and pg_get_userbyid(relowner) <> current_user
    union all
    select relname, format('grant %s on %I.%I to %s%s', privilege_type, ${home}::text, relname,
      case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
      case when is_grantable then ' with grant option' else '' end)
    from pg_class, aclexplode(relacl)
    where relnamespace = ${home}::regnamespace and relname = any(${`{${old.join(',')}}`}::text[]) and grantee <> relowner`;
  // Without CASCADE: what others have built on these tables is not ours to drop.
  if (qualified.length > 0)
    await tx.unsafe(`drop table ${qualified.join(', ')}`).catch((error: unknown) => {
      throw describeDependents(error);
    });
  const made = await tx<{ statement: string }[]>`
    select format('alter table %I.%I set schema %I', ${workshop}::text, relname, ${home}::text) as statement
    from pg_class where relnamespace = ${workshop}::regnamespace and relkind in ('r', 'p', 'v', 'm')
    union all
    select format('alter routine %s set schema %I', oid::regprocedure, ${home}::text)
    from pg_proc where pronamespace = ${workshop}::regnamespace`;
  for (const { statement } of made) await tx.unsafe(statement);
  await tx.unsafe(`set local search_path to ${quoteName(home)}; drop schema ${workshop}`);
  // A table that the newer schema no longer has needs no rights.
  const present = await listTables(tx, home);
  for (const { name, statement } of rights) if (present.includes(name)) await tx.unsafe(statement);
}

/** Only the detail of the server names what stands on a table. */
function describeDependents(error: unknown): unknown {
  if (sqlStateOf(error) !== '2BP01') return error;
  const { message, detail } = error as Error & { detail?: string };
  return new ArchiveTargetError(
    `other objects depend on the tables that are to be replaced, and are not ours to drop:\n${detail ?? message}\nNothing was changed. Drop them, try again, and make them anew afterwards.`,
    { cause: error },
  );
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
