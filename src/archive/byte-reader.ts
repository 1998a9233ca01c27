import { Buffer } from 'node:buffer';
import { ArchiveError } from './archive-error.ts';

/** Takes exact numbers of bytes from a stream. */
export interface ByteReader {
  /** How many bytes have been taken. */
  readonly position: number;
  /** The next `length` bytes. Throws ArchiveError when the stream ends before. */
  read(length: number): Promise<Buffer>;
  isAtEnd(): Promise<boolean>;
  /** Tells the stream that no more is wanted. */
  close(): Promise<void>;
}

export function createByteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const iterator = source[Symbol.asyncIterator]();
  let chunks: Buffer[] = [];
  let available = 0;
  let position = 0;
  let ended = false;

  /** Waits for more. False at the end. */
  const fill = async (): Promise<boolean> => {
    if (ended) return false;
    const { done, value } = await iterator.next();
    if (done) {
      ended = true;
      return false;
    }
    chunks.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    available += value.byteLength;
    return true;
  };

  return {
    get position() {
      return position;
    },
    async read(length) {
      while (available < length) {
        if (await fill()) continue;
        throw new ArchiveError(
          position + available === 0
            ? 'not an archive: it is empty.'
            : `the archive is cut off after ${position + available} bytes.`,
        );
      }
      const joined = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
      const rest = joined.subarray(length);
      chunks = rest.length > 0 ? [rest] : [];
      available = rest.length;
      position += length;
      return joined.subarray(0, length);
    },
    async isAtEnd() {
      while (available === 0) if (!(await fill())) return true;
      return false;
    },
    async close() {
      if (!ended) await iterator.return?.();
    },
  };
}
