import type { Queryable } from '../../database/connect.ts';
import { acceptedTypes, type PrototypeShape, prototype, prototypeTables } from './prototype.ts';

/** What a schema holds under the names of our tables. */
export type Recognition =
  | { kind: 'empty' }
  | { kind: 'prototype'; shape: PrototypeShape }
  | { kind: 'foreign'; differences: string[] };

/** A relation with the name of one of our tables, as the catalog describes it. */
export interface FoundTable {
  name: string;
  /** `r` for a table; other letters as in pg_class.relkind. */
  kind: string;
  /** Row level security, which may hide rows. */
  rowSecurity: boolean;
  inherits: boolean;
  columns: FoundColumn[];
  constraints: FoundConstraint[];
  /** What else hangs on the table, in PostgreSQL's words: triggers, views, rules, policies, other tables' foreign keys … */
  dependents: string[];
}

export interface FoundColumn {
  name: string;
  type: string;
  required: boolean;
  generated: boolean;
  /** There is a sequence that belongs to it (serial or identity). */
  serial: boolean;
}

export interface FoundConstraint {
  /** pg_constraint.contype. */
  kind: string;
  columns: string[];
  /** The table that a foreign key refers to. */
  references: string | null;
  /** `entries_pkey PRIMARY KEY (id)`. */
  text: string;
}

/**
 * The first schema behind the current one in the search path that has the first server's tables; undefined when none has. Whoever makes
 * tables in the current one would hide those.
 */
export async function findHiddenPrototype(sql: Queryable): Promise<string | undefined> {
  const rows = await sql<{ schema: string }[]>`
    select distinct nspname::text as schema, array_position(current_schemas(false), nspname) as place
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where relname = 'entries' and nspname = any(current_schemas(false)) and nspname <> current_schema()
    order by place`;
  for (const { schema } of rows) if ((await recognizeSchema(sql, schema)).kind === 'prototype') return schema;
  return undefined;
}

/** Reads the tables of our names in a schema (default: the current one), in one round trip, and says whose they are. */
export async function recognizeSchema(sql: Queryable, schema: string | null = null): Promise<Recognition> {
  const rows = await sql<{ found: FoundTable }[]>`
    with ours as (
      select relation.oid, relation.relname, relation.relkind, relation.relrowsecurity
      from pg_class as relation
      join pg_namespace as namespace on namespace.oid = relation.relnamespace
      where namespace.nspname = coalesce(${schema}::name, current_schema())
        and relation.relname = any(${`{${prototypeTables.join(',')}}`}::text[])
    )
    select json_build_object(
      'name', ours.relname,
      'kind', ours.relkind,
      'rowSecurity', ours.relrowsecurity,
      'inherits', exists (select from pg_inherits where inhrelid = ours.oid),
      'columns', (
        select coalesce(json_agg(json_build_object(
          'name', attname,
          'type', format_type(atttypid, null),
          'required', attnotnull,
          'generated', attgenerated <> '',
          'serial', exists (
            select from pg_depend
            join pg_class as sequence on sequence.oid = pg_depend.objid and sequence.relkind = 'S'
            where pg_depend.classid = 'pg_class'::regclass and pg_depend.deptype in ('a', 'i')
              and refclassid = 'pg_class'::regclass and refobjid = attrelid and refobjsubid = attnum
          )
        ) order by attnum), '[]')
        from pg_attribute where attrelid = ours.oid and attnum > 0 and not attisdropped
      ),
      'constraints', (
        select coalesce(json_agg(json_build_object(
          'kind', contype,
          'columns', (
            select coalesce(json_agg(attname order by place), '[]')
            from unnest(conkey) with ordinality as part (number, place)
            join pg_attribute on attrelid = conrelid and attnum = part.number
          ),
          'references', (select relname from pg_class where oid = confrelid and oid in (select oid from ours)),
          'text', conname || ' ' || pg_get_constraintdef(oid)
        ) order by conname), '[]')
        -- Not n: PostgreSQL 18 lists NOT NULL here, which the columns say. Not t: a trigger is a dependent.
        from pg_constraint where conrelid = ours.oid and contype not in ('n', 't')
      ),
      'dependents', (
        select coalesce(json_agg(described order by described), '[]')
        from (
          select distinct pg_describe_object(classid, objid, 0) as described
          from pg_depend
          where refclassid = 'pg_class'::regclass and refobjid = ours.oid and deptype in ('n', 'a')
            and case classid
              when 'pg_attrdef'::regclass then false
              when 'pg_statistic_ext'::regclass then false
              when 'pg_class'::regclass then
                exists (select from pg_class where pg_class.oid = objid and relkind not in ('i', 'I', 'S', 't'))
              when 'pg_constraint'::regclass then
                exists (select from pg_constraint where pg_constraint.oid = objid and conrelid not in (select oid from ours))
              when 'pg_trigger'::regclass then
                exists (select from pg_trigger where pg_trigger.oid = objid and not tgisinternal)
              else true
            end
        ) as hanging
      )
    ) as found
    from ours`;
  return classify(rows.map(({ found }) => found));
}

