import { type Database, lookAround, type Queryable, type Sql } from '../database/connect.ts';
import { type Deed, findMissingGrants, rightsOf } from '../database/rights.ts';
import { readAtHome } from '../migrator/home.ts';
import { attempt, type Finding } from './check.ts';

/** What a server says of itself and of the connection. */
export interface ServerFacts {
  version: string;
  /** 18.4 is 180004. */
  version_number: number;
  encoding: string;
  database: string;
  role: string;
  schema: string | null;
  superuser: boolean;
  replica: boolean;
  /** default_transaction_read_only */
  read_only: boolean;
  /** Null where there is none; behind a pooler this is about its own connection to the server. */
  tls: string | null;
  /** How many connections may be open besides those kept for superusers, and how many others are. */
  max_connections: number;
  used_connections: number;
  /** The least of what the role and the database are limited to; null when they are not. */
  connection_limit: number | null;
  /** In milliseconds; 0 is no limit; null where the server is too old to have it. */
  statement_timeout: number;
  idle_session_timeout: number | null;
  transaction_timeout: number | null;
  fsync: boolean;
  full_page_writes: boolean;
  synchronous_commit: string;
}

/** How far its clock is ahead of this machine's, in milliseconds, and how wrong that may be. */
export interface ClockDifference {
  milliseconds: number;
  uncertainty: number;
}

/** A transaction that has been open for long, or was prepared and never ended. */
export interface OpenTransaction {
  pid: number | null;
  role: string | null;
  /** As it shows itself: `catatlas/1.0.0 serve on host`. */
  application: string | null;
  state: string | null;
  seconds: number;
}

/** How old the oldest row versions are, in transactions. At 2^31 the server takes no more writes. */
export interface Age {
  transactions: number;
  multixacts: number;
}

/** The database as it is. What one question came to does not keep the others from being asked. */
export interface DatabaseFacts {
  pooled: Finding<boolean>;
  server: Finding<ServerFacts>;
  clock: Finding<ClockDifference>;
  size: Finding<number>;
  age: Finding<Age>;
  openTransactions: Finding<OpenTransaction[]>;
  /** Sessions of other roles whose transactions this role may not see. */
  hiddenSessions: Finding<number>;
  invalidIndexes: Finding<string[]>;
  /** Identifies the cluster and the database; null where the role may not ask. */
  identity: Finding<string>;
}

/** How long a transaction may be open before it is told, in seconds. */
export const longTransactionSeconds = 300;

/** Asks a database about itself. Statements that only read catalogues, each of them short; changes nothing. */
export async function readDatabaseFacts(database: Database): Promise<DatabaseFacts> {
  const { sql } = database;
  return {
    pooled: await attempt(async () => database.kind === 'postgresql' && (await lookAround(sql)).pooled),
    server: await attempt(() => readServerFacts(sql)),
    clock: await attempt(() => readClock(sql)),
    size: await attempt(async () => {
      const [row] = await sql<[{ bytes: number }]>`select pg_database_size(current_database()) as bytes`;
      return row.bytes;
    }),
    age: await attempt(async () => {
      const [row] = await sql<[Age]>`
        select age(datfrozenxid) as transactions, mxid_age(datminmxid) as multixacts
        from pg_database where datname = current_database()`;
      return row;
    }),
    openTransactions: await attempt(() => readOpenTransactions(sql)),
    hiddenSessions: await attempt(async () => {
      const [row] = await sql<[{ hidden: number }]>`
        select count(*)::int as hidden from pg_stat_activity
        where datname = current_database() and query = '<insufficient privilege>'`;
      return row.hidden;
    }),
    invalidIndexes: await attempt(async () => {
      const rows = await readAtHome(
        sql,
        (tx) => tx<{ name: string }[]>`
        select indexrelid::regclass::text as name from pg_index
        join pg_class on pg_class.oid = indexrelid
        where relnamespace = (select oid from pg_namespace where nspname = current_schema()) and not (indisvalid and indisready and indislive)
        order by 1`,
      );
      return rows.map(({ name }) => name);
    }),
    identity: await attempt(() => readIdentity(sql)),
  };
}

