import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import postgres from 'postgres';
import type { Instant } from '../clock.ts';
import { type DatabaseAddress, readDatabaseAddress } from '../config/database-address.ts';
import type { Reading } from '../config/kinds.ts';
import { readTrust, type Trust } from '../config/root-certificates.ts';
import type { Log } from '../observability/log.ts';
import type { OnStatement } from '../observability/statements.ts';
import type { EmbeddedOptions } from './embedded.ts';
import { isRefusedParameter, readOnlyState } from './errors.ts';
import { findSystemUser } from './system-user.ts';

/** The pool: hands out connections for single queries. */
export type Sql = postgres.Sql;
/** One connection with a transaction open. Inside it, nothing else may be used. */
export type Tx = postgres.TransactionSql;
/** One connection held for itself, as the migrator needs it. */
export type Session = postgres.ReservedSql;
/** What a query function takes first. */
export type Queryable = Sql | Tx | Session;

/** A database that has been opened. */
export interface Database {
  kind: 'postgresql' | 'embedded';
  /** Is it reached through a pooler, so that a connection is the same one only within a transaction? */
  pooled: boolean;
  /** As `Surroundings` has it; undefined where nobody has looked. */
  home?: string | null | undefined;
  sql: Sql;
  /** How many connections run a statement, or are held by a transaction or a session. */
  connectionsInUse(): number;
  /** Rejects when the database does not answer within this many milliseconds. */
  ping(deadlineMilliseconds: number): Promise<void>;
  close(): Promise<void>;
}

export interface PostgresOptions {
  url: string;
  applicationName: string;
  /** All times in seconds. */
  maxConnections?: number;
  connectTimeout?: number;
  statementTimeout?: number;
  lockTimeout?: number;
  idleTimeout?: number;
  maxLifetime?: number;
  /** Statements may take as long as they take, and without `lockTimeout` wait for locks as long: for COPY, whose other end may be slow. */
  unlimited?: boolean;
  /** Lifts transaction_timeout, too, which servers before PostgreSQL 17 do not know and refuse. */
  unlimitedTransactions?: boolean;
  /** Through PgBouncer or its like, which may give every transaction another connection. */
  pooled?: boolean;
  onStatement?: OnStatement | undefined;
  log?: Log | undefined;
}

/** How long after its own statement timeout a server may still take to say so, in seconds. Then the connection is given up. */
const graceSeconds = 1;

/** How long a query waits for a connection of the pool to become free, in seconds. */
const queueSeconds = 3;

/** How long closing waits for queries under way, in seconds. */
const closeSeconds = 5;

/**
 * A handle on a real PostgreSQL. Does no I/O before the first query, and connects again by itself. Every statement has a
 * deadline on the server (`statement_timeout`) and, a second later, one here, so that a server that has silently gone is an
 * error in bounded time and its connection is not used again.
 */
export function connectPostgres(options: PostgresOptions): Database {
  const address = requireReadable(readDatabaseAddress(options.url));
  const statementTimeout = options.statementTimeout ?? 5;
  const share = (options.connectTimeout ?? 5) / address.hosts.length;
  const sql = postgres({
    ...sharedOptions(options),
    ...placeOf(address),
    max: options.maxConnections ?? 15,
    // The driver's is for one host. They are tried one after the other while a request waits, so they share the time.
    connect_timeout: Math.min(share, address.connectSeconds ?? share),
    query_timeout: options.unlimited ? null : statementTimeout + graceSeconds,
    queue_timeout: options.unlimited ? null : queueSeconds,
    idle_timeout: options.idleTimeout ?? (options.unlimited ? null : 300),
    max_lifetime: options.unlimited ? null : (options.maxLifetime ?? 600),
    // A statement prepared on one connection of a pooler is not known to the next.
    prepare: !options.pooled,
    connection: options.pooled
      ? { ...pooledParameters(options.applicationName), ...address.parameters }
      : {
          ...pooledParameters(options.applicationName),
          // As text, because the driver sends no number 0, and then the limits of the role would hold.
          statement_timeout: options.unlimited ? '0' : statementTimeout * 1000,
          // Waiting for a lock is waiting: it ends before the statement does, with its own SQLSTATE.
          lock_timeout: `${(options.lockTimeout ?? (options.unlimited ? 0 : statementTimeout * 0.8)) * 1000}`,
          idle_in_transaction_session_timeout: options.unlimited ? '0' : 60_000,
          ...(options.unlimitedTransactions ? { transaction_timeout: '0' } : {}),
          IntervalStyle: 'iso_8601',
          // Coordinates as they are, whatever was set for the database or the role.
          extra_float_digits: 1,
          ...address.parameters,
        },
  } as unknown as postgres.Options<DriverTypes>) as unknown as Sql;
  return {
    kind: 'postgresql',
    pooled: options.pooled === true,
    sql,
    connectionsInUse: () => connectionsInUse(sql),
    ping: (deadline) => ping(sql, deadline),
    close: () => sql.end({ timeout: closeSeconds }),
  };
}

