import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from './log.ts';

/** Looking costs a call for each file: not with every scrape. In milliseconds. */
const lookEvery = 60_000;

/**
 * When the newest archive in `directory` was written, in seconds since 1970: what was found when last looked, so that asking takes
 * no I/O. 0 when there is none, or none can be seen: no number at all would silence the alert on its age. Undefined before the first look.
 */
export function watchNewestBackup(directory: string, log: Log): () => number | undefined {
  let newest: number | undefined;
  let looked = Number.NEGATIVE_INFINITY;
  const look = async () => {
    try {
      newest = (await findNewestBackup(directory)) ?? 0;
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

/** When the newest archive in `directory` was written, in seconds since 1970; undefined when there is none. Throws what reading throws. */
export async function findNewestBackup(directory: string): Promise<number | undefined> {
  const entries = await readdir(directory, { withFileTypes: true });
  // `backup create` writes under such a name, and renames the archive when it is complete.
  const files = entries.filter((entry) => entry.isFile() && !/^\.|\.part-\d+$/.test(entry.name));
  const found = await Promise.allSettled(files.map(({ name }) => stat(join(directory, name))));
  // One that is gone again has been rotated away.
  const times = found.flatMap((one) => (one.status === 'fulfilled' ? [one.value.mtimeMs / 1000] : []));
  return times.length === 0 ? undefined : Math.max(...times);
}
