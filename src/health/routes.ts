import { Elysia } from 'elysia';
import * as z from 'zod';
import type { AppContext } from '../context.ts';
import { later } from '../http/later.ts';
import { operation } from '../http/operation.ts';
import { retryAfterSeconds } from '../http/readiness.ts';
import { checkReadiness } from './readiness.ts';
import { readinessReport } from './schemas.ts';

const status = later(() =>
  z
    .object({ status: z.literal('ok').meta({ description: 'Always `ok`' }) })
    .meta({ id: 'Health', description: 'The process answers' }),
);

/** Health, for people, load balancers and orchestrators. */
export const healthRoutes = (context: AppContext) =>
  new Elysia({ name: 'health' })
    .get('/health', () => ({ status: 'ok' as const }), {
      response: { 200: status },
      detail: operation({
        operationId: 'getHealth',
        tag: 'System',
        summary: 'Is the server there?',
        description:
          'Always `{"status":"ok"}` while the process answers. Touches nothing. For readiness ask `/health/ready`.',
        success: { description: 'It is' },
        errors: [],
        needsDatabase: false,
      }),
    })
    .get('/health/live', () => ({ status: 'ok' as const }), {
      response: { 200: status },
      detail: operation({
        operationId: 'getLiveness',
        tag: 'System',
        summary: 'Liveness',
        description:
          'For an orchestrator: restart the process when this fails. 200 also while the schema is being migrated.',
        success: { description: 'The process is alive' },
        errors: [],
        needsDatabase: false,
      }),
    })
    .get(
      '/health/ready',
      async () => {
        const report = await checkReadiness(context);
        if (report.status === 'ready') return Response.json(report);
        return Response.json(report, { status: 503, headers: { 'retry-after': String(retryAfterSeconds) } });
      },
      {
        detail: operation({
          operationId: 'getReadiness',
          tag: 'System',
          summary: 'Readiness',
          description:
            'For a load balancer: send requests only while this is 200. The database has to answer within one second, the schema has to be current, and the server must not be shutting down. Each check is named.',
          success: { description: 'Ready', schema: readinessReport },
          otherAnswers: { 503: { description: 'Not ready: one of the checks fails', schema: readinessReport } },
          errors: [],
          needsDatabase: false,
        }),
      },
    );
