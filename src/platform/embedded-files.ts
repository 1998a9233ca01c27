import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Where the files are in a checkout, from here. The generated ones are made by `bun scripts/generate-assets.ts`. */
const sourcePaths = {
  'pglite.wasm': '../../node_modules/@electric-sql/pglite/dist/pglite.wasm',
  'pglite.data': '../../node_modules/@electric-sql/pglite/dist/pglite.data',
  'pgdata.tar.gz': '../../.generated/pgdata.tar.gz',
  'scalar.js.gz': '../../.generated/scalar.js.gz',
  'licenses.txt.gz': '../../.generated/licenses.txt.gz',
} as const;

/**
 * A binary file that is part of the program: the embedded PostgreSQL (`pglite.*`), its empty database (`pgdata.tar.gz`), the
 * script of the documentation page (`scalar.js.gz`), and the licenses of all that others made (`licenses.txt.gz`).
 */
export type EmbeddedFile = keyof typeof sourcePaths;

/**
 * Reads a file that is part of the program: from the executable when compiled, from the checkout when run from source.
 * Nothing is read, and no path looked up, before the first call.
 *
 * @throws Error when the file is missing, which from source means that it has not been generated or installed.
 */
export async function readEmbeddedFile(name: EmbeddedFile): Promise<Uint8Array<ArrayBuffer>> {
  let content: Uint8Array;
  try {
    content = await readFile(await locate(name));
  } catch (cause) {
    throw new Error(
      `The program's own file ${name} cannot be read. From source: run \`bun install\` and \`bun scripts/generate-assets.ts\`.`,
      { cause },
    );
  }
  // readFile's types allow shared memory, which it never returns.
  return content.buffer instanceof ArrayBuffer
    ? new Uint8Array(content.buffer, content.byteOffset, content.byteLength)
    : new Uint8Array(content);
}

async function locate(name: EmbeddedFile): Promise<string> {
  if (typeof Bun === 'undefined') return fileURLToPath(new URL(sourcePaths[name], import.meta.url).href);
  const { embeddedPaths } = await import('./embedded-files.bun.ts');
  return embeddedPaths[name];
}
