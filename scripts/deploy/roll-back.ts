// Goes back to an image that served before, by hand and whatever any check says: `bun scripts/deploy/roll-back.ts --app APP --url URL
// --origin ORIGIN [--to IMAGE]`. Without --to: to what served before what is live now, never to what was taken back already.
//
// Needs flyctl on PATH and FLY_API_TOKEN; k6 to prove that it worked. Nothing but flyctl can keep it from going back: without k6, --url or
// --origin it is just not proved. `--proof later` leaves that to prove.ts. Exit codes: outcome.ts; 2 for wrong options.
import { configAt } from './config.ts';
import { commitOf, findCompleted, findImageBefore, listReleases, redeployImage, runsOnly } from './fly.ts';
import { conclude, writeOutput } from './outcome.ts';
import { readOptions } from './program.ts';
import { prove } from './prove.ts';

/** What served before what runs now: the newest completed release, where a newer one failed half-way, or the one before it. */
async function findBefore(app: string): Promise<string | undefined> {
  const releases = await listReleases(app);
  const completed = findCompleted(releases)?.image;
  if (completed === undefined) return undefined;
  return (await runsOnly(app, completed)) ? findImageBefore(releases) : completed;
}

async function rollBack(argv: readonly string[]): Promise<number> {
  const given = readOptions(argv, ['app'], {
    to: '',
    url: '',
    origin: '',
    proof: 'now',
    config: 'fly.toml',
    control: 'https://fly.io/',
    attempts: '3',
    pause: '10',
  });
  let image: string | undefined;
  try {
    image = given.to || (await findBefore(given.app));
  } catch (error) {
    return conclude('refused', [
      `What served before is not known: ${error instanceof Error ? error.message : error}`,
      'Name an image: --to IMAGE',
    ]);
  }
  if (image === undefined)
    return conclude('refused', ['No completed release has an image that was not taken back. Name one: --to IMAGE']);

  const commit = commitOf(image);
  writeOutput('commit', commit ?? '');
  const details = [`To: ${image}`];
  if (!(await redeployImage(given.app, image, await configAt(commit, given.config))))
    return conclude('stuck', [...details, 'flyctl deploy failed.']);
  if (given.proof === 'later') return conclude('back', details);
  const { outcome, detail } = await prove({
    ...given,
    commit,
    attempts: Number(given.attempts),
    pauseSeconds: Number(given.pause),
  });
  return conclude(outcome, [...details, detail]);
}

try {
  process.exitCode = await rollBack(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
