import type { Database, Tx } from '../database/connect.ts';
import { sqlStateOf } from '../database/errors.ts';
import { lockTimeoutMilliseconds, retryWhenBlocked } from '../migrator/blocked.ts';
import { pinSchema, quoteName } from '../migrator/home.ts';
import type { SchemaSnapshot } from '../migrator/schema-snapshot.ts';
import { type Log, silentLog } from '../observability/log.ts';
import { ArchiveTargetError } from './archive-error.ts';
import { attach, grantDefaults, readAttachments, requireCarriable } from './attachments.ts';
import { listTables, requireEmpty } from './target.ts';

interface Move {
  /** The schema that the new tables were made in. */
  workshop: string;
  home: string;
  replace: boolean;
  /** What migrations make of the version that the old tables have; undefined where there are none of ours. */
  expected: SchemaSnapshot | undefined;
}

interface MoveOptions {
  database: Database;
  lockTimeoutSeconds?: number;
  log?: Log;
  shutdown?: AbortSignal;
}

/**
 * Puts the new tables in the place of the old ones. Whoever uses a table is waited for in many short tries: everybody who comes
 * while one lasts waits behind it. All of the move is in each, because what hangs on a table may be in use as well.
 *
 * @throws {ArchiveTargetError} the place is taken, or something hangs on the old tables that would be lost
 */
export async function moveHomeSoon(tx: Tx, move: Move, options: MoveOptions): Promise<void> {
  const { database, log = silentLog, lockTimeoutSeconds = 30, shutdown } = options;
  const limits = { database, log, lockTimeoutSeconds, ...(shutdown ? { shutdown } : {}) };
  await retryWhenBlocked(limits, 'the restoration', (watch) =>
    tx.savepoint(async (attempt) => {
      const [row] = await attempt<[{ pid: number }]>`
        select pg_backend_pid() as pid, set_config('lock_timeout', ${String(lockTimeoutMilliseconds)}, true) as lock_timeout`;
      const unwatch = watch(row.pid);
      try {
        await moveHome(attempt, move);
      } finally {
        unwatch();
      }
    }),
  );
}

async function moveHome(tx: Tx, { workshop, home, replace, expected }: Move): Promise<void> {
  const old = await listTables(tx, home);
  const qualified = old.map((name) => `${quoteName(home)}.${quoteName(name)}`);
  if (qualified.length > 0) await tx.unsafe(`lock table ${qualified.join(', ')} in access exclusive mode`);
  // Somebody may have written, or hung something on them, since the first look. Now nobody can.
  if (!replace) await requireEmpty(tx, home);
  const attachments = await readAttachments(tx, { home, tables: old, expected });
  requireCarriable(attachments);
  // So that the server names with its schema what stands in the way.
  await tx.unsafe('set local search_path to pg_catalog');
  // Without CASCADE: what others have built on these tables is not ours to drop.
  if (qualified.length > 0)
    await tx.unsafe(`drop table ${qualified.join(', ')}`).catch((error: unknown) => {
      throw describeDependents(error);
    });
  await makeRoom(tx, workshop, home);
  for (const { statement } of await readMoves(tx, workshop, home)) await tx.unsafe(statement);
  await pinSchema(tx, home);
  await tx.unsafe(`drop schema ${quoteName(workshop)}`);
  const present = await listTables(tx, home);
  await attach(tx, { home, present, carried: attachments.carried });
  await grantDefaults(tx, { home, tables: present.filter((name) => !old.includes(name)) });
}

