import type { JSONValue } from 'postgres';
import type { StoredInsight } from '../cats/profile.ts';
import type { Instant } from '../clock.ts';
import type { Queryable } from '../database/connect.ts';
import { INSIGHT_ENTRY_LIMIT, type Insight, type InsightEntry, type InsightMode, PROMPT_VERSION } from './insight.ts';

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

export async function findInsight(
  sql: Queryable,
  { catId, mode, contextHash }: InsightKey,
): Promise<Insight | undefined> {
  const [row] = await sql<{ insight: Insight }[]>`
    select insight from cat_insights
    where cat_id = ${catId} and mode = ${mode} and prompt_version = ${PROMPT_VERSION} and context_hash = ${contextHash}`;
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
    on conflict on constraint cat_insights_cache_key do update set insight = stored.insight
    returning insight`;
  return row.insight;
}

/** When each cached insight of a cat was last made: one row a mode. */
export async function listStoredInsights(sql: Queryable, catId: number): Promise<StoredInsight[]> {
  return await sql<{ mode: InsightMode; updatedAt: Instant }[]>`
    select mode, max(updated_at) as "updatedAt" from cat_insights where cat_id = ${catId} group by mode order by mode`;
}
