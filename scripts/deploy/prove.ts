// Does what was gone back to work? `bun scripts/deploy/prove.ts --url URL --origin ORIGIN [--commit SHA]`, after `roll-back.ts --proof
// later`: k6 takes minutes to build, and going back does not wait for it. Needs k6 on PATH. Exit codes: outcome.ts; 2 for wrong options.
import { conclude, type Outcome } from './outcome.ts';
import { readOptions } from './program.ts';
import { type Measurement, measure, type Verdict } from './smoke.ts';

const outcomes = { pass: 'rolled back', fail: 'stuck', blind: 'not measured' } as const satisfies Record<
  Verdict,
  Outcome
>;

/** Runs the smoke test on what was gone back to. Unlike a deployment, going back cannot be refused for want of --url or --origin. */
export async function prove(given: Measurement): Promise<{ outcome: Outcome; detail: string }> {
  const missing = (['url', 'origin'] as const).filter((name) => given[name] === '');
  if (missing.length > 0)
    return { outcome: 'not measured', detail: `Smoke test: none, without --${missing.join(' and --')}.` };
  const verdict = await measure(given);
  return { outcome: outcomes[verdict], detail: `Smoke test: ${verdict}.` };
}

if (import.meta.main) {
  try {
    const given = readOptions(process.argv.slice(2), [], {
      url: '',
      origin: '',
      commit: '',
      control: 'https://fly.io/',
      attempts: '3',
      pause: '10',
    });
    const { outcome, detail } = await prove({
      ...given,
      attempts: Number(given.attempts),
      pauseSeconds: Number(given.pause),
    });
    process.exitCode = conclude(outcome, [detail]);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  }
}
