// The SQL of adoption: what is wrong in the old rows, how a row becomes one of ours, and a text of a row that must come out
// equal on both sides. Texts made of the constants of prototype.ts only; nothing of a user is in them.
import {
  type ColumnKind,
  type PrototypeColumn,
  type PrototypeShape,
  type PrototypeTable,
  prototype,
} from './prototype.ts';
import { SHOWN_PROBLEMS } from './refused.ts';

/** Where the old tables go. */
export const OLD_SCHEMA = 'catatlas_prototype';

/**
 * Moments as the prototype wrote them: ISO 8601 of the years 1 to 9999 that exist in the calendar, at most microseconds, in UTC
 * said as `Z`, as `+00:00`, or not at all. For PostgreSQL and JavaScript. Checked before any cast: PostgreSQL would also take
 * `now`, `infinity`, the year 44 BC, 24:00, and round a seventh digit. The year 0000, which is none, is left to the caller:
 * a lookahead takes PostgreSQL twice the time.
 */
export const momentPattern = [
  '^(?:',
  '[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))',
  '|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29',
  ')[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]{1,6})?(?:Z|[+]00:00)?$',
].join('');

/** The largest id that the program can read: beyond it JavaScript's numbers are not exact. */
const largestId = Number.MAX_SAFE_INTEGER;

/** Says of a text what jsonb_typeof says of its JSON, or NULL when it is none. PostgreSQL 15 has no pg_input_is_valid. */
export const createJsonKind = `
  create function ${OLD_SCHEMA}.json_kind(given text) returns text language plpgsql as $$
  begin
    return jsonb_typeof(given::jsonb);
  exception when others then
    return null;
  end $$`;

export const dropJsonKind = `drop function ${OLD_SCHEMA}.json_kind(text)`;

/** A row that cannot be taken over, as {@link findProblems} and {@link findDuplicates} list them. */
export interface BadValue {
  key: string;
  name: string;
  /** The first 60 characters. */
  value: string | null;
  problem: string;
  /** How many there are in all, beyond the limit too. */
  total: number;
}

/** Lists what is wrong in a table that is still at its old place: as much as is shown, or all. One look at each row. */
export function findProblems(table: PrototypeTable, shape: PrototypeShape, all = false): string {
  const columns = shape[table] ?? [];
  const has = (name: string) => columns.some((column) => column.name === name);
  const checks = columns.flatMap((column) => {
    const cases = problemsOf(column, { shape, has });
    if (cases.length === 0) return [];
    const choices = cases.map(([condition, problem]) => `when ${condition} then ${literal(problem)}`);
    return [{ column, problem: `case ${choices.join(' ')} end` }];
  });
  const { key } = prototype[table];
  const values = checks.map(({ column, problem }) => `(${literal(column.name)}, ${at(column)}::text, ${problem})`);
  // The first condition says it all, but not what is wrong. It spares good rows the second, which is ten times slower: the
  // expressions of VALUES are prepared anew for each row.
  return `
    select prototype.${key}::text as key, found.name, left(found.value, 60) as value, found.problem, count(*) over () as total
    from ${table} as prototype
    cross join lateral (values ${values.join(',\n')}) as found (name, value, problem)
    where coalesce(${checks.map(({ problem }) => problem).join(',\n')}) is not null and found.problem is not null
    order by prototype.${key}, found.name
    limit ${all ? 'all' : SHOWN_PROBLEMS}`;
}

/** What is wrong with a value of a column: conditions on `prototype`, or undefined when nothing can be. */
export function isBad(column: PrototypeColumn, shape: PrototypeShape, table: PrototypeTable): string | undefined {
  const has = (name: string) => (shape[table] ?? []).some((one) => one.name === name);
  const conditions = problemsOf(column, { shape, has }).map(([condition]) => `coalesce(${condition}, false)`);
  return conditions.length === 0 ? undefined : conditions.join(' or ');
}

/** Lists all but the first row of each unique key, or nothing to ask when the table has no such key. */
export function findDuplicates(table: PrototypeTable, all = false): string | undefined {
  const { key, unique } = prototype[table];
  if (unique === undefined) return undefined;
  return `
    select key, ${literal(unique.join(', '))} as name, left(value, 60) as value,
      'is the same as in row ' || first as problem, count(*) over () as total
    from (
      select ${key} as number, ${key}::text as key, concat_ws(', ', ${unique.join(', ')}) as value,
        first_value(${key}) over same as first, row_number() over same as place
      from ${table}
      window same as (partition by ${unique.join(', ')} order by ${key})
    ) as counted
    where place > 1
    order by number
    limit ${all ? 'all' : SHOWN_PROBLEMS}`;
}

type Case = [condition: string, problem: string];

