import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Owner } from './postgres.ts';

/**
 * A file system of a few megabytes, to be filled. It is mounted in a namespace of its own, which ends with the last program in it:
 * nothing is left mounted, however this process ends. Needs root on Linux.
 */
export interface SmallDisk {
  /** Where it is, for programs that run within. */
  readonly mountPoint: string;
  /** Where it is, for this process. */
  readonly path: string;
  /** The command that runs `command` where the disk can be seen, as this user. */
  within(command: readonly string[], owner: Owner | undefined): [string, ...string[]];
  /** Leaves not one free page on it. */
  fill(): void;
  /** Undoes `fill`. */
  free(): void;
  close(): Promise<void>;
}

/** Mounts a disk that belongs to `owner`. */
export async function mountSmallDisk(megabytes: number, owner: Owner | undefined): Promise<SmallDisk> {
  const mountPoint = mkdtempSync(join(tmpdir(), 'catatlas-disk-'));
  const script = `mount -t tmpfs -o "size=$2m,mode=700,uid=$3,gid=$4" tmpfs "$1" && echo mounted && cat
    umount --lazy "$1"; rmdir "$1"`;
  const { uid, gid } = owner ?? { uid: 0, gid: 0 };
  const holder = spawn(
    'unshare',
    ['--mount', '--propagation=private', 'sh', '-c', script, 'disk', mountPoint, ...[megabytes, uid, gid].map(String)],
    // It waits for the end of its input, which comes with that of this process at the latest.
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const ended = once(holder, 'close');
  const mounted = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (!mounted)
    throw new Error('a file system could not be mounted: that takes root on Linux, and in a container SYS_ADMIN');
  const path = `/proc/${holder.pid}/root${mountPoint}`;
  const ballast = join(path, 'ballast');
  return {
    mountPoint,
    path,
    within(command, user) {
      const identity = user ? ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--'] : [];
      return ['nsenter', '--mount', `--target=${holder.pid}`, '--', ...identity, ...command];
    },
    fill() {
      const file = openSync(ballast, 'a');
      try {
        for (const size of [1 << 20, 4096]) writeUntilFull(file, Buffer.alloc(size));
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast),
    async close() {
      holder.stdin.end();
      await ended;
    },
  };
}

function writeUntilFull(file: number, piece: Buffer): void {
  try {
    while (writeSync(file, piece) === piece.length);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOSPC') throw error;
  }
}
