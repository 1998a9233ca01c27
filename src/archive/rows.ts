import { Buffer } from 'node:buffer';
import type { Tx } from '../database/connect.ts';
import { liftTransactionLimit } from '../database/transaction.ts';
import { countLines } from './digest.ts';
import type { Page } from './format.ts';
import type { ArchivedTable } from './tables.ts';

/** About the size of a page, in bytes: rows are taken in numbers that came to this much on the page before. Four times as much is
 * not faster, and takes twice the memory. */
const pageBytes = 1 * 1024 * 1024;
const firstPageRows = 500;
/** Bounds what a page holds when its rows are suddenly much longer than those before: the longest texts are 10 000 letters. */
const mostPageRows = 10_000;

/**
 * Makes the text of values independent of how the server, the database or the user are set up, until the transaction ends, and
 * lets the transaction wait for a slow reader or writer of the archive. A read that row security would cut is refused by the server.
 */
export async function pinTextFormat(tx: Tx): Promise<void> {
  await liftTransactionLimit(tx);
  await tx.unsafe(`
    set local TimeZone to 'UTC';
    set local DateStyle to 'ISO, YMD';
    set local IntervalStyle to 'iso_8601';
    set local extra_float_digits to 1;
    set local bytea_output to 'hex';
    set local client_encoding to 'UTF8';
    set local row_security to off;
    set local idle_in_transaction_session_timeout to 0;
    set local lock_timeout to '30s';
    set local statement_timeout to 0`);
}

/**
 * The rows of a table in pages by primary key. Pages, and not one long COPY: the embedded engine gives an answer only as a whole,
 * and a connection must not stand still in the middle of a query while what reads from it is slow.
 */
export async function* readRows(tx: Tx, { name, columns }: Omit<ArchivedTable, 'computed'>): AsyncGenerator<Page> {
  const key = columns[0] ?? '';
  let after: string | undefined;
  let limit = firstPageRows;
  for (;;) {
    const text = await copyOut(
      tx,
      `copy (select ${columns.join(', ')} from ${name} ${after === undefined ? '' : `where ${key} > ${after}`}
        order by ${key} limit ${limit}) to stdout`,
    );
    const rows = countLines(text);
    if (rows > 0) {
      after = lastKey(text, name);
      yield { table: name, text };
    }
    if (rows < limit) return;
    limit = Math.min(mostPageRows, Math.ceil((pageBytes / text.length) * rows));
  }
}

/** The first column of the last line, as a number to write into a statement. */
function lastKey(text: Buffer, table: string): string {
  const start = text.lastIndexOf(0x0a, text.length - 2) + 1;
  const key = text.toString('latin1', start, text.indexOf(0x09, start));
  if (!/^-?\d{1,19}$/.test(key)) throw new Error(`${table}: the first column is no whole number: ${key.slice(0, 40)}`);
  return key;
}

function copyOut(tx: Tx, statement: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    tx.unsafe(statement)
      .readable()
      .then((stream) => {
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.once('end', () => {
          // The driver stops the socket when the stream is full, and forgets it when the data end just then.
          stream._read(0);
          resolve(Buffer.concat(chunks));
        });
        stream.on('error', reject);
      })
      .catch(reject);
  });
}

/**
 * Appends a page to a table that this transaction has made. FREEZE: the rows are written as everybody's at once, so no vacuum
 * has to write all of them again later (COPY in the documentation of PostgreSQL).
 */
export function writeRows(tx: Tx, { name, columns }: ArchivedTable, text: Buffer): Promise<void> {
  return copyIn(tx, `copy ${name} (${columns.join(', ')}) from stdin (freeze)`, text);
}

/** Sends the lines of a COPY FROM STDIN. */
export function copyIn(tx: Tx, statement: string, text: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = tx.unsafe(statement);
    query
      .writable()
      .then((stream) => {
        // The driver has nobody to tell an error to that comes after the last of the data, such as a violated constraint: the
        // query has been answered with the stream, and the stream has been ended.
        Object.assign(query, { reject });
        stream.once('error', reject);
        stream.once('finish', resolve);
        stream.end(text);
      })
      .catch(reject);
  });
}
