import { type Command, CommandFailure, UsageError } from '../cli/command.ts';
import { openProgressLine } from '../cli/command-progress.ts';
import { ExitCode } from '../cli/exit-codes.ts';
import { withImportTarget } from '../cli/import-target.ts';
import { loadSettings } from '../config/settings.ts';
import { mostEntries, SeedError, seedDatabase } from '../seed/seed.ts';

const defaultSeed = 1;

export const command: Command = {
  description: `Fills an empty database with made-up sightings, for demonstrations, load tests and benchmarks: cats that are seen again and again near
one place, notes in English and German, addresses with coordinates, links, analyses, insights and comments. The same number of
entries and the same seed give the same rows, on every machine. A million entries take about a minute.

A database with rows is refused, unless --append adds to them: ids then go on after the highest. With production settings it also
wants --yes. From a clone, without the executable: bun run seed --entries 200, or npx -y bun@1.4.5 run seed --entries 200.`,
  options: [
    { name: 'entries', value: 'N', purpose: `How many sightings, from 1 to ${mostEntries}` },
    { name: 'seed', value: 'S', purpose: `What chance follows, from 0 to ${2 ** 32 - 1} (default ${defaultSeed})` },
    { name: 'append', purpose: 'Add to the rows that are there; nothing of them is changed' },
    { name: 'yes', purpose: 'Do it with production settings too' },
    { name: 'json', purpose: 'Print a JSON object' },
    { name: 'data-dir', value: 'DIRECTORY', purpose: 'Where the embedded database is kept', setting: 'DATA_DIR' },
  ],
  settings: ['DATABASE_URL', 'DIRECT_DATABASE_URL', 'DATA_DIR', 'DEBUG'],
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
    { line: 'catatlas seed --entries 200', purpose: 'something to look at' },
    { line: 'catatlas seed --entries 200 --append', purpose: 'the same, beside sightings of your own' },
    { line: 'catatlas seed --entries 1000000 --seed 7', purpose: 'a database to measure with' },
  ],
  async run(args, io) {
    const entries = readNumber('entries', args.values['entries'], 1, mostEntries);
    const seed = readNumber('seed', args.values['seed'] ?? String(defaultSeed), 0, 2 ** 32 - 1);
    const settings = loadSettings({ env: io.env, flags: args.settings, rules: 'tool' });
    if (settings.production && !args.switches.has('yes'))
      throw new CommandFailure(
        ExitCode.usage,
        'these are production settings (DEBUG is False), and made-up sightings are hard to tell from real ones: if you mean it, add --yes',
      );
    return await withImportTarget({ settings, io, deed: 'seed', dryRun: false }, async (database) => {
      const progress = openProgressLine(io);
      const began = performance.now();
      try {
        const report = await seedDatabase({
          database,
          entries,
          seed,
          append: args.switches.has('append'),
          onProgress: progress.show,
          shutdown: io.shutdown,
        });
        progress.end();
        if (args.switches.has('json')) io.stdout(`${JSON.stringify({ seed, ...report }, null, 2)}\n`);
        else {
          for (const { table, rows, sha256 } of report.tables)
            io.stdout(`${table.padEnd(12)}  ${String(rows).padStart(10)}  ${sha256}\n`);
          io.stdout(`Done in ${((performance.now() - began) / 1000).toFixed(1)} s, from seed ${seed}.\n`);
        }
        return ExitCode.ok;
      } catch (error) {
        progress.end();
        if (error instanceof SeedError) throw new CommandFailure(ExitCode.failure, error.message, { cause: error });
        throw error;
      }
    });
  },
};

function readNumber(name: string, text: string | undefined, least: number, most: number): number {
  if (text === undefined) throw new UsageError(`--${name} is missing`, `Write it as --${name} 1000.`);
  const value = Number(text);
  if (/^\d{1,12}$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`--${name} ${text}: expected a whole number from ${least} to ${most}`);
}