function problemsOf(
  column: PrototypeColumn,
  { shape, has }: { shape: PrototypeShape; has(name: string): boolean },
): Case[] {
  const value = at(column);
  const cases: Case[] = [];
  if (column.name === 'id') cases.push([`${value} not between 1 and ${largestId}`, `is outside 1 to ${largestId}`]);
  if (column.filled) cases.push([`${value} = ''`, 'is empty']);
  if (column.oneOf) {
    const list = column.oneOf;
    cases.push([`${value} not in (${list.map(literal).join(', ')})`, `is none of ${list.join(', ')}`]);
  }
  if (column.references) {
    const target = column.references;
    const orphan =
      shape[target] === undefined
        ? `${value} is not null`
        : `not exists (select from ${target} as target where target.id = ${value})`;
    cases.push([`${value} is not null and ${orphan}`, `names no row of ${target}`]);
  }
  if (column.degrees) {
    const { limit, with: partner } = column.degrees;
    const alone = has(partner) ? `prototype.${partner} is null` : 'true';
    cases.push([`${value} not between -${limit} and ${limit}`, `is outside -${limit} to ${limit}`]);
    cases.push([`${value} is not null and ${alone}`, `is given without ${partner}`]);
  }
  switch (column.kind) {
    case 'flag':
      cases.push([`${value} not in (0, 1)`, 'is neither 0 nor 1']);
      break;
    case 'instant':
      cases.push([
        `${value} like '0000%' or ${value} !~ ${literal(momentPattern)}`,
        'is not a moment in UTC of the years 1 to 9999 such as 2026-11-22T13:13:34.577339Z',
      ]);
      break;
    case 'tags':
      // In the order of CASE: what follows is only evaluated where the first condition is false.
      cases.push([`${OLD_SCHEMA}.json_kind(${value}) is distinct from 'array'`, 'is not a JSON array']);
      cases.push([
        `exists (select from jsonb_array_elements(${value}::jsonb) as tag where jsonb_typeof(tag) <> 'string')`,
        'has a tag that is not a text',
      ]);
      break;
    case 'insight':
      cases.push([`${OLD_SCHEMA}.json_kind(${value}) is distinct from 'object'`, 'is not a JSON object']);
      cases.push([
        `(select count(*) <> count(distinct part) from json_object_keys(${value}::json) as part)`,
        'has a key twice',
      ]);
      break;
    default:
      break;
  }
  return cases;
}

/** Where the rows of an old table are, once it has been moved: what a FROM can name. */
export function movedTable(table: PrototypeTable): string {
  return `${OLD_SCHEMA}.${table}`;
}

/** Fills our table from the old one, whose rows are in `source`. */
export function copyRows(
  table: PrototypeTable,
  columns: readonly PrototypeColumn[],
  source = movedTable(table),
): string {
  return `
    insert into ${table} (${columns.map(({ becomes }) => becomes).join(', ')})
    select ${columns.map((column) => converted[column.kind](at(column))).join(', ')}
    from ${source} as prototype`;
}

const converted: Record<ColumnKind, (value: string) => string> = {
  integer: (value) => value,
  flag: (value) => `${value} = 1`,
  text: (value) => value,
  // The zone, if any, is UTC; a cast to `timestamp` leaves it out, whatever zone the session is in.
  instant: (value) => `${value}::timestamp at time zone 'UTC'`,
  // By way of the text: 52.52031 of four bytes would become 52.52030944824219 of eight.
  coordinate: (value) => `${value}::text::double precision`,
  tags: (value) => `${value}::jsonb`,
  insight: (value) => `${value}::jsonb`,
};

/** Count and digest of the old rows, which are in `source`. */
export function digestOld(
  table: PrototypeTable,
  columns: readonly PrototypeColumn[],
  source = movedTable(table),
): string {
  const present = new Set(columns.map(({ name }) => name));
  const fields = prototype[table].columns.map((column) =>
    present.has(column.name) ? oldText[column.kind](at(column)) : 'null',
  );
  return digest(fields, `${source} as prototype`);
}

/** Count and digest of our table. */
export function digestNew(table: PrototypeTable): string {
  const fields = prototype[table].columns.map(({ kind, becomes }) => newText[kind](`ours.${becomes}`));
  return digest(fields, `${table} as ours`);
}

/** A value of the old table as text, by other means than those that convert it. */
const oldText: Record<ColumnKind, (value: string) => string> = {
  integer: (value) => `${value}::text`,
  flag: (value) => `${value}::text`,
  text: (value) => value,
  instant: (value) =>
    `left(${value}, 10) || ' ' || substr(${value}, 12, 8) || '.' || rpad(coalesce(substring(${value} from '[.]([0-9]+)'), ''), 6, '0')`,
  coordinate: (value) => `${value}::text`,
  // The type json keeps the text as it is and reads it in another way than jsonb, which stores numbers and keys of its own.
  tags: (value) =>
    `(select string_agg(quote_literal(tag), ',' order by place) from json_array_elements_text(${value}::json) with ordinality as list (tag, place))`,
  insight: (value) =>
    `(select string_agg(quote_literal(key) || part::text::jsonb::text, ',' order by key collate "C") from json_each(${value}::json) as parts (key, part))`,
};

/** A value of our table as the same text. */
const newText: Record<ColumnKind, (value: string) => string> = {
  integer: (value) => `${value}::text`,
  flag: (value) => `${value}::integer::text`,
  text: (value) => value,
  instant: (value) => `to_char(${value} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')`,
  coordinate: (value) => `${value}::text`,
  tags: (value) =>
    `(select string_agg(quote_literal(tag), ',' order by place) from jsonb_array_elements_text(${value}) with ordinality as list (tag, place))`,
  insight: (value) =>
    `(select string_agg(quote_literal(key) || part::text, ',' order by key collate "C") from jsonb_each(${value}) as parts (key, part))`,
};

/**
 * Rows and a digest of them that does not depend on their order and needs no memory: the sums of both halves of a 128-bit
 * hash of each row. OFFSET 0 keeps the planner from computing the hash once for each use.
 */
function digest(fields: readonly string[], from: string): string {
  const row = fields.map((field) => `quote_nullable(${field})`).join(', ');
  return `
    select count(*) as rows, encode(sha256(convert_to(concat_ws(' ', count(*), sum(high), sum(low)), 'UTF8')), 'hex') as digest
    from (
      select ('x' || left(hash, 16))::bit(64)::bigint as high, ('x' || substr(hash, 17, 16))::bit(64)::bigint as low
      from (
        select encode(sha256(convert_to(concat_ws(',', ${row}), 'UTF8')), 'hex') as hash from ${from} offset 0
      ) as hashed
    ) as halves`;
}

function at(column: PrototypeColumn): string {
  return `prototype.${column.name}`;
}

/** A text as SQL writes it. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
