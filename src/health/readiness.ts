import type { AppContext } from '../context.ts';
import { isEmbeddedStopped } from '../database/embedded-failure.ts';
import { sqlStateOf } from '../database/errors.ts';
import { AppError } from '../errors.ts';
import type { SchemaState } from '../lifecycle.ts';
import type { ReadinessReport } from './schemas.ts';

type Check = ReadinessReport['checks']['database'];

/** How long the database may take to answer, in milliseconds. */
const databaseDeadline = 1000;

/** Runs the three checks. Messages are safe to show: no addresses, no internal errors. */
export async function checkReadiness(context: AppContext): Promise<ReadinessReport> {
  const schema = describeSchema(context.lifecycle.schema);
  const accepting: Check = context.lifecycle.draining
    ? { ok: false, message: 'shutting down' }
    : { ok: true, message: 'accepting requests' };
  // Nothing is known of the schema before the database has answered once: it is being connected to.
  const connecting: Check = { ok: false, message: 'connecting' };
  const database = context.lifecycle.schema.state === 'unknown' ? connecting : await pingDatabase(context);
  const ready = schema.ok && accepting.ok && database.ok;
  return { status: ready ? 'ready' : 'not_ready', checks: { database, schema, accepting } };
}

async function pingDatabase(context: AppContext): Promise<Check> {
  const began = performance.now();
  try {
    await context.ping(databaseDeadline);
    return { ok: true, message: `answered in ${Math.round(performance.now() - began)} ms` };
  } catch (error) {
    context.log.debug('readiness: the database did not answer', { error });
    if (error instanceof AppError) return { ok: false, message: error.message };
    if (isEmbeddedStopped(error)) return { ok: false, message: 'has stopped: this server ends' };
    const state = sqlStateOf(error);
    return { ok: false, message: `did not answer within ${databaseDeadline} ms${state ? ` (${state})` : ''}` };
  }
}

function describeSchema(schema: SchemaState): Check {
  switch (schema.state) {
    case 'unknown':
      return { ok: false, message: 'not looked at yet' };
    case 'migrating':
      return {
        ok: false,
        message: `migrating for ${Math.round((performance.now() - schema.began) / 1000)} s: ${schema.applied} of ${schema.expected} applied, ${schema.step}`,
      };
    case 'waiting':
      return { ok: false, message: schema.reason };
    case 'current':
      return { ok: true, message: `current at version ${schema.version}` };
  }
}