async function readServerFacts(sql: Sql): Promise<ServerFacts> {
  const [row] = await sql<[ServerFacts]>`
    select current_setting('server_version') as version, current_setting('server_version_num')::int as version_number,
      current_setting('server_encoding') as encoding, current_database() as database, current_user as role,
      current_schema() as schema, (select rolsuper from pg_roles where rolname = current_user) as superuser,
      pg_is_in_recovery() as replica, current_setting('default_transaction_read_only')::boolean as read_only,
      (select pg_stat_ssl.version from pg_stat_ssl where pid = pg_backend_pid() and ssl) as tls,
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0) as max_connections,
      (select count(*)::int from pg_stat_activity where datid is not null and pid <> pg_backend_pid()) as used_connections,
      (select least(nullif(rolconnlimit, -1), nullif(datconnlimit, -1))
        from pg_roles, pg_database where rolname = current_user and datname = current_database()) as connection_limit,
      (select setting::int from pg_settings where name = 'statement_timeout') as statement_timeout,
      (select setting::int from pg_settings where name = 'idle_session_timeout') as idle_session_timeout,
      (select setting::int from pg_settings where name = 'transaction_timeout') as transaction_timeout,
      current_setting('fsync')::boolean as fsync, current_setting('full_page_writes')::boolean as full_page_writes,
      current_setting('synchronous_commit') as synchronous_commit`;
  return row;
}

/** The server's clock against the middle of the question, on a connection that is open already. */
async function readClock(sql: Sql): Promise<ClockDifference> {
  const asked = Date.now();
  const [row] = await sql<[{ now: number }]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as now`;
  const answered = Date.now();
  return { milliseconds: row.now - (asked + answered) / 2, uncertainty: (answered - asked) / 2 };
}

/** Of other roles a role without pg_read_all_stats sees none. */
async function readOpenTransactions(sql: Sql): Promise<OpenTransaction[]> {
  return await sql<OpenTransaction[]>`
    select pid, usename as role, application_name as application, state,
      extract(epoch from clock_timestamp() - xact_start)::int as seconds
    from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend'
      and xact_start < clock_timestamp() - ${longTransactionSeconds}::int * interval '1 second'
    union all
    select null, owner, null, 'prepared', extract(epoch from clock_timestamp() - prepared)::int
    from pg_prepared_xacts
    where database = current_database()
      and prepared < clock_timestamp() - ${longTransactionSeconds}::int * interval '1 second'
    order by seconds desc`;
}

/** Tells one database from another, however it is reached. */
export async function readIdentity(sql: Sql): Promise<string> {
  const [row] = await sql<[{ identity: string }]>`
    select format('%s/%s', (select system_identifier from pg_control_system()),
      (select oid from pg_database where datname = current_database())) as identity`;
  return row.identity;
}

/** How a server follows its primary. */
export interface Replication {
  /** False for a primary. */
  replica: boolean;
  /** Is it connected to the server that it follows? */
  receiving: boolean;
  /** How long ago what was replayed last was committed, while more is waiting to be replayed; 0 when nothing is. In seconds. */
  lag: number;
}

export async function readReplication(sql: Sql): Promise<Replication> {
  const [row] = await sql<[Replication]>`
    select pg_is_in_recovery() as replica,
      exists (select from pg_stat_wal_receiver) as receiving,
      case when pg_last_wal_receive_lsn() is distinct from pg_last_wal_replay_lsn()
        then coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 0) else 0 end::float8 as lag`;
  return row;
}

/** What the role may do with the tables that the program uses. */
export interface Privileges {
  /** Make tables in the schema. */
  creates: boolean;
  /** Tables that it may not read and write. */
  unusable: string[];
  /** Tables that it does not own, so that it cannot migrate them. */
  foreign: string[];
}

export async function readPrivileges(sql: Queryable, tables: readonly string[]): Promise<Privileges> {
  const [row] = await sql<[Privileges]>`
    with ours as (
      select relname::text as name, has_table_privilege(oid, 'select') and has_table_privilege(oid, 'insert')
        and has_table_privilege(oid, 'update') and has_table_privilege(oid, 'delete') as usable,
        pg_has_role(relowner, 'usage') as owned
      from pg_class
      where relnamespace = (select oid from pg_namespace where nspname = current_schema()) and relkind in ('r', 'p')
        and relname = any(${`{${tables.map((name) => JSON.stringify(name)).join(',')}}`}::text[])
    )
    select coalesce(has_schema_privilege(current_schema(), 'create'), false) as creates,
      coalesce((select json_agg(name order by name) from ours where not usable), '[]') as unusable,
      coalesce((select json_agg(name order by name) from ours where not owned), '[]') as "foreign"`;
  return row;
}

/** What is missing for what a command does. */
export interface DeedGrants {
  deed: Deed;
  /** Statements that give it. */
  grants: string[];
}

/** Tries every right that commands need, before the day of need. */
export async function readGrants(sql: Sql, tables: readonly string[]): Promise<DeedGrants[]> {
  const found: DeedGrants[] = [];
  for (const deed of Object.keys(rightsOf) as Deed[])
    found.push({ deed, grants: await findMissingGrants(sql, deed, [...tables, 'catatlas_migrations']) });
  return found;
}
