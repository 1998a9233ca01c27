import { Elysia } from 'elysia';
import type { AppContext } from '../context.ts';
import { transaction } from '../database/transaction.ts';
import { entryOrNotFound } from '../entries/not-found.ts';
import { lockEntry } from '../entries/queries.ts';
import { entryPath } from '../entries/schemas.ts';
import { AppError } from '../errors.ts';
import { operation } from '../http/operation.ts';
import { analyzeText } from './analyze.ts';
import { findAnalysis, storeAnalysis } from './queries.ts';
import { analysis } from './schemas.ts';

const analysisNotFound = () => new AppError(404, 'ANALYSIS_NOT_FOUND', 'No analysis found for this entry');

/** Summary, tags and mood of one sighting. */
export const analysisRoutes = (context: AppContext) =>
  new Elysia({ name: 'analysis' })
    .post(
      '/entries/:entry_id/analyze',
      ({ params: { entry_id } }) =>
        transaction(context.sql, async (tx) => {
          const { text } = entryOrNotFound(await lockEntry(tx, entry_id));
          const stored = await storeAnalysis(tx, { entry_id, ...analyzeText(text), now: context.clock.now() });
          const found = stored ?? (await findAnalysis(tx, entry_id));
          if (!found) throw analysisNotFound();
          return found;
        }),
      {
        params: entryPath,
        response: { 200: analysis },
        detail: operation({
          operationId: 'analyzeEntry',
          tag: 'Analysis',
          summary: 'Analyse a sighting',
          description: 'Computes summary, tags and mood, and keeps them. The same text is analysed once.',
          success: { description: 'The analysis' },
          errors: ['ENTRY_NOT_FOUND'],
        }),
      },
    )
    .get(
      '/entries/:entry_id/analysis',
      async ({ params: { entry_id } }) => {
        const found = await findAnalysis(context.sql, entry_id);
        if (!found) throw analysisNotFound();
        return found;
      },
      {
        params: entryPath,
        response: { 200: analysis },
        detail: operation({
          operationId: 'getAnalysis',
          tag: 'Analysis',
          summary: 'Read the analysis of a sighting',
          description: 'The stored analysis. 404 also when the sighting itself does not exist.',
          success: { description: 'The analysis' },
          errors: ['ANALYSIS_NOT_FOUND'],
        }),
      },
    );
