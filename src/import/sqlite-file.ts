import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { openSqlite, type SqliteReader } from '../platform/sqlite.ts';
import { type SourceTable, sourceTables } from './sqlite-tables.ts';

/** The file cannot be imported as it is. `message` says everything that is wrong with it, and what to do. */
export class SqliteFileError extends Error {
  override readonly name = 'SqliteFileError';
}

/** A table of the file: with the columns that the file has. */
export interface PresentTable extends SourceTable {
  /** The number of rows. */
  rows: number;
  /** The names of those columns, as `source` in the table's columns names them, that this file has. */
  present: ReadonlySet<string>;
  /** The highest number ever given, where the file remembers it: numbers of deleted rows are not given again. */
  sequence: bigint;
  /** Does the file have the table that `link` points to? */
  linkTargetExists: boolean;
}

/** A database of the first server, held still in one read transaction. */
export interface SqliteFile {
  reader: SqliteReader;
  /** In the order in which rows can be written; without those that the file does not have. */
  tables: readonly PresentTable[];
  /** Tables and columns that the first server did not make, in words; empty unless that was allowed. */
  ignored: readonly string[];
  close(): void;
}

const magic = 'SQLite format 3\0';

/**
 * Opens a database of the first server and looks at it as a whole: is it SQLite, is it sound, are its tables those of the first
 * server. Throws SqliteFileError with all that is wrong. With `ignoreUnknown`, tables and columns of others are left out.
 */
export async function openSqliteFile(path: string, ignoreUnknown = false): Promise<SqliteFile> {
  requireSqlite(path);
  let reader: SqliteReader | undefined;
  try {
    reader = await openSqlite(realpathSync(path));
    const open = reader;
    open.all('pragma busy_timeout = 2000');
    // One read transaction: whatever the first server writes from now on belongs to another import.
    open.all('begin');
    requireSound(open, path);
    const { tables, ignored } = requireKnownTables(open, path, ignoreUnknown);
    return {
      reader: open,
      tables,
      ignored,
      close() {
        open.all('rollback');
        open.close();
      },
    };
  } catch (error) {
    reader?.close();
    throw error instanceof SqliteFileError ? error : describeFailure(path, error);
  }
}

function requireSqlite(path: string): void {
  let first: string;
  try {
    if (!statSync(path).isFile()) throw new SqliteFileError(`${path} is not a file`);
    const file = openSync(path, 'r');
    try {
      const bytes = new Uint8Array(magic.length);
      first = new TextDecoder('latin1').decode(bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0)));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof SqliteFileError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new SqliteFileError(`there is no file ${path}`);
    throw new SqliteFileError(`${path} cannot be read: ${message}`, { cause: error });
  }
  if (first === '') throw new SqliteFileError(`${path} is empty`);
  if (first !== magic)
    throw new SqliteFileError(`${path} is not a SQLite database, or it is encrypted: it does not begin as one`);
}

/** What SQLite says of a file that it cannot read. */
function describeFailure(path: string, error: unknown): SqliteFileError {
  const message = error instanceof Error ? error.message : String(error);
  const advice = /locked|busy/i.test(message)
    ? 'another program is writing to it: try again, or stop that program'
    : /malformed|disk image|not a database|disk I\/O|corrupt/i.test(message)
      ? 'it is damaged. `sqlite3 FILE .recover | sqlite3 NEW` saves what can be read'
      : /readonly|read-only|unable to open/i.test(message)
        ? 'a -wal or -journal file beside it may be missing, or its folder may not be written to: copy the file and those beside it into a folder of your own'
        : 'see that it is the database of the first server';
  return new SqliteFileError(`${path} cannot be read (${message}): ${advice}`, { cause: error });
}

function requireSound(reader: SqliteReader, path: string): void {
  const [encoding] = reader.all('pragma encoding').map((row) => String(row['encoding']));
  if (encoding !== 'UTF-8')
    throw new SqliteFileError(
      `${path} holds its texts as ${encoding}; the first server wrote UTF-8. Make a copy with \`sqlite3 FILE .dump | sqlite3 NEW\``,
    );
  const findings = reader.all('pragma quick_check(10)').map((row) => String(row['quick_check']));
  if (findings.length === 1 && findings[0] === 'ok') return;
  throw new SqliteFileError(
    `${path} is damaged:\n${findings.map((line) => `  ${line}`).join('\n')}\n\`sqlite3 FILE .recover | sqlite3 NEW\` saves what can be read`,
  );
}

