// Goes back to an image that served before, by hand and whatever any check says: `bun scripts/deploy/roll-back.ts --app APP --url URL
// --origin ORIGIN [--to IMAGE]`. Without --to: the newest completed release whose image is another than the live one's.
//
// Needs flyctl and k6 on PATH and FLY_API_TOKEN. Exit codes: outcome.ts; 2 for wrong options.
import { configAt } from './config.ts';
import { commitOf, isSameImage, listReleases, redeployImage } from './fly.ts';
import { conclude, type Outcome } from './outcome.ts';
import { readOptions } from './program.ts';
import { measure } from './smoke.ts';

/** The image that served before the one that serves now; undefined when there was none. */
async function findBefore(app: string): Promise<string | undefined> {
  const [live, ...older] = (await listReleases(app)).filter(
    ({ status, image }) => status === 'complete' && image !== '',
  );
  return older.find(({ image }) => live && !isSameImage(image, live.image))?.image;
}

try {
  const given = readOptions(process.argv.slice(2), ['app', 'url', 'origin'], {
    to: '',
    config: 'fly.toml',
    control: 'https://fly.io/',
    attempts: '3',
    pause: '10',
  });
  const image = given.to || (await findBefore(given.app));
  if (image === undefined) {
    process.exitCode = conclude('refused', ['There is no completed release with another image. Name one: --to IMAGE']);
  } else {
    const commit = commitOf(image);
    const redeployed = await redeployImage(given.app, image, await configAt(commit, given.config));
    const verdict = await measure({
      ...given,
      commit,
      attempts: Number(given.attempts),
      pauseSeconds: Number(given.pause),
    });
    const ends: Record<typeof verdict, Outcome> = { pass: 'rolled back', fail: 'stuck', blind: 'not measured' };
    process.exitCode = conclude(redeployed ? ends[verdict] : 'stuck', [
      `To: ${image}`,
      `flyctl deploy: ${redeployed ? 'done' : 'failed'}.`,
      `Smoke test: ${verdict}.`,
    ]);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
