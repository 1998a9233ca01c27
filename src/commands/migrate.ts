import { build } from '../build.ts';
import { systemClock } from '../clock.ts';
import { loadSettings, type Settings } from '../config/settings.ts';
import type { Database } from '../database/connect.ts';
import { openDatabase, openForMigrations } from '../database/open.ts';
import { loadCatalog } from '../migrator/catalog.ts';
import { readHistory } from '../migrator/history.ts';
import { type Plan, planMigrations } from '../migrator/plan.ts';
import { migrateUp, requireSound } from '../migrator/run.ts';
import { createLog, type Log } from '../observability/log.ts';
import type { Command, CommandIO, ParsedArguments } from './command.ts';
import { asCommandFailure } from './database-failure.ts';
import { ExitCode } from './exit-codes.ts';

export const command: Command = {
  description: `up (the default): applies what is pending, each file in a transaction of its own. Safe to run from several places at once:
one works, the others wait for it.

status: shows what has been applied and what is pending. Changes nothing.`,
  operands: [{ name: 'ACTION', choices: ['up', 'status'], purpose: 'What to do' }],
  options: [
    { name: 'json', purpose: 'Print a JSON object' },
    { name: 'exit-code', purpose: 'With status: exit with 4 when migrations are pending' },
    { name: 'data-dir', value: 'DIRECTORY', purpose: 'Where the embedded database is kept', setting: 'DATA_DIR' },
  ],
  settings: ['DATABASE_URL', 'DATA_DIR', 'MIGRATION_LOCK_TIMEOUT_SECONDS'],
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
    { line: 'catatlas migrate', purpose: 'before the new version serves' },
    { line: 'catatlas migrate status --exit-code', purpose: 'in a script: 0 when current, 4 when not' },
  ],
  async run(args, io) {
    const settings = loadSettings({ env: io.env, flags: args.settings });
    // Standard output is for the answer; the log of what is done meanwhile goes beside it.
    const log = createLog({
      level: settings.LOG_LEVEL,
      format: settings.LOG_FORMAT === 'json' ? 'json' : 'pretty',
      write: (line) => io.stderr(line),
      now: () => systemClock.now(),
    });
    const options = { settings, applicationName: `catatlas/${build.version}`, log };
    try {
      const database = await openDatabase(options);
      try {
        return args.operands[0] === 'status'
          ? await showStatus(database, args, io)
          : await bringUp(openForMigrations(database, options), { settings, log, args, io });
      } finally {
        await database.close();
      }
    } catch (error) {
      throw asCommandFailure(error);
    }
  },
};

async function bringUp(
  database: Database,
  { settings, log, args, io }: { settings: Settings; log: Log; args: ParsedArguments; io: CommandIO },
): Promise<ExitCode> {
  const catalog = loadCatalog();
  try {
    const applied = await migrateUp({
      sql: database.sql,
      catalog,
      clock: systemClock,
      log,
      binaryVersion: build.version,
      lockTimeoutSeconds: settings.MIGRATION_LOCK_TIMEOUT_SECONDS,
      shutdown: io.shutdown,
    });
    const version = catalog.at(-1)?.version ?? 0;
    if (args.switches.has('json'))
      io.stdout(`${JSON.stringify({ version, applied: applied.map(({ file }) => file) }, null, 2)}\n`);
    else if (applied.length === 0) io.stdout(`Nothing to do: the schema is current at version ${version}.\n`);
    else io.stdout(`Applied ${applied.map(({ file }) => file).join(', ')}: the schema is at version ${version}.\n`);
    return ExitCode.ok;
  } finally {
    await database.close();
  }
}

async function showStatus(database: Database, args: ParsedArguments, io: CommandIO): Promise<ExitCode> {
  const catalog = loadCatalog();
  const history = await readHistory(database.sql);
  const plan = planMigrations(catalog, history);
  if (args.switches.has('json')) {
    const pending = plan.pending.map(({ version, name, file }) => ({ version, name, file }));
    const { current, target, changed, unknown } = plan;
    io.stdout(`${JSON.stringify({ current, target, applied: history, pending, changed, unknown }, null, 2)}\n`);
  } else {
    const known = new Map(history.map((row) => [row.version, row]));
    for (const { version, file } of catalog) {
      const row = known.get(version);
      const state = row ? `applied ${row.applied_at} in ${row.duration_ms} ms by ${row.binary_version}` : 'pending';
      io.stdout(`${file.padEnd(32)} ${state}\n`);
    }
    io.stdout(`${describe(plan)}\n`);
  }
  requireSound(plan);
  return plan.pending.length > 0 && args.switches.has('exit-code') ? ExitCode.migrationsPending : ExitCode.ok;
}

function describe({ current, target, pending }: Plan): string {
  if (pending.length === 0) return `The schema is current at version ${current}.`;
  const count = pending.length === 1 ? '1 migration is' : `${pending.length} migrations are`;
  return `The schema is at version ${current} of ${target}; ${count} pending. To apply: catatlas migrate`;
}
