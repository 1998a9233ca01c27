import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ArchiveError, ArchiveTargetError } from '../../archive/archive-error.ts';
import { parseKeys } from '../../archive/encryption.ts';
import type { WatchOptions } from '../../archive/progress.ts';
import { CommandFailure, type CommandIO, type ParsedArguments, UsageError } from '../../cli/command.ts';
import { openProgressLine } from '../../cli/command-progress.ts';
import { asCommandFailure } from '../../cli/database-failure.ts';
import { ExitCode } from '../../cli/exit-codes.ts';
import { hasPassword, isKeyWordString, readDatabaseAddress } from '../../config/database-address.ts';
import { readTrust } from '../../config/root-certificates.ts';
import { loadSettings, type Settings } from '../../config/settings.ts';
import { FileError } from '../../platform/file-error.ts';

/** What every action is given. */
export interface BackupArguments {
  args: ParsedArguments;
  io: CommandIO;
}

/** `-` stands for standard input or output. */
export const standardStream = '-';

/** Another database than that of the settings, and where it was named. */
export interface Target {
  text: string;
  named: '--to' | 'TARGET_DATABASE_URL';
}

/**
 * The database to write into: that of --to, else of TARGET_DATABASE_URL. Warns of a password on the command line, which every user of
 * the machine can read.
 */
export function findTarget({ args, io }: BackupArguments, settings: Settings): Target | undefined {
  const text = args.values['to'];
  const { TARGET_DATABASE_URL: setting } = settings;
  if (text === undefined) return setting === undefined ? undefined : { text: setting, named: 'TARGET_DATABASE_URL' };
  if (text.includes('://') && hasPassword(text))
    io.stderr(
      'a warning: --to has a password, and every user of this machine can read command lines. Set TARGET_DATABASE_URL, or TARGET_DATABASE_URL_FILE to a file that holds the address, and leave --to out.\n',
    );
  return { text, named: '--to' };
}

/** The settings with another database in them: a PostgreSQL by its address, else the embedded one in a directory. */
export function settingsFor({ text, named }: Target, settings: Settings): Settings {
  const others = { ...settings, DIRECT_DATABASE_URL: undefined };
  if (!text.includes('://') && !isKeyWordString(text))
    return { ...others, database: { kind: 'embedded', directory: resolve(text) } };
  const reading = readDatabaseAddress(text.trim());
  const trust = 'value' in reading ? readTrust(reading.value) : reading;
  if ('value' in trust) return { ...others, database: { kind: 'postgresql', url: text.trim() } };
  const [first] = trust.wrong;
  throw new UsageError(`${named} ${first?.problem}`, first?.fix);
}

/** Runs an action with a line of progress on standard error. What goes wrong becomes a message and an exit code. */
export async function withProgress<T>(io: CommandIO, work: (watch: WatchOptions) => Promise<T>): Promise<T> {
  const line = openProgressLine(io);
  try {
    return await work({ shutdown: io.shutdown, onProgress: line.show });
  } catch (error) {
    line.end();
    throw explain(error, io);
  } finally {
    line.end();
  }
}

function explain(error: unknown, io: CommandIO): unknown {
  if (error instanceof ArchiveError)
    return new CommandFailure(ExitCode.archiveInvalid, error.message, { cause: error });
  if (error instanceof ArchiveTargetError) return new CommandFailure(ExitCode.failure, error.message, { cause: error });
  if (io.shutdown.aborted && error === io.shutdown.reason)
    return new CommandFailure(ExitCode.failure, 'told to stop: nothing was changed.', { cause: error });
  if (error instanceof FileError) return new CommandFailure(ExitCode.failure, error.message, { cause: error });
  const { path, syscall } = error as { path?: string; syscall?: string };
  if (syscall !== undefined && syscall !== 'connect' && path !== undefined)
    return explain(new FileError(path, error), io);
  return asCommandFailure(error);
}

/**
 * The secret keys that open archives: from `--identity-file`, or from BACKUP_IDENTITY, and never from the command line, which
 * every user of the machine can read.
 */
export async function readIdentities({ args, io }: BackupArguments): Promise<string[]> {
  const file = args.values['identity-file'];
  if (file !== undefined) return parseKeys(await readKeyFile(file, '--identity-file'));
  return parseKeys(loadSettings({ env: io.env, flags: args.settings, rules: 'tool' }).BACKUP_IDENTITY ?? '');
}

/** The text of a file with keys. `option` is how it was named. */
export async function readKeyFile(path: string, option: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
