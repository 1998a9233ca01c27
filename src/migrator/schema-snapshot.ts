import type { Queryable } from '../database/connect.ts';

/** What a schema is made of, as far as a program can tell the difference. */
export type ObjectKind =
  | 'table'
  | 'foreign table'
  | 'view'
  | 'materialized view'
  | 'column'
  | 'constraint'
  | 'index'
  | 'trigger'
  | 'rule'
  | 'policy'
  | 'sequence'
  | 'function'
  | 'enum type'
  | 'domain'
  | 'composite type';

/** One object of the schema. Names are as one writes them in SQL: quoted where they must be. */
export interface SchemaObject {
  kind: ObjectKind;
  /** The table (or view) that it belongs to; null for what stands for itself. */
  table: string | null;
  name: string;
  /** What is to be said of it, by a name that people understand. What is as usual may be left out. */
  facts: Readonly<Record<string, string>>;
}

/** Everything in one schema of a database. */
export interface SchemaSnapshot {
  schema: string;
  objects: SchemaObject[];
  /** Tables whose row security is on, but binds neither their owner nor the role that asks: for others only. */
  guardedFromOthers?: readonly string[];
}

/**
 * What is in the current schema, which is the first one of the search path that exists. Other schemas are not looked at, nor is what
 * belongs to an extension, nor the migrator's own table. The same migrations give the same objects on PostgreSQL 15 to 18 and on
 * the embedded engine. Left out is what an operator may choose freely: owners, privileges, tablespaces, storage parameters of tables,
 * statistics targets, replica identities, comments, the order of columns, where a sequence starts.
 *
 * One statement. It reads catalogs only and waits for no lock but that of somebody dropping what it is looking at.
 *
 * @throws Error when the search path names no schema that exists
 */
