import type { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Manifest } from './format.ts';

/** What a table comes to. */
export type TableDigest = Pick<Manifest['tables'][number], 'rows' | 'sha256'>;

/** Adds up the pages of a table. */
export interface TableTally {
  add(text: Buffer): void;
  result(): TableDigest;
}

/**
 * Counts and digests the rows of a table, given in the order of the primary key: SHA-256 over the lines of COPY. With the
 * settings of `pinTextFormat` these lines are the same on every version of PostgreSQL and on the embedded engine, so equal
 * digests are equal rows, wherever they are. Anybody can do the sum: `cat entries/*.gz | gunzip | sha256sum`.
 */
export function createTally(): TableTally {
  const hash = createHash('sha256');
  let rows = 0;
  return {
    add(text) {
      hash.update(text);
      rows += countLines(text);
    },
    result: () => ({ rows, sha256: hash.digest('hex') }),
  };
}

/** COPY ends each row with a line feed and writes those inside values as `\n`. */
export function countLines(text: Buffer): number {
  let lines = 0;
  for (let at = text.indexOf(0x0a); at !== -1; at = text.indexOf(0x0a, at + 1)) lines += 1;
  return lines;
}

/** In words, where two sums of the same tables differ; empty when they agree. */
export function compareTables(expected: Manifest['tables'], found: ReadonlyMap<string, TableDigest>): string[] {
  return expected.flatMap(({ name, rows, sha256 }) => {
    const table = found.get(name);
    if (!table) return [`${name}: ${rows} rows expected, the table is missing`];
    if (table.rows !== rows) return [`${name}: ${rows} rows expected, ${table.rows} found`];
    return table.sha256 === sha256
      ? []
      : [`${name}: ${rows} rows, but not the same ones (${table.sha256}, expected ${sha256})`];
  });
}
