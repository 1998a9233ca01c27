import { Buffer } from 'node:buffer';
import { createTally } from './digest.ts';
import { formatVersion, type Part } from './format.ts';
import { tablesAt } from './tables.ts';
import { encodeArchive } from './write.ts';

/** A whole archive without rows, of schema version 1. */
export async function makeEmptyArchive(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of encodeArchive(emptyParts())) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* emptyParts(): AsyncGenerator<Part> {
  const tables = tablesAt(1).map(({ name, columns }) => ({ name, columns: [...columns] }));
  const header = {
    format: 'catatlas-archive',
    formatVersion,
    schemaVersion: 1,
    programVersion: '1.0.0',
    createdAt: '2026-01-01T00:00:00.000000Z',
    tables,
  } as const;
  yield { kind: 'header', header };
  const sums = tables.map((table) => ({ ...table, ...createTally().result() }));
  yield { kind: 'manifest', manifest: { ...header, tables: sums, sequences: [] } };
}
