import { SettingsError } from '../config/settings.ts';
import { parseArguments } from './arguments.ts';
import { CommandFailure, type CommandIO, UsageError } from './command.ts';
import { type CatalogEntry, defaultCommand, unknownCommand } from './command-catalog.ts';
import { keepProgressApart } from './command-progress.ts';
import { ExitCode } from './exit-codes.ts';

/**
 * Runs a command line (without the name of the program) and returns the exit code. What a command throws on purpose becomes
 * a message on standard error, and with `--json` an object on standard output as well, unless the answer stands there already; anything
 * else is thrown on.
 */
export async function runCommandLine(
  argv: readonly string[],
  io: CommandIO,
  entries: readonly CatalogEntry[],
): Promise<ExitCode> {
  let answered = false;
  const apart = keepProgressApart(io);
  const watched: CommandIO = {
    ...apart,
    stdout(text) {
      answered = true;
      apart.stdout(text);
    },
  };
  const tell = (exitCode: ExitCode, message: string, hint?: string) => {
    if (answered || !wantsJson(argv)) return;
    io.stdout(
      `${JSON.stringify({ ok: false, error: { message, hint: hint ?? null, exit_code: exitCode } }, null, 2)}\n`,
    );
  };
  const [first] = argv;
  const named = first !== undefined && !first.startsWith('-');
  const name = named ? first : defaultCommand;
  const entry = entries.find((each) => each.name === name);
  try {
    if (!entry) throw unknownCommand(name, entries);
    const question = findQuestion(argv);
    if (question === 'version') return await runCommandLine(['version'], io, entries);
    if (question === 'help')
      return await runCommandLine(['help', ...(await helpWords(argv, named ? entry : undefined))], io, entries);
    const command = await entry.load();
    return await command.run(parseArguments(command, named ? argv.slice(1) : argv), watched);
  } catch (error) {
    if (error instanceof UsageError) {
      const late = named ? undefined : entries.find((each) => argv.includes(each.name));
      const hint = late ? `The command comes first: catatlas ${late.name} …` : error.hint;
      const subject = entry && name !== 'help' ? ` ${name}` : '';
      tell(ExitCode.usage, error.message, hint);
      io.stderr(
        `catatlas: ${error.message}\n${hint === undefined ? '' : `${hint}\n`}For help: catatlas help${subject}\n`,
      );
      return ExitCode.usage;
    }
    if (error instanceof SettingsError) {
      const hint = 'To see all settings and their sources: catatlas config print';
      tell(ExitCode.usage, error.message, hint);
      io.stderr(`catatlas: ${error.message}\n${hint}\n`);
      return ExitCode.usage;
    }
    if (error instanceof CommandFailure) {
      tell(error.exitCode, error.message);
      io.stderr(`catatlas: ${error.message}\n`);
      return error.exitCode;
    }
    tell(ExitCode.failure, 'unexpected error, see standard error');
    throw error;
  }
}

/** Is `--json` among the options, whether or not the rest of the line can be understood? */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}

/** What `catatlas migrate plan --help` and `catatlas help migrate plan --help` ask about; nothing for `catatlas --help`. */
async function helpWords(argv: readonly string[], entry: CatalogEntry | undefined): Promise<string[]> {
  if (!entry) return [];
  if (entry.name === 'help') return argv.slice(1).filter((word) => !word.startsWith('-'));
  const action = (await entry.load()).actions?.find(({ name }) => name === argv[1]);
  return action ? [entry.name, action.name] : [entry.name];
}

/** Is help or the version asked for, anywhere in front of a `--`? */
function findQuestion(argv: readonly string[]): 'help' | 'version' | undefined {
  const end = argv.indexOf('--');
  const seen = end < 0 ? argv : argv.slice(0, end);
  if (seen.includes('--help') || seen.includes('-h')) return 'help';
  return seen.includes('--version') || seen.includes('-V') ? 'version' : undefined;
}
