import type { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Database, Tx } from '../database/connect.ts';
import { parseHeader } from '../migrator/header.ts';
import { createHistory, recordMigration } from '../migrator/history.ts';
import { pinSchema, quoteName } from '../migrator/home.ts';
import { loadCatalog, type Migration } from '../migrator/migration-catalog.ts';
import { readNumbering } from '../migrator/numbering.ts';
import { readSchema, type SchemaSnapshot } from '../migrator/schema-snapshot.ts';
import type { Log } from '../observability/log.ts';
import { ArchiveError } from './archive-error.ts';
import { readAttachments, requireCarriable } from './attachments.ts';
import { compareTables, createTally, type TableDigest } from './digest.ts';
import { type Header, type Manifest, type Part, requireLoadable } from './format.ts';
import { dropIndexes } from './indexes.ts';
import { moveHomeSoon } from './move.ts';
import { pinTextFormat, readRows, writeRows } from './rows.ts';
import { type ArchivedTable, tablesAt } from './tables.ts';
import { listTables, requireEmpty, requireTarget } from './target.ts';

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
 * @throws {ArchiveTargetError} the database has data, is newer, is being migrated, or others have put something on its tables that
 *   would be lost
 * @throws {MigrationError} `refused` when new tables would go to another schema than the old ones; `lock_timeout` when its tables are in use all the time; `interrupted` by shutdown
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
      const { home, version } = await requireTarget(tx, catalog);
      if (!options.replace) await requireEmpty(tx, home);
      const expected = version === 0 ? undefined : await readExpected(tx, catalog.slice(0, version), options);
      // Refused now and not after hours of loading; what comes meanwhile is seen at the end.
      const attachments = await readAttachments(tx, { home, tables: await listTables(tx, home), expected });
      requireCarriable(attachments);
      if (attachments.reset.length > 0)
        options.log?.warn('what others have changed about our tables is made anew as the migrations have it', {
          changed: attachments.reset,
        });
      const workshop = await openWorkshop(tx, catalog.slice(0, header.schemaVersion), options);
      const indexes = await dropIndexes(
        tx,
        header.tables.map(({ name }) => name),
      );
      const manifest = await fill(tx, header, iterator, options);
      for (const definition of indexes) await tx.unsafe(definition);
      await migrateWithin(tx, catalog.slice(header.schemaVersion), options);
      // The planner knows nothing of the new rows before. Now, while nobody waits for it.
      await tx.unsafe(`analyze ${(await listTables(tx, workshop)).join(', ')}`);
      await moveHomeSoon(tx, { workshop, home, replace: options.replace, expected }, options);
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
async function fill(
  tx: Tx,
  header: Header,
  iterator: AsyncIterator<Part>,
  { log }: Pick<RestoreOptions, 'log'>,
): Promise<Manifest> {
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
    await setSequences(tx, tables, part.manifest.sequences, log);
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

/** Each goes on where the archive says, and never below the highest number of its rows: then every new row would be refused. */
async function setSequences(
  tx: Tx,
  tables: readonly ArchivedTable[],
  sequences: Manifest['sequences'],
  log: Log | undefined,
): Promise<void> {
  const numbered = tables.filter((table) => table.numbered).map(({ name }) => name);
  for (const { table } of sequences)
    if (!numbered.includes(table)) throw new ArchiveError(`the manifest has a sequence of ${table}, which has none.`);
  for (const { table, sequence, highest } of await readNumbering(tx, numbered)) {
    const state = sequences.find((one) => one.table === table) ?? { lastValue: 1, isCalled: false };
    const next = state.isCalled ? state.lastValue + 1 : state.lastValue;
    const isShort = highest !== null && next <= highest;
    if (isShort)
      log?.warn('the sequence of the archive is behind its rows: it goes on behind the highest number', {
        table,
        next,
        highest,
      });
    const [lastValue, isCalled] = isShort ? [highest, true] : [state.lastValue, state.isCalled];
    await tx`select setval(${sequence}::regclass, ${lastValue}, ${isCalled})`;
  }
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

/** Makes a schema of its own with the tables of these migrations, and has names without a schema mean it. */
async function openWorkshop(tx: Tx, migrations: readonly Migration[], options: RestoreOptions): Promise<string> {
  const workshop = `catatlas_restore_${randomUUID().replaceAll('-', '')}`;
  await tx.unsafe(`create schema ${quoteName(workshop)}`);
  await pinSchema(tx, workshop);
  await createHistory(tx);
  await migrateWithin(tx, migrations, options);
  return workshop;
}

/** The schema that these migrations make, on this very server. */
async function readExpected(
  tx: Tx,
  migrations: readonly Migration[],
  options: RestoreOptions,
): Promise<SchemaSnapshot> {
  const workshop = await openWorkshop(tx, migrations, options);
  const expected = await readSchema(tx);
  await tx.unsafe(`drop schema ${quoteName(workshop)} cascade`);
  return expected;
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
