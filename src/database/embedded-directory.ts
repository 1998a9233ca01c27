import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readEmbeddedFile } from '../platform/embedded-files.ts';
import { EmbeddedDatabaseError, isWantOfRoom } from './embedded-failure.ts';

/** The major version of PostgreSQL that PGlite is; its data directories are of no use to another one. */
export const embeddedMajor = '18';

/** One member of the shipped data directory. */
interface ArchiveEntry {
  path: string;
  /** `null`: a directory. */
  content: Uint8Array | null;
}

/**
 * Makes `dataDir` (and its parents) where it does not exist.
 *
 * @returns its absolute path
 * @throws {EmbeddedDatabaseError} it is something else, or may not be made
 */
export function prepareDataDirectory(dataDir: string): string {
  const directory = resolve(dataDir);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (statSync(directory).isDirectory()) return directory;
  } catch (error) {
    throw explainFileError(error, directory);
  }
  throw notADirectory(directory);
}

/** A file system error about the data directory, in terms of what the operator can do. */
export function explainFileError(error: unknown, directory: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const name = error instanceof Error ? error.name : undefined;
  if (code === 'EEXIST' || code === 'ENOTDIR') return notADirectory(directory, error);
  const reasons: Record<string, string> = {
    EACCES: 'this user may not write there',
    EPERM: 'this user may not write there',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
  };
  // Deno's own permissions: denied by a flag of the command line, not by the system.
  const reason =
    name === 'NotCapable' ? 'Deno was not given --allow-read and --allow-write for it' : reasons[`${code}`];
  if (reason === undefined) return error;
  return new EmbeddedDatabaseError(
    'NOT_WRITABLE',
    `The embedded database cannot be kept in ${directory}: ${reason}. It writes there and beside it (${directory}.lock). ` +
      'Set DATA_DIR to a directory inside one that this user may write to.',
    error,
  );
}

const postgresIn = (directory: string) => join(directory, 'postgres');

/** Is there an embedded database in this directory? Opening it would make one. */
export function holdsDatabase(directory: string): boolean {
  return existsSync(postgresIn(directory));
}

/**
 * The PostgreSQL data directory in `directory`, made from the one that is part of the program where there is none yet.
 * Needs the directory's lock.
 *
 * @throws {EmbeddedDatabaseError} there is one, and this program cannot use it
 */
export async function preparePostgresDirectory(directory: string): Promise<string> {
  const place = postgresIn(directory);
  // What an earlier process could not finish unpacking. We have the lock, so nobody is at it now.
  const leftovers = readdirSync(directory).filter((name) => name.startsWith('postgres.new-'));
  for (const name of leftovers) rmSync(join(directory, name), { recursive: true, force: true });
  if (!existsSync(place)) {
    if (existsSync(join(directory, 'PG_VERSION'))) {
      throw new EmbeddedDatabaseError(
        'FOREIGN',
        `${directory} is the data directory of a PostgreSQL server, not of this program. Set DATA_DIR to another directory.`,
      );
    }
    await unpackBeside(place);
  }
  refuseOtherVersion(place);
  // Ours is the only engine (the lock says so): this file is from one that was killed. It would name a pid that means nothing.
  rmSync(join(place, 'postmaster.pid'), { force: true });
  return place;
}

/** Unpacks under another name and renames: whenever this is killed, `place` is whole or is not there. */
async function unpackBeside(place: string): Promise<void> {
  const entries = await readShippedDirectory();
  const draft = mkdtempSync(`${place}.new-`);
  for (const { path, content } of entries) {
    if (content === null) mkdirSync(join(draft, path), { recursive: true, mode: 0o700 });
    else writeFileSync(join(draft, path), content, { mode: 0o600 });
  }
  renameSync(draft, place);
}

function refuseOtherVersion(place: string): void {
  let version: string;
  try {
    version = readFileSync(join(place, 'PG_VERSION'), 'utf8').trim();
    if (!existsSync(join(place, 'global', 'pg_control'))) throw new Error('global/pg_control is missing');
  } catch (error) {
    throw damaged(place, error instanceof Error ? error.message : String(error), error);
  }
  if (version === embeddedMajor) return;
  throw new EmbeddedDatabaseError(
    'OTHER_VERSION',
    `${place} was made by PostgreSQL ${version}, and this program embeds ${embeddedMajor}. ` +
      'Export the data with the program that made it, or set DATA_DIR to another directory.',
  );
}

/** The error for a database that is there and does not open. */
export function damaged(place: string, reason: string, cause?: unknown): EmbeddedDatabaseError {
  if (isWantOfRoom(reason))
    return new EmbeddedDatabaseError(
      'NOT_WRITABLE',
      `The embedded database in ${place} cannot be opened: ${reason}. Nothing is lost: make room on that disk, then start again.`,
      cause,
    );
  return new EmbeddedDatabaseError(
    'DAMAGED',
    `The embedded database in ${place} cannot be opened: ${reason}. Nothing has been deleted. ` +
      'Restore it from a backup, or move that directory away to start with an empty database.',
    cause,
  );
}

function notADirectory(directory: string, cause?: unknown): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    'NOT_A_DIRECTORY',
    `The embedded database cannot be kept in ${directory}: that, or a part of its path, is a file. Set DATA_DIR to a directory.`,
    cause,
  );
}

/** The empty data directory that is part of the program, in memory: some 10 MB and a thousand files. */
export async function readShippedDirectory(): Promise<ArchiveEntry[]> {
  return readTar(gunzipSync(await readEmbeddedFile('pgdata.tar.gz')));
}

/**
 * Reads a ustar archive (POSIX.1-1988) as scripts/generate-assets.ts makes it: directories, files, and links (type `1`) to an
 * earlier file, which stand for a copy of it.
 */
function readTar(archive: Uint8Array): ArchiveEntry[] {
  const entries: ArchiveEntry[] = [];
  const contents = new Map<string, Uint8Array>();
  const decoder = new TextDecoder();
  const field = (at: number, length: number) => {
    const end = archive.indexOf(0, at);
    return decoder.decode(archive.subarray(at, end < 0 ? at + length : Math.min(end, at + length)));
  };
  for (let at = 0; archive[at] !== 0 && at + 512 <= archive.length; ) {
    const path = field(at, 100);
    const size = Number.parseInt(field(at + 124, 12), 8);
    const kind = field(at + 156, 1);
    const link = field(at + 157, 100);
    const content =
      kind === '5' ? null : kind === '1' ? contents.get(link) : archive.subarray(at + 512, at + 512 + size);
    if (content === undefined || !Number.isSafeInteger(size)) throw new Error(`pgdata.tar.gz is damaged at ${path}`);
    if (content !== null) contents.set(path, content);
    entries.push({ path, content });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}
