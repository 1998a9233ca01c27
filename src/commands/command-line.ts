import { SettingsError } from '../config/settings.ts';
import { parseArguments } from './arguments.ts';
import { type CatalogEntry, defaultCommand, unknownCommand } from './catalog.ts';
import { CommandFailure, type CommandIO, UsageError } from './command.ts';
import { ExitCode } from './exit-codes.ts';
import { commands } from './help.ts';

/**
 * Runs a command line (without the name of the program) and returns the exit code. What a command throws on purpose becomes
 * a message on standard error; anything else is thrown on.
 */
export async function runCommandLine(
  argv: readonly string[],
  io: CommandIO,
  entries: readonly CatalogEntry[] = commands,
): Promise<ExitCode> {
  const [first] = argv;
  const named = first !== undefined && !first.startsWith('-');
  const name = named ? first : defaultCommand;
  const entry = entries.find((each) => each.name === name);
  try {
    if (!entry) throw unknownCommand(name, entries);
    const question = findQuestion(argv);
    if (question === 'version') return await runCommandLine(['version'], io, entries);
    if (question === 'help')
      return await runCommandLine(
        named && name !== 'help' ? ['help', name] : ['help', ...helpWords(argv)],
        io,
        entries,
      );
    const command = await entry.load();
    return await command.run(parseArguments(command, named ? argv.slice(1) : argv), io);
  } catch (error) {
    if (error instanceof UsageError) {
      const late = named ? undefined : entries.find((each) => argv.includes(each.name));
      const hint = late ? `The command comes first: catatlas ${late.name} …` : error.hint;
      const subject = entry && name !== 'help' ? ` ${name}` : '';
      io.stderr(
        `catatlas: ${error.message}\n${hint === undefined ? '' : `${hint}\n`}For help: catatlas help${subject}\n`,
      );
      return ExitCode.usage;
    }
    if (error instanceof SettingsError) {
      io.stderr(`catatlas: ${error.message}\nTo see all settings and their sources: catatlas config print\n`);
      return ExitCode.usage;
    }
    if (error instanceof CommandFailure) {
      io.stderr(`catatlas: ${error.message}\n`);
      return error.exitCode;
    }
    throw error;
  }
}

/** What `catatlas help serve --help` asks about; nothing for `catatlas --help`. */
function helpWords(argv: readonly string[]): string[] {
  return argv[0] === 'help' ? argv.slice(1).filter((word) => !word.startsWith('-')) : [];
}

/** Is help or the version asked for, anywhere in front of a `--`? */
function findQuestion(argv: readonly string[]): 'help' | 'version' | undefined {
  const end = argv.indexOf('--');
  const seen = end < 0 ? argv : argv.slice(0, end);
  if (seen.includes('--help') || seen.includes('-h')) return 'help';
  return seen.includes('--version') || seen.includes('-V') ? 'version' : undefined;
}
