import { randomUUID } from 'node:crypto';
import {
  constants,
  copyFileSync,
  linkSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { getPriority, hostname } from 'node:os';
import process from 'node:process';
import { DirectoryInUseError } from './embedded-failure.ts';

/** What a lock file says of the process that made it. `null` where the system does not tell. */
interface LockOwner {
  pid: number;
  /** Different for each lock ever taken. */
  token: string;
  directory: string;
  since: string;
  host: string;
  /** Linux: identifies this boot of the machine, so that a pid from before a restart is not taken for a living one. */
  boot: string | null;
  /** Linux: the pid namespace (container) in which `pid` means something. */
  namespace: string | null;
  /** Linux: when the process started, in clock ticks since boot. A reused pid has another one. */
  start: string | null;
}

/** A directory that this process has for itself until `release()` or the end of the process. */
export interface DirectoryLock {
  /** The lock file. */
  readonly path: string;
  /** Gives the directory back. A second call does nothing. */
  release(): void;
}

/** A taker that loses this many rounds against others has found a fault, not a crowd. */
const maxRounds = 1000;

/**
 * Takes `directory` for this process alone, by the file `<directory>.lock` beside it. Beside and not inside, so that copying,
 * restoring or deleting the directory neither copies nor loses the lock. `directory` must exist; symbolic links are followed,
 * so that two names of one directory have one lock.
 *
 * A lock that a killed process left is taken over at once; one whose owner may live never is, however old it is.
 *
 * @throws {DirectoryInUseError} another process (or this one) has the directory, or its owner cannot be judged.
 */
export function acquireDirectoryLock(directory: string): DirectoryLock {
  const place = realpathSync(directory);
  const path = `${place}.lock`;
  const mine = describeThisProcess(place);
  const draft = `${path}.${mine.token}`;
  try {
    // Written whole under another name and then linked: whoever sees the lock sees all of it, whenever we are killed.
    writeFileSync(draft, `${JSON.stringify(mine)}\n`, { flag: 'wx', mode: 0o600 });
    for (let round = 0; round < maxRounds; round++) {
      if (createExclusively(draft, path) || takeOver(draft, path, place)) return holdLock(path, mine.token);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new DirectoryInUseError(`${path} keeps changing: other processes are taking ${place}.`, place, undefined);
}

/**
 * Takes a dead owner's lock. Deleting it and making a new one would let a slower taker delete the new one. Instead each owner
 * has one possible successor: the file `<lock>.after-<token of the owner>`, which only one process can create. The successor
 * renames it over the lock. A successor that died before that has a successor of its own, so the files form a chain and its
 * last member is the owner.
 *
 * @returns false when another process moved meanwhile: look again.
 */
function takeOver(draft: string, path: string, directory: string): boolean {
  const first = readOwner(path, directory);
  if (first === undefined) return false;
  const passed: string[] = [];
  let last = first;
  for (;;) {
    refuseUnlessDead(last, path);
    const claim = `${path}.after-${last.token}`;
    if (createExclusively(draft, claim)) {
      // Somebody may have finished taking over since we looked. Then the claim is for a lock that is gone.
      if (readOwner(path, directory)?.token !== first.token) {
        rmSync(claim, { force: true });
        return false;
      }
      renameSync(claim, path);
      for (const file of passed) rmSync(file, { force: true });
      return true;
    }
    const next = readOwner(claim, directory);
    if (next === undefined) return false;
    passed.push(claim);
    last = next;
  }
}

/** Creates `target` with the content of `draft` in one step, if it does not exist. */
function createExclusively(draft: string, target: string): boolean {
  try {
    linkSync(draft, target);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    // exFAT and some network file systems have no links. O_EXCL remains, without the guarantee of a whole content.
    if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV')) throw error;
  }
  try {
    copyFileSync(draft, target, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    // A full disk leaves the beginning of it, which nobody could read as a lock.
    removeUnlessWhole(target);
    throw error;
  }
}

/** Removes what is no lock, but the beginning of one. */
function removeUnlessWhole(target: string): void {
  if (parseOwner(readOrNull(() => readFileSync(target, 'utf8')) ?? '') === undefined) rmSync(target, { force: true });
}

function readOwner(path: string, directory: string): LockOwner | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  const owner = parseOwner(text);
  if (owner !== undefined) return owner;
  throw new DirectoryInUseError(
    `${path} is not readable as a lock, so it is not known whether another process uses ${directory}. ` +
      'Make sure that none does, delete that file and start again.',
    directory,
    undefined,
  );
}

function parseOwner(text: string): LockOwner | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const owner = value as Partial<Record<keyof LockOwner, unknown>>;
  if (!Number.isSafeInteger(owner.pid) || typeof owner.token !== 'string' || !/^[\w-]{1,64}$/.test(owner.token)) return;
  const textOrNull = (field: unknown) => (typeof field === 'string' ? field : null);
  return {
    pid: Number(owner.pid),
    token: owner.token,
    directory: String(owner.directory),
    since: String(owner.since),
    host: String(owner.host),
    boot: textOrNull(owner.boot),
    namespace: textOrNull(owner.namespace),
    start: textOrNull(owner.start),
  };
}

function refuseUnlessDead(owner: LockOwner, path: string): void {
  const state = judgeOwner(owner);
  if (state === 'dead') return;
  const { directory, pid, since } = owner;
  const message =
    pid === process.pid && state === 'alive'
      ? `${directory} is already open in this process (${pid}). Close it first.`
      : state === 'alive'
        ? `${directory} is in use by process ${pid} since ${since}. The embedded database serves one process at a time: ` +
          'stop that process, choose another DATA_DIR, or use a PostgreSQL server (DATABASE_URL).'
        : `${directory} was opened by process ${pid} on ${owner.host} at ${since}, and it cannot be told from here whether ` +
          `that process still runs. Make sure that it does not, delete ${path} and start again.`;
  throw new DirectoryInUseError(message, directory, pid);
}

/** Does the owner of a lock live? `unknown`: it is on another machine or in another container, or we may not ask. */
function judgeOwner(owner: LockOwner): 'alive' | 'dead' | 'unknown' {
  const boot = bootId();
  if (owner.boot !== null && boot !== null && owner.boot !== boot) {
    // The same machine has been restarted since, or this is another machine that shares the disk.
    return owner.host === hostname() ? 'dead' : 'unknown';
  }
  const namespace = pidNamespace();
  if (owner.namespace !== null && namespace !== null && owner.namespace !== namespace) return 'unknown';
  const running = isRunning(owner.pid);
  if (running !== 'alive' || owner.start === null) return running;
  const start = startOf(owner.pid);
  return start === null || start === owner.start ? 'alive' : 'dead';
}

function isRunning(pid: number): 'alive' | 'dead' | 'unknown' {
  if (pid <= 0) return 'unknown';
  try {
    process.kill(pid, 0);
    return 'alive';
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return 'dead';
    if (hasCode(error, 'EPERM')) return 'alive';
  }
  // Deno asks for --allow-run to send even signal 0. Asking for a priority tells the same for --allow-sys=getPriority.
  try {
    getPriority(pid);
    return 'alive';
  } catch (error) {
    return error instanceof Error && error.message.includes('ESRCH') ? 'dead' : 'unknown';
  }
}

function describeThisProcess(directory: string): LockOwner {
  return {
    pid: process.pid,
    token: randomUUID(),
    directory,
    since: new Date().toISOString(),
    host: hostname(),
    boot: bootId(),
    namespace: pidNamespace(),
    start: startOf(process.pid),
  };
}

function bootId(): string | null {
  return readOrNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}

function pidNamespace(): string | null {
  return readOrNull(() => readlinkSync('/proc/self/ns/pid'));
}

/** Field 22 of /proc/<pid>/stat (proc_pid_stat(5)); the name before it may contain spaces and brackets. */
function startOf(pid: number): string | null {
  return readOrNull(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  });
}

/** Only Linux has these files, and Deno shows them only to a process with every permission: then they are not known. */
function readOrNull(read: () => string | null): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function holdLock(path: string, token: string): DirectoryLock {
  let held = true;
  const release = () => {
    if (!held) return;
    held = false;
    process.off('exit', release);
    // Somebody who deleted the lock by hand may have let another process in: its lock is not ours to delete.
    const owner = readOrNull(() => parseOwner(readFileSync(path, 'utf8'))?.token ?? null);
    if (owner === token) rmSync(path, { force: true });
  };
  process.on('exit', release);
  return { path, release };
}

function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
