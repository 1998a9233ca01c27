import { systemClock } from '../../src/clock.ts';
import type { Database } from '../../src/database/connect.ts';
import { loadCatalog } from '../../src/migrator/migration-catalog.ts';
import { migrateUp } from '../../src/migrator/migration-run.ts';
import { silentLog } from '../../src/observability/log.ts';

/** Brings the schema of an open database up to date. */
export async function makeSchema(database: Database): Promise<void> {
  await migrateUp({
    database,
    catalog: loadCatalog(),
    clock: systemClock,
    log: silentLog,
    binaryVersion: 'test',
    lockTimeoutSeconds: 10,
  });
}
