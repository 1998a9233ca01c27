import type { Clock } from '../clock.ts';
import { openScratch } from '../database/scratch.ts';
import type { Log } from '../observability/log.ts';
import type { Migration } from './migration-catalog.ts';
import { migrateUp } from './migration-run.ts';
import { readSchema, type SchemaSnapshot } from './schema-snapshot.ts';

/** The schema that the migrations up to version `to` make, found by running them on an empty engine in memory. */
export async function readExpectedSchema(
  options: { catalog: readonly Migration[]; clock: Clock; log: Log; binaryVersion: string },
  to: number,
): Promise<SchemaSnapshot> {
  const database = await openScratch(options.log);
  try {
    // Nothing to wait for, and nothing to tell: it is nobody else's database.
    const quiet = { ...options.log, info: () => {} };
    await migrateUp({ ...options, log: quiet, database, lockTimeoutSeconds: 10 }, to);
    return await readSchema(database.sql);
  } finally {
    await database.close();
  }
}
