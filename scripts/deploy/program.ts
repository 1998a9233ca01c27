import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** How a program ended. `code` is null when it could not be started or was killed; then `reason` says which. */
interface Ending {
  code: number | null;
  reason: string;
}

/** Waits for the end of a program that was just started. Never throws. */
export async function endOf(child: ChildProcess): Promise<Ending> {
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    return { code, reason: signal === null ? `exit code ${code}` : `killed by ${signal}` };
  } catch (error) {
    return { code: null, reason: `cannot be started: ${error instanceof Error ? error.message : error}` };
  }
}

/**
 * Runs a program to its end. What it says goes to our standard error, so that a log has it in order; what it writes to standard
 * output is returned too. Never throws.
 */
export async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ending & { stdout: string }> {
  console.error(`$ ${[program, ...args].join(' ')}`);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    process.stderr.write(text);
  });
  const ending = await endOf(child);
  return { ...ending, stdout };
}

/** The options a script was started with, all as text. Throws one Error with everything that is missing or unknown. */
export function readOptions<const Required extends string, const Optional extends string>(
  argv: readonly string[],
  required: readonly Required[],
  optional: Readonly<Record<Optional, string>>,
): Record<Required | Optional, string> {
  const values: Record<string, string> = { ...optional };
  const problems: string[] = [];
  for (let at = 0; at < argv.length; at += 2) {
    const name = argv[at] ?? '';
    const value = argv[at + 1];
    if (!name.startsWith('--') || !([...required, ...Object.keys(optional)] as string[]).includes(name.slice(2)))
      problems.push(`unknown option ${name}`);
    else if (value === undefined) problems.push(`${name} needs a value`);
    else if (value !== '') values[name.slice(2)] = value;
  }
  for (const name of required) if (values[name] === undefined) problems.push(`--${name} is missing or empty`);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return values as Record<Required | Optional, string>;
}

/**
 * The body of the first answer with status 200, or undefined when none came within `seconds`: a stopped machine takes a
 * while to wake.
 */
export async function fetchPatiently(url: string, seconds: number): Promise<string | undefined> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
      if (answer.status === 200) return await answer.text();
    } catch {
      // No answer counts as a wrong one: asked again until the time is over.
    }
    if (Date.now() >= end) return undefined;
    await pause(Math.min(2000, Math.max(0, end - Date.now())));
  }
}

/** Does anything answer there, whatever it says? */
export async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(15_000) });
    return true;
  } catch {
    return false;
  }
}
