import type { Clock } from '../clock.ts';
import type { Database, Tx } from '../database/connect.ts';
import { snapshot } from '../database/transaction.ts';
import { loadCatalog } from '../migrator/catalog.ts';
import { type AppliedMigration, readHistory } from '../migrator/history.ts';
import { planMigrations } from '../migrator/plan.ts';
import { createTally } from './digest.ts';
import { ArchiveTargetError } from './failure.ts';
import { formatVersion, type Header, type Manifest, type Part } from './format.ts';
import { pinTextFormat, readRows } from './rows.ts';
import { type ArchivedTable, tablesAt } from './tables.ts';

interface SnapshotOptions {
  /** A handle whose statements may take long. */
  database: Database;
  programVersion: string;
  clock: Clock;
}

/**
 * Reads everything as it was at one moment, while others go on writing: one transaction, REPEATABLE READ, read only. Calls
 * `consume` with the parts, and ends the transaction when that is done.
 *
 * @throws {ArchiveTargetError} the database has no schema, or not one that this program knows
 */
export async function readSnapshot<Result>(
  { database, programVersion, clock }: SnapshotOptions,
  consume: (parts: AsyncIterable<Part>) => Promise<Result>,
): Promise<Result> {
  return await snapshot(database.sql, async (tx) => {
    await pinTextFormat(tx);
    const schemaVersion = requireKnownSchema(await readHistory(tx));
    const tables = tablesAt(schemaVersion);
    const header: Header = {
      format: 'catatlas-archive',
      formatVersion,
      schemaVersion,
      programVersion,
      createdAt: clock.now(),
      tables: tables.map(({ name, columns }) => ({ name, columns: [...columns] })),
    };
    return await consume(readParts(tx, header, tables));
  });
}

async function* readParts(tx: Tx, header: Header, tables: readonly ArchivedTable[]): AsyncGenerator<Part> {
  yield { kind: 'header', header };
  const sums: Manifest['tables'] = [];
  for (const table of tables) {
    const tally = createTally();
    for await (const page of aheadOf(readRows(tx, table))) {
      tally.add(page.text);
      yield { kind: 'page', page };
    }
    sums.push({ name: table.name, columns: [...table.columns], ...tally.result() });
  }
  // A sequence knows nothing of snapshots. Read last, it is beyond every number that the snapshot has.
  const sequences = await readSequences(tx, tables);
  yield { kind: 'manifest', manifest: { ...header, tables: sums, sequences } };
}

/** Reads the next page from the database while the one before is compressed and written. */
async function* aheadOf<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = source.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = source.next();
      yield value;
    }
  } finally {
    // Nobody may be left waiting for it, but the connection is free only when it is over.
    await next.catch(() => {});
  }
}

async function readSequences(tx: Tx, tables: readonly ArchivedTable[]): Promise<Manifest['sequences']> {
  const sequences: Manifest['sequences'] = [];
  for (const { name, columns, numbered } of tables) {
    if (!numbered) continue;
    const [sequence] = await tx<
      [{ path: string }]
    >`select pg_get_serial_sequence(${name}, ${columns[0] ?? ''}) as path`;
    const [state] = await tx.unsafe<[{ last_value: number; is_called: boolean }]>(
      `select last_value, is_called from ${sequence.path}`,
    );
    sequences.push({ table: name, lastValue: state.last_value, isCalled: state.is_called });
  }
  return sequences;
}

/** The version of a schema that this program knows in full. */
function requireKnownSchema(history: readonly AppliedMigration[]): number {
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
