import type { Tx } from '../database/connect.ts';
import { sqlStateOf } from '../database/errors.ts';
import { compareSchemas } from '../migrator/drift.ts';
import { pinSchema } from '../migrator/home.ts';
import { readSchema, type SchemaSnapshot } from '../migrator/schema-snapshot.ts';
import { ArchiveTargetError } from './archive-error.ts';

// What operators and other programs hang on our tables, besides what migrations make of them. Whoever drops a table to put another in
// its place has to look here: the server drops most of this with the table, without a word. What is not carried over is refused.
//
// carried: owner, privileges (of the table, its columns, its sequences), row security and its policies, comments, replica identity,
//   the index it is clustered by, storage parameters (also of its TOAST table), statistics targets and options of columns, their
//   compression and storage
// refused: columns, constraints, indexes, triggers, rules, sequences that no migration makes; extended statistics, publications,
//   subscriptions, inheritance and partitions, tablespaces, security labels; and what the server itself does not drop: views,
//   functions and keys of others

/** Something on one of our tables that can be put on its successor. */
export interface Attachment {
  /** The table, without its schema. */
  table: string;
  /** For messages: `policy members on public.entries`. */
  what: string;
  /** Makes it again. In it `%s` stands for the sequence of `sequenceOf`. */
  statement: string;
  /** The column whose sequence is meant. */
  sequenceOf: string | null;
  /** A question whose answer has to be true: the newer schema may lack the column or the index, or have the policy already. */
  when: string | null;
}

export interface Attachments {
  carried: Attachment[];
  /** What cannot be carried over, one a line. */
  refused: string[];
  /** What others have changed about objects of ours: the migrations make them anew as they were. */
  reset: string[];
}

/**
 * Reads what hangs on these tables of the schema `home`. `expected` is what migrations make of that version of the schema; without it
 * (the tables of the first server) objects that no migration makes are not looked for. Leaves `home` as the search path.
 */
export async function readAttachments(
  tx: Tx,
  { home, tables, expected }: { home: string; tables: readonly string[]; expected: SchemaSnapshot | undefined },
): Promise<Attachments> {
  await pinSchema(tx, home);
  const { differences } = expected ? compareSchemas(expected, await readSchema(tx)) : { differences: [] };
  const others = differences
    // What an interrupted concurrent build leaves is of no use to anybody.
    .filter(
      ({ kind, object, actual }) => kind === 'unexpected' && !/^policy /.test(object) && !/INVALID$/.test(actual ?? ''),
    )
    .map(({ object, actual }) => `${object}${actual === undefined ? '' : `: ${actual}`}`);
  const reset = differences
    .filter(({ kind, object }) => kind === 'different' && !object.startsWith('table '))
    .map(({ object, actual }) => `${object}${actual === undefined ? '' : `: ${actual}`}`);
  // So that every name in an expression is written with its schema.
  await tx.unsafe('set local search_path to pg_catalog');
  const carried = await readCarried(tx, home, tables);
  const refused = await readRefused(tx, home, tables);
  await pinSchema(tx, home);
  return { carried, refused: [...others, ...refused], reset };
}

const arrayOf = (names: readonly string[]) => `{${names.map((name) => JSON.stringify(name)).join(',')}}`;

