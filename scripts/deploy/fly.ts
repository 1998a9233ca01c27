// What we ask of flyctl. Every command and field was read in its source: flyctl has no command that rolls back, and its JSON has the
// names of Go fields (internal/command/apps/releases.go).
import { run } from './program.ts';

/** A deployment that Fly.io recorded. */
export interface Release {
  version: number;
  /** running, complete, failed or interrupted. */
  status: string;
  /** Empty for a release that came without an image. */
  image: string;
}

/** A machine that runs the app: not one of a release command, which is gone soon. */
export interface Machine {
  id: string;
  image: string;
  region: string;
  /** Such as shared-cpu-1x. */
  size: string;
  memoryMegabytes: number;
}

/** As many releases as flyctl asks for; older ones are not to be had (internal/command/apps/releases.go). */
const listed = 25;

/** The last 25 releases, newest first. Throws when flyctl fails or says something else. */
export async function listReleases(app: string): Promise<Release[]> {
  const rows = await askForList(['releases', '--app', app, '--json']);
  return rows
    .map((row) => ({ version: Number(row['Version']), status: text(row['Status']), image: text(row['ImageRef']) }))
    .sort((one, other) => other.version - one.version);
}

/** The newest release that was completed. */
export function findCompleted(releases: readonly Release[]): Release | undefined {
  return releases.find(({ status, image }) => status === 'complete' && image !== '');
}

/**
 * The image that served before that of the newest completed release; undefined when every other was taken back. A release whose image
 * served before is somebody going back, and takes back what came in between: after A, B, A the way leads to what was before A, never to B.
 */
export function findImageBefore(releases: readonly Release[]): string | undefined {
  const history: string[] = [];
  for (const { status, image } of releases.toReversed()) {
    if (status !== 'complete' || image === '') continue;
    const earlier = history.findIndex((one) => isSameImage(one, image));
    if (earlier === -1) history.push(image);
    else history.length = earlier + 1;
  }
  // What came before the oldest of a full list is not known, so neither is whether that one was taken back.
  if (releases.length >= listed) history.shift();
  return history.at(-2);
}

/** The machines of the app, stopped ones too. Throws when flyctl fails or says something else. */
export async function listMachines(app: string): Promise<Machine[]> {
  const rows = await askForList(['machine', 'list', '--app', app, '--json']);
  return rows
    .filter((row) => {
      const group = part(part(row, 'config'), 'metadata')['fly_process_group'];
      return row['state'] !== 'destroyed' && (group === undefined || group === 'app');
    })
    .map((row) => {
      const config = part(row, 'config');
      const guest = part(config, 'guest');
      const size = `${text(guest['cpu_kind'])}-cpu-${text(guest['cpus'])}x`;
      return {
        id: text(row['id']),
        image: text(config['image']),
        region: text(row['region']),
        size,
        memoryMegabytes: Number(guest['memory_mb']),
      };
    });
}

/**
 * Is that the image of every machine? A failed release command, and a bluegreen deployment that was taken back, leave all as they were.
 * Throws when flyctl fails or says something else.
 */
export async function runsOnly(app: string, image: string): Promise<boolean> {
  const machines = await listMachines(app);
  return machines.length > 0 && machines.every((machine) => isSameImage(machine.image, image));
}

/** Deploys an image; whether that worked. `--ha=false`: the first deployment would otherwise make two machines, at twice the price. */
export async function deployImage(
  app: string,
  image: string,
  config: string,
  ...more: readonly string[]
): Promise<boolean> {
  const args = ['deploy', '--app', app, '--config', config, '--image', image, '--ha=false', '--yes', ...more];
  const { code, reason } = await run('flyctl', args);
  if (code !== 0) console.error(`flyctl deploy of ${image}: ${reason}`);
  return code === 0;
}

/** Deploys an image that ran before, over whatever is there. The database is not touched: its newer schema serves older versions too. */
export async function redeployImage(app: string, image: string, config: string): Promise<boolean> {
  // rolling: takes the broken machine away first, and needs room for no second one.
  return await deployImage(app, image, config, '--strategy', 'rolling', '--skip-release-command');
}

/**
 * Are two references the same image? Built twice from the same commit, it is; otherwise the digest decides where both have one, whatever
 * the tag: flyctl may put its own there.
 */
export function isSameImage(one: string, other: string): boolean {
  const commit = commitOf(one);
  if (commit !== undefined && commit === commitOf(other)) return true;
  const [oneName, oneDigest] = one.split('@');
  const [otherName, otherDigest] = other.split('@');
  if (oneDigest !== undefined && otherDigest !== undefined) return oneDigest === otherDigest;
  return oneName === otherName;
}

/** The commit in the tag of an image that our workflow pushed (`…:sha-COMMIT`). */
export function commitOf(image: string): string | undefined {
  return /:sha-([0-9a-f]{40})(@|$)/.exec(image)?.[1];
}

async function askForList(args: readonly string[]): Promise<Record<string, unknown>[]> {
  const { code, reason, stdout } = await run('flyctl', args);
  if (code !== 0) throw new Error(`flyctl ${args.join(' ')}: ${reason}`);
  const rows: unknown = JSON.parse(stdout);
  // Go writes a list that was never made as null.
  if (rows === null) return [];
  if (!Array.isArray(rows)) throw new Error(`flyctl ${args.join(' ')} did not answer with a list`);
  return rows as Record<string, unknown>[];
}

function part(of: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = of[name];
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