/** What PgBouncer keeps for each of its clients. Any other parameter it refuses, or gives to whoever comes next. */
function pooledParameters(applicationName: string) {
  return { application_name: applicationName, TimeZone: 'UTC', DateStyle: 'ISO' };
}

/** What a new handle leads to. */
export interface Surroundings {
  /** Is there a pooler between this handle and the server? */
  pooled: boolean;
  /** The schema where new tables would go; null where no schema of the search path may be used. Undefined where a pooler refused the question. */
  home: string | null | undefined;
  /** Has the role a transaction_timeout (PostgreSQL 17)? Unlike the other limits it cannot be lifted before it is known that the server has it. */
  limitsTransactions: boolean;
}

/**
 * Looks where a new handle leads to. One round trip. A pooler gives its clients process ids of its own invention, to be cancelled by; and
 * PgBouncer may refuse the connection for its parameters.
 */
export async function lookAround(sql: Sql): Promise<Surroundings> {
  try {
    const rows = await sql<[{ pid: number; home: string | null; limit: string | null }]>`
      select pg_backend_pid() as pid, current_schema() as home, current_setting('transaction_timeout', true) as limit`;
    const [{ pid, home, limit }] = rows;
    return {
      pooled: pid !== (rows.state as unknown as { pid: number }).pid,
      home,
      limitsTransactions: (limit ?? '0') !== '0',
    };
  } catch (error) {
    if (isRefusedParameter(error)) return { pooled: true, home: undefined, limitsTransactions: false };
    throw error;
  }
}

/** Opens the embedded engine in `dataDir`. One connection: it is one process without sessions. */
export async function connectEmbedded(
  options: EmbeddedOptions & Pick<PostgresOptions, 'onStatement'>,
): Promise<Database> {
  // Imported here, so that a start with a real PostgreSQL loads nothing of it.
  const { openEmbedded } = await import('./embedded.ts');
  const engine = await openEmbedded(options);
  const sql = postgres({
    ...sharedOptions(options),
    host: 'embedded',
    port: 5432,
    user: 'postgres',
    pass: () => '',
    database: 'postgres',
    socket: () => engine.socket(),
    ssl: false,
    sslnegotiation: null,
    target_session_attrs: 'any',
    max: 1,
    connect_timeout: 30,
    query_timeout: null,
    queue_timeout: null,
    idle_timeout: null,
    max_lifetime: null,
    connection: { application_name: 'catatlas', TimeZone: 'UTC', DateStyle: 'ISO', IntervalStyle: 'iso_8601' },
  } as unknown as postgres.Options<DriverTypes>) as unknown as Sql;
  return {
    kind: 'embedded',
    pooled: false,
    sql,
    connectionsInUse: () => connectionsInUse(sql),
    ping: (deadline) => ping(sql, deadline),
    async close() {
      await sql.end({ timeout: closeSeconds });
      await engine.close();
    },
  };
}

type DriverTypes = Record<string, postgres.PostgresType>;

/** What the patched driver counts. */
function connectionsInUse(sql: Sql): number {
  return (sql as unknown as { connectionsInUse(): number }).connectionsInUse();
}

