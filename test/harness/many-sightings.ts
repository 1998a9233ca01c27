import { findAnalysis } from '../../src/analysis/queries.ts';
import {
  countSightings,
  eachProfileEntry,
  eachProfileText,
  findProfileVersion,
  listCatsBefore,
  listSightingsPage,
  listStoredInsights,
} from '../../src/cats/queries.ts';
import { countComments, listCommentsPage } from '../../src/comments/queries.ts';
import type { Sql } from '../../src/database/connect.ts';
import { snapshot } from '../../src/database/transaction.ts';
import { listEntriesBefore } from '../../src/entries/queries.ts';
import { boundingBoxes } from '../../src/geo/distance.ts';
import { eachPlace } from '../../src/geo/places.ts';
import { listInsightEntries } from '../../src/insights/queries.ts';
import { listAreaSightings, listLocations, listTexts } from '../../src/map/queries.ts';
import { eachMatchCandidate, listNearbyCandidates } from '../../src/matching/queries.ts';

/**
 * So many sightings of a fiftieth as many cats, a tenth of them of none; places all over Europe, dense where people live. The schema
 * must be there already.
 */
export async function insertManySightings(sql: Sql, rows: number): Promise<void> {
  const cats = rows / 50;
  await sql`insert into cats (name, created_at) select 'Cat ' || n, now() - n * interval '1 minute' from generate_series(1, ${cats}::int) as n`;
  await sql`
    insert into entries (text, created_at, location, cat_id, location_lat, location_lon)
    select 'Sighting ' || n || ' of a tabby', now() - n * interval '7 seconds', 'Street ' || n % 5000,
      case when n % 10 > 0 then 1 + n % ${cats}::int end,
      40 + 20 * random() ^ 2, -5 + 30 * random() ^ 2
    from generate_series(1, ${rows}::int) as n`;
  await sql`
    insert into cat_comments (cat_id, author_name, content, created_at, updated_at)
    select 1 + n % 200, 'Mia', 'Comment ' || n, now(), now() from generate_series(1, ${rows / 10}::int) as n`;
  await sql`
    insert into analyses (entry_id, text_hash, summary, tags, sentiment, created_at, updated_at)
    select id, md5(text), text, '[]', 'neutral', now(), now() from entries where id % 2 = 0`;
  await sql`
    insert into cat_insights (cat_id, mode, prompt_version, context_hash, insight, created_at, updated_at)
    select id, mode, 'v1', md5(id::text), '{}', now(), now() from cats, unnest(array['care', 'risk']) as mode`;
  await sql`vacuum analyze`;
}

/** Every query whose tables can grow, by the request that makes it. */
export function growingQueries(sql: Sql, rows: number): Record<string, () => Promise<unknown>> {
  const boxes = boundingBoxes(41, -4, 1000);
  const someIds = Array.from({ length: 500 }, (_, at) => 1 + at * 7);
  const places = (within: ReturnType<typeof boundingBoxes>, includeAssigned: boolean) =>
    snapshot(sql, (tx) => drained(eachPlace(tx, { boxes: within, includeAssigned })));
  return {
    'GET /entries, a batch in the middle': () => listEntriesBefore(sql, rows / 2),
    'GET /cats, a batch near the end': () => listCatsBefore(sql, 50),
    'GET /cats/2/sightings, page 2': () => listSightingsPage(sql, { catId: 2, page: 2, limit: 20 }),
    'GET /cats/2/sightings, their number': () => countSightings(sql, 2),
    'GET /cats/2/comments, page 2': () => listCommentsPage(sql, { catId: 2, page: 2, limit: 20 }),
    'GET /cats/2/comments, their number': () => countComments(sql, 2),
    'GET /cats/2/profile': () => snapshot(sql, (tx) => drained(eachProfileText(tx, 2))),
    'GET /cats/2/profile/enhanced': () => snapshot(sql, (tx) => drained(eachProfileEntry(tx, 2))),
    'GET /cats/2/profile/enhanced, insights': () => listStoredInsights(sql, 2),
    'GET /cats/2/profile, its version': () => findProfileVersion(sql, 2),
    'POST /cats/2/insights': () => listInsightEntries(sql, 2),
    'GET /entries/2/analysis': () => findAnalysis(sql, 2),
    'GET /entries/by-area, 1 km': () => places(boxes, true),
    'GET /entries/by-area, its sightings': () => listAreaSightings(sql, someIds),
    'GET suggested-groups, 1 km': () => places(boxes, false),
    'GET suggested-groups, its texts': () => listTexts(sql, someIds),
    'GET suggested-groups, its locations': () => listLocations(sql, someIds),
    'GET /entries/1/nearby, its sightings': () => listNearbyCandidates(sql, someIds),
    'GET /entries/1/matches, a batch in the middle': () => eachMatchCandidate(sql, rows / 2).next(),
    'across the antimeridian': () => places(boundingBoxes(0, 179.999, 1000), false),
  };
}

async function drained<Row>(batches: AsyncIterable<Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const batch of batches) rows.push(...batch);
  return rows;
}

/** How many rows of our tables have been read by sequential scans so far. */
export async function sequentialReads(sql: Sql): Promise<number> {
  await sql`select pg_stat_force_next_flush()`;
  const [row] = await sql<[{ rows: number }]>`
    select coalesce(sum(seq_tup_read), 0)::bigint as rows from pg_stat_user_tables where schemaname = current_schema()`;
  return row.rows;
}
