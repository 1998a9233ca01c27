import type { Manifest } from '../../archive/format.ts';

/** A line for each table: name, rows, digest. */
export function describeTables(tables: Manifest['tables']): string {
  return tables
    .map(({ name, rows, sha256 }) => `${name.padEnd(12)}  ${String(rows).padStart(10)}  ${sha256}\n`)
    .join('');
}
