import { Buffer } from 'node:buffer';
import process from 'node:process';
import type { PGlite } from '@electric-sql/pglite';
import type { Filesystem } from '@electric-sql/pglite/basefs';
import { readEmbeddedFile } from '../platform/embedded-files.ts';
import { damaged, readShippedDirectory } from './embedded-directory.ts';
import { EmbeddedDatabaseError, isWantOfRoom } from './embedded-failure.ts';
import { simpleQuery, splitMessages, type WireEngine } from './embedded-socket.ts';

type PostgresModule = PGlite['Module'];

/** Where PGlite has the data directory in its virtual file system. */
const innerDirectory = '/pglite/data';

/** How PostgreSQL leaves a failed command (POSTGRES_MAIN_LONGJMP in PGlite's pglite.ts): no fault of the engine. */
const commandFailed = 100;

/**
 * Settings given at the start, so that they are this version's and not those of the version that made the directory.
 * 16 MB of buffers instead of 128: the operating system caches the files anyway, and a start is 0.1 s and 130 MB lighter.
 * The log has what is about the whole database (recovery, shutdown, fatal errors); a command's errors go to its client.
 */
const settings = ['shared_buffers=16MB', 'log_min_messages=log', 'wal_init_zero=off'];

/** Housekeeping is considered after this many commands. */
const commandsBetweenChecks = 256;

/**
 * What the background processes of a server would do; PGlite has none. Without checkpoints the WAL grows until the next clean
 * stop and a start after a crash replays all of it. Without autovacuum dead rows stay for ever and the planner knows nothing.
 * The thresholds are autovacuum's own defaults.
 */
const findDueWork = `
  select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), (select redo_lsn from pg_control_checkpoint())) > 8 * 1024 * 1024,
    (select format('%I.%I', t.schemaname, t.relname)
       from pg_stat_user_tables t join pg_class c on c.oid = t.relid
      where t.n_dead_tup > 50 + 0.2 * greatest(c.reltuples, 0)
         or t.n_ins_since_vacuum > 1000 + 0.2 * greatest(c.reltuples, 0)
         or t.n_mod_since_analyze > 50 + 0.1 * greatest(c.reltuples, 0)
      order by t.n_dead_tup + t.n_mod_since_analyze desc limit 1)`;

/** A running engine. */
export interface Engine extends WireEngine {
  /** `server_version`, for example `18.6`. */
  readonly version: string;
  /** Writes a checkpoint and stops. Does neither when PostgreSQL has stopped by itself: the next start recovers. */
  close(): Promise<void>;
}

interface EngineOptions {
  /** The PostgreSQL data directory, or undefined for one in memory. */
  directory: string | undefined;
  /** Called with each line of PostgreSQL's own log. */
  onLogLine(line: string): void;
  /** Called when housekeeping fails. The client's own work is not touched by that. */
  onHousekeepingError(error: unknown): void;
  /** Called once, when PostgreSQL has ended without being closed. From then on everything fails with this error. */
  onStopped(error: EmbeddedDatabaseError): void;
}

/**
 * Everything of the engine that does not depend on a data directory: 15 MB of program. It is compiled in other threads, so this
 * is worth starting before the directory is prepared.
 */
export async function loadEngine() {
  const [module, data, { PGlite }] = await Promise.all([
    readEmbeddedFile('pglite.wasm').then((bytes) => WebAssembly.compile(bytes)),
    readEmbeddedFile('pglite.data'),
    import('@electric-sql/pglite'),
  ]);
  return { module, data, PGlite };
}

/** What `loadEngine` loads. */
export type LoadedEngine = Awaited<ReturnType<typeof loadEngine>>;

/**
 * Starts PostgreSQL on a data directory, recovering from a crash where there was one.
 *
 * @throws {EmbeddedDatabaseError} PostgreSQL does not start on it
 */
