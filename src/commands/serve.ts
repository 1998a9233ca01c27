import { build } from '../build.ts';
import { type Command, CommandFailure, type CommandIO } from '../cli/command.ts';
import { wantsColor } from '../cli/command-log.ts';
import { asCommandFailure } from '../cli/database-failure.ts';
import { ExitCode } from '../cli/exit-codes.ts';
import { systemClock } from '../clock.ts';
import { describeAccess } from '../config/access.ts';
import { describeProblem, loadSettings, type Settings } from '../config/settings.ts';
import type { AppContext } from '../context.ts';
import type { Database } from '../database/connect.ts';
import { AppError } from '../errors.ts';
import { answerFailure, withAccessLog } from '../http/access-log.ts';
import { retryAfterSeconds } from '../http/readiness.ts';
import { factsOf } from '../http/request-facts.ts';
import { Lifecycle } from '../lifecycle.ts';
import { MigrationError } from '../migrator/migration-error.ts';
import { outsideRequests } from '../observability/current-request.ts';
import { createLog, type Log } from '../observability/log.ts';
import { keepMemoryLow } from '../platform/memory.ts';
import { ListenError, type Server, serve } from '../platform/serve.ts';
import { bringUpDatabase } from './serve/bring-up.ts';
import { observe } from './serve/observe.ts';

export const command: Command = {
  description: `Serves the API, and its documentation at /swagger. Pending migrations are applied first; until then the API answers 503 and
/health/ready says why.

Without DATABASE_URL the data is kept by an embedded PostgreSQL in DATA_DIR: for trying out and for small installations. It is
one process and writes without fsync, so it survives a crash of the program but not of the machine. With DATABASE_URL a real
PostgreSQL is used, and DEBUG is False unless said otherwise: then every rule for production has to be met.

SIGTERM, SIGINT or SIGHUP: not ready any more, requests under way are finished, everything is closed, exit code 0. A second signal
ends the program at once. An embedded database that stops by itself (no room for its log) ends it in the same way, exit code 1:
started again, it goes on with everything that was acknowledged.`,
  options: [
    { name: 'host', value: 'ADDRESS', purpose: 'Listen on this address', setting: 'HOST' },
    { name: 'port', value: 'PORT', purpose: 'Listen on this port; 0 picks a free one', setting: 'PORT' },
    { name: 'data-dir', value: 'DIRECTORY', purpose: 'Where the embedded database is kept', setting: 'DATA_DIR' },
  ],
  settings: [
    'DATABASE_URL',
    'DATA_DIR',
    'DEBUG',
    'HOST',
    'PORT',
    'ALLOWED_ORIGINS',
    'ALLOW_ANONYMOUS_EDITS',
    'JWT_SECRET',
    'LOG_LEVEL',
    'SENTRY_DSN',
    'METRICS_PORT',
  ],
  exitCodes: [
    ExitCode.ok,
    ExitCode.failure,
    ExitCode.usage,
    ExitCode.databaseUnreachable,
    ExitCode.migrationsPending,
    ExitCode.databaseNewer,
    ExitCode.migrationChanged,
    ExitCode.lockTimeout,
  ],
  examples: [
    { line: 'catatlas', purpose: 'try it out at http://127.0.0.1:8000/swagger' },
    { line: 'catatlas serve --port 9000 --data-dir ./cats', purpose: 'another port, data in ./cats' },
    { line: 'DATABASE_URL=postgres://… JWT_SECRET_FILE=/run/secrets/jwt catatlas serve', purpose: 'production' },
  ],
  async run(args, io) {
    const settings = loadSettings({ env: io.env, flags: args.settings });
    const log = openLog(settings, io);
    for (const warning of settings.warnings) log.warn(describeProblem(warning).trim());
    log.info(`Starting ${settings.APP_NAME} v${settings.APP_VERSION}`, {
      commit: build.commit,
      runtime: build.runtime,
    });
    log.info(`Environment: ${settings.production ? 'production' : 'development'}`);
    log.info('access', { access: describeAccess(settings) });
    if (settings.production && settings.ALLOW_ANONYMOUS_EDITS)
      log.warn('every visitor may change and delete what others have made', {
        remedy: 'Leave ALLOW_ANONYMOUS_EDITS out, unless you trust everybody who reaches this server.',
      });
    if (settings.withoutEffect.length > 0)
      log.warn('settings without effect: this version has no accounts and no rate limits', {
        settings: settings.withoutEffect,
      });
    if (settings.primaryElsewhere !== undefined)
      log.info('this region answers reads; the proxy is told to repeat writes in the primary one', {
        region: settings.FLY_REGION,
        primary_region: settings.primaryElsewhere,
        reads_from: settings.REPLICA_DATABASE_URL === undefined ? 'DATABASE_URL' : 'REPLICA_DATABASE_URL',
      });
    return await serveUntilShutdown(settings, log, io);
  },
};

