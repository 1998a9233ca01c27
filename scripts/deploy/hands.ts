import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { endOf } from './program.ts';

/** Something did not work: what, and what to do about it. */
export class Stop extends Error {
  readonly advice: string;
  constructor(message: string, advice: string) {
    super(message);
    this.advice = advice;
  }
}

/** What a command gets on its standard input, where a secret is seen by nobody, and the command of a shell that would write it. */
export interface Input {
  value: string;
  shell: string;
}

/** A row of a list of flyctl. Its keys are those of Go, or the same in small letters: it depends on the command and on the year. */
export type Row = Record<string, unknown>;

/** What becomes of the commands of bootstrap.ts: they are run, or only printed. */
export interface Hands {
  /** Are they only printed? Then nothing is known of the account, and what commands would say is empty. */
  readonly onlyPrint: boolean;
  /** What there is, by name. Throws Stop. */
  list(args: readonly string[]): Promise<Map<string, Row>>;
  /** Runs one command and returns what it said. Throws Stop, with the advice. */
  act(what: string, args: readonly string[], advice: string, input?: Input): Promise<string>;
  /** Says that there is nothing to do. */
  skip(what: string): void;
  /** Keeps a secret for whoever runs this. */
  keep(name: string, value: string): void;
  /** What was kept last under this name, now or in an earlier run. */
  kept(name: string): string | undefined;
}

/** Prints commands, ready to be pasted into a shell. */
export const printingHands: Hands = {
  onlyPrint: true,
  list: async () => new Map(),
  async act(what, args, _advice, input) {
    console.log(`\n# ${what}\n${input === undefined ? '' : `${input.shell} | `}${commandLine(args)}`);
    return '';
  },
  skip() {},
  keep() {},
  kept: () => undefined,
};

/** Runs commands. Secrets are kept in a file that only its owner may read. */
export function runningHands(file: string): Hands {
  const said = async (args: readonly string[], advice: string, echo: boolean, input = '') => {
    console.log(`$ ${commandLine(args)}`);
    const { code, reason, stdout } = await speak(args, input, echo);
    if (code !== 0) throw new Stop(`flyctl ${args[0]} ${args[1]}: ${reason}`, advice);
    return stdout;
  };
  return {
    onlyPrint: false,
    async list(args) {
      const text = (await said(args, 'Sign in: flyctl auth login', false)).trim();
      // A list without clusters is a sentence, and one that Go never made is null.
      const rows = text.startsWith('[') ? (JSON.parse(text) as Row[]) : [];
      return new Map(rows.map((row) => [String(row['Name'] ?? row['name']), row]));
    },
    async act(what, args, advice, input) {
      console.log(`\n# ${what}`);
      return await said(args, advice, true, input?.value);
    },
    skip(what) {
      console.log(`\n# Nothing to do: ${what}`);
    },
    keep(name, value) {
      appendFileSync(file, `${name}=${value}\n`, { mode: 0o600 });
      // One that was there before may have been open to others.
      chmodSync(file, 0o600);
      console.log(`${name} is kept in ${file}`);
    },
    kept(name) {
      if (!existsSync(file)) return undefined;
      const line = readFileSync(file, 'utf8')
        .split('\n')
        .findLast((one) => one.startsWith(`${name}=`));
      return line?.slice(name.length + 1);
    },
  };
}

/** Runs flyctl. What it says is shown line by line, without passwords; without `echo` only what goes to its standard error. */
async function speak(args: readonly string[], input: string, echo: boolean) {
  const lines: string[] = [];
  const child = spawn('flyctl', args, { stdio: 'pipe' });
  // It need not read what it is given.
  child.stdin.on('error', () => {}).end(input);
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (echo) console.log(mask(line));
  });
  createInterface({ input: child.stderr }).on('line', (line) => console.error(mask(line)));
  const ending = await endOf(child);
  return { ...ending, stdout: lines.join('\n') };
}

/** What people may see of a line that flyctl prints. */
function mask(line: string): string {
  return line.replace(/(:\/\/[^\s:/]+:)[^\s@]+@/g, '$1…@').replace(/(password:\s*)\S+/gi, '$1…');
}

function commandLine(args: readonly string[]): string {
  const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
  return ['flyctl', ...args].map(quote).join(' ');
}
