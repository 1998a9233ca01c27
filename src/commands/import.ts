import { type Command, CommandFailure, type CommandIO, type ParsedArguments, UsageError } from '../cli/command.ts';
import { openProgressLine } from '../cli/command-progress.ts';
import { ExitCode } from '../cli/exit-codes.ts';
import { withImportTarget } from '../cli/import-target.ts';
import { openRepairReport, openRowReport } from '../cli/row-report.ts';
import { loadSettings } from '../config/settings.ts';
import { openSqliteFile, SqliteFileError } from '../import/sqlite-file.ts';
import { ImportError, type ImportReport, importSqlite } from '../import/sqlite-import.ts';

export const command: Command = {
  description: `sqlite FILE: imports the SQLite database of the first server, of whatever age, with its ids, favourites, links, analyses, insights and
comments: everything or nothing, in one transaction. Afterwards every row is read back and compared by digest. The file is only
read, in one read transaction, so the first server may be running; what it writes later is not imported.

An empty database takes everything. In one that has rows they are compared by id: when all rows of the file are there, there is
nothing to do; missing ones are inserted with --merge; a row that differs stops the import, because nothing is ever overwritten.
Rows that cannot be written as they are are named and stop the import. --repair puts their bad values right, keeps everything else of
them, and lists each with its old values in a report, whose path it prints; docs/repairs.md says what becomes of which value.
--skip-bad leaves such rows out, together with what depends on them; a sighting whose cat does not come along is kept without its
link. Tables and columns that the first server did not make stop the import, unless --ignore-unknown leaves them out.`,
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
        { name: 'repair', purpose: 'put bad values right, and list the rows in a report in the current directory' },
        {
          name: 'ignore-unknown',
          purpose: 'leave out tables and columns that the first server did not make, and list them',
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
    { line: 'catatlas import sqlite learninglog.db --repair --dry-run', purpose: 'see what a repair would change' },
    { line: 'catatlas import sqlite learninglog.db --skip-bad bad.jsonl', purpose: 'without the rows that are broken' },
  ],
  async run(args, io) {
    const settings = loadSettings({ env: io.env, flags: args.settings, rules: 'tool' });
    const [path = ''] = args.operands;
    const dryRun = args.switches.has('dry-run');
    const repair = args.switches.has('repair');
    if (repair && args.values['skip-bad'] !== undefined)
      throw new UsageError('--repair and --skip-bad exclude each other: bad rows are either put right or left out');
    const file = await openFile(path, args.switches.has('ignore-unknown'));
    try {
      return await withImportTarget({ settings, io, deed: 'import', dryRun }, async (database) => {
        const progress = openProgressLine(io);
        const skipped = repair ? openRepairReport() : openSkipFile(args.values['skip-bad']);
        try {
          const report = await importSqlite({
            file,
            database,
            merge: args.switches.has('merge'),
            dryRun,
            ...(skipped ? { onSkipped: skipped.write } : {}),
            repair,
            onProgress: progress.show,
            shutdown: io.shutdown,
          });
          progress.end();
          answer(report, skipped?.path(), args, io);
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

async function openFile(path: string, ignoreUnknown: boolean) {
  try {
    return await openSqliteFile(path, ignoreUnknown);
  } catch (error) {
    if (error instanceof SqliteFileError) throw new CommandFailure(ExitCode.failure, error.message, { cause: error });
    throw error;
  }
}

function openSkipFile(path: string | undefined) {
  return path === undefined ? undefined : openRowReport(path, '--skip-bad');
}

function answer(report: ImportReport, rowReport: string | undefined, args: ParsedArguments, io: CommandIO): void {
  if (args.switches.has('json')) {
    io.stdout(`${JSON.stringify({ ...report, report: rowReport ?? null }, null, 2)}\n`);
    return;
  }
  const { outcome, tables, reasons, ignored } = report;
  const repairing = args.switches.has('repair');
  const rows = [
    ['', 'read', 'written', 'present', 'left out', repairing ? 'repaired' : 'unlinked', 'SHA-256 of the rows'],
    ...tables.map(({ table, read, written, present, skipped, unlinked, repaired, sha256 }) => [
      table,
      ...[read, written, present, skipped, repairing ? repaired : unlinked].map(String),
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
      ...(why.length > 0
        ? [repairing ? 'Repaired, or left out, because:' : 'Left out, or without a link, because:', ...why]
        : []),
      ...(rowReport === undefined ? [] : [`Each of these rows, with its old values: ${rowReport}`]),
      ...(ignored.length > 0 ? [`Left out, because the first server did not make it: ${ignored.join(', ')}`] : []),
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
