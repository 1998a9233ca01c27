import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connectEmbedded, connectPostgres, type Database, type Sql } from '../../src/database/connect.ts';
import { createDatabase, startPostgres } from './postgres.ts';
import { makeSchema } from './schema.ts';
import { commandLine, type Engine, engine, type Runtime, runtime } from './target.ts';

/** A line of the server's log, as JSON. */
export type LogLine = Record<string, unknown> & { message: string };

export interface RunningServer {
  url: string;
  process: ChildProcess;
  log: LogLine[];
  /** The next or an earlier line with this message. */
  logged(message: string): Promise<LogLine>;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

/** A place for the data of one test file: an empty database that outlives restarts of the server. */
export interface Site {
  engine: Engine;
  /** The environment that points a server to it. */
  env: Record<string, string>;
  /** Brings the schema up and writes directly, as only tests may (coordinates have no API). No server may run on it. */
  seed(work: (sql: Sql) => Promise<void>): Promise<void>;
  start(options?: StartOptions): Promise<RunningServer>;
  /** Stops every server that was started here and removes the data. */
  close(): Promise<void>;
}

interface StartOptions {
  env?: Record<string, string>;
  args?: string[];
  runtime?: Runtime;
  /** False: do not wait for /health/ready. */
  ready?: boolean;
}

const startDeadline = 60_000;

/** A fresh database of the engine under test. */
export async function openSite(of: Engine = engine): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'catatlas-test-'));
  const servers: RunningServer[] = [];
  const databaseUrl = of === 'embedded' ? undefined : await createDatabase(await serverUrl(of));
  const dataDir = join(folder, 'data');
  // DEBUG: the suites run a development server unless they say otherwise; production asks for secrets.
  const env: Record<string, string> = databaseUrl
    ? { DATABASE_URL: databaseUrl, DEBUG: 'true' }
    : { DATA_DIR: dataDir };
  return {
    engine: of,
    env,
    async seed(work) {
      const database: Database = databaseUrl
        ? connectPostgres({ url: databaseUrl, applicationName: 'catatlas test' })
        : await connectEmbedded({ dataDir });
      try {
        await makeSchema(database);
        await work(database.sql);
      } finally {
        await database.close();
      }
    },
    async start(options = {}) {
      const server = await startServer({ ...options, env: { ...env, ...options.env } }, folder);
      servers.push(server);
      return server;
    },
    async close() {
      for (const server of servers) await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const servers = new Map<Engine, Promise<string>>();

/** One server of a version for the whole run: the one that was started elsewhere (CATATLAS_TEST_POSTGRES_18), else one of this process. */
function serverUrl(of: Exclude<Engine, 'embedded'>): Promise<string> {
  const given = process.env[`CATATLAS_TEST_POSTGRES_${of}`];
  if (given !== undefined) return Promise.resolve(given);
  if (of === '16' || of === '17')
    throw new Error(
      `no PostgreSQL ${of} is installed with the packages: name a server with CATATLAS_TEST_POSTGRES_${of}`,
    );
  const started = servers.get(of) ?? startPostgres({ version: of === '15' ? 15 : 18 }).then((server) => server.url);
  servers.set(of, started);
  return started;
}

async function startServer(
  options: StartOptions & { env: Record<string, string> },
  folder: string,
): Promise<RunningServer> {
  const [command, ...args] = commandLine(['serve', ...(options.args ?? [])], options.runtime ?? runtime);
  // An environment of its own: what happens to be set on this machine must not decide a test.
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    LOG_FORMAT: 'json',
    PORT: '0',
    HOST: '127.0.0.1',
    ...options.env,
  };
  const child = spawn(command, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const log: LogLine[] = [];
  const errors: string[] = [];
  const waiting: { message: string; resolve(line: LogLine): void }[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => {
    if (!text.startsWith('{')) return;
    const line = JSON.parse(text) as LogLine;
    log.push(line);
    for (const waiter of waiting) if (waiter.message === line.message) waiter.resolve(line);
  });
  createInterface({ input: child.stderr }).on('line', (text) => errors.push(text));
  const exited = once(child, 'exit');

  const logged = (message: string) =>
    new Promise<LogLine>((resolve, reject) => {
      const earlier = log.find((line) => line.message === message);
      if (earlier) return resolve(earlier);
      waiting.push({ message, resolve });
      const story = () => `${[...errors, ...log.map((line) => JSON.stringify(line))].slice(-20).join('\n')}`;
      const timer = setTimeout(
        () => reject(new Error(`no "${message}" in the log within ${startDeadline} ms\n${story()}`)),
        startDeadline,
      );
      timer.unref();
      exited.then(
        ([code]) => reject(new Error(`exited with ${code} before "${message}"\n${story()}`)),
        () => {},
      );
    });

  const { url } = await logged('listening');
  const server: RunningServer = {
    url: String(url),
    process: child,
    log,
    logged,
    async stop() {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code as number | null;
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await exited;
    },
  };
  if (options.ready !== false) await logged('ready');
  return server;
}