async function readCarried(tx: Tx, home: string, tables: readonly string[]): Promise<Attachment[]> {
  return await tx<Attachment[]>`
    with ours as materialized (
      select pg_class.*, pg_class.oid as id, format('%I.%I', nspname, relname) as path
      from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where nspname = ${home} and relname = any(${arrayOf(tables)}::text[]) and relkind in ('r', 'p')
    ),
    fields as materialized (
      select ours.relname, ours.path, attribute.*, typstorage,
        format('exists (select from pg_attribute where attrelid = %L::regclass and attname = %L and not attisdropped)', path, attname) as is_there
      from ours
      join pg_attribute attribute on attrelid = id and attnum > 0 and not attisdropped
      join pg_type on pg_type.oid = atttypid
    ),
    numbers as materialized (
      select ours.relname, ours.path, attname, sequence.relacl, sequence.relowner
      from ours
      -- The first server had serial columns.
      join pg_depend on refclassid = 'pg_class'::regclass and refobjid = id and classid = 'pg_class'::regclass and deptype in ('i', 'a')
      join pg_class sequence on sequence.oid = objid and sequence.relkind = 'S'
      join pg_attribute on attrelid = id and attnum = refobjsubid
    ),
    attached (rank, "table", what, statement, "sequenceOf", "when") as (
      select 1, relname, format('owner of %s', path), format('alter table %s owner to %I', path, pg_get_userbyid(relowner)), null, null
      from ours where pg_get_userbyid(relowner) <> current_user

      union all
      select 2, relname, format('privileges on %s', path), format('grant %s on %s to %s%s', privilege_type, path,
          case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
          case when is_grantable and grantee <> relowner then ' with grant option' else '' end), null, null
      from ours, aclexplode(coalesce(relacl, acldefault('r', relowner)))

      union all
      select 3, relname, format('privileges on the sequence of %s.%I', path, attname), format('grant %s on sequence %%s to %s%s', privilege_type,
          case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
          case when is_grantable and grantee <> relowner then ' with grant option' else '' end), attname, null
      from numbers, aclexplode(coalesce(relacl, acldefault('s', relowner)))

      union all
      select 4, relname, format('privileges on %s.%I', path, attname), format('grant %s (%I) on %s to %s%s', privilege_type, attname, path,
          case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
          case when is_grantable then ' with grant option' else '' end), null, is_there
      from fields, aclexplode(attacl)

      union all
      select 5, relname, format('policy %I on %s', polname, path), format('create policy %I on %s as %s for %s to %s%s%s', polname, path,
          case when polpermissive then 'permissive' else 'restrictive' end,
          case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
          (select string_agg(case role when 0 then 'public' else quote_ident(pg_get_userbyid(role)) end, ', ') from unnest(polroles) role),
          ' using (' || pg_get_expr(polqual, polrelid) || ')', ' with check (' || pg_get_expr(polwithcheck, polrelid) || ')'), null,
        format('not exists (select from pg_policy where polrelid = %L::regclass and polname = %L)', path, polname)
      from ours join pg_policy on polrelid = id

      union all
      select 6, relname, format('row security of %s', path), format('alter table %s enable row level security', path), null, null
      from ours where relrowsecurity

      union all
      select 6, relname, format('row security of %s for its owner', path), format('alter table %s force row level security', path), null, null
      from ours where relforcerowsecurity

      union all
      select 7, relname, format('comment on %s', path), format('comment on table %s is %L', path, description), null, null
      from ours join pg_description on classoid = 'pg_class'::regclass and objoid = id and objsubid = 0

      union all
      select 7, relname, format('comment on %s.%I', path, attname),
        format('comment on column %s.%I is %L', path, attname, description), null, is_there
      from fields join pg_description on classoid = 'pg_class'::regclass and objoid = attrelid and objsubid = attnum

      union all
      select 7, ours.relname, format('comment on index %I', class.relname),
        format('comment on index %I.%I is %L', ${home}::text, class.relname, description), null,
        format('exists (select from pg_index where indrelid = %L::regclass and indexrelid = to_regclass(%L))', path,
          format('%I.%I', ${home}::text, class.relname))
      from ours join pg_index on indrelid = id join pg_class class on class.oid = indexrelid
      join pg_description on classoid = 'pg_class'::regclass and objoid = indexrelid

      union all
      select 7, relname, format('comment on constraint %I on %s', conname, path),
        format('comment on constraint %I on %s is %L', conname, path, description), null,
        format('exists (select from pg_constraint where conrelid = %L::regclass and conname = %L)', path, conname)
      from ours join pg_constraint on conrelid = id
      join pg_description on classoid = 'pg_constraint'::regclass and objoid = pg_constraint.oid

      union all
      select 8, relname, format('comment on policy %I on %s', polname, path),
        format('comment on policy %I on %s is %L', polname, path, description), null, null
      from ours join pg_policy on polrelid = id
      join pg_description on classoid = 'pg_policy'::regclass and objoid = pg_policy.oid

      union all
      select 7, relname, format('comment on the sequence of %s.%I', path, pg_attribute.attname),
        format('comment on sequence %%s is %L', description), pg_attribute.attname, null
      from ours
      join pg_depend on refclassid = 'pg_class'::regclass and refobjid = id and classid = 'pg_class'::regclass and deptype = 'i'
      join pg_attribute on attrelid = id and attnum = refobjsubid
      join pg_description on classoid = 'pg_class'::regclass and objoid = pg_depend.objid

      union all
      select 7, relname, format('replica identity of %s', path), format('alter table %s replica identity %s', path,
          case relreplident when 'f' then 'full' else 'nothing' end), null, null
      from ours where relreplident in ('f', 'n')

      union all
      select 7, ours.relname, format('replica identity of %s', path),
        format('alter table %s replica identity using index %I', path, class.relname), null, null
      from ours join pg_index on indrelid = id and indisreplident join pg_class class on class.oid = indexrelid
      where ours.relreplident = 'i'

      union all
      select 7, ours.relname, format('clustering of %s', path), format('alter table %s cluster on %I', path, class.relname), null, null
      from ours join pg_index on indrelid = id and indisclustered join pg_class class on class.oid = indexrelid

      union all
      select 7, ours.relname, format('storage parameters of %s', path), format('alter table %s set (%s%I = %L)', path, prefix,
          split_part(option, '=', 1), substr(option, strpos(option, '=') + 1)), null, null
      from ours
      left join pg_class toast on toast.oid = ours.reltoastrelid
      cross join lateral (
        select '' as prefix, unnest(ours.reloptions) union all select 'toast.', unnest(toast.reloptions)) as options (prefix, option)

      union all
      select 7, relname, format('options of %s.%I', path, attname), format('alter table %s alter column %I %s', path, attname, change),
        null, is_there
      from fields
      cross join lateral (
        select format('set statistics %s', attstattarget) where coalesce(attstattarget, -1) <> -1
        union all select format('set (%I = %L)', split_part(option, '=', 1), substr(option, strpos(option, '=') + 1))
          from unnest(attoptions) option
        union all select format('set storage %s', case attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main'
          else 'extended' end) where attstorage <> typstorage
        union all select format('set compression %s', case attcompression when 'l' then 'lz4' else 'pglz' end) where attcompression <> ''
      ) as changes (change)
    )
    select "table", what, statement, "sequenceOf", "when" from attached order by rank, "table", what`;
}

