import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { root } from '../harness/target.ts';

const k6 = process.env['K6'] ?? 'k6';

export interface Outcome {
  /** k6's exit code: 0 passed, 99 a threshold was crossed, 105 interrupted, 107 an exception outside of iterations. */
  code: number | null;
  stdout: string;
  stderr: string;
  seconds: number;
}

export interface RunningK6 {
  /** Asks k6 to stop, as Ctrl-C does. */
  interrupt(): void;
  /** What it has logged so far. */
  logged(): string;
  ended: Promise<Outcome>;
}

/** Longer than any run of these tests. */
const deadlineMilliseconds = 100_000;

/** Fails when there is no k6, and says how to come by one. */
export function requireK6(): void {
  const { error, stdout } = spawnSync(k6, ['version'], { encoding: 'utf8' });
  if (error || !/^k6(\.exe)? v/.test(stdout))
    throw new Error(
      `no k6 at "${k6}": \`go install go.k6.io/k6/v2@v2.2.0\` makes one (or take a release of grafana/k6); put it on PATH or name it with K6`,
    );
}

/** Where the program is. */
export function k6Path(): string {
  return k6.includes('/') ? k6 : execFileSync('which', [k6], { encoding: 'utf8' }).trim();
}

/** Starts `k6 run` on a script of this repository, or on any by its absolute path, with nothing but this environment. */
export function startK6(script: string, env: Record<string, string>): RunningK6 {
  const began = performance.now();
  const child: ChildProcess = spawn(k6, ['run', '--quiet', '--no-color', script], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', K6_NO_USAGE_REPORT: 'true', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (written.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (written.stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMilliseconds);
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...written, seconds: (performance.now() - began) / 1000 }));
  }).finally(() => clearTimeout(timer));
  return { interrupt: () => child.kill('SIGINT'), logged: () => written.stderr, ended };
}

/** Runs a script to its end. */
export function runK6(script: string, env: Record<string, string>): Promise<Outcome> {
  return startK6(script, env).ended;
}
