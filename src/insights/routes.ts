import { Elysia } from 'elysia';
import { catNotFound } from '../cats/not-found.ts';
import { keepCat } from '../cats/queries.ts';
import { catPath } from '../cats/schemas.ts';
import type { AppContext } from '../context.ts';
import { transaction } from '../database/transaction.ts';
import { AppError } from '../errors.ts';
import { operation } from '../http/operation.ts';
import { buildInsight, contextHash, withQuestion } from './insight.ts';
import { deleteOldInsights, findInsight, listInsightEntries, storeInsight } from './queries.ts';
import { insight, insightInput } from './schemas.ts';

/** Insights: what the newest sightings of a cat add up to. */
export const insightRoutes = (context: AppContext) =>
  new Elysia({ name: 'insights' }).post(
    '/cats/:cat_id/insights',
    ({ params: { cat_id }, body: { mode, question } }) =>
      transaction(context.sql, async (tx) => {
        if (!(await keepCat(tx, cat_id))) throw catNotFound();
        const entries = await listInsightEntries(tx, cat_id);
        if (entries.length === 0) throw new AppError(400, 'NO_SIGHTINGS', 'No sightings assigned to this cat yet');
        const key = { catId: cat_id, mode, contextHash: contextHash(entries) };
        const cached = await findInsight(tx, key);
        if (cached) return cached;
        const made = buildInsight({ catId: cat_id, mode, entries, generatedAt: context.clock.now() });
        const stored = await storeInsight(tx, key, made);
        await deleteOldInsights(tx, key);
        return withQuestion(stored, question);
      }),
    {
      params: catPath,
      body: insightInput,
      response: { 200: insight },
      detail: operation({
        operationId: 'createInsight',
        tag: 'Insights',
        summary: 'Get an insight about a cat',
        description:
          'Made from the newest ten sightings, and kept: the same sightings and mode give the same insight, with its first `generatedAt`.',
        success: { description: 'The insight' },
        work: { queue: 'cats' },
        errors: ['CAT_NOT_FOUND', 'NO_SIGHTINGS'],
      }),
    },
  );
