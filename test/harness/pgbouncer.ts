import { chownSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { findProgram, makeServerFolder, spawnServer } from './debian.ts';
import { freePort, type RunningPostgres, spawnGuard } from './postgres.ts';

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
  mode?: 'transaction' | 'session';
  /** A file of settings that say it all, in place of the options below and `mode`; addresses and users are replaced. */
  settingsFile?: string;
  /** Server connections for each database. Default 4: fewer than the clients of a test. */
  poolSize?: number;
  /** Parameters of a start-up message that are dropped in silence; others that it does not know end the connection. */
  ignoreStartupParameters?: readonly string[];
}

const startDeadline = 30_000;

/** Starts PgBouncer on a free port of 127.0.0.1. It refuses to run as root, as PostgreSQL does, and lets everybody in. */
export async function startPgbouncer(options: PgbouncerOptions): Promise<RunningPgbouncer> {
  const { server, mode = 'transaction', poolSize = 4, ignoreStartupParameters = [], settingsFile } = options;
  const program = findProgram('pgbouncer', 'pgbouncer');
  const { folder, owner } = makeServerFolder('pgbouncer');
  const port = await freePort();
  const { username } = new URL(server.url);
  const users = join(folder, 'users.txt');
  const settings = join(folder, 'pgbouncer.ini');
  writeFileSync(users, `"${username}" ""\n`);
  const local = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: users,
  };
  const own = {
    pool_mode: mode,
    default_pool_size: String(poolSize),
    ignore_startup_parameters: ignoreStartupParameters.join(','),
  };
  writeFileSync(
    settings,
    settingsFile === undefined
      ? writeSettings('[databases]\n* = host=127.0.0.1 port=0\n[pgbouncer]\n', server.port, { ...local, ...own })
      : writeSettings(readFileSync(settingsFile, 'utf8'), server.port, local),
  );
  if (owner) for (const path of [users, settings]) chownSync(path, owner.uid, owner.gid);
  spawnGuard(folder, 'pgbouncer.pid', owner);
  const pooler = spawnServer({ name: 'pgbouncer', folder, owner, program, args: [settings] });
  const stop = async () => {
    await pooler.end('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  };
  const url = (databaseUrl: string) => {
    const pooled = new URL(databaseUrl);
    pooled.port = String(port);
    return pooled.href;
  };
  if (!(await untilItAnswers(url(server.url), pooler.runs))) {
    const output = pooler.output();
    await stop();
    throw new Error(`PgBouncer does not answer:\n${output}`);
  }
  return { port, url, stop };
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

/** The settings with these in place of their own: PgBouncer takes a second section of the same name for the whole. */
function writeSettings(text: string, serverPort: number, replacements: Record<string, string>): string {
  const names = Object.keys(replacements);
  const kept = text
    .replace(/^\S+ = host=.*$/m, `* = host=127.0.0.1 port=${serverPort}`)
    .split('\n')
    .filter((line) => !names.some((name) => line.startsWith(`${name} =`)));
  return [...kept, ...Object.entries(replacements).map(([name, value]) => `${name} = ${value}`), ''].join('\n');
}
