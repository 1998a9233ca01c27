import { Buffer } from 'node:buffer';

/** What a file encrypted with age begins with (the age specification, version 1). */
export const ageMagic = Buffer.from('age-encryption.org/v1\n');

// The names of the files inside an archive, in this order.

export const headerName = 'header.json';
export const manifestName = 'manifest.json';
/** The SHA-256 of all bytes of the archive in front of this member. */
export const checksumName = 'archive.sha256';

/** The pages of a table, counted from 1: rows of COPY, compressed. Concatenated they are a gzip file of the whole table. */
export function pageName(table: string, number: number): string {
  return `${table}/${String(number).padStart(8, '0')}.copy.gz`;
}
