import type { Instant } from '../clock.ts';
import type { Queryable } from '../database/connect.ts';
import type { Analysis } from './schemas.ts';

const analysisColumns = (sql: Queryable) => sql`entry_id, summary, tags, sentiment, updated_at as "updatedAt"`;

export async function findAnalysis(sql: Queryable, entryId: number): Promise<Analysis | undefined> {
  const [row] = await sql<Analysis[]>`select ${analysisColumns(sql)} from analyses where entry_id = ${entryId}`;
  return row;
}

/**
 * Stores an analysis unless one of the very same text is there, and returns the stored one. In one statement: two requests at
 * once store one analysis, and the second returns what the first wrote.
 */
export async function storeAnalysis(
  sql: Queryable,
  input: Omit<Analysis, 'updatedAt'> & { textHash: string; now: Instant },
): Promise<Analysis | undefined> {
  const [row] = await sql<Analysis[]>`
    insert into analyses (entry_id, text_hash, summary, tags, sentiment, created_at, updated_at)
    values (${input.entry_id}, ${input.textHash}, ${input.summary}, ${sql.json(input.tags)}, ${input.sentiment}, ${input.now}, ${input.now})
    on conflict on constraint analyses_pkey do update set
      text_hash = excluded.text_hash, summary = excluded.summary, tags = excluded.tags, sentiment = excluded.sentiment,
      updated_at = excluded.updated_at
    where analyses.text_hash <> excluded.text_hash
    returning ${analysisColumns(sql)}`;
  return row;
}
