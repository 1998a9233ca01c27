import { copyDatabase } from '../archive/copy.ts';
import { build } from '../build.ts';
import { type Command, UsageError } from '../cli/command.ts';
import { ExitCode } from '../cli/exit-codes.ts';
import { withMaintenanceDatabase } from '../cli/maintenance.ts';
import { systemClock } from '../clock.ts';
import { loadSettings } from '../config/settings.ts';
import { describeTables } from './backup/answer.ts';
import { findTarget, settingsFor, withProgress } from './backup/archive-command.ts';

export const command: Command = {
  description: `Copies everything into another database: from the embedded one to a PostgreSQL when it has outgrown that, or back. The source is
only read, in one snapshot. The target takes all of it in one transaction, is read again and compared row by row before the
commit, and then has the newest schema.

The source is the database that the settings name. The target has to be empty, or is emptied with --replace.`,
  options: [
    {
      name: 'to',
      value: 'TARGET',
      purpose:
        'The address of a PostgreSQL database (postgresql://…), or a directory for an embedded one. One with a password belongs into TARGET_DATABASE_URL or its file',
    },
    { name: 'replace', purpose: 'Throw away everything that the target has' },
    { name: 'json', purpose: 'Print a JSON object' },
    { name: 'data-dir', value: 'DIRECTORY', purpose: 'Where the embedded source is kept', setting: 'DATA_DIR' },
  ],
  settings: ['DATABASE_URL', 'DIRECT_DATABASE_URL', 'TARGET_DATABASE_URL', 'DATA_DIR'],
  exitCodes: [
    ExitCode.ok,
    ExitCode.failure,
    ExitCode.usage,
    ExitCode.databaseUnreachable,
    ExitCode.lockTimeout,
    ExitCode.archiveInvalid,
  ],
  examples: [
    {
      line: 'catatlas copy --to postgresql://catatlas@localhost/catatlas',
      purpose: 'from the embedded database to a real server',
    },
    { line: 'catatlas copy --to ./data-copy', purpose: 'from the database of DATABASE_URL into an embedded one' },
  ],
  async run(args, io) {
    const source = loadSettings({ env: io.env, flags: args.settings, rules: 'tool' });
    const to = findTarget({ args, io }, source);
    if (to === undefined)
      throw new UsageError('--to is missing', 'Write it as --to postgresql://…, or set TARGET_DATABASE_URL.');
    const target = settingsFor(to, source);
    if (JSON.stringify(source.database) === JSON.stringify(target.database))
      throw new UsageError(`${to.named} names the database that is to be copied`, 'Name another one.');
    return await withProgress(io, async (watch) => {
      const { tables } = await withMaintenanceDatabase(
        { settings: source, io, purpose: 'copy', deed: 'read all' },
        (from) =>
          copyDatabase({
            source: from,
            withTarget: (work) =>
              withMaintenanceDatabase(
                { settings: target, io, purpose: 'copy', deed: 'replace all', option: to.named },
                work,
              ),
            replace: args.switches.has('replace'),
            programVersion: build.version,
            clock: systemClock,
            ...watch,
          }),
      );
      if (args.switches.has('json')) io.stdout(`${JSON.stringify({ tables }, null, 2)}\n`);
      else io.stdout(`${describeTables(tables)}Copied. Both databases have the same rows; the source was only read.\n`);
      return ExitCode.ok;
    });
  },
};
