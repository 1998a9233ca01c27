import { randomInt } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FileError } from '../platform/file-error.ts';
import { ArchiveError, ArchiveTargetError } from './archive-error.ts';
import { decryptBytes } from './encryption.ts';
import type { Header } from './format.ts';
import { findFlaw } from './outline.ts';
import { decodeArchive } from './read.ts';

const chunkBytes = 256 * 1024;

/** The bytes of a file, read as they are asked for. Throws FileError. */
export function readArchiveFile(path: string): AsyncIterable<Uint8Array> {
  return readFrom(path, () => createReadStream(path, { highWaterMark: chunkBytes }));
}

/** The bytes of a stream, which is opened when the first one is asked for. Throws FileError, with this name. */
export async function* readFrom(name: string, open: () => AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* open();
  } catch (error) {
    throw new FileError(name, error);
  }
}

/**
 * Writes a file that is there in full or not at all: under another name, forced to the disk, then renamed. Only the owner may
 * read it. Returns its size in bytes.
 *
 * @throws {ArchiveTargetError} there is a file of that name already
 * @throws {FileError} it cannot be written
 */
export async function writeArchiveFile(path: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  await requireAbsent(path);
  const failed = (error: unknown): never => {
    throw new FileError(path, error);
  };
  // Not by the number of the process: in a container it is 1 each time, and what was killed has left its own behind.
  const draft = `${path}.part-${randomInt(2 ** 47)}`;
  const file = await open(draft, 'wx', 0o600).catch(failed);
  let size = 0;
  try {
    for await (const chunk of bytes) {
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at).catch(failed)).bytesWritten;
      size += chunk.length;
    }
    await file.sync().catch(failed);
    await file.close().catch(failed);
    await requireAbsent(path);
    await rename(draft, path).catch(failed);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(draft, { force: true });
    throw error;
  }
  return size;
}

/** Throws ArchiveTargetError when there is a file of that name. */
export async function requireAbsent(path: string): Promise<void> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (exists)
    throw new ArchiveTargetError(`${path} exists already and is not overwritten: choose another name, or remove it.`);
}

/** A file of a directory of archives. */
export interface ListedArchive {
  file: string;
  bytes: number;
  /** What it says of itself, or why it is no whole archive. The rows are not read: that is what verifying does. */
  header: Header | null;
  problem: string | null;
}

/** The archives in a directory, oldest first. `identities` open those that are encrypted. */
export async function listArchives(directory: string, identities: readonly string[]): Promise<ListedArchive[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && !/\.part-\d+$/.test(entry.name)).map(({ name }) => name);
  const listed: ListedArchive[] = [];
  for (const file of names.sort()) {
    const path = join(directory, file);
    const { size: bytes } = await stat(path);
    try {
      const flaw = await findFlaw(path).catch((error: unknown) => {
        throw new FileError(path, error);
      });
      const header = flaw === undefined ? await readHeader(path, identities) : null;
      listed.push({ file, bytes, header, problem: flaw ?? null });
    } catch (error) {
      if (!(error instanceof ArchiveError || error instanceof FileError)) throw error;
      const problem = error instanceof FileError ? error.problem : error.message;
      listed.push({ file, bytes, header: null, problem });
    }
  }
  const key = ({ header, file }: ListedArchive) => `${header?.createdAt ?? ''} ${file}`;
  return listed.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

async function readHeader(path: string, identities: readonly string[]): Promise<Header> {
  for await (const part of decodeArchive(decryptBytes(readArchiveFile(path), identities)))
    if (part.kind === 'header') return part.header;
  throw new ArchiveError('it has no header.');
}
