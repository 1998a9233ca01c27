import { Buffer } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { ageMagic, checksumName, headerName } from './members.ts';
import { blockBytes, decodeTarHeader, tarEnd, tarPadding } from './tar.ts';

const digestBytes = 65;
/** The checksum and the end of the tar file: the last bytes of every archive. */
const tailBytes = blockBytes + digestBytes + tarPadding(digestBytes) + tarEnd.length;

/** The header of age is text, as long as there are recipients. Ours have a few. */
const mostHeaderBytes = 16 * 1024;
const age = { nonceBytes: 16, chunkBytes: 64 * 1024, tagBytes: 16 };

/**
 * What is wrong with a file that should be an archive, by its first and last bytes and its size; undefined when it begins and ends as
 * one. Two short reads, whatever its size: what is in between only reading all of it proves. Of an encrypted one the end cannot be
 * read without the key, but its size has to be one that an archive comes to. Throws what reading throws.
 */
export async function findFlaw(path: string): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size === 0) return 'it is empty';
    const head = await readAt(file, 0, Math.min(size, mostHeaderBytes));
    if (head.subarray(0, ageMagic.length).equals(ageMagic)) return flawOfEncrypted(head, size);
    const first = head.length >= blockBytes ? decodeTarHeader(head.subarray(0, blockBytes)) : undefined;
    if (first?.name !== headerName)
      return isCutOffHead(head) ? `the archive is cut off after ${size} bytes` : 'it is not a CatAtlas archive';
    if (size % blockBytes !== 0 || size < blockBytes + tailBytes) return `the archive is cut off after ${size} bytes`;
    return isTail(await readAt(file, size - tailBytes, tailBytes), first.modified)
      ? undefined
      : 'the archive is cut off or damaged: it does not end with its checksum';
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** The first bytes of an archive that has no more of them. */
function isCutOffHead(head: Buffer): boolean {
  return head.length < blockBytes && head.toString('latin1').startsWith(`${headerName}\0`.slice(0, head.length));
}

function isTail(tail: Buffer, modified: number): boolean {
  const member = decodeTarHeader(tail.subarray(0, blockBytes));
  const content = tail.toString('latin1', blockBytes, blockBytes + digestBytes);
  return (
    member?.name === checksumName &&
    member.size === digestBytes &&
    member.modified === modified &&
    /^[0-9a-f]{64}\n$/.test(content) &&
    tail.subarray(blockBytes + digestBytes).every((byte) => byte === 0)
  );
}

/** After the header and a nonce come chunks of 64 KB, each with a tag; only the last may be shorter. A tar file is whole blocks. */
function flawOfEncrypted(head: Buffer, size: number): string | undefined {
  const mac = /\n--- [A-Za-z0-9+/]{43}\n/.exec(head.toString('latin1'));
  if (!mac) return `the encrypted archive is cut off after ${size} bytes`;
  const sealed = size - (mac.index + mac[0].length) - age.nonceBytes;
  const whole = age.chunkBytes + age.tagBytes;
  const chunks = Math.ceil(sealed / whole);
  const content = sealed - chunks * age.tagBytes;
  const isPossible = sealed - (chunks - 1) * whole > age.tagBytes && content % blockBytes === 0;
  return isPossible && content >= blockBytes + tailBytes
    ? undefined
    : `the encrypted archive is cut off or damaged: no archive comes to ${size} bytes`;
}
