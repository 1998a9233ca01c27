import { build } from '../../build.ts';
import { systemClock } from '../../clock.ts';
import type { Settings } from '../../config/settings.ts';
import { openForMaintenance } from '../../database/open.ts';
import { loadCatalog, type Migration } from '../../migrator/catalog.ts';
import type { MigratorOptions } from '../../migrator/locked.ts';
import { applicationName } from '../application-name.ts';
import { type CommandIO, type ParsedArguments, UsageError } from '../command.ts';
import { openCommandLog } from '../command-log.ts';
import { asCommandFailure } from '../database-failure.ts';
import type { ExitCode } from '../exit-codes.ts';

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
  const log = openCommandLog(settings, io);
  try {
    const database = await openForMaintenance({ settings, applicationName: applicationName('migrate'), log });
    try {
      return await work({
        database,
        catalog: loadCatalog(),
        clock: systemClock,
        log,
        binaryVersion: build.version,
        lockTimeoutSeconds: settings.MIGRATION_LOCK_TIMEOUT_SECONDS,
        shutdown: io.shutdown,
      });
    } finally {
      await database.close();
    }
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