export async function startEngine(loaded: LoadedEngine, options: EngineOptions): Promise<Engine> {
  const { directory, onLogLine } = options;
  const { PGlite, module, data } = loaded;
  const mount = directory === undefined ? await fillMemory() : mountDirectory(directory);
  let lastWords: string | undefined;
  const onStderr = (line: string) => {
    const fatal = /(?:FATAL|PANIC): +(.*)/.exec(line);
    if (fatal) lastWords = fatal[1];
    onLogLine(line);
    // Not for PGlite to print as well.
    return false;
  };
  try {
    // Its own queries are not used, so it need not learn the array types for them: a tenth of the start.
    class WireOnly extends PGlite {
      override async _initArrayTypes() {}
    }
    const database = new WireOnly({
      fs: mountedBy(mount),
      pgliteWasmModule: module,
      // PGlite asks it for nothing but its bytes; a true Blob would be two more copies of them.
      fsBundle: Object.assign(new Blob(), { arrayBuffer: async () => exactBuffer(data) }),
      startParams: [...PGlite.defaultStartParams, ...settings.flatMap((setting) => ['-c', setting])],
      onStderr,
    });
    await keepingExitCode(() => database.waitReady);
    return createEngine(database, () => lastWords, options);
  } catch (error) {
    throw damaged(directory ?? 'memory', lastWords ?? (error instanceof Error ? error.message : String(error)), error);
  }
}

function createEngine(
  database: PGlite,
  lastWords: () => string | undefined,
  { onHousekeepingError, onStopped }: EngineOptions,
): Engine {
  let open = false;
  let stopped = false;
  const exchange = createExchange(database, lastWords, (error) => {
    // Being closed is the same to PGlite as ending by itself. A start that fails is told by what it throws.
    if (!open) return;
    stopped = true;
    onStopped(error);
  });
  const version = queryRow(exchange, 'show server_version')[0] ?? 'unknown';
  open = true;
  let commands = 0;
  return {
    version,
    exchange,
    onIdle() {
      commands += 1;
      if (commands % commandsBetweenChecks !== 0) return;
      try {
        // Statistics are otherwise passed on once a second at most.
        queryRow(exchange, 'select pg_stat_force_next_flush()');
        const [checkpointDue, table] = queryRow(exchange, findDueWork);
        if (table) queryRow(exchange, `vacuum (analyze) ${table}`);
        if (checkpointDue === 't') queryRow(exchange, 'checkpoint');
      } catch (error) {
        if (!stopped) onHousekeepingError(error);
      }
    },
    async close() {
      open = false;
      // As after any crash, nothing of PostgreSQL may run: a checkpoint would write down pages of a change that was cut off.
      if (stopped) database.Module.FS.quit();
      else await keepingExitCode(() => database.close());
    },
  };
}

/**
 * The way into PGlite. Its loop over the messages drops every exception and goes on, so after PostgreSQL has ended itself
 * (FATAL, PANIC, a trap in the machine code) it would go round for ever. Here such an end is noticed, the loop is
 * led out, and everything later fails at once.
 */
function createExchange(
  database: PGlite,
  lastWords: () => string | undefined,
  onEnd: (error: EmbeddedDatabaseError) => void,
): WireEngine['exchange'] {
  const postgres: PostgresModule = database.Module;
  let running: Buffer | undefined;
  let end: EmbeddedDatabaseError | undefined;
  const stop = (cause: unknown) => {
    if (end === undefined) {
      end = stoppedBecause(lastWords() ?? (cause instanceof Error ? cause.message : String(cause)), cause);
      onEnd(end);
    }
    if (running !== undefined) Object.defineProperty(running, 'length', { value: 0 });
    postgres._pq_buffer_remaining_data = () => 0;
  };
  const guard = (run: () => void) => () => {
    if (end !== undefined) return;
    try {
      run();
    } catch (error) {
      if (error instanceof Object && 'status' in error && error.status === commandFailed) throw error;
      stop(error);
    }
  };
  postgres._PostgresMainLoopOnce = guard(postgres._PostgresMainLoopOnce);
  postgres._PostgresMainLongJmp = guard(postgres._PostgresMainLongJmp);
  postgres._PostgresSendReadyForQueryIfNecessary = guard(postgres._PostgresSendReadyForQueryIfNecessary);
  postgres._pgl_pq_flush = guard(postgres._pgl_pq_flush);

  return (messages) => {
    if (end !== undefined) throw end;
    const answers: Buffer[] = [];
    running = messages;
    const exitCode = process.exitCode;
    // Runs to its end before it returns: without `syncToFs` there is nothing in it to wait for. The streaming call, because
    // the other one keeps every answer in memory for ever.
    database
      .execProtocolRawStream(messages, { syncToFs: false, onRawData: (bytes) => void answers.push(Buffer.from(bytes)) })
      .catch(stop);
    running = undefined;
    if (end !== undefined) {
      process.exitCode = exitCode;
      throw end;
    }
    return answers.length === 1 && answers[0] ? answers[0] : Buffer.concat(answers);
  };
}

