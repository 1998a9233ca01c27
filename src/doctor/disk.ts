import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { attempt, type Check, checkOf, describeError, type Finding, sayBytes } from './check.ts';

/** Free space of the file system that a directory is on, or will be on. */
export interface FreeSpace {
  directory: string;
  bytes: Finding<number>;
}

/** In bytes. An empty database is 40 MB, and a full disk is a database that takes no writes. */
const limits = { warn: 1_000_000_000, fail: 100_000_000 };

/** Looks at a directory, or where it does not exist, at the nearest one above it. */
export async function readFreeSpace(directory: string): Promise<FreeSpace> {
  return {
    directory,
    bytes: await attempt(async () => {
      const { bavail, bsize } = await statNearest(directory);
      return bavail * bsize;
    }),
  };
}

async function statNearest(directory: string): Promise<{ bavail: number; bsize: number }> {
  try {
    return await statfs(directory);
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!missing || dirname(directory) === directory) throw error;
    return await statNearest(dirname(directory));
  }
}

/** Judges the disk. `data` is undefined where no embedded database is used. */
export function checkDisk(data: FreeSpace | undefined, temporary: FreeSpace): Check[] {
  return [
    data
      ? judge(checkOf('disk.data', 'Data directory'), data, 'Make room, or move DATA_DIR to another disk.', true)
      : checkOf('disk.data', 'Data directory').pass('not used: the data is on the PostgreSQL server'),
    judge(
      checkOf('disk.temporary', 'Temporary directory'),
      temporary,
      'Make room, or set TMPDIR to a directory on another disk.',
      false,
    ),
  ];
}

function judge(
  { pass, warn, fail, unknown }: ReturnType<typeof checkOf>,
  { directory, bytes }: FreeSpace,
  advice: string,
  vital: boolean,
): Check {
  if ('error' in bytes) return unknown(`${directory}: ${describeError(bytes.error)}`);
  const found = `${sayBytes(bytes.value)} free in ${directory}`;
  if (bytes.value < limits.fail) return vital ? fail(found, advice) : warn(found, advice);
  return vital && bytes.value < limits.warn ? warn(found, advice) : pass(found);
}
