import { type Action, type Command, UsageError } from '../cli/command.ts';
import { ExitCode } from '../cli/exit-codes.ts';
import { loadSettings } from '../config/settings.ts';
import type { MigrateArguments } from './migrate/migrate-command.ts';

/** An action with the code that does it, loaded when it is needed. */
interface MigrateAction extends Action {
  run(given: MigrateArguments): Promise<ExitCode>;
}

const to = (purpose: string) => ({ name: 'to', value: 'N', purpose });
const yes = (purpose: string) => ({ name: 'yes', purpose });
const number = (purpose: string) => ({ name: 'N', purpose, required: true });

const actions: readonly MigrateAction[] = [
  {
    name: 'up',
    purpose: 'Apply what is pending, each file in a transaction of its own (the default)',
    options: [
      to('stop after version N'),
      {
        name: 'dry-run',
        purpose: 'do it in one transaction and roll that back: a rehearsal on the real data, under real locks',
      },
      {
        name: 'repair',
        purpose:
          'where the tables of the first server are taken over: put bad values right, and list the rows in a report in the current directory',
      },
    ],
    run: async (given) => (await import('./migrate/up.ts')).up(given),
  },
  {
    name: 'status',
    purpose: 'Show what has been applied and what is pending',
    options: [{ name: 'exit-code', purpose: 'exit with 4 when migrations are pending' }],
    run: async (given) => (await import('./migrate/status.ts')).showStatus(given),
  },
  {
    name: 'plan',
    purpose: 'Show what up would run: the SQL, the locks it takes, and whom they block',
    options: [to('stop after version N')],
    run: async (given) => (await import('./migrate/plan.ts')).showPlan(given),
  },
  {
    name: 'verify',
    purpose: 'Compare the files with what was applied, and the schema with what the files make',
    run: async (given) => (await import('./migrate/verify.ts')).verify(given),
  },
  {
    name: 'down',
    purpose: 'Undo what came after version N, by the SQL that the database keeps for it',
    options: [
      { name: 'to', value: 'N', purpose: 'the version to go back to' },
      yes('really do it; without this it only shows what it would run'),
    ],
    run: async (given) => (await import('./migrate/down.ts')).down(given),
  },
  {
    name: 'baseline',
    purpose: 'Record versions 1 to N as applied, for a schema that is there but has no history',
    operands: [number('The version that the schema is at')],
    run: async (given) => (await import('./migrate/repair.ts')).recordBaseline(given),
  },
  {
    name: 'show',
    purpose: 'Print the file of version N as this binary carries it; needs no database',
    operands: [number('A version')],
    run: async (given) => (await import('./migrate/show.ts')).showFile(given),
  },
  {
    name: 'repair',
    purpose:
      'Clean up after a file that was interrupted outside a transaction; accept edited files if the schema is right',
    options: [yes('accept edited files without asking for this again')],
    run: async (given) => (await import('./migrate/repair.ts')).repairHistory(given),
  },
  {
    name: 'lint',
    purpose: 'List what is unsafe in the files of this binary; needs no database',
    run: async (given) => (await import('./migrate/show.ts')).showFindings(given),
  },
];

export const command: Command = {
  description: `Changes the schema of the database, and shows its state. Safe to run from several places at once: one works, the others wait for it and
find nothing to do. A file that fails is rolled back, and the message says where and what is applied now.

It connects by DIRECT_DATABASE_URL if that is set, otherwise by DATABASE_URL, otherwise to the embedded database. docs/migrations.md
tells how to write, rehearse, apply and undo a migration.`,
  actions,
  options: [
    { name: 'json', purpose: 'Print a JSON object' },
    { name: 'data-dir', value: 'DIRECTORY', purpose: 'Where the embedded database is kept', setting: 'DATA_DIR' },
  ],
  settings: ['DATABASE_URL', 'DIRECT_DATABASE_URL', 'DATA_DIR', 'MIGRATION_LOCK_TIMEOUT_SECONDS'],
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
    { line: 'catatlas migrate', purpose: 'apply what is pending, before the new version serves' },
    { line: 'catatlas migrate plan', purpose: 'see first what that would do, and whom it would block' },
    { line: 'catatlas migrate up --dry-run', purpose: 'rehearse it on the real data' },
    { line: 'catatlas migrate status --exit-code', purpose: 'in a script: 0 when current, 4 when not' },
    { line: 'catatlas migrate down --to 2', purpose: 'see what undoing version 3 and later would run' },
  ],
  async run(args, io) {
    const settings = loadSettings({ env: io.env, flags: args.settings, rules: 'tool' });
    const action = actions.find(({ name }) => name === args.action);
    if (!action) throw new UsageError(`unknown action ${args.action}`);
    return await action.run({ settings, args, io });
  },
};
