import { countLines, createTally, type TableDigest } from '../archive/digest.ts';
import { dropIndexes } from '../archive/indexes.ts';
import type { Progress } from '../archive/progress.ts';
import { pinTextFormat, readRows } from '../archive/rows.ts';
import type { Database, Tx } from '../database/connect.ts';
import { sqlStateOf } from '../database/errors.ts';
import { insertMissing, type MergeState, makeStaging, mergeStateOf, stagingName } from './merge.ts';
import type { PresentTable, SqliteFile } from './sqlite-file.ts';
import { originalRow, type Renumbered, readSourceRows, type SourceRow } from './sqlite-rows.ts';
import { sourceTables, type TableName } from './sqlite-tables.ts';
import { writeLines } from './write.ts';

/** How many rows each list names; the rest is counted. */
const listed = 50;

/** A row that cannot be written as it is. */
export interface BadRow {
  table: TableName;
  id: number | string;
  problems: readonly string[];
}

/** A bad row with its values, as the files of `--skip-bad` and `--repair` hold it (docs/repairs.md). */
export interface SkippedRow extends BadRow {
  outcome: 'left out' | 'written without its link' | 'repaired';
  /** What was written in place of bad values, by column; only where `outcome` is `repaired`. */
  repaired?: Readonly<Record<string, unknown>>;
  row: Record<string, unknown>;
}

export interface TableReport {
  table: TableName;
  /** Rows that the file has. */
  read: number;
  /** Rows that were written. */
  written: number;
  /** Rows that the database had already, equal in every column. */
  present: number;
  /** Rows that are bad and were left out. */
  skipped: number;
  /** Rows that were written without their link to a cat that is not there. */
  unlinked: number;
  /** Rows that were written with other values in place of bad ones. */
  repaired: number;
  /** SHA-256 over the rows, the same in the file and in the database. */
  sha256: string;
}

export interface ImportReport {
  outcome: 'imported' | 'nothing to do' | 'dry run';
  tables: TableReport[];
  /** How often each reason for leaving something out, or for a repair, occurred, without numbers and values. */
  reasons: Record<string, number>;
  /** What the file has besides, and was left out with `--ignore-unknown`. */
  ignored: readonly string[];
}

export interface ImportOptions {
  file: SqliteFile;
  /** A handle without limits of time. The schema must be current. */
  database: Database;
  /** Insert what the database lacks, where it has rows already. */
  merge: boolean;
  /** Do everything but commit. */
  dryRun: boolean;
  /** Takes what is left out, or repaired; without it, bad rows stop the import. */
  onSkipped?: (row: SkippedRow) => void;
  /** Put bad values right where a rule can, and leave out only rows that none can save. */
  repair?: boolean;
  onProgress?: Progress;
  shutdown?: AbortSignal;
}

/** Nothing was imported. `message` says why, with every row at fault up to a limit. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
  readonly badRows: readonly BadRow[];

  constructor(message: string, badRows: readonly BadRow[] = []) {
    super(message);
    this.badRows = badRows;
  }
}

/** Ends a transaction that is not to be committed. */
class Withdrawn extends Error {
  readonly report: ImportReport;

  constructor(report: ImportReport) {
    super('withdrawn');
    this.report = report;
  }
}

/**
 * Imports a database of the first server: all of it in one transaction, or nothing. An empty database takes every row. One with
 * rows is compared row by row, by id: equal rows stay, missing ones are inserted with `merge` (and refused without), and a
 * row that differs stops the import, because nothing here could know which of the two is right. Before the end every row
 * is read back and compared by digest.
 *
 * @throws {ImportError}
 */
export async function importSqlite(options: ImportOptions): Promise<ImportReport> {
  try {
    return (await options.database.sql.begin((tx) => importWithin(tx, options))) as ImportReport;
  } catch (error) {
    if (error instanceof Withdrawn) return error.report;
    if (sqlStateOf(error) === '55P03')
      throw new ImportError('others are writing to the database: stop the server, or try again when it is quiet');
    throw error;
  }
}