/** What takes everything that migrations have made from one schema to the other. Indexes and identity sequences go with their tables. */
async function readMoves(tx: Tx, workshop: string, home: string): Promise<{ statement: string }[]> {
  return await tx<{ statement: string }[]>`
    with workshop as (select oid from pg_namespace where nspname = ${workshop})
    select format('alter %s %I.%I set schema %I', case relkind when 'S' then 'sequence' else 'table' end,
      ${workshop}::text, relname, ${home}::text) as statement
    from pg_class where relnamespace = (select oid from workshop) and (relkind in ('r', 'p', 'v', 'm') or relkind = 'S'
      and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('a', 'i')))
    union all
    select format('alter routine %s set schema %I', oid::regprocedure, ${home}::text)
    from pg_proc where pronamespace = (select oid from workshop)
    union all
    select format('alter type %I.%I set schema %I', ${workshop}::text, typname, ${home}::text)
    from pg_type left join pg_class on pg_class.oid = typrelid
    where typnamespace = (select oid from workshop) and (typtype in ('e', 'd') or typtype = 'c' and relkind = 'c')
    union all
    select format('alter statistics %I.%I set schema %I', ${workshop}::text, stxname, ${home}::text)
    from pg_statistic_ext where stxnamespace = (select oid from workshop)`;
}

/**
 * What is left in the schema is not ours. A sequence of ours steps aside, as the server does when it makes one; of anything else the
 * name matters.
 *
 * @throws {ArchiveTargetError} others have something of the name of a table, an index or a type of ours
 */
async function makeRoom(tx: Tx, workshop: string, home: string): Promise<void> {
  const taken = await tx<{ name: string; owned: boolean; what: string }[]>`
    with workshop as (select oid from pg_namespace where nspname = ${workshop}),
      home as (select oid from pg_namespace where nspname = ${home})
    select new.relname as name, new.relkind = 'S' as owned, pg_describe_object('pg_class'::regclass, other.oid, 0) as what
    from pg_class new join pg_class other on other.relname = new.relname and other.relnamespace = (select oid from home)
    where new.relnamespace = (select oid from workshop)
    union all
    -- A table brings a type of its name.
    select new.typname, false, pg_describe_object('pg_type'::regclass, other.oid, 0)
    from pg_type new join pg_type other on other.typname = new.typname and other.typnamespace = (select oid from home)
    where new.typnamespace = (select oid from workshop) and new.typcategory <> 'A' and other.typrelid = 0 and other.typcategory <> 'A'
    union all
    select new.proname, false, pg_describe_object('pg_proc'::regclass, other.oid, 0)
    from pg_proc new join pg_proc other on other.proname = new.proname and other.proargtypes = new.proargtypes
      and other.pronamespace = (select oid from home)
    where new.pronamespace = (select oid from workshop)
    order by 1, 3`;
  const problems = taken.filter(({ owned }) => !owned).map(({ what }) => `  ${what}`);
  if (problems.length > 0)
    throw new ArchiveTargetError(
      [
        `others have something in the schema ${home} under names that our tables, indexes or types need:`,
        ...problems,
        'Nothing was changed. Rename or drop these, or take another database or schema.',
      ].join('\n'),
    );
  for (const { name } of taken) {
    const free = await findFreeName(tx, name, [workshop, home]);
    await tx.unsafe(`alter sequence ${quoteName(workshop)}.${quoteName(name)} rename to ${quoteName(free)}`);
  }
}

/** The first of `name1`, `name2` … that no relation of these schemas has. */
async function findFreeName(tx: Tx, name: string, schemas: readonly string[]): Promise<string> {
  for (let number = 1; ; number += 1) {
    const candidate = `${name}${number}`;
    const rows = await tx`
      select 1 from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where relname = ${candidate} and nspname = any(${`{${schemas.map((schema) => JSON.stringify(schema)).join(',')}}`}::text[])`;
    if (rows.length === 0) return candidate;
  }
}

/** Only the detail of the server names what stands on a table. */
function describeDependents(error: unknown): unknown {
  if (sqlStateOf(error) !== '2BP01') return error;
  const { message, detail } = error as Error & { detail?: string };
  return new ArchiveTargetError(
    `other objects depend on the tables that are to be replaced, and are not ours to drop:\n${detail ?? message}\nNothing was changed. Drop them, try again, and make them anew afterwards.`,
    { cause: error },
  );
}
