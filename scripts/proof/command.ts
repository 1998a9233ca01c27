import { stripVTControlCharacters } from 'node:util';
import { repetitions } from '../../test/harness/proof.ts';
import type { Outcome, Step } from './schedule.ts';

/** A step that hangs is a failure, not a wait. */
const longest = repetitions({ ci: 20, nightly: 75 }) * 60_000;
/** So much of a step that failed is shown again at the end. */
const failureLines = 60;

const running = new Set<number>();

/**
 * Runs the command of a step to its end, with nothing to read, and ends what it leaves behind. Kills it when it takes longer than
 * `deadline`, in milliseconds. Never throws.
 */
export async function runCommand({ command, env }: Step, deadline = longest): Promise<Outcome> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  let child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  try {
    child = Bun.spawn([...command], {
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      env: { ...process.env, ...env },
      // A process group of its own: what a step has started ends with it.
      detached: true,
    });
  } catch (error) {
    return { passed: false, output: `cannot be started: ${error}`, seconds: seconds(), processorSeconds: 0 };
  }
  running.add(child.pid);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    endGroup(child.pid);
  }, deadline);
  const chunks: Uint8Array[] = [];
  const read = async (from: ReadableStream<Uint8Array>) => {
    for await (const chunk of from) chunks.push(chunk);
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const code = await child.exited;
  clearTimeout(timer);
  running.delete(child.pid);
  // Something it left behind may still hold its output.
  endGroup(child.pid);
  await reading;
  const reason = late ? `did not end within ${deadline / 60_000} minutes` : child.signalCode;
  if (code !== 0) chunks.push(Buffer.from(`\n${command[0]}: ${reason ?? `exit code ${code}`}\n`));
  return {
    passed: code === 0,
    output: Buffer.concat(chunks).toString(),
    seconds: seconds(),
    processorSeconds: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6,
  };
}

/** Kills what runs. */
export function endCommands(): void {
  for (const pid of running) endGroup(pid);
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // None of them is left.
    if ((error as { code?: string }).code !== 'ESRCH') throw error;
  }
}

/** The output of a test runner without the lines of tests that passed. */
export function withoutPassed(output: string): string {
  const passed = /^\((pass|skip)\) | \.\.\. ok\b/;
  const lines = stripVTControlCharacters(output)
    .split('\n')
    .filter((line) => !passed.test(line));
  return lines.join('\n').trim();
}

/** The end of what was not good. */
export const lastOf = (output: string): string => withoutPassed(output).split('\n').slice(-failureLines).join('\n');
