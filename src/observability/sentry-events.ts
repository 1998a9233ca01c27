import { AppError } from '../errors.ts';
import type { CurrentRequest } from './current-request.ts';
import type { AnsweredRequest } from './request-observer.ts';
import { scrubMessage } from './scrub.ts';
import { stackFrames } from './stack-frames.ts';
import { textOf } from './statements.ts';
import { newId } from './trace-context.ts';

/** What every event says of the program. */
export interface Origin {
  /** `catatlas@1.0.0+commit`. */
  release: string;
  environment: string;
  runtime: string;
  /** Texts that must not leave this machine. */
  secrets: readonly string[];
}

/** An event of Sentry (develop.sentry.dev, event payloads). */
export type SentryEvent = Readonly<Record<string, unknown>> & { readonly event_id: string };

/** How many causes of an error are looked at. */
const deepestCause = 5;

/**
 * A fault as an event: what went wrong and where in the program, for which request. Nothing of what the request brought: no body,
 * query, header or address.
 */
export function faultEvent(
  origin: Origin,
  fault: { message: string; error: unknown; request: CurrentRequest | undefined; fatal: boolean },
): SentryEvent {
  const { message, error, request, fatal } = fault;
  const common = commonParts(origin);
  const about = request === undefined ? undefined : requestParts(request);
  return {
    ...common,
    timestamp: Date.now() / 1000,
    level: fatal ? 'fatal' : 'error',
    logger: 'catatlas',
    ...(about === undefined ? {} : { ...about, contexts: { ...common.contexts, ...about.contexts } }),
    // The text of our own log, which is the same for every fault of its kind.
    message: { formatted: scrubMessage(message, origin.secrets) },
    ...(error === undefined ? {} : { exception: { values: chainOf(error).map((one) => exceptionOf(one, origin)) } }),
  };
}

/** An answered request as a transaction, with the statements it waited for. `origin` is where `performance.now()` began. */
export function transactionEvent(origin: Origin, answered: AnsweredRequest): SentryEvent {
  const { request, status, began, milliseconds } = answered;
  const at = (mark: number) => (performance.timeOrigin + mark) / 1000;
  const { transaction, contexts, tags } = requestParts(request);
  const outcome = status < 400 ? 'ok' : status < 500 ? 'invalid_argument' : 'internal_error';
  const common = commonParts(origin);
  return {
    ...common,
    type: 'transaction',
    start_timestamp: at(began),
    timestamp: at(began + milliseconds),
    transaction,
    transaction_info: { source: 'route' },
    contexts: {
      ...common.contexts,
      trace: { ...contexts.trace, status: outcome },
      response: { status_code: status },
    },
    tags: { ...tags, status: String(status) },
    spans: (request.statements ?? []).map((statement) => ({
      trace_id: request.trace.traceId,
      span_id: newId().slice(0, 16),
      parent_span_id: request.trace.spanId,
      op: 'db',
      description: textOf(statement.sql).slice(0, 500),
      start_timestamp: at(statement.began),
      timestamp: at(statement.ended),
    })),
  };
}

function commonParts({ release, environment, runtime }: Origin) {
  const [name = '', version = ''] = runtime.split(' ');
  return {
    event_id: newId(),
    platform: 'node',
    release,
    environment,
    sdk: { ...sdk, settings: { infer_ip: 'never' } },
    contexts: { runtime: { name, version } },
  };
}

/** Who speaks to Sentry. */
export const sdk = { name: 'catatlas', version: '1' };

function requestParts({ id, method, route, trace }: CurrentRequest) {
  const { traceId, spanId, parentSpanId } = trace;
  return {
    transaction: `${method} ${route ?? 'unmatched'}`,
    tags: { request_id: id, method, route: route ?? 'unmatched' },
    contexts: {
      trace: {
        trace_id: traceId,
        span_id: spanId,
        ...(parentSpanId === undefined ? {} : { parent_span_id: parentSpanId }),
        op: 'http.server',
      },
    },
  };
}

/** An error and its causes, the innermost first, as Sentry wants them. Our own 500 around something says nothing. */
function chainOf(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let one = error; one !== undefined && chain.length < deepestCause; ) {
    const cause = one instanceof Error ? one.cause : undefined;
    if (!(one instanceof AppError && cause !== undefined)) chain.unshift(one);
    one = cause;
  }
  return chain;
}

function exceptionOf(error: unknown, { secrets }: Origin) {
  if (!(error instanceof Error)) return { type: typeof error, value: scrubMessage(String(error), secrets) };
  const frames = stackFrames(error);
  return {
    type: error.name,
    value: databaseWords(error) ?? scrubMessage(error.message, secrets),
    ...(frames.length === 0 ? {} : { stacktrace: { frames } }),
  };
}

/** An error of a PostgreSQL server, by what it names: its message quotes the data. Undefined for any other. */
function databaseWords(error: Error): string | undefined {
  if (!('code' in error) || typeof error.code !== 'string' || !/^[\dA-Z]{5}$/.test(error.code)) return undefined;
  const fields = error as unknown as Record<string, unknown>;
  const names = ['table_name', 'column_name', 'constraint_name', 'routine'].flatMap((key) =>
    typeof fields[key] === 'string' ? [`${key.replace('_name', '')} ${fields[key]}`] : [],
  );
  return `SQLSTATE ${error.code}${names.length === 0 ? '' : ` (${names.join(', ')})`}`;
}
