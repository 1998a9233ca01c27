import { Buffer, isUtf8 } from 'node:buffer';
import type { SqliteReader, SqliteRow, SqliteValue } from '../platform/sqlite.ts';
import { copyNull, fieldText } from './fields.ts';
import { computedTables, repairRow } from './repair.ts';
import type { PresentTable } from './sqlite-file.ts';
import type { SourceColumn } from './sqlite-tables.ts';

/** The most bytes that a text may have. PostgreSQL would take a little less than a gigabyte for a whole row. */
const mostTextBytes = 100 * 1024 * 1024;

/** A row of the file on its way. */
export interface SourceRow {
  id: bigint;
  /** As COPY writes it, line feed included; undefined when it cannot be written. */
  line: string | undefined;
  /** The row can be written, but its link to a cat that does not come along has been cleared. */
  unlinked: boolean;
  /** Why the row cannot be written as it is. */
  problems: readonly string[];
  /** What is written in place of bad values, by column; only for a row that was repaired. */
  repaired?: Readonly<Record<string, unknown>>;
}

/** The ids that rows have got in place of bad ones, by table. */
export type Renumbered = Map<string, Map<bigint, bigint>>;

/** The ids of rows that are not written, by table: what depends on them cannot be written either. */
export type LeftOut = ReadonlyMap<string, ReadonlySet<bigint>>;

/** How many rows are read at once. */
const pageRows = 256;

/** The rows of a table by id, checked one by one; with `repair`, which is told of new ids, bad values are put right where a rule can. */
export function* readSourceRows(
  reader: SqliteReader,
  table: PresentTable,
  leftOut: LeftOut,
  repair?: Renumbered,
): Iterable<SourceRow> {
  const check = checkerOf(reader, table, leftOut, repair);
  const key = `"${table.columns[0].source}"`;
  const usual = `${key} between 1 and ${Number.MAX_SAFE_INTEGER}`;
  // Rows that get new ids come last, as they will when they are read back.
  for (const range of repair ? [usual, `not ${usual}`] : ['true']) {
    for (let after: bigint | undefined; ; ) {
      const rows: SqliteRow[] =
        after === undefined
          ? reader.all(selectRows(table, range))
          : reader.all(selectRows(table, `${range} and ${key} > ?`), after);
      for (const row of rows) yield check(row);
      const last = rows.at(-1)?.['c0'];
      if (rows.length < pageRows || typeof last !== 'bigint') break;
      after = last;
    }
  }
}

/** What turns a row of the file into one of ours. */
function checkerOf(
  reader: SqliteReader,
  table: PresentTable,
  leftOut: LeftOut,
  repair: Renumbered | undefined,
): (row: SqliteRow) => SourceRow {
  const mend = repair && menderOf(reader, table, leftOut, repair);
  const columns = table.columns.map((column, index) => ({ column, key: `c${index}` }));
  const duplicates = findDuplicates(reader, table);
  const linkIndex = table.columns.findIndex(({ source }) => source === table.link?.column);
  const degrees = columns
    .filter(({ column: { kind } }) => kind === 'latitude' || kind === 'longitude')
    .map(({ key }) => key);
  const clearable = table.link?.whenMissing === 'clear';
  return (row) => {
    const id = row['c0'];
    if (typeof id !== 'bigint') throw new Error(`${table.name}: an INTEGER PRIMARY KEY is ${typeof id}`);
    const problems: string[] = [];
    const fields: string[] = [];
    const bad = new Set<string>();
    let bytes = 0;
    let suspicious = false;
    for (const { column, key } of columns) {
      // A column that this file does not have is null.
      const value = row[key] ?? null;
      if (typeof value === 'string') {
        bytes += Buffer.byteLength(value);
        suspicious ||= value.includes('\0') || value.includes('\ufffd');
      }
      const before = problems.length;
      fields.push(fieldText(column, value, problems));
      if (problems.length > before) bad.add(column.source);
    }
    if (suspicious || bytes !== Number(row['octets'])) {
      // What is wrong with the bytes of a column explains what else looks wrong about it.
      for (const [name, finding] of inspectTexts(reader, table, id)) {
        const known = problems.findIndex((problem) => problem.startsWith(`${name} `));
        problems.splice(known === -1 ? problems.length : known, known === -1 ? 0 : 1, `${name} ${finding}`);
        bad.add(name);
      }
    }
    if (isHalf(row, degrees)) {
      problems.push('has only one of location_lat and location_lon');
      for (const name of ['location_lat', 'location_lon']) bad.add(name);
    }
    if (duplicates.has(id)) problems.push(`has the same ${table.unique?.join(', ')} as an earlier row`);
    const missing = missingLink(row, table, linkIndex, leftOut);
    if (mend && (problems.length > 0 || missing !== undefined)) {
      if (missing !== undefined) problems.push(missing);
      if (missing !== undefined && table.link) bad.add(table.link.column);
      return mend({ id, fields, bad, problems });
    }
    const unlinked = missing !== undefined && clearable && problems.length === 0;
    if (unlinked) fields[linkIndex] = copyNull;
    if (missing !== undefined) problems.push(missing);
    const writable = problems.length === 0 || unlinked;
    return { id, line: writable ? `${fields.join('\t')}\n` : undefined, unlinked, problems };
  };
}

