import type { Duplex } from 'node:stream';
import { type Log, silentLog } from '../observability/log.ts';
import { explainFileError, prepareDataDirectory, preparePostgresDirectory } from './embedded-directory.ts';
import { type LoadedEngine, loadEngine, startEngine } from './embedded-engine.ts';
import type { EmbeddedDatabaseError } from './embedded-failure.ts';
import { acquireDirectoryLock, type DirectoryLock } from './embedded-lock.ts';
import { createEmbeddedServer } from './embedded-socket.ts';

/** The embedded PostgreSQL, open. */
export interface EmbeddedDatabase {
  /** A connection, for the `socket` option of postgres.js. One at a time (`max: 1`): a second is refused with 53300. */
  socket(): Duplex;
  /** `server_version`, for example `18.6`. */
  readonly version: string;
  /** Rolls back what is open, stops PostgreSQL with a checkpoint, gives the directory back. A second call waits for the first. */
  close(): Promise<void>;
}

export interface EmbeddedOptions {
  /** The directory to keep everything in (made when it does not exist), or `memory` to keep nothing. */
  dataDir: string | 'memory';
  log?: Log | undefined;
  /** Called, once, when PostgreSQL has stopped by itself: everything fails with this error from then on. Only another process can open it again. */
  onStopped?: ((error: EmbeddedDatabaseError) => void) | undefined;
}

/**
 * Opens the embedded database: PGlite in this process, reached through `socket()`. On disk:
 *
 * - `<dataDir>/postgres/` the PostgreSQL data directory (major version 18), at the first start a copy of the one in the program;
 * - `<dataDir>/postgres.new-…/` that copy while it is made; left by a killed process, the next start deletes it;
 * - `<dataDir>.lock` beside the directory: who has it open.
 *
 * Every commit is in the operating system's hands before it is acknowledged, so it survives the death of this process at any
 * moment. It is not forced to the disk (no fsync): a loss of power may cost the last seconds.
 *
 * PostgreSQL runs in the calling thread: a statement blocks the process until it has ended, and neither `statement_timeout` nor a
 * cancel request can interrupt it.
 *
 * @throws {DirectoryInUseError} another process has the directory
 * @throws {EmbeddedDatabaseError} the directory cannot be used; the message says why and what to do
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const { dataDir } = options;
  if (dataDir === 'memory') return await start(await loadEngine(), undefined, undefined, options);
  const directory = prepareDataDirectory(dataDir);
  const lock = lockDirectory(directory);
  try {
    const [loaded, place] = await Promise.all([
      loadEngine(),
      preparePostgresDirectory(directory).catch((error: unknown) => {
        throw explainFileError(error, directory);
      }),
    ]);
    return await start(loaded, place, lock, options);
  } catch (error) {
    lock.release();
    throw error;
  }
}

function lockDirectory(directory: string): DirectoryLock {
  try {
    return acquireDirectoryLock(directory);
  } catch (error) {
    throw explainFileError(error, directory);
  }
}

async function start(
  loaded: LoadedEngine,
  directory: string | undefined,
  lock: DirectoryLock | undefined,
  { log = silentLog, onStopped = () => {} }: EmbeddedOptions,
): Promise<EmbeddedDatabase> {
  const engine = await startEngine(loaded, {
    directory,
    onLogLine: (line) => log.debug('embedded database', { line }),
    onHousekeepingError: (error) => log.warn('The embedded database could not be tidied up.', { error }),
    onStopped,
  });
  const server = createEmbeddedServer(engine);
  let closing: Promise<void> | undefined;
  const close = async () => {
    server.close();
    try {
      await engine.close();
    } finally {
      lock?.release();
    }
  };
  return {
    socket: () => server.connect(),
    version: engine.version,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
