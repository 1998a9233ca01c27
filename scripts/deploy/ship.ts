// Brings an image into production, or leaves production as it was:
//
//   can it be judged? -> note what is live -> deploy -> smoke test -> done
//                                               |           |-- fails ---------> deploy what was live -> smoke test -> done, red
//                                               |           '-- blind ---------> hands off, red
//                                               '-- fails --> a machine changed? as above : smoke test of what is live -> done, red
//
// bun scripts/deploy/ship.ts --app APP --image IMAGE --url URL --commit SHA --origin ORIGIN [--config fly.toml]
//
// Needs flyctl and k6 on PATH and FLY_API_TOKEN. Exit codes: outcome.ts; 2 for wrong options. docs/rollback.md is about the way back.
import { configAt, isOlder } from './config.ts';
import { commitOf, deployImage, findCompleted, isSameImage, listReleases, redeployImage, runsOnly } from './fly.ts';
import { conclude, type Outcome } from './outcome.ts';
import { fetchPatiently, readOptions } from './program.ts';
import { canMeasure, type Measurement, measure } from './smoke.ts';

interface Plan extends Omit<Measurement, 'commit'> {
  app: string;
  image: string;
  commit: string;
  config: string;
  wakeSeconds: number;
}

/** What served before. */
interface Live {
  version: number;
  image: string;
  commit: string | undefined;
}

type End = [Outcome, ...string[]];

async function ship(plan: Plan): Promise<End> {
  // Afterwards it would be too late: a release that nobody can judge would stay.
  if (!(await canMeasure(plan)))
    return ['refused', 'The smoke test cannot be run with these settings; k6 says why above.'];
  let live: Live | undefined;
  try {
    live = await findLive(plan);
  } catch (error) {
    return ['refused', `What is live now is not known: ${error instanceof Error ? error.message : error}`];
  }
  const before = live ? `v${live.version}, ${live.image}, commit ${live.commit ?? 'unknown'}` : 'nothing';
  console.log(`Live before: ${before}`);
  const details = [`Image: ${plan.image}`, `Before: ${before}`];

  // An old run of the workflow that is started again would take everything back that was deployed since.
  if (live?.commit !== undefined && (await isOlder(plan.commit, live.commit)))
    return [
      'refused',
      ...details,
      'Its commit is older than the one that is live. Going back on purpose: docs/rollback.md.',
    ];

  if (!(await deployImage(plan.app, plan.image, plan.config, '--wait-timeout', '5m'))) {
    details.push('flyctl deploy failed.');
    if (!live) return ['nothing to go back to', ...details];
    if (await isUntouched(plan.app, live.image)) return await prove(plan, live, 'unchanged', details);
    return await goBack(plan, live, details);
  }
  const verdict = await measure(plan);
  details.push(`Smoke test: ${verdict}.`);
  if (verdict === 'pass') return ['shipped', ...details];
  if (verdict === 'blind') return ['not measured', ...details];
  if (!live) return ['nothing to go back to', ...details];
  // A run that is started again deploys what is live already: going back to that changes nothing.
  if (isSameImage(live.image, plan.image))
    return ['nothing to go back to', ...details, 'The same image was live before. An older one: docs/rollback.md.'];
  return await goBack(plan, live, details);
}

/** The newest release that was completed, and the commit that answers now. */
async function findLive({ app, url, wakeSeconds }: Plan): Promise<Live | undefined> {
  const release = findCompleted(await listReleases(app));
  if (!release) return undefined;
  const { version, image } = release;
  return { version, image, commit: readCommit(await fetchPatiently(`${url}/version`, wakeSeconds)) ?? commitOf(image) };
}

function readCommit(body: string | undefined): string | undefined {
  try {
    const { commit } = JSON.parse(body ?? '{}') as { commit?: unknown };
    return typeof commit === 'string' && /^[0-9a-f]{40}$/.test(commit) ? commit : undefined;
  } catch {
    return undefined;
  }
}

/** When nobody can say what runs, a machine counts as changed. */
async function isUntouched(app: string, image: string): Promise<boolean> {
  try {
    return await runsOnly(app, image);
  } catch (error) {
    console.error(`what the machines run is not known: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

async function goBack(plan: Plan, live: Live, details: string[]): Promise<End> {
  const redeployed = await redeployImage(plan.app, live.image, await configAt(live.commit, plan.config));
  details.push(`Going back to v${live.version}: ${redeployed ? 'deployed' : 'flyctl deploy failed'}.`);
  return await prove(plan, live, redeployed ? 'reverted' : 'stuck', details);
}

/** A rollback that nobody looked at may have rolled back to nothing (https://github.com/manavgup/wikimind/issues/595). */
async function prove(plan: Plan, live: Live, hoped: Outcome, details: string[]): Promise<End> {
  const verdict = await measure({ ...plan, commit: live.commit });
  const outcomes = { pass: hoped, fail: 'stuck', blind: hoped === 'stuck' ? 'stuck' : 'not measured' } as const;
  return [outcomes[verdict], ...details, `Smoke test of the old version: ${verdict}.`];
}

try {
  const given = readOptions(process.argv.slice(2), ['app', 'image', 'url', 'commit', 'origin'], {
    config: 'fly.toml',
    control: 'https://fly.io/',
    attempts: '3',
    pause: '10',
    wake: '60',
  });
  const [outcome, ...details] = await ship({
    ...given,
    attempts: Number(given.attempts),
    pauseSeconds: Number(given.pause),
    wakeSeconds: Number(given.wake),
  });
  process.exitCode = conclude(outcome, details);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
