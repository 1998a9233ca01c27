import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What is under test: the source on Bun, the source on Deno, or the compiled binary. */
export type Runtime = 'bun' | 'deno' | 'binary';
/** What it runs on: the embedded engine or a real server of this major version. 16 and 17 have to be given (see server.ts). */
const engines = ['embedded', '15', '16', '17', '18'] as const;
export type Engine = (typeof engines)[number];

function oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
  const value = process.env[name] ?? fallback;
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new Error(`${name}=${value}: expected one of ${allowed.join(', ')}`);
  return found;
}

/** Chosen by `scripts/test.ts` for each run of the black-box suites; the defaults are the quickest. */
export const runtime = oneOf<Runtime>('CATATLAS_TEST_RUNTIME', ['bun', 'deno', 'binary'], 'bun');
export const engine = oneOf<Engine>('CATATLAS_TEST_ENGINE', engines, 'embedded');

/** Deno itself: the `deno` that npm links to is a script that starts it and passes on no signals. */
function denoProgram(): string {
  const [program] = readdirSync(`${root}node_modules/@deno`)
    .flatMap((platform) => ['deno', 'deno.exe'].map((name) => `${root}node_modules/@deno/${platform}/${name}`))
    .filter(existsSync);
  if (program === undefined) throw new Error('no Deno in node_modules/@deno: run `bun install`');
  return program;
}

/** The command line that starts `catatlas` with these arguments, the same one that users type. */
export function commandLine(args: readonly string[], of: Runtime = runtime): [string, ...string[]] {
  switch (of) {
    case 'binary':
      return [process.env['CATATLAS_BINARY'] ?? `${root}dist/catatlas`, ...args];
    case 'bun':
      return ['bun', '--no-env-file', `${root}src/main.ts`, ...args];
    case 'deno': {
      const { tasks } = JSON.parse(readFileSync(`${root}deno.json`, 'utf8')) as {
        tasks: { start: { command: string } };
      };
      const [, ...flags] = tasks.start.command.split(' ');
      return [denoProgram(), ...flags.map((flag) => (flag === 'src/main.ts' ? `${root}${flag}` : flag)), ...args];
    }
  }
}
