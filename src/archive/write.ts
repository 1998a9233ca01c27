import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Part } from './format.ts';
import { checksumName, headerName, manifestName, pageName } from './members.ts';
import { encodeTarHeader, tarEnd, tarPadding } from './tar.ts';

const compress = promisify(gzip);

/** Measured on rows of ours: level 6 takes twice as long and saves a tenth. */
const compressionLevel = 3;

/**
 * Writes an archive (docs/archive-format.md). Holds one page at a time: whoever takes the bytes slowly slows down the source
 * of the parts.
 */
export async function* encodeArchive(parts: AsyncIterable<Part>): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let modified = 0;
  const pages = new Map<string, number>();
  const member = (name: string, content: Buffer) =>
    Buffer.concat([
      encodeTarHeader({ name, size: content.length, modified }),
      content,
      Buffer.alloc(tarPadding(content.length)),
    ]);
  for await (const part of parts) {
    let bytes: Buffer;
    if (part.kind === 'header') {
      modified = Math.floor(Date.parse(part.header.createdAt) / 1000);
      bytes = member(headerName, encodeJson(part.header));
    } else if (part.kind === 'page') {
      const { table, text } = part.page;
      const number = (pages.get(table) ?? 0) + 1;
      pages.set(table, number);
      bytes = member(pageName(table, number), await compress(text, { level: compressionLevel }));
    } else bytes = member(manifestName, encodeJson(part.manifest));
    hash.update(bytes);
    yield bytes;
  }
  yield Buffer.concat([member(checksumName, Buffer.from(`${hash.digest('hex')}\n`)), tarEnd]);
}

function encodeJson(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