/** Where a file is not as the first server made it. `unknown` names what others have added, which can be left out. */
interface Deviation {
  line: string;
  unknown?: string;
}

/** The tables of the file, which must be those of the first server, and what others have added. Throws with every difference. */
function requireKnownTables(
  reader: SqliteReader,
  path: string,
  ignoreUnknown: boolean,
): { tables: PresentTable[]; ignored: string[] } {
  const deviations: Deviation[] = [];
  // SQLite's names are the same in upper and lower case.
  const found = new Map<string, string>();
  for (const { name } of reader.all(
    `select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' order by name`,
  ))
    found.set(String(name).toLowerCase(), String(name));
  const tables = sourceTables.flatMap((table) => {
    if (!found.delete(table.name)) {
      if (table.required) deviations.push({ line: `there is no table ${table.name}` });
      return [];
    }
    const present = presentColumns(reader, table, deviations);
    return [{ ...table, present }];
  });
  for (const name of found.values())
    deviations.push({ line: `the table ${name} is not known`, unknown: `table ${name}` });
  const fatal = deviations.filter(({ unknown }) => unknown === undefined || !ignoreUnknown);
  if (fatal.length > 0) throw unknownShape(path, fatal);
  const sequences = readSequences(reader);
  return {
    tables: tables.map((table) => ({
      ...table,
      rows: Number(reader.all(`select count(*) as rows from ${table.name}`)[0]?.['rows']),
      sequence: sequences.get(table.name) ?? 0n,
      linkTargetExists: tables.some(({ name }) => name === table.link?.table),
    })),
    ignored: deviations.flatMap(({ unknown }) => (unknown === undefined ? [] : [unknown])),
  };
}

function unknownShape(path: string, deviations: readonly Deviation[]): SqliteFileError {
  // Where something is missing or different, leaving out more is no cure.
  const advice = deviations.every(({ unknown }) => unknown !== undefined)
    ? '\nOther programs add such tables and columns (Litestream, Alembic, Cloudflare D1). To leave them out and import the rest: --ignore-unknown'
    : '';
  return new SqliteFileError(
    `${path} is not a database of the first server, or of a version that this program does not know:\n${deviations.map(({ line }) => `  ${line}`).join('\n')}${advice}`,
  );
}

function presentColumns(reader: SqliteReader, table: SourceTable, deviations: Deviation[]): Set<string> {
  const found = new Map(
    reader
      .all(`select name, type, pk from pragma_table_xinfo('${table.name}')`)
      .map((row) => [String(row['name']).toLowerCase(), row]),
  );
  const present = new Set<string>();
  for (const [index, { source, later }] of table.columns.entries()) {
    const column = found.get(source.toLowerCase());
    found.delete(source.toLowerCase());
    if (column) present.add(source);
    else if (!later) deviations.push({ line: `${table.name} has no column ${source}` });
    // Only this makes ids whole numbers that exist once; rows are read in their order.
    if (index === 0 && column && !(column['pk'] === 1n && String(column['type']).toUpperCase() === 'INTEGER'))
      deviations.push({ line: `${table.name}.${source} is not an INTEGER PRIMARY KEY` });
  }
  for (const { name } of found.values())
    deviations.push({
      line: `${table.name} has the unknown column ${name}`,
      unknown: `column ${table.name}.${name}`,
    });
  return present;
}

/** A bad row drives a sequence beyond what ids may be. Then the highest id that is written counts. */
const highest = BigInt(Number.MAX_SAFE_INTEGER);

function readSequences(reader: SqliteReader): Map<string, bigint> {
  const [exists] = reader.all(`select 1 from sqlite_schema where name = 'sqlite_sequence'`);
  if (!exists) return new Map();
  const rows = reader.all(
    `select lower(name) as name, max(seq) as seq from sqlite_sequence where typeof(seq) = 'integer' group by 1`,
  );
  return new Map(rows.map(({ name, seq }) => [String(name), typeof seq === 'bigint' && seq < highest ? seq : 0n]));
}
