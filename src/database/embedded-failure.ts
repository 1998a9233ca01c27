// Apart from what throws them: whoever tells these errors from others need not load the engine.

/**
 * The embedded database cannot be opened, or has stopped. The message says why and what to do; it is for the operator, not for
 * clients.
 */
export class EmbeddedDatabaseError extends Error {
  override readonly name = 'EmbeddedDatabaseError';
  readonly code: 'NOT_A_DIRECTORY' | 'NOT_WRITABLE' | 'OTHER_VERSION' | 'FOREIGN' | 'DAMAGED' | 'ENGINE_STOPPED';

  constructor(code: EmbeddedDatabaseError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Is this what every query of an embedded database that has stopped fails with? */
export function isEmbeddedStopped(error: unknown): error is EmbeddedDatabaseError {
  return error instanceof EmbeddedDatabaseError && error.code === 'ENGINE_STOPPED';
}

/** Does PostgreSQL say this of a full disk? */
export function isWantOfRoom(reason: string): boolean {
  return /no space left|disk quota/i.test(reason);
}

/** The directory cannot be had: another process has it, or may have it. `pid` is that process, where it is known. */
export class DirectoryInUseError extends Error {
  override readonly name = 'DirectoryInUseError';
  readonly code = 'DIRECTORY_IN_USE';
  readonly directory: string;
  readonly pid: number | undefined;

  constructor(message: string, directory: string, pid: number | undefined) {
    super(message);
    this.directory = directory;
    this.pid = pid;
  }
}
