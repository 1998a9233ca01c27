import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { decryptBytes } from './encryption.ts';
import { ArchiveError, ArchiveTargetError } from './failure.ts';
import type { Header } from './format.ts';
import { decodeArchive } from './read.ts';

const chunkBytes = 256 * 1024;

/** The bytes of a file, read as they are asked for. */
export function readArchiveFile(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: chunkBytes });
}

/**
 * Writes a file that is there in full or not at all: under another name, forced to the disk, then renamed. Only the owner may
 * read it. Returns its size in bytes.
 *
 * @throws {ArchiveTargetError} there is a file of that name already
 */
export async function writeArchiveFile(path: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  await requireAbsent(path);
  const draft = `${path}.part-${process.pid}`;
  const file = await open(draft, 'wx', 0o600);
  let size = 0;
  try {
    for await (const chunk of bytes) {
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
      size += chunk.length;
    }
    await file.sync();
    await file.close();
    await requireAbsent(path);
    await rename(draft, path);
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
  /** What it says of itself, or why it does not. The rows are not read: that is what verifying does. */
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
      listed.push({ file, bytes, header: await readHeader(path, identities), problem: null });
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      listed.push({ file, bytes, header: null, problem: error.message });
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