export async function readSchema(sql: Queryable): Promise<SchemaSnapshot> {
  const [row] = await sql<[{ schema: string | null; objects: SchemaObject[]; guarded: string[] }]>`
    with
    here as materialized (
      select oid as schema,
        -- For this statement: a setting of the role must not put quotes around every name.
        set_config('quote_all_identifiers', 'off', true) as quoting
      from pg_namespace where nspname = current_schema()
    ),
    extended as materialized (select classid, objid from pg_depend where deptype = 'e'),
    relations as materialized (
      select class.oid, class.relname, class.relkind, class.relpersistence, class.relrowsecurity, class.relforcerowsecurity,
        class.reloptions, class.reltype, namespace.nspname
      from here
      join pg_class class on class.relnamespace = here.schema
      join pg_namespace namespace on namespace.oid = class.relnamespace
      where class.relkind in ('r', 'p', 'f', 'v', 'm') and class.relname <> 'catatlas_migrations'
        and (class.tableoid, class.oid) not in (select classid, objid from extended)
    ),
    objects (kind, relation, name, facts) as (
      select case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end,
        null, quote_ident(relname), json_build_object(
          'persistence', case relpersistence when 'u' then 'unlogged' end,
          'partitioning', case relkind when 'p' then pg_get_partkeydef(oid) end,
          'row security', case when relrowsecurity then 'enabled' end,
          'row security of the owner', case when relforcerowsecurity then 'forced' end,
          'parent', (select string_agg(inhparent::regclass::text, ', ' order by inhseqno) from pg_inherits where inhrelid = oid),
          -- What is in them is found by queries of this table.
          'children', (select string_agg(inhrelid::regclass::text, ', ' order by inhrelid::regclass::text collate "C")
            from pg_inherits where inhparent = oid),
          'columns', case when relkind in ('v', 'm') then (
            select string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum)
            from pg_attribute where attrelid = relations.oid and attnum > 0 and not attisdropped) end,
          'definition', case when relkind in ('v', 'm') then pg_get_viewdef(oid) end,
          'sources', case when relkind in ('v', 'm') then (
            select string_agg(distinct refobjid::regclass::text || '.' || quote_ident(attname), ', ')
            from pg_rewrite
            join pg_depend on classid = 'pg_rewrite'::regclass and objid = pg_rewrite.oid and refclassid = 'pg_class'::regclass
            join pg_attribute on attrelid = refobjid and attnum = refobjsubid
            where ev_class = relations.oid and refobjid <> relations.oid) end,
          'options', case when relkind = 'v' then array_to_string(reloptions, ', ') end)
      from relations

      union all
      select 'column', quote_ident(relname), quote_ident(attname), json_build_object(
          'type', format_type(atttypid, atttypmod),
          'nullability', case when not attnotnull then 'nullable'
            -- Since version 18 such a constraint may be not valid, too.
            when exists (select from pg_constraint
              where conrelid = attrelid and contype = 'n' and conkey = array[attnum] and not convalidated)
            then 'not null, NOT VALID' else 'not null' end,
          'default', case when attgenerated = '' then pg_get_expr(adbin, adrelid) end,
          'expression', case attgenerated when '' then null when 'v' then pg_get_expr(adbin, adrelid) || ' virtual'
            else pg_get_expr(adbin, adrelid) || ' stored' end,
          'identity', case attidentity when 'a' then 'always' when 'd' then 'by default' end,
          'numbering', (
            select format('by %s from %s to %s%s', seqincrement, seqmin, seqmax, case when seqcycle then ', then again' end)
            from pg_depend join pg_sequence on seqrelid = objid
            where deptype = 'i' and classid = 'pg_class'::regclass and refclassid = 'pg_class'::regclass
              and refobjid = attrelid and refobjsubid = attnum),
          'collation', case when attcollation <> typcollation then attcollation::regcollation::text end)
      from relations
      join pg_attribute on attrelid = relations.oid and attnum > 0 and not attisdropped
      join pg_type on pg_type.oid = atttypid
      left join pg_attrdef on adrelid = attrelid and adnum = attnum
      where relkind in ('r', 'p', 'f')

      union all
      select 'constraint', quote_ident(relname), quote_ident(conname), json_build_object(
          'definition', regexp_replace(pg_get_constraintdef(pg_constraint.oid), ' NOT VALID$', ''),
          'state', case when not convalidated then 'NOT VALID'
            when contype in ('p', 'u', 'x') and exists (select from pg_index
              where indexrelid = conindid and not (indisvalid and indisready and indislive)) then 'its index is INVALID'
            -- "disable trigger all", as restoring data without constraints does.
            when exists (select from pg_trigger where tgconstraint = pg_constraint.oid and tgenabled in ('D', 'R'))
            then 'switched off' else 'valid' end)
      from relations
      join pg_constraint on conrelid = relations.oid
      -- Version 18 has NOT NULL here, too. It is with the column.
      where contype in ('p', 'u', 'x', 'f', 'c')

      union all
      select 'index', quote_ident(relations.relname), quote_ident(class.relname), json_build_object(
          'unique', case when indisunique then 'yes' end,
          -- The text begins with the table's name, and that with its schema.
          'definition', substr(pg_get_indexdef(indexrelid), length(format('CREATE %sINDEX %I ON %s%I.%I USING ',
            case when indisunique then 'UNIQUE ' end, class.relname, case when class.relkind = 'I' then 'ONLY ' end,
            nspname, relations.relname)) + 1),
          'state', case when indisvalid and indisready and indislive then 'valid' else 'INVALID' end)
      from relations
      join pg_index on indrelid = relations.oid
      join pg_class class on class.oid = indexrelid
      where not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))

      union all
      select 'trigger', quote_ident(relname), quote_ident(tgname), json_build_object(
          'definition', pg_get_triggerdef(pg_trigger.oid, true),
          'state', case tgenabled when 'D' then 'disabled' when 'R' then 'enabled for replication only'
            when 'A' then 'enabled, also for replication' else 'enabled' end)
      from relations join pg_trigger on tgrelid = relations.oid where not tgisinternal

      union all
      select 'rule', quote_ident(relname), quote_ident(rulename), json_build_object(
          'definition', pg_get_ruledef(pg_rewrite.oid, true))
      from relations join pg_rewrite on ev_class = relations.oid where rulename <> '_RETURN'

      union all
      select 'policy', quote_ident(relname), quote_ident(polname), json_build_object(
          'command', polcmd, 'kind', case when polpermissive then 'permissive' else 'restrictive' end,
          'using', pg_get_expr(polqual, polrelid), 'check', pg_get_expr(polwithcheck, polrelid))
      from relations join pg_policy on polrelid = relations.oid

      union all
      select 'sequence', quote_ident(relations.relname), quote_ident(class.relname), json_build_object(
          'type', format_type(seqtypid, null),
          'numbering', format('by %s from %s to %s%s', seqincrement, seqmin, seqmax, case when seqcycle then ', then again' end))
      from here
      join pg_class class on class.relnamespace = here.schema and class.relkind = 'S'
      join pg_sequence on seqrelid = class.oid
      left join pg_depend on classid = class.tableoid and objid = class.oid and refclassid = class.tableoid
        and deptype in ('a', 'i')
      left join relations on relations.oid = refobjid
      where deptype is distinct from 'i' and (class.tableoid, class.oid) not in (select classid, objid from extended)

      union all
      select 'function', null, quote_ident(proname) || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')',
        json_build_object(
          'kind', case prokind when 'f' then 'function' when 'p' then 'procedure' when 'a' then 'aggregate' else 'window' end,
          'arguments', nullif(pg_get_function_arguments(pg_proc.oid), ''),
          'result', pg_get_function_result(pg_proc.oid),
          'language', lanname,
          'volatility', case provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
          'parallel', case proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end,
          'on null', case when proisstrict then 'null' end,
          'rights', case when prosecdef then 'those of its owner' end,
          'settings', array_to_string(proconfig, ', '),
          'body', coalesce(pg_get_function_sqlbody(pg_proc.oid), prosrc))
      from here
      join pg_proc on pronamespace = here.schema
      join pg_language on pg_language.oid = prolang
      where (pg_proc.tableoid, pg_proc.oid) not in (select classid, objid from extended)

      union all
      select case typtype when 'e' then 'enum type' when 'd' then 'domain' else 'composite type' end,
        null, quote_ident(typname), json_build_object(
          'values', (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder)
            from pg_enum where enumtypid = pg_type.oid),
          'type', case typtype when 'd' then format_type(typbasetype, typtypmod) end,
          'nullability', case when typnotnull then 'not null' end,
          'default', typdefault,
          'constraints', (
            select string_agg(quote_ident(conname) || ' ' || pg_get_constraintdef(oid), ', ' order by conname)
            from pg_constraint where contypid = pg_type.oid and contype = 'c'),
          'attributes', (
            select string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum)
            from pg_attribute where attrelid = typrelid and attnum > 0 and not attisdropped))
      from here
      join pg_type on typnamespace = here.schema
      left join pg_class class on class.oid = typrelid
      where (typtype in ('e', 'd') or typtype = 'c' and class.relkind = 'c')
        and (pg_type.tableoid, pg_type.oid) not in (select classid, objid from extended)
    )
    select current_schema() as schema, coalesce((
      select json_agg(
        json_build_object('kind', kind, 'table', relation, 'name', name, 'facts', json_strip_nulls(facts))
        order by kind collate "C", relation collate "C", name collate "C")
      from objects), '[]') as objects,
      (select coalesce(json_agg(quote_ident(relname)), '[]') from relations
        where relrowsecurity and not relforcerowsecurity and not row_security_active(oid)) as guarded`;
  if (row.schema === null) {
    throw new Error(
      'The search path of this connection names no schema that exists, so there is nothing to look at. ' +
        'Make the schema, or set search_path for the role or the database (alter role ... set search_path).',
    );
  }
  return { schema: row.schema, objects: row.objects.map(normalize), guardedFromOthers: row.guarded };
}

/**
 * Versions write stored queries differently: since 16 the columns of a view on one table are not qualified any more. Which columns it
 * reads is a fact of its own, so nothing is lost with the qualifications.
 */
function normalize(object: SchemaObject): SchemaObject {
  const { definition, body } = object.facts;
  if (definition !== undefined && (object.kind === 'view' || object.kind === 'materialized view')) {
    const text = definition.replace(/'(?:[^']|'')*'|(?:"(?:[^"]|"")*"|\b[a-z_][\w$]*)\.(?=[a-z_"])/g, (match) =>
      match.startsWith("'") ? match : '',
    );
    return { ...object, facts: { ...object.facts, definition: text.replace(/\s+/g, ' ').replace(/^ |;?\s*$/g, '') } };
  }
  if (body !== undefined) return { ...object, facts: { ...object.facts, body: body.replaceAll('\r\n', '\n').trim() } };
  return object;
}
