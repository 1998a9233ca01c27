import { devNull } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { answers, run } from './program.ts';

/**
 * pass: it works. fail: it does not. blind: we could not tell, because something between us and the service, or the test itself,
 * is broken. Only `fail` says anything about the service: https://github.com/Catrobat/Catroweb/issues/6461 is what happens otherwise.
 */
export type Verdict = 'pass' | 'fail' | 'blind';

export interface Measurement {
  url: string;
  origin: string;
  /** The commit that must answer; undefined or empty for any. */
  commit: string | undefined;
  /** Something on the internet that is not ours and is always there. */
  control: string;
  attempts: number;
  pauseSeconds: number;
}

/**
 * Thresholds crossed, `exec.test.fail()`, and the phase before or after the pass took too long, in which nothing is waited for but the
 * service: k6's errext/exitcodes, docs/load-testing.md. Any other but 0 is a fault of k6 or its script.
 */
const verdictsAboutTheService = new Set([99, 110, 100, 101]);

const script = 'smoke/smoke.ts';

/** What the smoke test finds in its environment. */
function environmentOf({ url, origin, commit }: Measurement): Record<string, string> {
  // The token is none of its business.
  return { BASE_URL: url, ALLOWED_ORIGIN: origin, EXPECT_SHA: commit ?? '', FLY_API_TOKEN: '' };
}

/** Is there a k6, and does the test take these settings? Makes no request: `archive` reads the script, and is told to keep nothing. */
export async function canMeasure(given: Measurement): Promise<boolean> {
  const options = ['--include-system-env-vars', '--exclude-env-vars', '--archive-out', devNull];
  const { code, reason } = await run('k6', ['archive', ...options, script], environmentOf(given));
  if (code !== 0) console.error(`the smoke test cannot be run like this: ${reason}`);
  return code === 0;
}

/** Runs the smoke test until it passes, at most `attempts` times: the first request after a start may be unlucky. */
export async function measure(given: Measurement): Promise<Verdict> {
  for (let attempt = 1; attempt <= given.attempts; attempt += 1) {
    const { code, reason } = await run('k6', ['run', '--quiet', '--no-usage-report', script], environmentOf(given));
    if (code === 0) return 'pass';
    if (code === null || !verdictsAboutTheService.has(code)) {
      console.error(`k6 itself failed: ${reason}`);
      return 'blind';
    }
    if (attempt < given.attempts) await pause(given.pauseSeconds * 1000);
  }
  if (await answers(`${given.url}/health/live`)) return 'fail';
  if (await answers(given.control)) return 'fail';
  console.error(`neither ${given.url} nor ${given.control} answers: this machine has no way out`);
  return 'blind';
}