function openLog(settings: Settings, io: CommandIO): Log {
  const automatic = io.isTerminal ? 'pretty' : 'json';
  return createLog({
    level: settings.LOG_LEVEL,
    format: settings.LOG_FORMAT === 'auto' ? automatic : settings.LOG_FORMAT,
    color: wantsColor(io),
    write: (line) => io.stdout(line),
    now: () => systemClock.now(),
  });
}

async function serveUntilShutdown(settings: Settings, plainLog: Log, io: CommandIO): Promise<ExitCode> {
  const lifecycle = new Lifecycle();
  let database: Database | undefined;
  const opened = <T>(one: T | undefined): T => {
    if (one !== undefined) return one;
    throw new AppError(503, 'NOT_READY', 'The database is being opened', { retryAfter: retryAfterSeconds });
  };
  // No statement of the request that asks for it, which it would count as.
  const ping = async (deadline: number) => await outsideRequests(() => opened(database).ping(deadline));
  const observation = await observe({ settings, lifecycle, log: plainLog, ping }, io);
  const { log } = observation;
  const context: AppContext = {
    settings,
    build,
    clock: systemClock,
    log,
    lifecycle,
    get sql() {
      return opened(database).sql;
    },
  };

  keepMemoryLow();
  // The port is bound first: a health check that finds nobody would kill a process in the middle of its migrations.
  const answer = Promise.withResolvers<Answer>();
  const server = await bind(settings, log, answer.promise);
  announce(server, settings, log, io);
  const shutdown = aborted(io.shutdown);
  /** Aborted when the embedded database has stopped by itself. */
  const stop = new AbortController();
  try {
    const ready = bringUpDatabase({
      settings,
      lifecycle,
      log,
      shutdown: io.shutdown,
      onStatement: observation.onStatement,
      onOpen(one) {
        database = one;
        observation.watch(one);
      },
      onStopped(error) {
        // What requests meet from then on follows from it, and is not reported again.
        log.error('the embedded database has stopped, ending', { error });
        stop.abort(error);
      },
    });
    // Awaited below. Until then a failure would be one that nobody handles, and end the process without its message.
    ready.catch(() => {});
    // The application is loaded while the database makes a connection ready: a request that comes before waits these few
    // milliseconds. Loading holds up the event loop, so first the connection gets the turns it takes to be asked for.
    await turnFor(millisecondsToConnect);
    const { createApp } = await import('../app.ts');
    const app = createApp(context);
    answer.resolve(withAccessLog(log, app.fetch, observation.requests));
    await Promise.race([ready, shutdown]);
    if (lifecycle.servesApi) {
      log.info('ready');
      // Whoever waits for readiness is told first.
      await turnFor(millisecondsToTell);
      await app.load();
    }
    await Promise.race([shutdown, aborted(stop.signal)]);
    lifecycle.draining = true;
    await endStart(ready, settings, lifecycle, log);
    await drain(server, settings, log);
    if (stop.signal.aborted) throw asCommandFailure(stop.signal.reason);
    return ExitCode.ok;
  } catch (error) {
    const cause = error instanceof CommandFailure ? error.cause : undefined;
    // A fault of the program, or of its migrations: not only for whoever looks at the terminal.
    if (cause instanceof MigrationError && cause.kind === 'failed' && !stop.signal.aborted)
      log.error('a migration failed', { error: cause });
    throw error;
  } finally {
    await server.abort();
    if (database) await closeDatabase(database, log);
    await observation.close();
    log.info('stopped');
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Time until a connection on the same machine is open and its first message sent. */
const millisecondsToConnect = 2;

const millisecondsToTell = 5;

/** Lets the event loop turn for so long. */
async function turnFor(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
}

type Answer = (request: Request) => Response | Promise<Response>;

async function bind({ HOST, PORT, KEEP_ALIVE_SECONDS }: Settings, log: Log, answer: Promise<Answer>): Promise<Server> {
  try {
    return await serve({
      hostname: HOST,
      port: PORT,
      idleSeconds: KEEP_ALIVE_SECONDS,
      async fetch(request, peer) {
        factsOf(request).peer = peer;
        return (await answer)(request);
      },
      failed: (request, error) => answerFailure(log, request, error),
    });
  } catch (error) {
    if (error instanceof ListenError) throw new CommandFailure(ExitCode.failure, error.message, { cause: error });
    throw error;
  }
}

/** Says where everything is: as a line of the log for programs, as a few lines for people. */
function announce(server: Server, settings: Settings, log: Log, io: CommandIO): void {
  const every = server.hostname === '0.0.0.0' || server.hostname === '::';
  const host = every ? 'localhost' : server.hostname.includes(':') ? `[${server.hostname}]` : server.hostname;
  const url = `http://${host}:${server.port}`;
  const { database } = settings;
  const data =
    database.kind === 'embedded'
      ? `${database.directory} (embedded PostgreSQL: one process, no fsync; to try out and for small installations, not for production)`
      : 'PostgreSQL by DATABASE_URL';
  log.info('listening', { url, docs: `${url}/swagger`, data });
  if (io.isTerminal) io.stdout(`\n  API   ${url}\n  Docs  ${url}/swagger\n  Data  ${data}\n\n  Stop with Ctrl+C.\n\n`);
}

/** Waits for a migration under way to finish its file. An attempt that only looks at the database is left to itself. */
async function endStart(ready: Promise<void>, settings: Settings, lifecycle: Lifecycle, log: Log): Promise<void> {
  // What it throws matters no more than the shutdown.
  const ended = ready.catch((error: unknown) => log.warn('the start was interrupted', { error }));
  if (lifecycle.schema.state === 'migrating') await Promise.race([ended, wait(settings.SHUTDOWN_TIMEOUT_SECONDS)]);
}

/** How long a PostgreSQL server may take to take leave, in seconds: no request is left that would need it. */
const leaveSeconds = 1;

async function closeDatabase(database: Database, log: Log): Promise<void> {
  const closed = database.close().then(() => true);
  // The embedded one must get its time: it is writing.
  if (database.kind === 'embedded') await closed;
  else if (!(await Promise.race([closed, wait(leaveSeconds).then(() => false)])))
    log.warn('the database does not answer: its connections are left behind');
}

/** Lets balancers notice first, then finishes what is under way, within SHUTDOWN_TIMEOUT_SECONDS. */
async function drain(server: Server, settings: Settings, log: Log): Promise<void> {
  log.info('shutting down', { drain_seconds: settings.SHUTDOWN_DRAIN_SECONDS });
  await wait(settings.SHUTDOWN_DRAIN_SECONDS);
  const finished = await Promise.race([
    server.drain().then(() => true),
    wait(settings.SHUTDOWN_TIMEOUT_SECONDS).then(() => false),
  ]);
  if (!finished)
    log.warn('requests were still under way and are cut off', { timeout_seconds: settings.SHUTDOWN_TIMEOUT_SECONDS });
}

function wait(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