/** What puts rows right: see import-repair.ts. */
function menderOf(reader: SqliteReader, table: PresentTable, leftOut: LeftOut, renumbered: Renumbered) {
  const key = table.columns[0].source;
  let highest: bigint | undefined;
  const newId = () => {
    highest ??= highestId(reader, table);
    highest += 1n;
    return highest;
  };
  const follow = (target: bigint): bigint | undefined => {
    const name = table.link?.table ?? '';
    const moved = renumbered.get(name)?.get(target);
    if (moved !== undefined) return moved;
    if (!table.linkTargetExists || leftOut.get(name)?.has(target)) return undefined;
    return reader.all(`select 1 from ${name} where id = ?`, target).length > 0 ? target : undefined;
  };
  return ({
    id,
    fields,
    bad,
    problems,
  }: Pick<SourceRow, 'id' | 'problems'> & { fields: string[]; bad: Set<string> }): SourceRow => {
    const leave: SourceRow = { id, line: undefined, unlinked: false, problems };
    // Only of a computed row, which is left out whatever else is wrong.
    if (computedTables.includes(table.name)) return leave;
    const original = new Map(
      readOriginal(reader, table, id).map(({ name, value, bytes, octets }) => [
        name,
        { value, bytes, isHuge: octets > mostTextBytes },
      ]),
    );
    const mended = repairRow({ table, original, bad, newId, follow });
    if (mended === undefined) return leave;
    const line = table.columns.map(({ source }, index) => mended.get(source)?.text ?? fields[index]).join('\t');
    const given = mended.get(key);
    if (given) {
      const moved = renumbered.get(table.name) ?? new Map<bigint, bigint>();
      renumbered.set(table.name, moved.set(id, BigInt(given.text)));
    }
    const repaired = Object.fromEntries([...mended].map(([name, { shown }]) => [name, shown]));
    return { id, line: `${line}\n`, unlinked: false, problems, repaired };
  };
}

/** The highest id that a row of the file has or had. */
function highestId(reader: SqliteReader, { name, sequence }: PresentTable): bigint {
  const [row] = reader.all(`select max(id) as id from ${name} where id <= ${Number.MAX_SAFE_INTEGER}`);
  const found = typeof row?.['id'] === 'bigint' && row['id'] > 0n ? row['id'] : 0n;
  return found > sequence ? found : sequence;
}

function selectRows(table: PresentTable, condition: string): string {
  const present = table.columns.flatMap(({ source, kind }, index) =>
    table.present.has(source) ? [{ name: `"${source}"`, key: `c${index}`, isText: !untexted.has(kind) }] : [],
  );
  const texts = present.filter(({ isText }) => isText);
  const fields = present.map(({ name, key, isText }) =>
    // Never fetched: it could be a gigabyte. The sum of the octets shows that there was something.
    isText ? `iif(octet_length(${name}) > ${mostTextBytes}, null, ${name}) as ${key}` : `${name} as ${key}`,
  );
  const octets = texts
    .map(({ name }) => `iif(typeof(${name}) in ('text', 'blob'), octet_length(${name}), 0)`)
    .join(' + ');
  const { link } = table;
  // Without the table itself, nothing that points into it has a target.
  const linked =
    link && table.present.has(link.column)
      ? [
          `${table.linkTargetExists ? `exists (select 1 from ${link.table} where id = source."${link.column}")` : '0'} as linked`,
        ]
      : [];
  const key = `"${table.columns[0].source}"`;
  return `select ${[...fields, `${octets} as octets`, ...linked].join(', ')} from ${table.name} as source
    where ${condition} order by ${key} limit ${pageRows}`;
}

/** The kinds of fields whose values are numbers in SQLite. */
const untexted: ReadonlySet<SourceColumn['kind']> = new Set(['id', 'flag', 'latitude', 'longitude']);

/** Does a row have a latitude without a longitude, or the other way round? */
function isHalf(row: SqliteRow, [lat = '', lon = '']: readonly string[]): boolean {
  return (row[lat] ?? null) === null ? (row[lon] ?? null) !== null : (row[lon] ?? null) === null;
}

