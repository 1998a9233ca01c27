import type { AppContext } from '../context.ts';
import { describeTrouble, SilentError } from '../database/trouble.ts';
import { AppError } from '../errors.ts';
import type { SchemaState } from '../lifecycle.ts';
import { outsideRequests } from '../observability/current-request.ts';
import { readSessionState, type SessionState } from './queries.ts';
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
  const database = context.lifecycle.schema.state === 'unknown' ? connecting : await checkDatabase(context);
  const ready = schema.ok && accepting.ok && database.ok;
  return { status: ready ? 'ready' : 'not_ready', checks: { database, schema, accepting } };
}

async function checkDatabase(context: AppContext): Promise<Check> {
  const { lifecycle, log } = context;
  if (lifecycle.trouble.damaged)
    return {
      ok: false,
      message: 'is damaged: see the log, repair it or restore a backup, then start this server again',
    };
  const began = performance.now();
  try {
    const state = await askPool(context);
    if (lifecycle.servesApi) requireTables(state);
    if (lifecycle.trouble.endTrouble()) log.info('the database can be used again');
    const milliseconds = Math.round(performance.now() - began);
    return { ok: true, message: `answered in ${milliseconds} ms${state.readOnly ? '; takes no writes' : ''}` };
  } catch (error) {
    if (error instanceof AppError) return { ok: false, message: error.message };
    const found = describeTrouble(error);
    if (lifecycle.trouble.isNews(error, performance.now())) log.warn(`not ready: the database ${found}`, { error });
    return { ok: false, message: found };
  }
}

/** A session of those that requests get, in time. It is no statement of the request that asks for it, which would count it as its own. */
async function askPool({ sql }: AppContext): Promise<SessionState> {
  const state = outsideRequests(() => readSessionState(sql));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new SilentError(`did not answer within ${databaseDeadline} ms`);
    timer = setTimeout(() => reject(error), databaseDeadline);
  });
  try {
    return await Promise.race([state, late]);
  } finally {
    clearTimeout(timer);
    // It may still fail after the deadline; nobody is waiting for it any more.
    state.catch(() => {});
  }
}

/** Throws as a request that needs them would fail. */
function requireTables({ missing, closed }: SessionState): void {
  if (missing.length > 0)
    throw Object.assign(new Error(`no such table, or no right to use the schema: ${missing.join(', ')}`), {
      code: '42P01',
    });
  if (closed.length > 0)
    throw Object.assign(new Error(`no privilege to read and write ${closed.join(', ')}`), { code: '42501' });
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