function stoppedBecause(reason: string, cause: unknown): EmbeddedDatabaseError {
  const room = isWantOfRoom(reason) ? 'make room on that disk and ' : '';
  return new EmbeddedDatabaseError(
    'ENGINE_STOPPED',
    `The embedded database has stopped: ${reason}. What was acknowledged is on disk; ${room}restart the program to go on.`,
    cause,
  );
}

/** What an ErrorResponse says: fields of a letter and a text each, for people (PostgreSQL documentation, "Error Fields"). */
function describeError(message: Buffer): string {
  const fields = new Map(
    message
      .toString('utf8', 5)
      .split('\0')
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  );
  return `${fields.get('V')} ${fields.get('C')}: ${fields.get('M')}`;
}

/** The first row of a query of ours, as text; empty when it gives none. */
function queryRow(exchange: WireEngine['exchange'], sql: string): (string | undefined)[] {
  const row: (string | undefined)[] = [];
  for (const message of splitMessages(exchange(simpleQuery(sql)))) {
    if (message[0] === 0x45) throw new Error(`The embedded database refused ${sql.trim()}: ${describeError(message)}`);
    if (message[0] !== 0x44 || row.length > 0) continue;
    for (let at = 7; at < message.length; ) {
      const length = message.readInt32BE(at);
      row.push(length < 0 ? undefined : message.toString('utf8', at + 4, at + 4 + length));
      at += 4 + Math.max(length, 0);
    }
  }
  return row;
}

/** Puts the data directory into PGlite's virtual file system before PostgreSQL starts. */
type Mount = (postgres: PostgresModule) => void;

function mountDirectory(directory: string): Mount {
  return ({ FS, NODEFS }) => {
    FS.mkdirTree(innerDirectory);
    FS.mount(NODEFS, { root: directory }, innerDirectory);
  };
}

async function fillMemory(): Promise<Mount> {
  const entries = await readShippedDirectory();
  return ({ FS }) => {
    FS.mkdirTree(innerDirectory);
    for (const { path, content } of entries) {
      if (content === null) FS.mkdirTree(`${innerDirectory}/${path}`);
      else FS.writeFile(`${innerDirectory}/${path}`, content);
    }
  };
}

function mountedBy(mount: Mount): Filesystem {
  let database: PGlite | undefined;
  return {
    async init(pglite, options) {
      database = pglite;
      return { emscriptenOpts: { ...options, preRun: [...(options.preRun ?? []), mount] } };
    },
    // Every write of PostgreSQL is a write to the file at once: there is nothing to bring over later.
    async syncToFs() {},
    async initialSyncFs() {},
    async closeFs() {
      database?.Module.FS.quit();
    },
    async dumpTar() {
      throw new Error('The embedded database is copied with the backup command, not as an archive of its files.');
    },
  };
}

/** Emscripten, which PGlite is made with, sets the exit code of the whole process when its program ends. */
async function keepingExitCode<Result>(run: () => Promise<Result>): Promise<Result> {
  const exitCode = process.exitCode;
  try {
    return await run();
  } finally {
    process.exitCode = exitCode;
  }
}

function exactBuffer(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
}
