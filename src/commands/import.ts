import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { ImportError, type ImportReport, importSqlite, type SkippedRow } from '../archive/import.ts';
import { openSqliteFile, SqliteFileError } from '../archive/sqlite-file.ts';
import { loadSettings } from '../config/settings.ts';
import { type Command, CommandFailure, type CommandIO, type ParsedArguments, UsageError } from './command.ts';
import { openProgressLine } from './command-progress.ts';
import { ExitCode } from './exit-codes.ts';
import { withImportTarget } from './import-target.ts';

export const command: Command = {
  description: `sqlite FILE: imports the SQLite database of the first server, of whatever age, with its ids, favourites, links, analyses, insights and
comments: everything or nothing, in one transaction. Afterwards every row is read back and compared by digest. The file is only
read, in one read transaction, so the first server may be running; what it writes later is not imported.

An empty database takes everything. In one that has rows they are compared by id: when all rows of the file are there, there is
nothing to do; missing ones are inserted with --merge; a row that differs stops the import, because nothing is ever overwritten.
Rows that cannot be written as they are are named and stop the import, unless --skip-bad leaves them out, together with what
depends on them; a sighting whose cat does not come along is kept without its link.`,
  actions: [
    {
      name: 'sqlite',
      purpose: 'Import a SQLite database of the first server',
      operands: [{ name: 'FILE', purpose: 'The SQLite file, often learninglog.db', required: true }],
      options: [
        { name: 'dry-run', purpose: 'do everything but commit; where there are no tables yet, in memory' },
        { name: 'merge', purpose: 'insert the missing rows into a database that has rows already' },
        {
          name: 'skip-bad',
          value: 'BAD.jsonl',
          purpose: 'leave bad rows out, and write them into a new file of this name',
        },
      ],
    },
  ],
  requiresAction: true,
  options: [
    { name: 'json', purpose: 'Print a JSON object' },
    { name: 'data-dir', value: 'DIRECTORY', purpose: 'Where the embedded database is kept', setting: 'DATA_DIR' },
  ],
  settings: ['DATABASE_URL', 'DIRECT_DATABASE_URL', 'DATA_DIR'],
  exitCodes: [
    ExitCode.ok,
    ExitCode.failure,
    ExitCode.usage,
    ExitCode.databaseUnreachable,
    ExitCode.migrationsPending,
    ExitCode.databaseNewer,
    ExitCode.migrationChanged,
    ExitCode.lockTimeout,
  ],
  examples: [
    { line: 'catatlas import sqlite learninglog.db --dry-run', purpose: 'see whether it would work, and what with' },
    { line: 'catatlas import sqlite learninglog.db', purpose: 'import it; again: nothing to do' },
    { line: 'catatlas import sqlite learninglog.db --skip-bad bad.jsonl', purpose: 'without the rows that are broken' },
  ],
  async run(args, io) {
    const settings = loadSettings({ env: io.env, flags: args.settings, rules: 'tool' });
    const [path = ''] = args.operands;
    const dryRun = args.switches.has('dry-run');
    const file = await openFile(path);
    try {
      return await withImportTarget({ settings, io, deed: 'import', dryRun }, async (database) => {
        const progress = openProgressLine(io);
        const skipped = openSkipFile(args.values['skip-bad']);
        try {
          const report = await importSqlite({
            file,
            database,
            merge: args.switches.has('merge'),
            dryRun,
            ...(skipped ? { onSkipped: skipped.write } : {}),
            onProgress: progress.show,
            shutdown: io.shutdown,
          });
          progress.end();
          answer(report, args, io);
          return ExitCode.ok;
        } catch (error) {
          progress.end();
          if (!(error instanceof ImportError)) throw error;
          // Nothing was imported, so nothing has been left out; and the next try may have the name.
          skipped?.remove();
          if (args.switches.has('json'))
            io.stdout(
              `${JSON.stringify({ outcome: 'refused', reason: error.message, bad_rows: error.badRows }, null, 2)}\n`,
            );
          throw new CommandFailure(ExitCode.failure, error.message, { cause: error });
        } finally {
          skipped?.close();
        }
      });
    } finally {
      file.close();
    }
  },
};

async function openFile(path: string) {
  try {
    return await openSqliteFile(path);
  } catch (error) {
    if (error instanceof SqliteFileError) throw new CommandFailure(ExitCode.failure, error.message, { cause: error });
    throw error;
  }
}

/**
 * The file of `--skip-bad`: a JSON object a line, made for the first row that is bad. Readable by its owner only: it has people's texts
 * and addresses. Never one that is there already: it may be the only copy of what an earlier import left out, or the file that is
 * imported.
 */
function openSkipFile(path: string | undefined) {
  if (path === undefined) return undefined;
  let file: number | undefined;
  return {
    write(row: SkippedRow): void {
      file ??= makeSkipFile(path);
      writeSync(file, `${JSON.stringify(row)}\n`);
    },
    close(): void {
      if (file !== undefined) closeSync(file);
    },
    remove(): void {
      if (file !== undefined) rmSync(path);
    },
  };
}

function makeSkipFile(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST')
      throw new UsageError(
        `--skip-bad: ${path} exists already and is not overwritten`,
        'Choose another name, or remove it. Nothing was imported.',
      );
    throw new UsageError(`--skip-bad: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function answer(report: ImportReport, args: ParsedArguments, io: CommandIO): void {
  if (args.switches.has('json')) {
    io.stdout(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const { outcome, tables, reasons } = report;
  const rows = [
    ['', 'read', 'written', 'present', 'left out', 'unlinked', 'SHA-256 of the rows'],
    ...tables.map(({ table, read, written, present, skipped, unlinked, sha256 }) => [
      table,
      ...[read, written, present, skipped, unlinked].map(String),
      sha256,
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 || column === 6 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const why = Object.entries(reasons).map(([reason, count]) => `  ${count} × ${reason}`);
  io.stdout(
    [
      ...rows.map(line),
      ...(why.length > 0 ? ['Left out, or without a link, because:', ...why] : []),
      {
        imported: 'Imported. What the database has agrees with the file, row by row.',
        'nothing to do': 'Nothing to do: the database has every row of the file.',
        'dry run': 'This would work. It was rolled back: nothing has changed.',
      }[outcome],
    ]
      .map((text) => `${text}\n`)
      .join(''),
  );
}
