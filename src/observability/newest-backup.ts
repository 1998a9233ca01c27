import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findFlaw } from '../archive/outline.ts';
import type { Log } from './log.ts';

/** Looking costs a call for each file: not with every scrape. In milliseconds. */
const lookEvery = 60_000;

/** How many files that are no archives a look opens before it gives up, and how many it names. */
const mostLooks = 1000;
const mostNamed = 5;

/** What a directory of backups has. */
export interface BackupsFound {
  /** When the newest file that begins and ends as an archive was written, in seconds since 1970; undefined when there is none. */
  newest: number | undefined;
  /** Files that are newer and no archives, each with what is wrong with it: the newest five. */
  flawed: string[];
}

/**
 * When the newest archive in `directory` was written, in seconds since 1970: what was found when last looked, so that asking takes
 * no I/O. 0 when there is none, or none can be seen: no number at all would silence the alert on its age. Undefined before the first look.
 */
export function watchNewestBackup(directory: string, log: Log): () => number | undefined {
  let newest: number | undefined;
  let looked = Number.NEGATIVE_INFINITY;
  let told = '';
  const look = async () => {
    try {
      const found = await findNewestBackup(directory);
      newest = found.newest ?? 0;
      // Said once and not every minute.
      const flawed = found.flawed.join('\n');
      if (flawed !== '' && flawed !== told)
        log.warn('BACKUP_DIR has files that are no whole archives: they do not count', {
          directory,
          files: found.flawed,
        });
      told = flawed;
    } catch (error) {
      newest = 0;
      log.warn('BACKUP_DIR cannot be read: the age of the newest backup is not known', { directory, error });
    }
  };
  return () => {
    if (performance.now() - looked >= lookEvery) {
      looked = performance.now();
      void look();
    }
    return newest;
  };
}

/** Looks for the newest whole archive in `directory`, from the newest file on. Throws what reading the directory throws. */
export async function findNewestBackup(directory: string): Promise<BackupsFound> {
  const entries = await readdir(directory, { withFileTypes: true });
  // `backup create` writes under such a name, and renames the archive when it is complete.
  const names = entries
    .filter((entry) => entry.isFile() && !/^\.|\.part-\d+$/.test(entry.name))
    .map((entry) => entry.name);
  const found = await Promise.allSettled(
    names.map(async (name) => ({ name, seconds: (await stat(join(directory, name))).mtimeMs / 1000 })),
  );
  // One that is gone again has been rotated away.
  const files = found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const flawed: string[] = [];
  for (const { name, seconds } of files.toSorted((a, b) => b.seconds - a.seconds).slice(0, mostLooks)) {
    const flaw = await findFlaw(join(directory, name)).catch(
      (error: NodeJS.ErrnoException) => `it cannot be read (${error.code})`,
    );
    if (flaw === undefined) return { newest: seconds, flawed };
    if (flawed.length < mostNamed) flawed.push(`${name}: ${flaw}`);
  }
  return { newest: undefined, flawed };
}
