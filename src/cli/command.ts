import type { SettingName } from '../config/settings.ts';
import type { ExitCode } from './exit-codes.ts';

/** What a command may use of the process it runs in. */
export interface CommandIO {
  stdout(text: string): void;
  stderr(text: string): void;
  env: Record<string, string | undefined>;
  /** Is standard output a terminal? */
  isTerminal: boolean;
  /** Aborted at SIGTERM or SIGINT: finish what must be finished, and return. A second signal ends the process at once. */
  shutdown: AbortSignal;
}

/** A `--name` of a command. */
export interface Option {
  name: string;
  /** What stands for the value in help texts, such as `PORT`. Without it the option is a switch. */
  value?: string;
  purpose: string;
  /** The setting that the option sets. */
  setting?: SettingName;
}

/** A word of a command line that is no option. */
export interface Operand {
  /** How help texts call it, where it is not one of `choices`. */
  name: string;
  purpose: string;
  choices?: readonly string[];
  required?: boolean;
}

/** One of several things that a command does, chosen by its first word: `catatlas migrate status`. */
export interface Action {
  name: string;
  purpose: string;
  operands?: readonly Operand[];
  options?: readonly Option[];
}

/** The arguments of a command after parsing. Every one of them is known to the command. */
export interface ParsedArguments {
  /** The name of the action, for a command that has actions; otherwise empty. */
  action: string;
  /** The values of options, by name without dashes. */
  values: Readonly<Record<string, string | undefined>>;
  /** The switches that are on. */
  switches: ReadonlySet<string>;
  operands: readonly string[];
  /** The values of those options that set a setting, for `loadSettings`. */
  settings: Partial<Record<SettingName, string>>;
}

/** One subcommand. Its name and summary are in `catalog.ts`, so that help need not load every command. */
export interface Command {
  /** One or two paragraphs, for `catatlas help NAME`. */
  description: string;
  /** The first is what the command does when none is named, unless `requiresAction`. */
  actions?: readonly Action[];
  requiresAction?: true;
  operands?: readonly Operand[];
  /** Those of every action. */
  options?: readonly Option[];
  /** The settings that matter to it, to be listed by its help. */
  settings?: readonly SettingName[];
  /** Every code it can return. */
  exitCodes: readonly ExitCode[];
  examples: readonly { line: string; purpose: string }[];
  /**
   * Does the work and returns the exit code. May throw SettingsError (exit code 2), UsageError (2) and CommandFailure; anything
   * else is a fault of the program, reported with its stack (1).
   */
  run(args: ParsedArguments, io: CommandIO): Promise<ExitCode>;
}

/** Ends a command: `message`, which says what went wrong and what to do next, goes to standard error. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** The command line is wrong. `hint` says what was probably meant. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}
