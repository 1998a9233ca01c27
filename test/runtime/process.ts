import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import postgres from 'postgres';
import { signalAll } from '../harness/postgres.ts';
import type { LogLine } from '../harness/server.ts';
import { commandLine } from '../harness/target.ts';

/** How a process ended: by itself with a code, or by a signal. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A `catatlas` process, whatever becomes of it. The harness's servers are ones that start; these may fail to. */
export interface Program {
  readonly pid: number;
  /** The lines of standard output that are JSON. */
  readonly log: LogLine[];
  /** Everything it has written so far, to both outputs. */
  output(): string;
  /** The first line with this message, earlier or later. Rejects when the process ends without it. */
  logged(message: string): Promise<LogLine>;
  /** Resolves once what it wrote, to either output, matches. Rejects when the process ends before. */
  wrote(text: RegExp): Promise<void>;
  /** Where it listens, as soon as it does. */
  url(): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** Resolves at the end of the process; rejects, with what it wrote, when there is none within a minute. */
  ended(): Promise<Ending>;
  /** Did it end already? */
  over(): boolean;
  kill(): Promise<void>;
}

interface LaunchOptions {
  env?: Record<string, string>;
  /** The working directory. Default: the folder of the workshop. */
  cwd?: string;
  /** Another version of the program (test/harness/variant.ts): the command line in front of the arguments. */
  program?: readonly [string, ...string[]] | undefined;
}

/** A temporary folder and the processes that work in it, for one test file. */
export interface Workshop {
  readonly folder: string;
  /** Starts `catatlas` with these arguments on the runtime under test, with an environment of its own. */
  launch(args: readonly string[], options?: LaunchOptions): Program;
  /** Runs a command to its end. */
  run(args: readonly string[], options?: LaunchOptions): Promise<Ending>;
  /** Kills what still runs and removes the folder. */
  close(): Promise<void>;
}

const deadlineMilliseconds = 60_000;

export function openWorkshop(): Workshop {
  const folder = mkdtempSync(join(tmpdir(), 'catatlas-runtime-'));
  const programs: Program[] = [];
  const launch = (args: readonly string[], { env = {}, cwd = folder, program: prefix }: LaunchOptions = {}) => {
    const [command, ...rest] = prefix ? ([...prefix, ...args] as const) : commandLine(args);
    const program = watch(
      spawn(command, rest, {
        cwd,
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: folder,
          HOST: '127.0.0.1',
          PORT: '0',
          LOG_FORMAT: 'json',
          NO_COLOR: '1',
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    programs.push(program);
    return program;
  };
  return {
    folder,
    launch,
    run: (args, options) => launch(args, options).ended(),
    async close() {
      await Promise.all(programs.map((program) => program.kill()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function watch(child: ChildProcess): Program {
  const { pid, stdout, stderr } = child;
  if (pid === undefined || stdout === null || stderr === null) throw new Error('the process could not be started');
  const log: LogLine[] = [];
  const written = { stdout: '', stderr: '' };
  const listeners = new Set<(line: LogLine) => void>();
  stdout.setEncoding('utf8').on('data', (text: string) => (written.stdout += text));
  stderr.setEncoding('utf8').on('data', (text: string) => (written.stderr += text));
  createInterface({ input: stdout }).on('line', (text) => {
    if (!text.startsWith('{"time"')) return;
    const line = JSON.parse(text) as LogLine;
    log.push(line);
    for (const listener of listeners) listener(line);
  });
  let ending: Ending | undefined;
  // `close` and not `exit`: then all that it wrote has been read.
  const closed = new Promise<Ending>((resolve) =>
    child.once('close', (code, signal) => {
      ending = { code, signal, ...written };
      resolve(ending);
    }),
  );
  const output = () => `${written.stdout}${written.stderr}`;
  const expected = <T>(work: Promise<T>, what: string) =>
    inTime(work, deadlineMilliseconds, () => `no ${what} within ${deadlineMilliseconds} ms\n${output().slice(-4000)}`);
  const logged = (message: string) => {
    const line = new Promise<LogLine>((resolve, reject) => {
      const listener = (one: LogLine) => {
        if (one.message !== message) return;
        listeners.delete(listener);
        resolve(one);
      };
      listeners.add(listener);
      for (const earlier of log) listener(earlier);
      void closed.then(({ code, signal }) =>
        reject(new Error(`ended with ${signal ?? code} before "${message}"\n${output().slice(-4000)}`)),
      );
    });
    return expected(line, `"${message}"`);
  };
  // Not child.kill(): a runtime may then report that the child died of the signal, whatever it made of it.
  const signal = (name: NodeJS.Signals) => {
    // Once it has been waited for, its pid may be somebody else's; and before this process knows of that, nobody's.
    if (child.exitCode === null && child.signalCode === null) signalAll([pid], name);
  };
  return {
    pid,
    log,
    output,
    logged,
    wrote: (text) =>
      eventually(
        `${text} in the output`,
        () => {
          if (text.test(output())) return true;
          assert.equal(ending, undefined, `ended before it wrote ${text}\n${output().slice(-4000)}`);
          return undefined;
        },
        deadlineMilliseconds,
      ).then(() => {}),
    url: async () => String((await logged('listening'))['url']),
    signal,
    ended: () => expected(closed, 'end'),
    over: () => ending !== undefined,
    async kill() {
      signal('SIGKILL');
      await closed;
    },
  };
}

/** What `work` comes to. Fails with what `late` says when that takes longer. */
export function inTime<T>(work: Promise<T>, milliseconds: number, late: () => string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(late())), milliseconds);
  });
  return Promise.race([work, deadline]).finally(() => clearTimeout(timer));
}

/** Asks again until the answer satisfies: `look` returns undefined for "not yet". Fails when that takes too long. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  withinMilliseconds = 10_000,
): Promise<T> {
  const began = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    const spent = performance.now() - began;
    if (spent > withinMilliseconds) assert.fail(`${what}: not within ${Math.round(withinMilliseconds)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Takes the migration lock of a database as another process that migrates it would. */
export async function holdMigrationLock(databaseUrl: string): Promise<{ pid: number; release(): Promise<void> }> {
  const sql = postgres(databaseUrl, {
    max: 1,
    onnotice: () => {},
    connection: { application_name: 'another-process' },
  });
  // The key of src/migrator/lock.ts, written out again: processes of different versions have to agree on it.
  const [row] = await sql<[{ pid: number; locked: boolean }]>`
    select pg_backend_pid() as pid, pg_try_advisory_lock(
      hashtextextended('catatlas migrations ' || current_database() || ' ' || current_schema(), 0)) as locked`;
  assert.equal(row.locked, true);
  return { pid: row.pid, release: () => sql.end({ timeout: 1 }) };
}

/** Numbers from 0 to 1 that a seed decides (mulberry32), so that what chance did can be done again. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed of this run: CATATLAS_TEST_SEED, or a new one. */
export function chooseSeed(): number {
  const given = process.env['CATATLAS_TEST_SEED'];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
  if (!Number.isSafeInteger(seed)) throw new Error(`CATATLAS_TEST_SEED=${given}: expected a whole number`);
  return seed;
}