async function readRefused(tx: Tx, home: string, tables: readonly string[]): Promise<string[]> {
  const rows = await tx<{ what: string }[]>`
    with ours as materialized (
      select pg_class.*, pg_class.oid as id, format('%I.%I', nspname, relname) as path
      from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where nspname = ${home} and relname = any(${arrayOf(tables)}::text[]) and relkind in ('r', 'p')
    )
    select pg_get_statisticsobjdef(pg_statistic_ext.oid) as what from ours join pg_statistic_ext on stxrelid = id
    union all
    select format('publication %I has the table %s: its subscribers would not get the restored rows', pubname, path)
    from ours join pg_publication_rel on prrelid = id join pg_publication on pg_publication.oid = prpubid
    union all
    select format('publication %I has every table of the schema %I: its subscribers would not get the restored rows', pubname, ${home}::text)
    from pg_publication join pg_publication_namespace on pnpubid = pg_publication.oid
    where pnnspid = (select oid from pg_namespace where nspname = ${home}) and exists (select from ours)
    union all
    select format('publication %I has every table: its subscribers would not get the restored rows', pubname)
    from pg_publication where puballtables and exists (select from ours)
    union all
    select format('subscription %I writes into the table %s', subname, path)
    from ours join pg_subscription_rel on srrelid = id join pg_subscription on pg_subscription.oid = srsubid
    union all
    select format('table %s inherits from %s', path, inhparent::regclass) from ours join pg_inherits on inhrelid = id
    union all
    select format('table %s inherits from %s', inhrelid::regclass, path) from ours join pg_inherits on inhparent = id
    union all
    select format('table %s is partitioned', path) from ours where relkind = 'p'
    union all
    select format('table %s is in the tablespace %I', path, spcname)
    from ours join pg_tablespace on pg_tablespace.oid = reltablespace
    union all
    select format('index %I of %s is in the tablespace %I', class.relname, path, spcname)
    from ours join pg_index on indrelid = id join pg_class class on class.oid = indexrelid
    join pg_tablespace on pg_tablespace.oid = class.reltablespace
    union all
    select format('security label of %s by %s', path, provider)
    from ours join pg_seclabel on classoid = 'pg_class'::regclass and objoid = id
    -- Of the history of migrations the comparison of schemas knows nothing.
    union all
    select format('index %I on %s', class.relname, path)
    from ours join pg_index on indrelid = id and not indisprimary join pg_class class on class.oid = indexrelid
    where ours.relname = 'catatlas_migrations'
    union all
    select format('trigger %I on %s', tgname, path) from ours join pg_trigger on tgrelid = id and not tgisinternal
    where relname = 'catatlas_migrations'
    union all
    select format('rule %I on %s', rulename, path) from ours join pg_rewrite on ev_class = id
    where relname = 'catatlas_migrations'
    order by 1`;
  return rows.map(({ what }) => what);
}

/** @throws {ArchiveTargetError} there is something that a replacement of these tables would lose */
export function requireCarriable({ refused }: Attachments): void {
  if (refused.length === 0) return;
  throw new ArchiveTargetError(
    [
      'others have put something on the tables that are to be replaced, which would be lost:',
      ...refused.map((line) => `  ${line}`),
      'Nothing was changed. Drop these, try again, and make them anew afterwards; or restore into an empty database. Owners, privileges, row security with its policies, and comments are carried over.',
    ].join('\n'),
  );
}

/**
 * Puts what was carried on the new tables of the schema `home`, of which `present` are there. They get exactly the privileges that
 * the old ones had: defaults of the role may have given the new ones more.
 *
 * @throws {ArchiveTargetError} something does not fit the newer schema
 */
