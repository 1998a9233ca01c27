import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Owner, serverUser } from './postgres.ts';

/** Where Debian's packages put programs that are not on everybody's PATH. */
const debianFolders = ['/usr/sbin', '/usr/bin'];

/** The path of a program. Fails when it is not installed, and says which package brings it. */
export function findProgram(name: string, debianPackage: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...debianFolders];
  const program = folders.map((folder) => join(folder, name)).find(existsSync);
  if (program === undefined) throw new Error(`no ${name}: apt-get install -y --no-install-recommends ${debianPackage}`);
  return program;
}

/** Where the programs of the newest PostgreSQL are that Debian's or Ubuntu's package has installed. */
export function findPostgresPrograms(): string {
  const folder = '/usr/lib/postgresql';
  const versions = existsSync(folder) ? readdirSync(folder).map(Number) : [];
  const newest = versions
    .sort((one, other) => other - one)
    .map((version) => `${folder}/${version}/bin`)
    .find((programs) => existsSync(`${programs}/pg_rewind`));
  if (newest === undefined)
    throw new Error(
      'no PostgreSQL server in /usr/lib/postgresql: apt-get install -y --no-install-recommends postgresql',
    );
  return newest;
}

/** A folder that belongs to the user who runs servers, and to nobody else. */
export function makeServerFolder(kind: string, parent = tmpdir()): { folder: string; owner: Owner | undefined } {
  const owner = serverUser();
  const folder = mkdtempSync(join(parent, `catatlas-${kind}-`));
  chmodSync(folder, 0o700);
  if (owner) chownSync(folder, owner.uid, owner.gid);
  return { folder, owner };
}

/** A server that is a process of its own, writes into `NAME.log` and has its process id in `NAME.pid`. */
export interface ServerProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  output(): string;
  runs(): boolean;
  /** Resolves once it has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
}

interface SpawnOptions {
  name: string;
  folder: string;
  owner: Owner | undefined;
  program: string;
  args: readonly string[];
  env?: Record<string, string>;
}

export function spawnServer({ name, folder, owner, program, args, env = {} }: SpawnOptions): ServerProcess {
  // A file: whoever started the server may be busy for minutes and let a pipe run full.
  const logFile = join(folder, `${name}.log`);
  const log = openSync(logFile, 'a');
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, LC_ALL: 'C.UTF-8', ...env },
    stdio: ['ignore', log, log],
    // A session of its own: Ctrl-C in the terminal is for the tests, and the guard sees to the rest.
    detached: true,
    ...owner,
  });
  closeSync(log);
  if (child.pid === undefined) throw new Error(`${program} cannot be started`);
  writeFileSync(join(folder, `${name}.pid`), `${child.pid}\n`);
  const ended = once(child, 'exit');
  const runs = () => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid,
    child,
    output: () => readFileSync(logFile, 'utf8'),
    runs,
    async end(signal) {
      if (runs()) child.kill(signal);
      await ended;
    },
  };
}
