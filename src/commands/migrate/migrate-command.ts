import { type CommandIO, type ParsedArguments, UsageError } from '../../cli/command.ts';
import { asCommandFailure } from '../../cli/database-failure.ts';
import type { ExitCode } from '../../cli/exit-codes.ts';
import { migratorOptions, withMaintenanceDatabase } from '../../cli/maintenance.ts';
import type { Settings } from '../../config/settings.ts';
import type { MigratorOptions } from '../../migrator/locked.ts';
import type { Migration } from '../../migrator/migration-catalog.ts';

/** What every action is given. */
export interface MigrateArguments {
  settings: Settings;
  args: ParsedArguments;
  io: CommandIO;
}

/** Opens the database for `work` and closes it again. What goes wrong becomes a message and an exit code. */
export async function withMigrator(
  { settings, io }: MigrateArguments,
  work: (options: MigratorOptions) => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await withMaintenanceDatabase({ settings, io, purpose: 'migrate', deed: 'migrate' }, (database, log) =>
      work(migratorOptions({ settings, database, log, shutdown: io.shutdown })),
    );
  } catch (error) {
    throw asCommandFailure(error);
  }
}

/** The answer of an action: an object for programs, lines for people. */
export function answer({ args, io }: MigrateArguments, forPrograms: object, forPeople: readonly string[]): void {
  if (args.switches.has('json')) io.stdout(`${JSON.stringify(forPrograms, null, 2)}\n`);
  else io.stdout(forPeople.map((line) => `${line}\n`).join(''));
}

/** A version given on the command line: from `first` to the last of the catalog. */
export function readVersion(text: string, catalog: readonly Migration[], first: number): number {
  const last = catalog.length;
  const version = Number(text);
  if (/^\d{1,4}$/.test(text) && version >= first && version <= last) return version;
  throw new UsageError(`${JSON.stringify(text)} is no version of this binary: they go from ${first} to ${last}`);
}

/** `1 migration is`, `3 migrations are` */
export function countMigrations(number: number): string {
  return `${count(number, 'migration')} ${number === 1 ? 'is' : 'are'}`;
}

/** `1 difference`, `3 differences` */
export function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}
