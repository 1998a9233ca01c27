import { build } from '../../build.ts';
import { CommandFailure, type CommandIO } from '../../cli/command.ts';
import { ExitCode } from '../../cli/exit-codes.ts';
import type { Settings } from '../../config/settings.ts';
import type { Database } from '../../database/connect.ts';
import { answerFailure } from '../../http/access-log.ts';
import type { Lifecycle } from '../../lifecycle.ts';
import { loadCatalog } from '../../migrator/migration-catalog.ts';
import { currentRequest } from '../../observability/current-request.ts';
import type { Log } from '../../observability/log.ts';
import type { RequestObserver } from '../../observability/request-observer.ts';
import type { ServerMetrics } from '../../observability/server-metrics.ts';
import {
  logSlowStatement,
  type OnStatement,
  observeStatements,
  type PoolUse,
  type RunningStatement,
  type Statement,
} from '../../observability/statements.ts';
import { ListenError, type Server, serve } from '../../platform/serve.ts';

/** What watches a server at work. */
export interface Observation {
  /** Reports to Sentry what is written as an error. */
  log: Log;
  requests: readonly RequestObserver[];
  /** What the driver is to tell of each statement; undefined where nobody wants to know. */
  onStatement: OnStatement | undefined;
  /** The database that is in use from now on. */
  watch(database: Database): void;
  close(): Promise<void>;
}

interface Observed {
  settings: Settings;
  lifecycle: Lifecycle;
  log: Log;
  ping(deadlineMilliseconds: number): Promise<void>;
}

/** Sets up what the settings ask for, and loads nothing else. Throws CommandFailure when METRICS_PORT cannot be listened on. */
export async function observe(given: Observed, io: CommandIO): Promise<Observation> {
  const { settings } = given;
  const requests: RequestObserver[] = [];
  let { log } = given;
  if (settings.SENTRY_DSN !== undefined) {
    const { openProcessSentry, reportingLog } = await import('../../observability/process-sentry.ts');
    const sentry = openProcessSentry({ env: io.env }, log);
    if (sentry) {
      log = reportingLog(log, sentry, currentRequest);
      requests.push(sentry.requests);
    }
  }
  let connectionsInUse = () => 0;
  const use = (): PoolUse => ({ inUse: connectionsInUse(), waiting: statements.waiting() });
  const endpoint = settings.METRICS_PORT === undefined ? undefined : await openMetrics({ ...given, log }, use);
  if (endpoint) requests.push(endpoint.metrics.requests);

  const slow = settings.SLOW_QUERY_MILLISECONDS;
  const statementEnded = (statement: Statement) => {
    const { sql, began, milliseconds, request } = statement;
    endpoint?.metrics.statementEnded(statement);
    request.statements?.push({ sql, began, ended: began + milliseconds });
    if (slow > 0 && milliseconds >= slow) logSlowStatement(log, 'slow statement', statement);
  };
  const statements = observeStatements(statementEnded);
  const told = new WeakSet<RunningStatement>();
  // Somebody who finds a statement in pg_stat_activity, running, needs to know whose it is before it has ended.
  const tellRunning = () => {
    for (const one of statements.running) {
      const statement = one.soFar();
      if (statement.milliseconds < slow || told.has(one)) continue;
      told.add(one);
      logSlowStatement(log, 'slow statement, still running', statement);
    }
  };
  const teller = slow > 0 ? setInterval(tellRunning, lookMilliseconds) : undefined;
  teller?.unref();
  return {
    log,
    requests,
    onStatement: requests.length === 0 && slow === 0 ? undefined : statements.onStatement,
    watch(database) {
      connectionsInUse = () => database.connectionsInUse();
    },
    async close() {
      clearInterval(teller);
      endpoint?.metrics.close();
      await endpoint?.server.abort();
    },
  };
}

/** How often to look for statements that are slow already. */
const lookMilliseconds = 250;

/** How long the database has to answer to count as up, and how long a scrape waits for that, in milliseconds. */
const databaseDeadline = 1000;
const scrapePatience = 50;

async function openMetrics(
  { settings, lifecycle, log, ping }: Observed,
  pool: () => PoolUse,
): Promise<{ metrics: ServerMetrics; server: Server }> {
  const [{ openServerMetrics, answerMetrics }, { watchNewestBackup }] = await Promise.all([
    import('../../observability/server-metrics.ts'),
    import('../../observability/newest-backup.ts'),
  ]);
  const database = probe(() => ping(databaseDeadline));
  const expected = loadCatalog().length;
  const metrics = openServerMetrics({
    build,
    schema: () => ({ ...appliedVersion(lifecycle), expected, served: lifecycle.servesApi }),
    accepting: () => !lifecycle.draining,
    pool,
    poolSize: settings.database.kind === 'embedded' ? 1 : settings.DATABASE_POOL_SIZE + settings.DATABASE_POOL_OVERFLOW,
    databaseUp: database.up,
    newestBackup: settings.BACKUP_DIR === undefined ? () => undefined : watchNewestBackup(settings.BACKUP_DIR, log),
    slowMilliseconds: settings.SLOW_QUERY_MILLISECONDS,
  });
  const { METRICS_HOST: hostname, METRICS_PORT: port = 0 } = settings;
  try {
    const server = await serve({
      hostname,
      port,
      idleSeconds: settings.KEEP_ALIVE_SECONDS,
      async fetch(request) {
        // Its answer is usually there in a millisecond. One that is late counts at the next scrape.
        await Promise.race([database.look(), turn(scrapePatience)]);
        return answerMetrics(request, metrics.render);
      },
      failed: (request, error) => answerFailure(log, request, error),
    });
    log.info('metrics', {
      url: `http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${server.port}/metrics`,
    });
    return { metrics, server };
  } catch (error) {
    metrics.close();
    if (!(error instanceof ListenError)) throw error;
    const reason = error.cause instanceof Error ? error.cause.message : error.message;
    throw new CommandFailure(
      ExitCode.failure,
      `cannot listen for Prometheus on ${hostname} port ${port} (${reason}): set METRICS_PORT to a port that is free, or leave it out`,
      { cause: error },
    );
  }
}

/** The version of the schema, as far as it is known. */
function appliedVersion({ schema }: Lifecycle): { applied: number | undefined } {
  if (schema.state === 'current') return { applied: schema.version };
  return { applied: schema.state === 'migrating' ? schema.applied : undefined };
}

/** Asks one question at a time, and remembers whether the last one was answered. */
function probe(ask: () => Promise<void>): { look(): Promise<void>; up(): boolean | undefined } {
  let up: boolean | undefined;
  let asking: Promise<void> | undefined;
  return {
    look() {
      asking ??= ask()
        .then(
          () => true,
          () => false,
        )
        .then((answered) => {
          up = answered;
          asking = undefined;
        });
      return asking;
    },
    up: () => up,
  };
}

async function turn(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
