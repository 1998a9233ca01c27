import type { Clock } from '../clock.ts';
import type { Database, Tx } from '../database/connect.ts';
import { snapshot } from '../database/transaction.ts';
import { findHome, pinSchema } from '../migrator/home.ts';
import { isBehind, readNumbering } from '../migrator/numbering.ts';
import { createTally } from './digest.ts';
import { formatVersion, type Header, type Manifest, type Part } from './format.ts';
import { requireKnownSchema } from './known-schema.ts';
import { requireEveryRow } from './row-security.ts';
import { pinTextFormat, readRows } from './rows.ts';
import type { ArchivedTable } from './tables.ts';

interface SnapshotOptions {
  /** A handle whose statements may take long. */
  database: Database;
  programVersion: string;
  clock: Clock;
}

/**
 * Reads everything as it was at one moment, while others go on writing: one transaction, REPEATABLE READ, read only. Calls
 * `consume` with the parts, and ends the transaction when that is done. When the connection is lost, `consume` hears of it from the
 * parts, and is waited for: what it has begun it can take back.
 *
 * @throws {ArchiveTargetError} the database has no schema, not one that this program knows in full, or not all rows are shown to it
 */
export async function readSnapshot<Result>(
  { database, programVersion, clock }: SnapshotOptions,
  consume: (parts: AsyncIterable<Part>) => Promise<Result>,
): Promise<Result> {
  let consuming: Promise<Result> | undefined;
  try {
    return await snapshot(database.sql, async (tx) => {
      await pinTextFormat(tx);
      const { schema } = await findHome(tx);
      if (schema !== null) await pinSchema(tx, schema);
      const { version, tables } = await requireKnownSchema(tx);
      await requireEveryRow(
        tx,
        tables.map(({ name }) => name),
      );
      const header: Header = {
        format: 'catatlas-archive',
        formatVersion,
        schemaVersion: version,
        programVersion,
        createdAt: clock.now(),
        tables: tables.map(({ name, columns }) => ({ name, columns: [...columns] })),
      };
      consuming = consume(readParts(tx, header, tables));
      return await consuming;
    });
  } finally {
    // The driver gives up the transaction at once when its connection is lost.
    await consuming?.catch(() => {});
  }
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
  let next = askAhead(source);
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = askAhead(source);
      yield value;
    }
  } finally {
    // Nobody may be left waiting for it, but the connection is free only when it is over.
    await next.catch(() => {});
  }
}

/** What fails before it is waited for is not unhandled: it is told with the page that it would have been. */
function askAhead<T>(source: AsyncGenerator<T>): Promise<IteratorResult<T>> {
  const next = source.next();
  next.catch(() => {});
  return next;
}

/** A sequence that is behind its table is written as the archive needs it: it goes on after the highest number. */
async function readSequences(tx: Tx, tables: readonly ArchivedTable[]): Promise<Manifest['sequences']> {
  const numberings = await readNumbering(
    tx,
    tables.map(({ name }) => name),
  );
  return tables.flatMap(({ name, numbered }) => {
    const numbering = numbered ? numberings.find(({ table }) => table === name) : undefined;
    if (!numbering) return [];
    const { lastValue, isCalled, highest } = numbering;
    return highest !== null && isBehind(numbering)
      ? [{ table: name, lastValue: highest, isCalled: true }]
      : [{ table: name, lastValue, isCalled }];
  });
}
