// What bad values of the prototype's tables become with `--repair`. The rules are those of the import of its SQLite file
// (archive/import-repair.ts); docs/repairs.md lists them for people. The old tables are not touched: the rows that are put right are
// made beside them, and take their place when rows are copied and compared.
import type { Queryable } from '../../database/connect.ts';
import { findDuplicates, findProblems, isBad, literal, movedTable, OLD_SCHEMA } from './conversion.ts';
import { type PrototypeColumn, type PrototypeShape, type PrototypeTable, prototype } from './prototype.ts';

/** How many rows were put right in a table, and how many none of the rules can save. */
export interface RepairCounts {
  repaired: number;
  leftOut: number;
}

interface Adopted {
  table: PrototypeTable;
  columns: readonly PrototypeColumn[];
}

/** Rows that are computed from others: a bad one is left out, and computed again when it is asked for. */
const computed: readonly PrototypeTable[] = ['analyses', 'cat_insights'];

const placeholders: Readonly<Record<string, string>> = {
  text: '[no text]',
  author_name: '[unknown]',
  content: '[no text]',
};

const unknownMoment = '1970-01-01T00:00:00Z';

/**
 * A text that people take for a moment, as the prototype would have written it: a date alone (its midnight), more than six digits, white
 * space around, an offset. NULL for anything else. Checked before the cast, which would also take 24:00 and the second 60.
 */
const createMoment = `
  create function ${OLD_SCHEMA}.moment(given text) returns text language plpgsql as $$
  declare
    parts text[] := regexp_match(given, '^\\s*(\\d{4}-\\d{2}-\\d{2})(?:[T ]((?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d)(?:[.,](\\d+))?\\s*(Z|[+-](?:0\\d|1[0-5])(?::?[0-5]\\d)?)?)?\\s*$', 'i');
    moment timestamp;
  begin
    moment := (parts[1] || ' ' || coalesce(parts[2], '00:00:00') || coalesce('.' || left(parts[3], 6), '')
      || coalesce(nullif(upper(parts[4]), 'Z'), '+00'))::timestamptz at time zone 'UTC';
    if extract(year from moment) between 1 and 9999 then
      return to_char(moment, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    end if;
    return null;
  exception when others then
    return null;
  end $$`;

const bad = (table: PrototypeTable) => `${OLD_SCHEMA}.bad_${table}`;
const repaired = (table: PrototypeTable) => `${OLD_SCHEMA}.repaired_${table}`;
const renumbered = `${OLD_SCHEMA}.renumbered`;

/**
 * Makes, beside the old tables at their old place, the rows that take the place of bad ones. Every row that is bad goes to `report` as
 * a line of JSON (docs/repairs.md), with all of its old values.
 */
export async function repairRows(
  session: Queryable,
  { tables, shape, report }: { tables: readonly Adopted[]; shape: PrototypeShape; report(line: string): void },
): Promise<Map<PrototypeTable, RepairCounts>> {
  await session.unsafe(createMoment);
  await session.unsafe(`create table ${renumbered} (name text, id bigint, becomes bigint, primary key (name, id))`);
  for (const { table } of tables) if (prototype[table].key === 'id') await session.unsafe(renumber(table));
  const counts = new Map<PrototypeTable, RepairCounts>();
  for (const { table, columns } of tables) {
    await session.unsafe(makeBadList(table, columns, shape));
    await session.unsafe(makeRepaired(table, columns, shape));
    const [row] = await session.unsafe<[RepairCounts]>(`
      select (select count(*) from ${repaired(table)}) as repaired,
        (select count(*) from ${bad(table)}) - (select count(*) from ${repaired(table)}) as "leftOut"`);
    counts.set(table, row);
    await listRows(session, table, report);
  }
  return counts;
}

/** The rows of a moved table with the repaired ones in the place of the bad ones: what a FROM can name. */
export function repairedSource(table: PrototypeTable, columns: readonly PrototypeColumn[]): string {
  const names = columns.map(({ name }) => name).join(', ');
  return `(
    select ${names} from ${movedTable(table)} as old
    where not exists (select from ${bad(table)} as bad where bad.key = old.${prototype[table].key})
    union all select ${names} from ${repaired(table)}
  )`;
}

/** Removes what repairRows has made. */
export async function dropRepairs(session: Queryable, tables: readonly Adopted[]): Promise<void> {
  const made = tables.flatMap(({ table }) => [bad(table), repaired(table)]);
  await session.unsafe(`drop table ${[...made, renumbered].join(', ')}`);
  await session.unsafe(`drop function ${OLD_SCHEMA}.moment(text)`);
}

/** New ids for those that cannot be kept: after the highest that a row has or had. */
function renumber(table: PrototypeTable): string {
  const isOutside = `id not between 1 and ${Number.MAX_SAFE_INTEGER}`;
  return `
    insert into ${renumbered}
    select ${literal(table)}, id, row_number() over (order by id) + greatest(
      (select max(id) from ${table} where not (${isOutside})),
      pg_sequence_last_value(pg_get_serial_sequence(${literal(table)}, 'id')::regclass),
      0)
    from ${table} where ${isOutside}`;
}

