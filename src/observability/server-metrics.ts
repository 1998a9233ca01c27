import { availableMemory } from './available-memory.ts';
import { counter, gauge, histogram, type Metric } from './exposition.ts';
import type { AnsweredRequest, RequestObserver } from './request-observer.ts';
import type { PoolUse, Statement } from './statements.ts';

/** What the metrics are read from. All of it is at hand: nothing here asks the database. */
export interface MetricSources {
  build: { version: string; commit: string; runtime: string };
  /** The schema: applied version where it is known, the one this program expects, and whether requests are served on it. */
  schema(): { applied: number | undefined; expected: number; served: boolean };
  /** Not told to stop. */
  accepting(): boolean;
  pool(): PoolUse;
  poolSize: number;
  /** Did the database answer when last asked? Undefined before the first answer. */
  databaseUp(): boolean | undefined;
  /** Seconds since 1970 at which the newest backup was written, 0 for none; undefined where nobody looks. */
  newestBackup(): number | undefined;
  /** Statements that took this long are counted as slow, in milliseconds; 0 for none. */
  slowMilliseconds: number;
}

/** The metrics of a server and those who feed them. */
export interface ServerMetrics {
  readonly requests: RequestObserver;
  statementEnded(statement: Statement): void;
  /** Everything, as Prometheus reads it. Takes no I/O. */
  render(): string;
  /** Stops measuring the event loop. */
  close(): void;
}

/** From a millisecond, which an answer without the database takes, to ten seconds, beyond every deadline. In seconds. */
const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How often the event loop is measured, in milliseconds. */
const measureEvery = 250;

/** Any other is one that somebody made up: each would be a series of its own. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Starts to measure. */
export function openServerMetrics(sources: MetricSources): ServerMetrics {
  const requests = counter('catatlas_http_requests_total', 'Requests answered.', ['method', 'route', 'status']);
  const latency = histogram(
    'catatlas_http_request_duration_seconds',
    'Time until the answer to a request was ready.',
    durations,
    ['method', 'route'],
  );
  const statements = histogram(
    'catatlas_database_statement_duration_seconds',
    'Time of a statement for a request, waiting for a connection included.',
    durations,
  );
  const slow = counter(
    'catatlas_database_slow_statements_total',
    'Statements that took SLOW_QUERY_MILLISECONDS or more.',
  );
  const lag = histogram(
    'catatlas_event_loop_lag_seconds',
    `How late the event loop was, measured every ${measureEvery} ms.`,
    durations,
  );
  const { build } = sources;
  let inFlight = 0;
  let cpu = process.cpuUsage();
  const memory = availableMemory();
  const started = Date.now() / 1000 - process.uptime();
  const truth = (value: boolean | undefined) => (value === undefined ? undefined : Number(value));

  const metrics: Metric[] = [
    requests,
    latency,
    gauge('catatlas_http_requests_in_flight', 'Requests that have no answer yet.', () => inFlight),
    gauge('catatlas_database_up', 'Did the database answer when last asked?', () => truth(sources.databaseUp())),
    gauge(
      'catatlas_database_connections_in_use',
      'Connections of the pool that run a statement or have a transaction open.',
      () => sources.pool().inUse,
    ),
    gauge('catatlas_database_connections_max', 'Connections that the pool may open.', () => sources.poolSize),
    gauge(
      'catatlas_database_statements_waiting',
      'Statements and transactions that wait for a connection.',
      () => sources.pool().waiting,
    ),
    statements,
    slow,
    gauge('catatlas_schema_version', 'Version of the schema, where it is known.', () => sources.schema().applied),
    gauge('catatlas_schema_version_expected', 'Version of the schema this program is made for.', () => {
      return sources.schema().expected;
    }),
    gauge('catatlas_schema_current', 'Is the schema one that requests are served on?', () =>
      Number(sources.schema().served),
    ),
    gauge('catatlas_accepting', 'Are requests accepted? 0 while the server is stopping.', () =>
      Number(sources.accepting()),
    ),
    gauge(
      'catatlas_backup_newest_timestamp_seconds',
      'When the newest backup in BACKUP_DIR was written, since 1970; 0 for none.',
      sources.newestBackup,
    ),
    gauge('catatlas_build_info', 'What the program was made from; always 1.', () => [
      [{ version: build.version, commit: build.commit, runtime: build.runtime }, 1],
    ]),
    lag,
    gauge('catatlas_memory_available_bytes', 'Memory that this process may use.', () => memory),
    gauge('process_resident_memory_bytes', 'Memory in use.', () => process.memoryUsage.rss()),
    gauge('process_cpu_seconds_total', 'Processor time used.', () => (cpu.user + cpu.system) / 1e6, 'counter'),
    gauge('process_start_time_seconds', 'When the process began, since 1970.', () => started),
  ];

  let expected = performance.now() + measureEvery;
  const timer = setInterval(() => {
    const now = performance.now();
    lag.observe([], Math.max(0, now - expected) / 1000);
    expected = now + measureEvery;
  }, measureEvery);
  // Must not keep the process alive.
  timer.unref();

  return {
    requests: {
      begins() {
        inFlight += 1;
      },
      ends({ request, status, milliseconds }: AnsweredRequest) {
        inFlight -= 1;
        const method = methods.has(request.method) ? request.method : 'other';
        const route = request.route ?? 'unmatched';
        requests.add([method, route, String(status)]);
        latency.observe([method, route], milliseconds / 1000);
      },
    },
    statementEnded({ milliseconds }) {
      statements.observe([], milliseconds / 1000);
      if (sources.slowMilliseconds > 0 && milliseconds >= sources.slowMilliseconds) slow.add([]);
    },
    render() {
      cpu = process.cpuUsage();
      return metrics.map((metric) => metric.render()).join('');
    },
    close: () => clearInterval(timer),
  };
}

/** The answer of the metrics' own port: `GET /metrics`, and nothing else. */
export function answerMetrics(request: Request, render: () => string): Response {
  if (new URL(request.url).pathname !== '/metrics')
    return new Response('The metrics are at /metrics.\n', { status: 404 });
  if (request.method !== 'GET') return new Response(null, { status: 405, headers: { allow: 'GET' } });
  return new Response(render(), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
}
