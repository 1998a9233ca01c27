import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { z } from 'zod';
import { ArchiveError } from './archive-error.ts';
import { type ByteReader, createByteReader } from './byte-reader.ts';
import { compareTables, createTally, type TableDigest } from './digest.ts';
import { formatVersion, Header, Manifest, type Part } from './format.ts';
import { checksumName, headerName, manifestName, pageName } from './members.ts';
import { blockBytes, decodeTarHeader, type TarMember, tarEnd, tarPadding } from './tar.ts';

const decompress = promisify(gunzip);

/** Nothing that this program writes comes near these; a file that claims more is not read into memory. In bytes. */
const limits = { json: 1024 * 1024, compressedPage: 256 * 1024 * 1024, page: 512 * 1024 * 1024 };

/**
 * Reads an archive and checks all of it on the way: order, counts and digests of the tables, and the checksum of the whole.
 * The manifest comes last, and only when everything agrees: whoever loads the pages commits then, and not before.
 *
 * @throws {ArchiveError} it is not an archive, or is damaged, cut off, or of a newer format
 */
export async function* decodeArchive(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
  const reader = createByteReader(bytes);
  try {
    yield* decodeMembers(reader);
  } finally {
    await reader.close();
  }
}

async function* decodeMembers(reader: ByteReader): AsyncGenerator<Part> {
  const hash = createHash('sha256');
  const first = await readMember(reader, hash);
  if (first.name !== headerName) throw new ArchiveError(`not a CatAtlas archive: it begins with ${quote(first.name)}.`);
  const header = parseJson(Header, await readContent(reader, first, limits.json, hash), headerName);
  yield { kind: 'header', header };

  const found = new Map<string, TableDigest>();
  let member = await readMember(reader, hash);
  for (const { name: table } of header.tables) {
    const tally = createTally();
    for (let number = 1; member.name === pageName(table, number); number += 1) {
      const text = await decompressPage(await readContent(reader, member, limits.compressedPage, hash), member.name);
      tally.add(text);
      yield { kind: 'page', page: { table, text } };
      member = await readMember(reader, hash);
    }
    found.set(table, tally.result());
  }
  if (member.name !== manifestName)
    throw new ArchiveError(`the archive is damaged: ${quote(member.name)} is not what comes next.`);
  const manifest = parseJson(Manifest, await readContent(reader, member, limits.json, hash), manifestName);
  await checkEnd(reader, hash.digest('hex'), first.modified);
  checkAgreement(header, manifest, found);
  yield { kind: 'manifest', manifest };
}

type Hash = ReturnType<typeof createHash>;

async function readMember(reader: ByteReader, hash: Hash): Promise<TarMember> {
  const block = await reader.read(blockBytes);
  const member = decodeTarHeader(block);
  if (!member) {
    const problem = reader.position === blockBytes ? 'not a CatAtlas archive' : 'the archive is damaged';
    throw new ArchiveError(`${problem}: no member begins at byte ${reader.position - blockBytes}.`);
  }
  hash.update(block);
  return member;
}

async function readContent(reader: ByteReader, member: TarMember, limit: number, hash: Hash): Promise<Buffer> {
  if (member.size > limit)
    throw new ArchiveError(`the archive is damaged: ${quote(member.name)} claims ${member.size} bytes.`);
  const padding = tarPadding(member.size);
  const content = await reader.read(member.size + padding);
  hash.update(content);
  return content.subarray(0, member.size);
}

async function decompressPage(content: Buffer, name: string): Promise<Buffer> {
  let text: Buffer;
  try {
    text = await decompress(content, { maxOutputLength: limits.page });
  } catch (error) {
    throw new ArchiveError(`the archive is damaged: ${name} cannot be decompressed (${messageOf(error)}).`, {
      cause: error,
    });
  }
  if (text.at(-1) !== 0x0a) throw new ArchiveError(`the archive is damaged: ${name} does not end with a whole row.`);
  return text;
}

/** The member with the checksum of everything in front of it, the end of the tar file, and then nothing. */
async function checkEnd(reader: ByteReader, sha256: string, modified: number): Promise<void> {
  const block = await reader.read(blockBytes);
  const content = Buffer.from(`${sha256}\n`);
  const member = decodeTarHeader(block);
  const last = await reader.read(content.length + tarPadding(content.length));
  const isHere = member?.name === checksumName && member.size === content.length && member.modified === modified;
  if (!isHere || !last.equals(Buffer.concat([content, Buffer.alloc(tarPadding(content.length))])))
    throw new ArchiveError('the archive is damaged: its checksum does not match what it holds.');
  if (!(await reader.read(tarEnd.length)).equals(tarEnd) || !(await reader.isAtEnd()))
    throw new ArchiveError(`the archive is damaged: there is something behind its end, at byte ${reader.position}.`);
}

/** What a whole and undamaged archive must still not do: say two things. */
function checkAgreement(header: Header, manifest: Manifest, found: ReadonlyMap<string, TableDigest>): void {
  const { sequences: _, tables, ...facts } = manifest;
  const again = { ...facts, tables: tables.map(({ name, columns }) => ({ name, columns })) };
  const differences = compareTables(tables, found);
  if (JSON.stringify(Header.parse(again)) !== JSON.stringify(header))
    differences.unshift(`${manifestName} is not about the tables of ${headerName}`);
  if (differences.length > 0)
    throw new ArchiveError(`the archive contradicts its manifest:\n${differences.join('\n')}`);
}

function parseJson<Schema extends z.ZodType>(schema: Schema, content: Buffer, name: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(content.toString('utf8'));
  } catch (error) {
    throw new ArchiveError(`the archive is damaged: ${name} is not JSON (${messageOf(error)}).`, { cause: error });
  }
  const version = value instanceof Object && 'formatVersion' in value ? value.formatVersion : undefined;
  if (typeof version === 'number' && version > formatVersion)
    throw new ArchiveError(
      `the archive is of format ${version}, this program reads up to ${formatVersion}: use a newer program.`,
    );
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`);
  throw new ArchiveError(`the archive is damaged: ${name} is not as it should be:\n${problems.join('\n')}`);
}

/** The name of a member comes from the file: it may hold anything. */
function quote(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
