import type postgres from 'postgres';
import { type CurrentRequest, currentRequest } from './current-request.ts';
import type { Log } from './log.ts';

/** A statement, as far as it has come. Times are in milliseconds. */
export interface Statement {
  /** As the server got it: without the values of its parameters. */
  sql: string;
  /** From the moment the program asked for it, on the clock of `performance.now()`. */
  began: number;
  milliseconds: number;
  /** How much of that was waiting for a connection; undefined where the driver does not tell. */
  waited?: number;
  /** The process of the server that ran it, as in `pg_stat_activity.pid` and `%p` of its log. */
  pid?: number | undefined;
  /** Which request it was for. */
  request: CurrentRequest | undefined;
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

export interface ObservedPool {
  /** To be used in place of the pool. */
  sql: postgres.Sql;
  use(): PoolUse;
  running: ReadonlySet<RunningStatement>;
}

/** The parts of the driver's queries that matter here (postgres 3.4.9, src/query.js): it has no hook for when one ends. */
interface DriverQuery {
  handler(query: DriverQuery): void;
  resolve(result: unknown): unknown;
  reject(error: unknown): unknown;
  /** The connection it was given to. */
  state: { pid: number | null } | null;
  /** The text with $1, $2 …, made when it is sent. */
  string?: string;
  strings: readonly string[];
  cursorFn?: unknown;
}

type Call = (...given: unknown[]) => unknown;

interface Followed extends RunningStatement {
  query: DriverQuery;
  /** Not within a transaction, which has its connection already. */
  alone: boolean;
}

/** A pool that tells of each statement when it has ended. The statements are sent as they are: decision 0008. */
export function observePool(pool: postgres.Sql, onEnd: (statement: Statement) => void): ObservedPool {
  const running = new Set<Followed>();
  const transactions = { waiting: 0, open: 0 };

  /** Follows a query from when it is asked for. */
  const follow = (query: DriverQuery, alone: boolean): void => {
    const { handler, resolve, reject } = query;
    const began = performance.now();
    let started = began;
    // Not later: when the answer comes, whoever's answer it is, the code runs for the connection.
    const request = currentRequest();
    const followed: Followed = {
      query,
      alone,
      soFar: () => ({
        sql: query.string ?? query.strings.join('$'),
        began,
        milliseconds: performance.now() - began,
        waited: (query.state === null ? performance.now() : started) - began,
        pid: query.state?.pid ?? undefined,
        request,
      }),
    };
    query.resolve = (result) => {
      running.delete(followed);
      onEnd(followed.soFar());
      return resolve(result);
    };
    query.reject = (error) => {
      running.delete(followed);
      onEnd({ ...followed.soFar(), error });
      return reject(error);
    };
    running.add(followed);
    handler(query);
    // Nearly always it has been given to a connection by now.
    if (query.state !== null) return;
    Object.defineProperty(query, 'state', {
      configurable: true,
      get: () => null,
      set(value: DriverQuery['state']) {
        started = performance.now();
        Object.defineProperty(query, 'state', { value, writable: true });
      },
    });
  };

  const watch = (query: DriverQuery, alone: boolean): void => {
    const { handler } = query;
    query.handler = (self) => {
      self.handler = handler;
      // A cursor ends several times over.
      if (self.cursorFn) handler(self);
      else follow(self, alone);
    };
  };

  const begin = async (call: Call, given: unknown[]): Promise<unknown> => {
    const work = given.at(-1) as (tx: object) => unknown;
    const request = currentRequest();
    const asked = performance.now();
    let obtained = false;
    let done: number | undefined;
    transactions.waiting += 1;
    try {
      return await call(...given.slice(0, -1), async (tx: object) => {
        obtained = true;
        transactions.waiting -= 1;
        transactions.open += 1;
        onEnd({ sql: 'begin', began: asked, milliseconds: performance.now() - asked, request });
        const result = await work(observe(tx, false));
        done = performance.now();
        return result;
      });
    } finally {
      if (obtained) transactions.open -= 1;
      else transactions.waiting -= 1;
      if (done !== undefined) onEnd({ sql: 'commit', began: done, milliseconds: performance.now() - done, request });
    }
  };

  const observe = <S extends object>(sql: S, alone: boolean): S =>
    new Proxy(sql, {
      apply(driver, self, given: unknown[]) {
        const made = Reflect.apply(driver as unknown as Call, self, given);
        // Called as a tag it is a statement, or a part of one that nobody will send.
        if ((given[0] as { raw?: unknown } | undefined)?.raw !== undefined) watch(made as DriverQuery, alone);
        return made;
      },
      get(driver, name) {
        const member: unknown = Reflect.get(driver, name);
        const call = member as Call;
        if (name === 'begin') return (...given: unknown[]) => begin(call, given);
        if (name === 'unsafe')
          return (...given: unknown[]) => {
            const query = call(...given) as DriverQuery;
            watch(query, alone);
            return query;
          };
        if (name === 'savepoint')
          return (...given: unknown[]) => {
            const work = given.at(-1) as (tx: object) => unknown;
            return call(...given.slice(0, -1), (tx: object) => work(observe(tx, false)));
          };
        return member;
      },
    });

  return {
    sql: observe(pool, true),
    use() {
      const single = [...running].filter(({ alone }) => alone);
      const waiting = single.filter(({ query }) => query.state === null).length;
      return { waiting: transactions.waiting + waiting, inUse: transactions.open + single.length - waiting };
    },
    running,
  };
}

/** The most of a statement that a line of the log holds, in characters. */
const longestText = 2000;

/** Writes down a statement that takes or took long, with the request that it is for. */
export function logSlowStatement(log: Log, message: string, statement: Statement): void {
  const { sql, milliseconds, waited, pid, request, error } = statement;
  log.warn(message, {
    request_id: request?.id,
    trace_id: request?.trace.traceId,
    route: request?.route,
    duration_ms: Math.round(milliseconds),
    ...(waited === undefined ? {} : { waited_ms: Math.round(waited) }),
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
