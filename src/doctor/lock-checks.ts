import type { Sql } from '../database/connect.ts';
import type { Check, checkOf } from './check.ts';

/** A session that others wait for, or that has a lock on one of our tables which keeps them from reading or writing. */
export interface Blocker {
  pid: number;
  role: string | null;
  /** As it shows itself: `psql`, `catatlas/1.0.0 serve on host`. */
  application: string | null;
  state: string | null;
  /** How long its transaction has been open, in seconds; null where this role may not see it. */
  seconds: number | null;
  /** Its statement without the values in it; null where this role may not see it. */
  statement: string | null;
  /** Our tables that it has locked: `entries (AccessExclusiveLock)`. */
  tables: string[];
  /** How many sessions of this database wait for it, and the longest of them in seconds. */
  waiting: number;
  longestWait: number;
}

/** Reads who blocks whom, and who has locked a table of the current schema. It waits for no lock itself. */
export async function readBlockers(sql: Sql): Promise<Blocker[]> {
  const rows = await sql<(Omit<Blocker, 'statement'> & { query: string | null })[]>`
    with waits as (
      select unnest(pg_blocking_pids(pid)) as blocker,
        -- The moment since which it waits; where this role may not see it, that of its statement.
        extract(epoch from clock_timestamp() - coalesce(
          (select min(waitstart) from pg_locks where pg_locks.pid = activity.pid and not granted), query_start))::float8 as seconds
      from pg_stat_activity as activity
      where datid = (select oid from pg_database where datname = current_database()) and pid <> pg_backend_pid()
    ),
    strong as (
      select pid, relation::regclass::text || ' (' || mode || ')' as held
      from pg_locks
      join pg_class on pg_class.oid = relation
      where granted and locktype = 'relation' and pid is distinct from pg_backend_pid()
        and database = (select oid from pg_database where datname = current_database())
        and mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
        and relnamespace = (select oid from pg_namespace where nspname = current_schema())
        and relkind in ('r', 'p')
    ),
    blockers as (select blocker as pid from waits union select pid from strong)
    select blockers.pid, usename as role, application_name as application, state,
      extract(epoch from clock_timestamp() - xact_start)::float8 as seconds,
      nullif(query, '<insufficient privilege>') as query,
      (select coalesce(json_agg(distinct held), '[]') from strong where strong.pid = blockers.pid) as tables,
      (select count(*)::int from waits where blocker = blockers.pid) as waiting,
      (select coalesce(max(waits.seconds), 0) from waits where blocker = blockers.pid) as "longestWait"
    from blockers
    left join pg_stat_activity on pg_stat_activity.pid = blockers.pid
    -- 0 stands for a prepared transaction, which has no process.
    order by "longestWait" desc, seconds desc nulls last`;
  return rows.map(({ query, ...rest }) => ({ ...rest, statement: query === null ? null : withoutValues(query) }));
}

/** Who keeps everybody from looking at a table, its definition included; undefined when there is nobody. */
export function findExclusive(blockers: readonly Blocker[]): string | undefined {
  const found = blockers.find(({ tables }) => tables.some((table) => table.endsWith('(AccessExclusiveLock)')));
  return found && `pid ${found.pid} has locked ${found.tables.join(', ')}`;
}

/** The beginning of a statement, with `?` in place of texts and numbers: those may be people's. */
export function withoutValues(statement: string): string {
  const text = withoutTexts(statement)
    .replace(/--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g, ' ')
    // A text that is cut off, as pg_stat_activity does with long statements, has no end.
    .replace(/\$(\w*)\$[\s\S]*?(?:\$\1\$|$)/g, '?')
    .replace(/(?<![\w$"])\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi, '?')
    .replace(/\s+/g, ' ')
    .trim();
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function withoutTexts(statement: string): string {
  // Where a backslash stands, where a text ends depends on a setting of that session.
  if (statement.includes('\\')) return statement.replace(/(?:\b[ebx])?'[\s\S]*/i, '?');
  return statement.replace(/(?:\b[ebx])?'(?:[^']|'')*(?:'|$)/gi, '?');
}

/** Beyond this requests end with an error (DATABASE_STATEMENT_TIMEOUT_SECONDS is 5 by default). In seconds. */
const longestWait = 5;

/** Judges who blocks. Those that last make requests fail; a short lock is how a migration works. */
export function judgeBlockers(
  blockers: readonly Blocker[],
  { pass, warn, fail }: Pick<ReturnType<typeof checkOf>, 'pass' | 'warn' | 'fail'>,
): Check {
  if (blockers.length === 0) return pass('nobody waits for a lock');
  const lasting = blockers.some(
    ({ longestWait: wait, seconds, tables }) =>
      wait > longestWait || (tables.length > 0 && (seconds ?? 0) > longestWait),
  );
  const found = blockers.map(describeBlocker).join('; ');
  const advice =
    'Have that session commit or roll back, or end it: select pg_terminate_backend(pid). A prepared transaction: rollback prepared. docs/troubleshooting.md says more.';
  return lasting ? fail(found, advice) : warn(found, advice);
}

function describeBlocker({
  pid,
  role,
  application,
  state,
  seconds,
  statement,
  tables,
  waiting,
  longestWait: wait,
}: Blocker): string {
  return [
    pid === 0
      ? 'a prepared transaction'
      : `pid ${pid}${role === null ? '' : ` of ${role}`}${application ? ` (${application})` : ''}`,
    ...(state === null ? [] : [state]),
    ...(seconds === null ? [] : [`in a transaction for ${Math.round(seconds)} s`]),
    ...(tables.length > 0 ? [`has locked ${tables.join(', ')}`] : []),
    ...(waiting > 0
      ? [`${waiting === 1 ? '1 session waits' : `${waiting} sessions wait`} for it, up to ${Math.round(wait)} s`]
      : []),
    ...(statement === null ? ['its statement is hidden from this role'] : [`its last statement: ${statement}`]),
  ].join(', ');
}
