import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { freePort, type RunningPostgres, serverUser, spawnGuard } from './postgres.ts';

/** A real PgBouncer in front of a server. */
export interface RunningPgbouncer {
  readonly port: number;
  /** The same database, reached through the pooler. */
  url(databaseUrl: string): string;
  /** Ends it, cutting every connection, and removes its files. */
  stop(): Promise<void>;
}

interface PgbouncerOptions {
  server: RunningPostgres;
  /** When a server connection goes back to the pool: at the end of each transaction, or of the client's connection. */
  mode: 'transaction' | 'session';
  /** Server connections for each database. Default 4: fewer than the clients of a test. */
  poolSize?: number;
  /** Parameters of a start-up message that are dropped in silence; others that it does not know end the connection. */
  ignoreStartupParameters?: readonly string[];
}

/** Where Debian's package puts it, which is not on everybody's PATH. */
const debianFolder = '/usr/sbin';
const startDeadline = 10_000;

/** Starts PgBouncer on a free port of 127.0.0.1. It refuses to run as root, as PostgreSQL does, and lets everybody in. */
export async function startPgbouncer(options: PgbouncerOptions): Promise<RunningPgbouncer> {
  const { server, mode, poolSize = 4, ignoreStartupParameters = [] } = options;
  const program = findProgram();
  const owner = serverUser();
  const directory = mkdtempSync(join(tmpdir(), 'catatlas-pgbouncer-'));
  const port = await freePort();
  const { username } = new URL(server.url);
  const users = join(directory, 'users.txt');
  const settings = join(directory, 'pgbouncer.ini');
  writeFileSync(users, `"${username}" ""\n`);
  writeFileSync(
    settings,
    [
      '[databases]',
      `* = host=127.0.0.1 port=${server.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = trust',
      `auth_file = ${users}`,
      `pidfile = ${join(directory, 'pid')}`,
      `pool_mode = ${mode}`,
      `default_pool_size = ${poolSize}`,
      `ignore_startup_parameters = ${ignoreStartupParameters.join(',')}`,
      '',
    ].join('\n'),
  );
  chmodSync(directory, 0o700);
  if (owner) for (const path of [directory, users, settings]) chownSync(path, owner.uid, owner.gid);
  spawnGuard(directory, 'pid', owner);

  const logFile = join(directory, 'log');
  const log = openSync(logFile, 'w');
  const child = spawn(program, [settings], {
    cwd: directory,
    stdio: ['ignore', log, log],
    // A session of its own: Ctrl-C in the terminal is for the tests, and the guard sees to the rest.
    detached: true,
    ...owner,
  });
  closeSync(log);
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    rmSync(directory, { recursive: true, force: true });
  };
  const url = (databaseUrl: string) => {
    const pooled = new URL(databaseUrl);
    pooled.port = String(port);
    return pooled.href;
  };
  const answers = await untilItAnswers(url(server.url), () => child.exitCode === null && child.signalCode === null);
  if (!answers) {
    const output = readFileSync(logFile, 'utf8');
    await stop();
    throw new Error(`PgBouncer does not answer:\n${output}`);
  }
  return { port, url, stop };
}

function findProgram(): string {
  const folders = [...(process.env['PATH'] ?? '').split(':'), debianFolder];
  const program = folders.map((folder) => join(folder, 'pgbouncer')).find(existsSync);
  if (program === undefined)
    throw new Error('PgBouncer is not installed: apt-get install -y --no-install-recommends pgbouncer');
  return program;
}

async function untilItAnswers(url: string, runs: () => boolean): Promise<boolean> {
  const end = performance.now() + startDeadline;
  while (runs() && performance.now() < end) {
    const sql = postgres(url, { max: 1, prepare: false, connect_timeout: 1 });
    try {
      await sql`select 1`;
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
  return false;
}
