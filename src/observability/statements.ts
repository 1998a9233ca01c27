import { type CurrentRequest, currentRequest } from './current-request.ts';
import type { Log } from './log.ts';

/** A statement as the patched driver tells of it (its option `onstatement`). Times are on the clock of `performance.now()`. */
export interface DriverStatement {
  /** As the server gets it, without the values of its parameters. */
  readonly text: string;
  /** When the program asked for it. */
  readonly began: number;
  /** When it was given to a connection; 0 while it waits for one. */
  readonly started: number;
  /** The process of the server that runs it; null before. */
  readonly pid: number | null;
  /** Only those of the pool wait for a connection; the begin of a transaction is one of them. */
  readonly scope: 'pool' | 'transaction' | 'session';
}

/** Is told of each statement when it begins. What it returns is told when that has ended, with the error if it failed. Neither may throw. */
export type OnStatement = (statement: DriverStatement) => ((error?: unknown) => void) | null;

/** A statement, as far as it has come. Times are in milliseconds. */
export interface Statement {
  /** As the server got it: without the values of its parameters. */
  sql: string;
  /** From the moment the program asked for it, on the clock of `performance.now()`. */
  began: number;
  milliseconds: number;
  /** How much of that was waiting for a connection. */
  waited: number;
  /** The process of the server that ran it, as in `pg_stat_activity.pid` and `%p` of its log. */
  pid?: number | undefined;
  /** Which request it was for. */
  request: CurrentRequest;
  error?: unknown;
}

/** A statement that has not ended. */
export interface RunningStatement {
  soFar(): Statement;
}

/** What becomes of the connections of a pool, seen from those who ask for them. */
export interface PoolUse {
  /** Connections that run a statement, or have a transaction open. */
  inUse: number;
  /** Statements and transactions that wait for one. */
  waiting: number;
}

/** Follows the statements of requests. They are sent as they are: decision 0008. */
export interface StatementObserver {
  /** For the driver. */
  readonly onStatement: OnStatement;
  readonly running: ReadonlySet<RunningStatement>;
  /** How many of them wait for a connection. */
  waiting(): number;
}

/** Tells of each statement of a request when it has ended. Those that no request asked for, such as a health check's, are left alone. */
export function observeStatements(onEnd: (statement: Statement) => void): StatementObserver {
  const running = new Set<Followed>();
  return {
    onStatement(statement) {
      // Not later: when the answer comes, whoever's answer it is, the code runs for the connection.
      const request = currentRequest();
      if (request === undefined) return null;
      const followed = new Followed(statement, request);
      running.add(followed);
      return (error) => {
        running.delete(followed);
        onEnd(error === undefined ? followed.soFar() : { ...followed.soFar(), error });
      };
    },
    running,
    waiting: () => [...running].filter(({ waits }) => waits).length,
  };
}

class Followed implements RunningStatement {
  readonly #statement: DriverStatement;
  readonly #request: CurrentRequest;

  constructor(statement: DriverStatement, request: CurrentRequest) {
    this.#statement = statement;
    this.#request = request;
  }

  /** For a connection; one of a transaction has its connection. */
  get waits(): boolean {
    return this.#statement.started === 0 && this.#statement.scope === 'pool';
  }

  soFar(): Statement {
    const { text, began, started, pid } = this.#statement;
    const now = performance.now();
    return {
      sql: text,
      began,
      milliseconds: now - began,
      waited: (started || now) - began,
      pid: pid ?? undefined,
      request: this.#request,
    };
  }
}

/** The most of a statement that a line of the log holds, in characters. */
const longestText = 2000;

/** Writes down a statement that takes or took long, with the request that it is for. */
export function logSlowStatement(log: Log, message: string, statement: Statement): void {
  const { sql, milliseconds, waited, pid, request, error } = statement;
  log.warn(message, {
    request_id: request.id,
    trace_id: request.trace.traceId,
    route: request.route,
    duration_ms: Math.round(milliseconds),
    waited_ms: Math.round(waited),
    pid,
    ...(error === undefined ? {} : { error: codeOf(error) }),
    sql: textOf(sql).slice(0, longestText),
  });
}

/** A statement on one line. */
export function textOf(sql: string): string {
  return sql.replace(/\s+/g, ' ').trim();
}

/** Not its message: servers quote data in it. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