async function importWithin(tx: Tx, options: ImportOptions): Promise<ImportReport> {
  await pinTextFormat(tx);
  const names = sourceTables.map(({ name }) => name);
  // Others may read meanwhile, unless there is nothing to read. Nobody may write: what was found empty, or equal, must be so at the end.
  await tx.unsafe(`set local lock_timeout to '10s'; lock table ${names.join(', ')} in share row exclusive mode`);
  const merging = await hasRows(tx, names);
  const indexes = merging ? [] : await dropIndexes(tx, names);
  if (merging) await makeStaging(tx, options.file.tables);
  const source = await writeAll(tx, options, merging);
  if (source.bad.total > 0 && !options.onSkipped) throw badRowsError(source.bad);

  const states = merging ? await mergeStateOf(tx, options.file.tables) : [];
  requireMergeable(states, options.merge);
  if (merging) await insertMissing(tx, options.file.tables);
  for (const definition of indexes) await tx.unsafe(definition);
  // The planner knows nothing of the new rows before, and the embedded engine has nobody to look later.
  await tx.unsafe(`analyze ${names.join(', ')}`);
  await compareDigests(tx, options, source.sums, merging);

  const tables = source.tables.map((report) => {
    const state = states.find(({ table }) => table === report.table);
    return state ? { ...report, written: state.missing, present: state.equal } : report;
  });
  const written = tables.reduce((sum, table) => sum + table.written, 0);
  const outcome = options.dryRun ? 'dry run' : written > 0 ? 'imported' : 'nothing to do';
  const report: ImportReport = { outcome, tables, reasons: source.bad.reasons, ignored: options.file.ignored };
  if (options.dryRun) throw new Withdrawn(report);
  for (const table of options.file.tables) await raiseSequence(tx, table);
  return report;
}

async function hasRows(tx: Tx, names: readonly string[]): Promise<boolean> {
  const [row] = await tx.unsafe<[{ found: boolean }]>(
    `select ${names.map((name) => `exists (select 1 from ${name})`).join(' or ')} as found`,
  );
  return row.found;
}

interface BadRows {
  total: number;
  list: BadRow[];
  reasons: Record<string, number>;
}

interface Source {
  tables: TableReport[];
  sums: Map<TableName, TableDigest>;
  bad: BadRows;
}

/** Writes every row that can be written, into the tables themselves or into those beside them. */
async function writeAll(tx: Tx, options: ImportOptions, merging: boolean): Promise<Source> {
  const { file } = options;
  const bad: BadRows = { total: 0, list: [], reasons: {} };
  const leftOut = new Map<TableName, Set<bigint>>();
  const renumbered: Renumbered | undefined = options.repair ? new Map() : undefined;
  const sums: Source['sums'] = new Map();
  const tables: TableReport[] = [];
  for (const table of file.tables) {
    const tally = createTally();
    const counts = { read: 0, skipped: 0, unlinked: 0, repaired: 0 };
    const excluded = new Set<bigint>();
    const lines = function* (): Iterable<string> {
      for (const row of readSourceRows(file.reader, table, leftOut, renumbered)) {
        counts.read += 1;
        if (row.problems.length > 0) noteBad(bad, table, row, options);
        if (row.unlinked) counts.unlinked += 1;
        if (row.repaired) counts.repaired += 1;
        if (row.line === undefined) {
          counts.skipped += 1;
          excluded.add(row.id);
        }
        // Once something is wrong, the rest is only looked at: all problems are told at once.
        else if (bad.total === 0 || options.onSkipped) yield row.line;
        if (counts.read % 1024 === 0)
          options.onProgress?.({ what: table.name, done: counts.read, expected: table.rows });
      }
    };
    const target = merging ? { table: stagingName(table.name), freeze: true } : { table: table.name };
    await writeLines(tx, { ...target, columns: table.columns.map((column) => column.target) }, lines(), (page) => {
      if (options.shutdown?.aborted) throw new ImportError('told to stop: nothing was imported');
      tally.add(page);
    });
    options.onProgress?.({ what: table.name, done: table.rows, expected: table.rows });
    leftOut.set(table.name, excluded);
    const sum = tally.result();
    sums.set(table.name, sum);
    tables.push({ table: table.name, ...counts, written: sum.rows, present: 0, sha256: sum.sha256 });
  }
  return { tables, sums, bad };
}

function noteBad(bad: BadRows, table: PresentTable, row: SourceRow, { file, onSkipped }: ImportOptions): void {
  bad.total += 1;
  const id = Number.isSafeInteger(Number(row.id)) ? Number(row.id) : String(row.id);
  const { problems } = row;
  for (const problem of problems) {
    const reason = `${table.name}: ${withoutValues(problem)}`;
    bad.reasons[reason] = (bad.reasons[reason] ?? 0) + 1;
  }
  if (bad.list.length < listed) bad.list.push({ table: table.name, id, problems });
  onSkipped?.({
    table: table.name,
    id,
    problems,
    outcome: row.repaired ? 'repaired' : row.unlinked ? 'written without its link' : 'left out',
    ...(row.repaired ? { repaired: row.repaired } : {}),
    row: originalRow(file.reader, table, row.id),
  });
}