/** Said explicitly, all of it: what is left out, the driver takes from PG* variables of the environment. */
function sharedOptions({ log, onStatement }: Pick<PostgresOptions, 'log' | 'onStatement'>) {
  return {
    onstatement: onStatement,
    // A session that began while the database was set to read-only stays so when it no longer is.
    discard_on: [readOnlyState],
    // A query behind another one on the same connection would wait for it without a deadline of its own.
    max_pipeline: 0,
    // Short: a query that comes during it waits, and the server may be back.
    backoff: (retries: number) => Math.min(2 ** retries * 0.05, 0.5),
    keep_alive: 30,
    prepare: true,
    debug: false,
    // Arrays go in as literals with a cast, so the types of this server need not be read at each connection.
    fetch_types: false,
    publications: 'alltables',
    transform: { undefined: null },
    onnotice: (notice: postgres.Notice) =>
      log?.debug('database notice', { notice: notice['message'], code: notice['code'] }),
    types: {
      int8: { to: 20, from: [20], serialize: String, parse: parseInteger },
      timestamptz: { to: 1184, from: [1184], serialize: String, parse: parseInstant },
      date: { to: 1082, from: [1082], serialize: String, parse: (text: string) => text },
      // The driver would make a Date of it and lose the microseconds.
      timestamp: { to: 1114, from: [1114], serialize: String, parse: (text: string) => text },
    },
  };
}

/** int8 as a number. Throws above 2^53-1, where a number would silently be another one. */
export function parseInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new RangeError(`the database has ${text}, beyond the whole numbers of this program`);
  return value;
}

/** PostgreSQL's `2026-11-22 13:13:34.57734+00` as an Instant. */
export function parseInstant(text: string): Instant {
  const [, date, time, fraction] = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?\+00$/.exec(text) ?? [];
  if (date === undefined || time === undefined)
    throw new RangeError(`not a moment of the years 1 to 9999 in UTC: ${text}`);
  return fraction === undefined ? `${date}T${time}Z` : `${date}T${time}.${fraction.padEnd(6, '0')}Z`;
}

/** An address that cannot be used. `message` says what is wrong and what to do, without its name: "names no host: Set it to …". */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

function requireReadable<T>(reading: Reading<T>): T {
  if ('value' in reading) return reading.value;
  throw new AddressError(reading.wrong.map(({ problem, fix }) => `${problem}: ${fix}`).join(' '));
}

/** An address as options of the driver. All of them: what is left out, it takes from PG* variables of the environment. */
function placeOf(address: DatabaseAddress) {
  const { hosts, user, password, database, target, directTls } = address;
  const [first] = hosts;
  return {
    host: hosts.map(({ host }) => host),
    port: hosts.map(({ port }) => port),
    ...(first?.host.startsWith('/') ? { path: `${first.host}/.s.PGSQL.${first.port}` } : {}),
    // As libpq: who names no user is who runs the program.
    user: user ?? findSystemUser() ?? refuseNameless(),
    // A function, because it takes an empty password for none and asks the environment.
    pass: () => password ?? '',
    database,
    target_session_attrs: target,
    sslnegotiation: directTls ? 'direct' : null,
    ssl: tlsOf(address, requireReadable(readTrust(address))),
  };
}

function refuseNameless(): never {
  throw new AddressError('names no user, and the user of this process has no name: write it in front of the host');
}

/** What the driver takes, or options of tls.connect for a host. */
type Tls = false | 'prefer' | 'require' | ((host: string) => ConnectionOptions);

/** As libpq: nothing is encrypted on a Unix socket. */
function tlsOf({ tls, hosts }: DatabaseAddress, { checks, authorities }: Trust): Tls {
  if (tls === 'disable' || hosts[0]?.host.startsWith('/')) return false;
  if (checks === 'none') return tls === 'require' ? 'require' : 'prefer';
  const options = { ...(authorities === undefined ? {} : { ca: authorities }), rejectUnauthorized: true };
  if (checks === 'authority') return () => ({ ...options, checkServerIdentity: () => undefined });
  // The driver names no server when it is an IP address, and then Deno would look for `localhost` in the certificate.
  return (host) =>
    isIP(host)
      ? { ...options, checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate) }
      : options;
}

async function ping(sql: Sql, deadlineMilliseconds: number): Promise<void> {
  const query = sql`select 1`;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMilliseconds} ms`)), deadlineMilliseconds);
  });
  try {
    await Promise.race([query, late]);
  } finally {
    clearTimeout(timer);
    // It may still fail after the deadline; nobody is waiting for it any more.
    query.catch(() => {});
  }
}
