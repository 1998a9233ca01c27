import type { JSONValue } from 'postgres';
import type { InsightMode } from '../cats/profile.ts';
import type { Queryable } from '../database/connect.ts';
import { INSIGHT_ENTRY_LIMIT, type Insight, type InsightEntry, PROMPT_VERSION } from './insight.ts';

/** The newest sightings of a cat by id: what an insight is made from. */
export async function listInsightEntries(sql: Queryable, catId: number): Promise<InsightEntry[]> {
  return await sql<InsightEntry[]>`
    select id, text, location, created_at as "createdAt" from entries where cat_id = ${catId}
    order by id desc limit ${INSIGHT_ENTRY_LIMIT}`;
}

interface InsightKey {
  catId: number;
  mode: InsightMode;
  contextHash: string;
}

/**
 * Insights that were stored by earlier versions and by the first server quote the question of the first visitor who asked. They are
 * never shown: as if they were not there.
 */
const quoting = '[“”"]';

export async function findInsight(
  sql: Queryable,
  { catId, mode, contextHash }: InsightKey,
): Promise<Insight | undefined> {
  const [row] = await sql<{ insight: Insight }[]>`
    select insight from cat_insights
    where cat_id = ${catId} and mode = ${mode} and prompt_version = ${PROMPT_VERSION} and context_hash = ${contextHash}
      and (insight ->> 'summary' ~ ${quoting}) is not true`;
  return row?.insight;
}

/**
 * Stores an insight, or returns the one that another request stored first: of two at the same time both answer the same.
 */
export async function storeInsight(
  sql: Queryable,
  { catId, mode, contextHash }: InsightKey,
  made: Insight,
): Promise<Insight> {
  const [row] = await sql<[{ insight: Insight }]>`
    insert into cat_insights as stored (cat_id, mode, prompt_version, context_hash, insight, created_at, updated_at)
    values (${catId}, ${mode}, ${PROMPT_VERSION}, ${contextHash}, ${sql.json(made as unknown as JSONValue)}, ${made.generatedAt}, ${made.generatedAt})
    on conflict on constraint cat_insights_cache_key do update set
      insight = case when stored.insight ->> 'summary' ~ ${quoting} then excluded.insight else stored.insight end
    returning insight`;
  return row.insight;
}

/** How many insights of a cat and mode are kept: sightings that are linked and unlinked again find theirs. */
const keptInsights = 5;

/** Deletes all but the newest insights of a cat and mode. */
export async function deleteOldInsights(
  sql: Queryable,
  { catId, mode }: Pick<InsightKey, 'catId' | 'mode'>,
): Promise<void> {
  await sql`
    delete from cat_insights where cat_id = ${catId} and mode = ${mode} and id not in (
      select id from cat_insights where cat_id = ${catId} and mode = ${mode}
      order by updated_at desc, id desc limit ${keptInsights})`;
}