/** A problem as rows may share it. */
function withoutValues(problem: string): string {
  return problem
    .replace(/^(\w+ is) (?:"(?:[^"\\]|\\.)*"?…?|-?[\d.e+-]+|-?Infinity)(?=[: ])/, '$1 …')
    .replace(/, at byte \d+$|: \d+ bytes, .*$|(?<=is not JSON): .*$/, '');
}

function badRowsError({ total, list }: BadRows): ImportError {
  const lines = list.map(({ table, id, problems }) => `  ${table} ${id}: ${problems.join('; ')}`);
  if (total > list.length) lines.push(`  … and ${total - list.length} more`);
  const count = total === 1 ? '1 row cannot' : `${total} rows cannot`;
  return new ImportError(
    `${count} be imported as they are, so nothing was:\n${lines.join('\n')}\nCorrect them in the file, or let --repair put their bad values right (docs/repairs.md says how) and list every row in a report, or leave them out with --skip-bad BAD.jsonl, which keeps a copy of them there.`,
    list,
  );
}

/** What is there already must not contradict the file, and may be added to only when that is asked for. */
function requireMergeable(states: readonly MergeState[], merge: boolean): void {
  const conflicts = states.flatMap(({ conflicts }) => conflicts);
  if (conflicts.length > 0) {
    const total = states.reduce((sum, { different }) => sum + different, 0);
    const lines = conflicts.slice(0, listed).map((line) => `  ${line}`);
    if (total > lines.length) lines.push(`  … and ${total - lines.length} more`);
    throw new ImportError(
      `the database has other values than the file, so nothing was imported:\n${lines.join('\n')}\nAn import never overwrites. Import into an empty database, or make the rows equal first.`,
    );
  }
  const missing = states.filter((state) => state.missing > 0);
  if (missing.length === 0 || merge) return;
  const counts = states.map(
    ({ table, missing, equal, others }) =>
      `  ${table}: ${missing} to insert, ${equal} equal, ${others} that the file does not have`,
  );
  throw new ImportError(
    `the database has rows already, so nothing was imported:\n${counts.join('\n')}\nImport into an empty database, or insert the missing rows with --merge.`,
  );
}

/** Reads back what was written and compares it with what the file has. */
async function compareDigests(tx: Tx, options: ImportOptions, sums: Source['sums'], merging: boolean): Promise<void> {
  const differences: string[] = [];
  for (const { name, columns } of options.file.tables) {
    const tally = createTally();
    const key = columns[0].target;
    // Rows that the file does not have are not its business.
    const table = merging
      ? `${name} join (select ${key} as wanted from ${stagingName(name)}) as staging on ${key} = wanted`
      : name;
    let done = 0;
    const expected = sums.get(name);
    for await (const { text } of readRows(tx, {
      name: table,
      numbered: false,
      columns: columns.map(({ target }) => target),
    })) {
      if (options.shutdown?.aborted) throw new ImportError('told to stop: nothing was imported');
      tally.add(text);
      done += countLines(text);
      options.onProgress?.({ what: `${name}, reading back`, done, expected: expected?.rows ?? 0 });
    }
    const found = tally.result();
    if (expected?.rows !== found.rows || expected.sha256 !== found.sha256)
      differences.push(
        `  ${name}: ${expected?.rows} rows with ${expected?.sha256}, but ${found.rows} with ${found.sha256}`,
      );
  }
  if (differences.length > 0)
    throw new ImportError(
      `the database does not have what was written to it, so nothing was kept. This is a fault of the program, please report it:\n${differences.join('\n')}`,
    );
}

/**
 * The next number is above every number that the file or the database ever gave. Last of all: a sequence belongs to no transaction,
 * so this stays even if the commit fails, and then some numbers are left free.
 */
async function raiseSequence(tx: Tx, { name, columns, sequence }: PresentTable): Promise<void> {
  if (columns[0].target !== 'id') return;
  await tx.unsafe(
    `select setval(path, wanted) from (
      select pg_get_serial_sequence('${name}', 'id')::regclass as path,
        greatest(${sequence}, (select max(id) from ${name})) as wanted
    ) as sequence where wanted > coalesce(pg_sequence_last_value(path), 0)`,
  );
}
