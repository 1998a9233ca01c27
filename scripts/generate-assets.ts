// Makes .generated/: the binary files that src/platform/embedded-files.ts reads besides those of packages.
//   pgdata.tar.gz   an empty PGlite data directory, so that a first start need not run initdb (seconds, and 1 GB of memory)
//   scalar.js.gz    the script of the documentation page, compressed: a quarter of the size, in the executable and on the wire
//   licenses.txt    the licenses of what others made and the executable holds; licenses.txt.gz is what the executable has of it
// A file that is there for the same versions is left alone. Runs at the same time do not disturb each other.
import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { PGlite } from '@electric-sql/pglite';
import { thirdPartyLicenses } from './third-party-licenses.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, '.generated');
const self = fileURLToPath(import.meta.url);
const recipe = createHash('sha256').update(readFileSync(self)).digest('hex').slice(0, 16);

mkdirSync(target, { recursive: true });
await generate(
  'pgdata.tar.gz',
  `@electric-sql/pglite ${versionOf('@electric-sql/pglite')}, recipe ${recipe}`,
  makeDataDirectory,
);
await generate('scalar.js.gz', `@scalar/api-reference ${versionOf('@scalar/api-reference')}, recipe ${recipe}`, () =>
  compress(readFileSync(join(root, 'node_modules/@scalar/api-reference/dist/browser/standalone.js'))),
);
const licensed = `what is installed: ${digestOf('bun.lock', 'scripts/third-party-licenses.ts', ...readdirSync(join(root, 'licenses')).map((name) => `licenses/${name}`))}`;
await generate('licenses.txt', licensed, () => Buffer.from(thirdPartyLicenses(root)));
await generate('licenses.txt.gz', licensed, () => compress(readFileSync(join(target, 'licenses.txt'))));

/** Makes a file unless its sidecar says that it was made from the same things. */
async function generate(name: string, madeFrom: string, make: () => Uint8Array | Promise<Uint8Array>): Promise<void> {
  const file = join(target, name);
  const sidecar = `${file}.from`;
  if (existsSync(file) && existsSync(sidecar) && readFileSync(sidecar, 'utf8') === madeFrom) return;
  const content = await make();
  // The sidecar goes first and comes last: whenever this is killed, a file without its sidecar is made again.
  rmSync(sidecar, { force: true });
  replace(file, content);
  replace(sidecar, madeFrom);
  console.log(`.generated/${name}: ${(content.length / 1_000_000).toFixed(2)} MB from ${madeFrom}`);
}

function replace(file: string, content: string | Uint8Array): void {
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, content);
  renameSync(draft, file);
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}

function digestOf(...paths: string[]): string {
  const hash = createHash('sha256').update(recipe);
  for (const path of paths.sort()) hash.update(path).update(readFileSync(join(root, path)));
  return hash.digest('hex').slice(0, 16);
}

function compress(content: Uint8Array): Uint8Array {
  return gzipSync(content, { level: 9 });
}

/**
 * A data directory after initdb: UTF8, collation C, character type C.UTF-8, time zone UTC, user postgres without password (nobody
 * but this process reaches it). WAL segments of 1 MB instead of 16 keep it small on disk and its first write short.
 */
async function makeDataDirectory(): Promise<Uint8Array> {
  const scratch = mkdtempSync(join(tmpdir(), 'pgdata-'));
  try {
    const directory = join(scratch, 'postgres');
    const database = await PGlite.create({
      dataDir: directory,
      // Recycling would keep initdb's own WAL in reserve. It saves the zeroing of a segment, which is nothing at 1 MB.
      initDbStartParams: ['--wal-segsize=1', '--set=wal_recycle=off', '--set=min_wal_size=2MB', '--no-instructions'],
    });
    const { rows } = await database.query<Record<string, string>>(
      `select pg_encoding_to_char(encoding) as encoding, datcollate, datctype, datlocprovider from pg_database`,
    );
    for (const row of rows) {
      const found = `${row['encoding']} ${row['datcollate']} ${row['datctype']} ${row['datlocprovider']}`;
      if (found !== 'UTF8 C C.UTF-8 c' && found !== 'UTF8 C.UTF-8 C.UTF-8 c')
        throw new Error(`initdb made a database with ${found}`);
    }
    await database.exec('checkpoint; select pg_switch_wal(); checkpoint');
    await database.close();
    rmSync(join(directory, 'postmaster.pid'), { force: true });
    rmSync(join(directory, 'postmaster.opts'), { force: true });
    return compress(makeTar(directory));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * A ustar archive (POSIX.1-1988) with sorted names and no times. The three databases that initdb makes are nearly the same, so a
 * file whose content has come before is an entry of type `1` that names the first; whoever unpacks it copies.
 */
function makeTar(directory: string): Uint8Array {
  const blocks: Uint8Array[] = [];
  const seen = new Map<string, string>();
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => ({
      entry,
      name: join(entry.parentPath, entry.name)
        .slice(directory.length + 1)
        .replaceAll('\\', '/'),
    }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const { entry, name } of entries) {
    if (entry.isDirectory()) {
      blocks.push(tarHeader(name, '5', 0, ''));
      continue;
    }
    const content = readFileSync(join(directory, name));
    const digest = createHash('sha256').update(content).digest('hex');
    const first = content.length === 0 ? undefined : seen.get(digest);
    if (first !== undefined) {
      blocks.push(tarHeader(name, '1', 0, first));
      continue;
    }
    seen.set(digest, name);
    blocks.push(tarHeader(name, '0', content.length, ''), content, new Uint8Array(-content.length & 511));
  }
  return Buffer.concat([...blocks, new Uint8Array(1024)]);
}

function tarHeader(name: string, kind: '0' | '1' | '5', size: number, link: string): Uint8Array {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  if (name.length > 100 || link.length > 100) throw new Error(`${name} is too long for a ustar name`);
  header.write(name, 0);
  header.write(octal(kind === '5' ? 0o700 : 0o600, 7), 100);
  header.write(octal(0, 7) + octal(0, 7) + octal(size, 11) + octal(0, 11), 108);
  header.write(' '.repeat(8), 148);
  header.write(kind, 156);
  header.write(link, 157);
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)} `, 148);
  return header;
}
