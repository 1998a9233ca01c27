import { findAnalysis } from '../analysis/queries.ts';
import { countSightings, findCat, listCatsBefore, listSightingsPage, listStoredInsights } from '../cats/queries.ts';
import { countComments, listCommentsPage } from '../comments/queries.ts';
import type { Sql } from '../database/connect.ts';
import { snapshot } from '../database/transaction.ts';
import { findEntry, listEntriesBefore } from '../entries/queries.ts';
import { boundingBoxes } from '../geo/distance.ts';
import { eachPlace } from '../geo/places.ts';
import { listInsightEntries } from '../insights/queries.ts';
import type { Manifest } from './format.ts';

const pageLimit = 100;

/**
 * Asks a restored database what the API asks, about its newest rows. Row digests say that the data are there; this says that the
 * program can use them. Returns in words what was not answered as the manifest has it; empty when everything was.
 */
export async function askAsTheApi(sql: Sql, manifest: Manifest): Promise<string[]> {
  const rowsOf = (table: string) => manifest.tables.find(({ name }) => name === table)?.rows ?? 0;
  const problems: string[] = [];
  const expect = (question: string, found: unknown, expected: unknown) => {
    if (found !== expected) problems.push(`${question}: ${found}, expected ${expected}`);
  };
  const newestEntries = await newest((before) => listEntriesBefore(sql, before));
  const newestCats = await newest((before) => listCatsBefore(sql, before));
  expect('sightings on the first page', newestEntries.length, Math.min(pageLimit, rowsOf('entries')));
  expect('cats on the first page', newestCats.length, Math.min(pageLimit, rowsOf('cats')));
  for (const { id } of newestEntries) {
    const entry = await findEntry(sql, id);
    expect(`sighting ${id} by its id`, entry?.id, id);
    const analysis = await findAnalysis(sql, id);
    if (analysis) expect(`the analysis of sighting ${id}`, analysis.entry_id, id);
    if (!entry || entry.location_lat === null || entry.location_lon === null) continue;
    const boxes = boundingBoxes(entry.location_lat, entry.location_lon, 10);
    const found = await snapshot(sql, async (tx) => {
      for await (const places of eachPlace(tx, { boxes, includeAssigned: true }))
        if (places.some((place) => place.id === id)) return true;
      return false;
    });
    expect(`sighting ${id} near its own place`, found, true);
  }
  for (const { id } of newestCats) {
    expect(`cat ${id} by its id`, (await findCat(sql, id))?.id, id);
    const sightings = await countSightings(sql, id);
    const page = await listSightingsPage(sql, { catId: id, page: 1, limit: pageLimit });
    expect(`sightings of cat ${id} on the first page`, page.length, Math.min(pageLimit, sightings));
    const comments = await listCommentsPage(sql, { catId: id, page: 1, limit: pageLimit });
    expect(`comments on cat ${id}`, comments.length, Math.min(pageLimit, await countComments(sql, id)));
    await listInsightEntries(sql, id);
    await listStoredInsights(sql, id);
  }
  return problems;
}

/** The newest rows of a list that is read in batches. */
async function newest<Row extends { id: number }>(listBefore: (before: number) => Promise<Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  while (rows.length < pageLimit) {
    const batch = await listBefore(rows.at(-1)?.id ?? Number.MAX_SAFE_INTEGER);
    if (batch.length === 0) break;
    rows.push(...batch);
  }
  return rows.slice(0, pageLimit);
}
