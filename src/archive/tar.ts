import { Buffer } from 'node:buffer';

/** Tar works in blocks of this many bytes (POSIX.1-1988, ustar). */
export const blockBytes = 512;

/** A file inside a tar file. */
export interface TarMember {
  name: string;
  size: number;
  /** Seconds since 1970. */
  modified: number;
}

/** Two empty blocks end a tar file. */
export const tarEnd = Buffer.alloc(2 * blockBytes);

/** The header of a member: one block. Names are ASCII of at most 100 bytes. */
export function encodeTarHeader({ name, size, modified }: TarMember): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, digits: number) => block.write(value.toString(8).padStart(digits, '0'), at);
  block.write(name, 0, 'ascii');
  octal(0o600, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(modified, 136, 11);
  block.write('        0', 148);
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Reads a header written by `encodeTarHeader`; undefined for anything else. */
export function decodeTarHeader(block: Buffer): TarMember | undefined {
  const name = block.toString('latin1', 0, 100).replace(/\0.*$/s, '');
  const size = Number.parseInt(block.toString('latin1', 124, 135), 8);
  const modified = Number.parseInt(block.toString('latin1', 136, 147), 8);
  if (!/^[!-~]+$/.test(name) || !(size >= 0) || !(modified >= 0)) return undefined;
  const member = { name, size, modified };
  return encodeTarHeader(member).equals(block) ? member : undefined;
}

/** How many zero bytes follow the content of a member. */
export function tarPadding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}