/** Whose tables these are. `foreign` comes with every difference from the prototype at once. Pure. */
export function classify(found: readonly FoundTable[]): Recognition {
  if (found.length === 0) return { kind: 'empty' };
  const differences: string[] = [];
  const shape: PrototypeShape = {};
  for (const name of prototypeTables) {
    const table = found.find((one) => one.name === name);
    if (table === undefined) {
      if (name === 'entries') differences.push('entries: is missing, and the prototype always had it');
      continue;
    }
    differences.push(...differencesOf(name, table));
    shape[name] = prototype[name].columns.filter((expected) => table.columns.some((one) => one.name === expected.name));
  }
  // A column that refers to a table which is not there can still hold nothing but NULL: the rows tell.
  return differences.length === 0 ? { kind: 'prototype', shape } : { kind: 'foreign', differences };
}

const relationKinds: Record<string, string> = {
  v: 'a view',
  m: 'a materialized view',
  p: 'a partitioned table',
  f: 'a foreign table',
  S: 'a sequence',
  i: 'an index',
  I: 'an index',
  c: 'a composite type',
};

function differencesOf(name: (typeof prototypeTables)[number], table: FoundTable): string[] {
  if (table.kind !== 'r') return [`${name}: is ${relationKinds[table.kind] ?? table.kind}, expected a table`];
  const spec = prototype[name];
  const differences: string[] = [];
  for (const expected of spec.columns) {
    const column = table.columns.find((one) => one.name === expected.name);
    const place = `${name}.${expected.name}`;
    const types = acceptedTypes[expected.kind];
    if (column === undefined) {
      if (!expected.later) differences.push(`${place}: is missing, expected ${types[0]}`);
      continue;
    }
    if (!types.includes(column.type))
      differences.push(`${place}: has the type ${column.type}, expected ${types.join(' or ')}`);
    if (column.required === expected.nullable)
      differences.push(
        `${place}: is ${expected.nullable ? 'NOT NULL, expected to allow NULL' : 'allowed to be NULL, expected NOT NULL'}`,
      );
    if (column.generated) differences.push(`${place}: is a generated column, expected a plain one`);
    if (expected.name === 'id' && !column.serial)
      differences.push(`${place}: has no sequence of its own, expected serial`);
  }
  for (const column of table.columns) {
    if (!spec.columns.some((expected) => expected.name === column.name))
      differences.push(`${name}.${column.name}: is not a column of the prototype (type ${column.type})`);
  }
  if (!table.constraints.some(({ kind, columns }) => kind === 'p' && columns.join() === spec.key))
    differences.push(`${name}: expected the primary key (${spec.key})`);
  for (const constraint of table.constraints) {
    if (!isKnownConstraint(name, constraint))
      differences.push(`${name}: has a constraint that the prototype had not: ${constraint.text}`);
  }
  for (const dependent of table.dependents) differences.push(`${name}: ${dependent} depends on it, expected nothing`);
  if (table.rowSecurity) differences.push(`${name}: has row level security, which may hide rows, expected none`);
  if (table.inherits) differences.push(`${name}: inherits from another table, expected a table of its own`);
  return differences;
}

/** Keys of the prototype. Those that a database lacks do not matter: the rows are checked. */
function isKnownConstraint(name: (typeof prototypeTables)[number], constraint: FoundConstraint): boolean {
  const { columns: expected, unique } = prototype[name];
  switch (constraint.kind) {
    case 'p':
      // A wrong one is reported as the right one missing.
      return true;
    case 'u':
      return constraint.columns.join() === unique?.join();
    case 'f':
      return expected.some(
        (column) =>
          column.references !== undefined &&
          column.references === constraint.references &&
          column.name === constraint.columns.join(),
      );
    default:
      return false;
  }
}
