// The plan of every query that can grow, at a million sightings. `bun bench/plans.ts [rows]`
//
// Fails where a query reads a table from one end to the other. Times are single runs on a warm cache.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { connectPostgres } from '../src/database/connect.ts';
import { growingQueries, insertManySightings, sequentialReads } from '../test/harness/many-sightings.ts';
import { startPostgres } from '../test/harness/postgres.ts';

const rows = Number(process.argv[2] ?? 1_000_000);
const binary = fileURLToPath(new URL('../dist/catatlas', import.meta.url));

const postgres = await startPostgres({
  version: 18,
  settings: { max_wal_size: '8GB', shared_buffers: '1GB' },
});
const url = await postgres.createDatabase();
spawnSync(binary, ['migrate'], { env: { DATABASE_URL: url, DEBUG: 'true', HOME: '/tmp' } });
const { sql, close } = connectPostgres({ url, applicationName: 'plans', maxConnections: 1, statementTimeout: 600 });

await insertManySightings(sql, rows);

let scans = 0;
for (const [name, run] of Object.entries(growingQueries(sql, rows))) {
  await run();
  const before = await sequentialReads(sql);
  const began = performance.now();
  const found = await run();
  const took = performance.now() - began;
  const read = (await sequentialReads(sql)) - before;
  if (read > 0) scans += 1;
  console.log(
    `${read > 0 ? 'SCAN ' : 'index'} ${name.padEnd(40)} ${(Array.isArray(found) ? String(found.length) : '').padStart(6)} rows ${took.toFixed(1).padStart(7)} ms`,
  );
}
await close();
await postgres.stop();
process.exit(scans === 0 ? 0 : 1);
