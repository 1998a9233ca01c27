import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A program in a process of its own, for tests in which processes compete or die. */
export interface Child {
  readonly pid: number;
  /** The next line that it prints; rejects when it ends first. */
  nextLine(): Promise<string>;
  /** Everything it has printed so far and not been read by `nextLine`. */
  readonly lines: readonly string[];
  /** Ends it as the kernel does when memory runs out. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Lets it go on: a line on its standard input. */
  tell(line: string): void;
  /** Resolves with its exit code, null when it was killed. */
  readonly ended: Promise<number | null>;
}

/** Runs TypeScript in the runtime that runs the test. `code` may import from `src/…` with the path from the repository. */
export function startChild(directory: string, code: string): Child {
  const root = fileURLToPath(new URL('../../', import.meta.url).href);
  const file = join(directory, `child-${Math.random().toString(36).slice(2)}.ts`);
  writeFileSync(file, code.replaceAll(/(['"])src\//g, `$1${new URL('../../src/', import.meta.url)}`));
  const flags =
    process.versions['bun'] === undefined ? ['run', '-A', '--no-check', '--config', join(root, 'deno.json')] : [];
  const child = spawn(process.execPath, [...flags, file], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
  return describeChild(child);
}

function describeChild(child: ChildProcess): Child {
  const { stdout, stdin, pid } = child;
  if (!stdout || !stdin || pid === undefined) throw new Error('The child process did not start');
  const lines: string[] = [];
  const ended = once(child, 'close').then(([code]: (number | null)[]) => code ?? null);
  const reader = createInterface({ input: stdout });
  let arrived = () => {};
  reader.on('line', (line) => {
    lines.push(line);
    arrived();
  });
  return {
    pid,
    lines,
    ended,
    async nextLine() {
      while (lines.length === 0) {
        const more = new Promise<void>((resolve) => {
          arrived = resolve;
        });
        const over = await Promise.race([more, ended.then((code) => ({ code }))]);
        if (over && lines.length === 0) throw new Error(`The child process ended with ${over.code}`);
      }
      return lines.shift() ?? '';
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    tell(line) {
      stdin.write(`${line}\n`);
    },
  };
}
