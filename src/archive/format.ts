import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { ArchiveError } from './archive-error.ts';
import { tablesAt } from './tables.ts';

/** The version of the format that this program writes, and the newest that it reads. See docs/archive-format.md. */
export const formatVersion = 1;

const name = z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/);
const count = z.int().min(0);
const tableShape = { name, columns: z.array(name).min(1).max(1600) };
const headerShape = {
  format: z.literal('catatlas-archive'),
  formatVersion: z.literal(formatVersion),
  /** The version of the schema that the rows fit. */
  schemaVersion: z.int().min(1),
  /** The program that wrote it. */
  programVersion: z.string().min(1).max(100),
  /** When the snapshot was taken, by the clock of the program. */
  createdAt: z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?Z$/),
};

/** What an archive says in front of the rows: enough to load them. */
export const Header = z.strictObject({ ...headerShape, tables: z.array(z.strictObject(tableShape)) });
export type Header = z.infer<typeof Header>;

/** What an archive says behind the rows: the header again, and what it has come to. */
export const Manifest = z.strictObject({
  ...headerShape,
  tables: z.array(
    z.strictObject({
      ...tableShape,
      rows: count,
      /** SHA-256 of the table's rows as COPY writes them, in the order of the first column. */
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
  /** The sequences that number the tables: the last value given, or the next one when none has been. */
  sequences: z.array(z.strictObject({ table: name, lastValue: z.int().min(1), isCalled: z.boolean() })),
});
export type Manifest = z.infer<typeof Manifest>;

/** Rows of a table in COPY's text format: whole lines, ordered by the first column across all pages of the table. */
export interface Page {
  table: string;
  text: Buffer;
}

/** Data on its way, whether out of a database or out of an archive: a header, pages table by table, a manifest. */
export type Part =
  | { kind: 'header'; header: Header }
  | { kind: 'page'; page: Page }
  | { kind: 'manifest'; manifest: Manifest };

/** Throws ArchiveError when this program cannot load rows of that header. `newest`: its own version of the schema. */
export function requireLoadable(header: Header, newest: number): void {
  if (header.schemaVersion > newest) {
    throw new ArchiveError(
      `the archive was written by ${header.programVersion} and is of schema version ${header.schemaVersion}, this program ends at ${newest}: use a program of at least version ${header.programVersion}.`,
    );
  }
  const expected = tablesAt(header.schemaVersion).map(({ name, columns }) => ({ name, columns }));
  if (JSON.stringify(expected) !== JSON.stringify(header.tables.map(({ name, columns }) => ({ name, columns })))) {
    throw new ArchiveError(
      `the archive says it is of schema version ${header.schemaVersion}, but its tables and columns are not those of that version: it was not written by this program.`,
    );
  }
}