export async function attach(
  tx: Tx,
  { home, present, carried }: { home: string; present: readonly string[]; carried: readonly Attachment[] },
): Promise<void> {
  const applicable = carried.filter(({ table }) => present.includes(table));
  const tables = [...new Set(applicable.map(({ table }) => table))];
  const isOwner = ({ what }: Attachment) => what.startsWith('owner of ');
  for (const attachment of applicable.filter(isOwner)) await put(tx, home, attachment);
  const numbered = new Set(applicable.filter(({ sequenceOf }) => sequenceOf !== null).map(({ table }) => table));
  for (const { statement } of await readRevocations(tx, home, tables, [...numbered])) await tx.unsafe(statement);
  for (const attachment of applicable.filter((one) => !isOwner(one))) await put(tx, home, attachment);
}

/** New tables get what the role grants on those that it makes in the schema `home`: they were made elsewhere. */
export async function grantDefaults(
  tx: Tx,
  { home, tables }: { home: string; tables: readonly string[] },
): Promise<void> {
  const grants = await tx<{ statement: string }[]>`
    with home as (select oid from pg_namespace where nspname = ${home}),
    ours as (
      select 'r'::"char" as kind, format('table %I.%I', ${home}::text, relname) as object
      from pg_class where relnamespace = (select oid from home) and relname = any(${arrayOf(tables)}::text[])
      union all
      select 'S', format('sequence %I.%I', ${home}::text, sequence.relname) from pg_class owner
      join pg_depend on refclassid = 'pg_class'::regclass and refobjid = owner.oid and classid = 'pg_class'::regclass and deptype = 'i'
      join pg_class sequence on sequence.oid = objid and sequence.relkind = 'S'
      where owner.relnamespace = (select oid from home) and owner.relname = any(${arrayOf(tables)}::text[])
    )
    select format('grant %s on %s to %s%s', privilege_type, object,
      case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
      case when is_grantable then ' with grant option' else '' end) as statement
    from ours join pg_default_acl on defaclobjtype = kind, aclexplode(defaclacl)
    where defaclnamespace = (select oid from home) and defaclrole = (select oid from pg_roles where rolname = current_user)`;
  for (const { statement } of grants) await tx.unsafe(statement);
}

/** Statements that take every privilege on these tables, and on the sequences of the numbered ones, from everybody. */
async function readRevocations(
  tx: Tx,
  home: string,
  tables: readonly string[],
  numbered: readonly string[],
): Promise<{ statement: string }[]> {
  return await tx<{ statement: string }[]>`
    with ours as (
      select oid as id, relname, relowner, relacl, 'r'::"char" as kind from pg_class
      where relnamespace = (select oid from pg_namespace where nspname = ${home}) and relname = any(${arrayOf(tables)}::text[])
      union all
      select sequence.oid, sequence.relname, sequence.relowner, sequence.relacl, 's' from pg_class owner
      join pg_depend on refclassid = 'pg_class'::regclass and refobjid = owner.oid and classid = 'pg_class'::regclass and deptype = 'i'
      join pg_class sequence on sequence.oid = objid and sequence.relkind = 'S'
      where owner.relnamespace = (select oid from pg_namespace where nspname = ${home}) and owner.relname = any(${arrayOf(numbered)}::text[])
    )
    select distinct format('revoke all on %s %I.%I from %s', case kind when 's' then 'sequence' else 'table' end, ${home}::text, relname,
      case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end) as statement
    from ours, aclexplode(coalesce(relacl, acldefault(kind, relowner)))`;
}

async function put(tx: Tx, home: string, { table, what, statement, sequenceOf, when }: Attachment): Promise<void> {
  if (when !== null) {
    const [row] = await tx.unsafe<[{ holds: boolean }]>(`select ${when} as holds`);
    if (!row.holds) return;
  }
  let complete = statement;
  if (sequenceOf !== null) {
    const [row] = await tx<[{ path: string | null }]>`
      select pg_get_serial_sequence(format('%I.%I', ${home}::text, ${table}::text), ${sequenceOf}) as path`;
    // The newer schema numbers this table no more.
    if (row.path === null) return;
    complete = statement.replace('%s', () => row.path ?? '');
  }
  try {
    await tx.unsafe(complete);
  } catch (error) {
    // Class 42, a name or a right: not that somebody else is in the way.
    if (!/^42/.test(sqlStateOf(error) ?? '')) throw error;
    throw new ArchiveTargetError(
      `what others have put on the tables cannot be put on the new ones: ${what}: ${(error as Error).message}\nNothing was changed. Drop it, try again, and make it anew afterwards.`,
      { cause: error },
    );
  }
}
