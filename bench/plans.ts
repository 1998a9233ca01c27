// The plan of every query that can grow, at a million sightings. `bun bench/plans.ts [rows]`
//
// Fails where a query reads a table from one end to the other. Times are single runs on a warm cache.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { listSightingsPage } from '../src/cats/queries.ts';
import { listCommentsPage } from '../src/comments/queries.ts';
import { connectPostgres } from '../src/database/connect.ts';
import { listEntriesBefore } from '../src/entries/queries.ts';
import { listInsightEntries } from '../src/insights/queries.ts';
import { boundingBoxes } from '../src/map/distance.ts';
import { listAreaSightings, listGroupCandidates } from '../src/map/queries.ts';
import { listNearbyCandidates } from '../src/matching/queries.ts';
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

// Twenty thousand cats, a tenth of the sightings without one; places all over Europe, dense where people live.
await sql`insert into cats (name, created_at) select 'Cat ' || n, now() - n * interval '1 minute' from generate_series(1, ${rows / 50}) as n`;
await sql`
  insert into entries (text, created_at, location, cat_id, location_lat, location_lon)
  select 'Sighting ' || n || ' of a tabby', now() - n * interval '7 seconds', 'Street ' || n % 5000,
    case when n % 10 > 0 then 1 + n % ${rows / 50} end,
    40 + 20 * random() ^ 2, -5 + 30 * random() ^ 2
  from generate_series(1, ${rows}) as n`;
await sql`
  insert into cat_comments (cat_id, author_name, content, created_at, updated_at)
  select 1 + n % 200, 'Mia', 'Comment ' || n, now(), now() from generate_series(1, ${rows / 10}) as n`;
await sql`vacuum analyze`;

const boxes = boundingBoxes(41, -4, 1000);
const queries: Record<string, () => Promise<unknown[]>> = {
  'GET /entries, a batch in the middle': () => listEntriesBefore(sql, rows / 2, 500),
  'GET /cats/2/sightings, page 2': () => listSightingsPage(sql, { catId: 2, page: 2, limit: 20 }),
  'GET /cats/2/comments, page 2': () => listCommentsPage(sql, { catId: 2, page: 2, limit: 20 }),
  'POST /cats/2/insights': () => listInsightEntries(sql, 2),
  'GET /entries/by-area, 1 km': () => listAreaSightings(sql, { boxes, includeAssigned: true }),
  'GET suggested-groups, 1 km': () => listGroupCandidates(sql, boxes),
  'GET /entries/1/nearby, 1 km': () => listNearbyCandidates(sql, { boxes, includeAssigned: true }),
  'across the antimeridian': () => listGroupCandidates(sql, boundingBoxes(0, 179.999, 1000)),
};

let scans = 0;
for (const [name, run] of Object.entries(queries)) {
  await run();
  const before = await sequentialReads();
  const began = performance.now();
  const found = await run();
  const took = performance.now() - began;
  const read = (await sequentialReads()) - before;
  if (read > 0) scans += 1;
  console.log(
    `${read > 0 ? 'SCAN ' : 'index'} ${name.padEnd(40)} ${String(found.length).padStart(6)} rows ${took.toFixed(1).padStart(7)} ms`,
  );
}
await close();
await postgres.stop();
process.exit(scans === 0 ? 0 : 1);

/** How many rows of our tables have been read by sequential scans so far. */
async function sequentialReads(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`;
  const [row] = await sql<[{ rows: number }]>`
    select sum(seq_tup_read)::bigint as rows from pg_stat_user_tables where relname in ('entries', 'cats', 'cat_comments')`;
  return row.rows;
}
