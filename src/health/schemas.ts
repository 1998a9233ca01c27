import * as z from 'zod';
import { later, type ValueOf } from '../http/later.ts';

const check = () =>
  z.object({
    ok: z.boolean().meta({ description: 'Is all well with it?', example: true }),
    message: z.string().meta({ description: 'What the check found', example: 'answered in 1 ms' }),
  });

export const readinessReport = later(() =>
  z
    .object({
      status: z.enum(['ready', 'not_ready']).meta({ description: '`ready` when every check is ok' }),
      checks: z
        .object({
          database: check().meta({ description: 'The database answers within one second' }),
          schema: check().meta({ description: 'All migrations of this binary are applied' }),
          accepting: check().meta({ description: 'The server is not shutting down' }),
        })
        .meta({ description: 'Each check by its name' }),
    })
    .meta({ id: 'Readiness', description: 'May this server be sent requests?' }),
);

export type ReadinessReport = ValueOf<typeof readinessReport>;