/** In words, what the row points to that does not come along. */
function missingLink(row: SqliteRow, table: PresentTable, index: number, leftOut: LeftOut): string | undefined {
  const target = row[`c${index}`];
  if (!table.link || typeof target !== 'bigint') return undefined;
  const { table: name, column } = table.link;
  const one = name === 'cats' ? 'cat' : 'entry';
  if (row['linked'] !== 1n) return `${column} is ${target}: there is no such ${one}`;
  return leftOut.get(name)?.has(target) ? `${column} is ${target}: that ${one} is a bad row itself` : undefined;
}

/** The rows whose unique columns an earlier row has. */
function findDuplicates(reader: SqliteReader, { name, unique }: PresentTable): Set<bigint> {
  const duplicates = new Set<bigint>();
  if (!unique) return duplicates;
  const rows = reader.all(
    `select id from (select id, row_number() over (partition by ${unique.join(', ')} order by id) as place from ${name}) where place > 1`,
  );
  for (const { id } of rows) if (typeof id === 'bigint') duplicates.add(id);
  return duplicates;
}

/** What is wrong with the bytes of a row's texts: pairs of a column and a finding. */
function inspectTexts(reader: SqliteReader, table: PresentTable, id: bigint): [name: string, finding: string][] {
  return readOriginal(reader, table, id).flatMap(({ name, kind, type, octets, bytes }) => {
    const finding = untexted.has(kind) ? undefined : findingOf(type, octets, bytes);
    return finding === undefined ? [] : [[name, finding] as [string, string]];
  });
}

function findingOf(type: string, octets: number, bytes: Uint8Array | undefined): string | undefined {
  if (type === 'blob') return 'is a blob and not text';
  if (type === 'text' && octets > mostTextBytes)
    return `is huge: ${octets} bytes, at most ${mostTextBytes} can be imported`;
  if (type !== 'text' || bytes === undefined) return undefined;
  const zero = bytes.indexOf(0);
  if (zero !== -1) return `has a NUL character, at byte ${zero}`;
  return isUtf8(bytes) ? undefined : 'is not valid UTF-8';
}

interface OriginalField {
  name: string;
  kind: SourceColumn['kind'];
  type: string;
  value: SqliteValue;
  octets: number;
  /** The bytes of a text; undefined for another type, and for what is huge. */
  bytes: Uint8Array | undefined;
}

/** A row as it is in the file, with the bytes of its texts. */
function readOriginal(reader: SqliteReader, table: PresentTable, id: bigint): OriginalField[] {
  const columns = table.columns.filter(({ source }) => table.present.has(source));
  const fields = columns.map(({ source }, index) => {
    const name = `"${source}"`;
    const fits = `octet_length(${name}) <= ${mostTextBytes}`;
    return `typeof(${name}) as t${index}, octet_length(${name}) as n${index}, iif(typeof(${name}) = 'text', null, iif(${fits}, ${name}, null)) as v${index},
      iif(typeof(${name}) = 'text' and ${fits}, cast(${name} as blob), null) as b${index}`;
  });
  const [row] = reader.all(`select ${fields.join(', ')} from ${table.name} where "${table.columns[0].source}" = ?`, id);
  if (!row) throw new Error(`${table.name} ${id} has gone from the file`);
  return columns.map(({ source, kind }, index) => {
    const bytes = row[`b${index}`];
    return {
      name: source,
      kind,
      type: String(row[`t${index}`]),
      value: row[`v${index}`] ?? null,
      octets: Number(row[`n${index}`]),
      // An empty text is an empty blob, which the runtimes read as null or as nothing.
      bytes:
        bytes instanceof Uint8Array
          ? bytes
          : row[`t${index}`] === 'text' && row[`n${index}`] === 0n
            ? new Uint8Array()
            : undefined,
    };
  });
}

/**
 * A row as JSON can hold it, for the list of rows that are left out: text as text; text that is not UTF-8 as `{"text_base64"}`, a blob
 * as `{"blob_base64"}`, a number beyond 2^53 as `{"integer"}`, what is huge as `{"huge_bytes"}`: it stays in the file.
 */
export function originalRow(reader: SqliteReader, table: PresentTable, id: bigint): Record<string, unknown> {
  return Object.fromEntries(readOriginal(reader, table, id).map((field) => [field.name, portable(field)]));
}

function portable({ type, value, octets, bytes }: OriginalField): unknown {
  if (octets > mostTextBytes) return { huge_bytes: octets };
  if (bytes)
    return isUtf8(bytes) ? Buffer.from(bytes).toString('utf8') : { text_base64: Buffer.from(bytes).toString('base64') };
  if (type === 'blob') return { blob_base64: Buffer.from(value instanceof Uint8Array ? value : []).toString('base64') };
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : { integer: String(value) };
  return typeof value === 'number' && !Number.isFinite(value) ? { number: String(value) } : value;
}