/** The keys of bad rows with what is wrong, and of those that a new id has to be told. */
function makeBadList(table: PrototypeTable, columns: readonly PrototypeColumn[], shape: PrototypeShape): string {
  const { key } = prototype[table];
  const moved = columns.flatMap(({ name, references }) =>
    references === undefined
      ? []
      : [
          `select prototype.${key}::text as key, ${literal(name)} as name, prototype.${name}::text as value,
            'names a row of ${references} that gets another id' as problem
          from ${table} as prototype
          join ${renumbered} as moved on moved.name = ${literal(references)} and moved.id = prototype.${name}`,
        ],
  );
  const questions = [findProblems(table, shape, true), findDuplicates(table, true)]
    .filter((question) => question !== undefined)
    .map((question) => `select key, name, value, problem from (${question}) as found`);
  return `
    create table ${bad(table)} as
    select key::bigint as key, json_agg(concat(name, ' ', to_json(value), ' ', problem) order by name) as problems
    from (${[...questions, ...moved].join(' union all ')}) as every
    group by 1`;
}

function makeRepaired(table: PrototypeTable, columns: readonly PrototypeColumn[], shape: PrototypeShape): string {
  const { key } = prototype[table];
  const fields = columns.map((column) => `${repairOf(column, { table, columns, shape })} as ${column.name}`);
  const needed = columns.filter(({ references, nullable }) => references !== undefined && !nullable);
  const kept = computed.includes(table)
    ? 'false'
    : ['true', ...needed.map(({ name }) => `${name} is not null`)].join(' and ');
  // OFFSET 0: conditions look at what is repaired, and not at what the old row had under the same name.
  return `
    create table ${repaired(table)} as
    select ${columns.map(({ name }) => name).join(', ')}, old_key from (
      select ${fields.join(', ')}, prototype.${key}::bigint as old_key
      from ${table} as prototype join ${bad(table)} as bad on bad.key = prototype.${key} offset 0
    ) as row where ${kept}`;
}

interface Place {
  table: PrototypeTable;
  columns: readonly PrototypeColumn[];
  shape: PrototypeShape;
}

function repairOf(column: PrototypeColumn, { table, columns, shape }: Place): string {
  const value = `prototype.${column.name}`;
  const newId = (name: PrototypeTable) =>
    `(select becomes from ${renumbered} as moved where moved.name = ${literal(name)} and moved.id = ${value})`;
  if (column.name === prototype[table].key && column.name === 'id') return `coalesce(${newId(table)}, ${value})`;
  const condition = isBad(column, shape, table);
  const otherwise = (instead: string) =>
    condition === undefined ? value : `case when ${condition} then ${instead} else ${value} end`;
  if (column.references) return `coalesce(${newId(column.references)}, ${otherwise('null')})`;
  if (column.degrees) {
    const partner = columns.find(({ name }) => name === column.degrees?.with);
    const either = [condition, partner && isBad(partner, shape, table)].filter((one) => one !== undefined);
    return `case when ${either.join(' or ')} then null else ${value} end`;
  }
  if (column.filled) return otherwise(literal(placeholders[column.name] ?? ''));
  if (column.kind === 'flag') return otherwise('1');
  if (column.kind !== 'instant') return value;
  const read = `${OLD_SCHEMA}.moment(${value})`;
  if (column.nullable) return otherwise(read);
  const other = columns.find(({ kind, name }) => kind === 'instant' && name !== column.name);
  const neighbour = other ? [`${OLD_SCHEMA}.moment(prototype.${other.name})`] : [];
  return otherwise(`coalesce(${[read, ...neighbour, literal(unknownMoment)].join(', ')})`);
}

/** How many rows are fetched at once. */
const pageRows = 100;

async function listRows(session: Queryable, table: PrototypeTable, report: (line: string) => void): Promise<void> {
  await session.unsafe(`
    declare catatlas_repairs no scroll cursor for
    select json_build_object(
      'table', ${literal(table)},
      'id', bad.key,
      'problems', bad.problems,
      'outcome', case when fixed.old_key is null then 'left out' else 'repaired' end,
      'repaired', case when fixed.old_key is not null then (
        select json_object_agg(field.key, field.value)
        from jsonb_each(to_jsonb(fixed) - 'old_key') as field
        where field.value is distinct from to_jsonb(prototype) -> field.key
      ) end,
      'row', to_jsonb(prototype)
    )::text as line
    from ${bad(table)} as bad
    join ${table} as prototype on prototype.${prototype[table].key} = bad.key
    left join ${repaired(table)} as fixed on fixed.old_key = bad.key
    order by bad.key`);
  for (;;) {
    const rows = await session.unsafe<{ line: string }[]>(`fetch ${pageRows} from catatlas_repairs`);
    for (const { line } of rows) report(line);
    if (rows.length < pageRows) break;
  }
  await session.unsafe('close catatlas_repairs');
}
