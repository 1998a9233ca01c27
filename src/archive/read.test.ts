import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import { ArchiveError } from './archive-error.ts';
import { createTally } from './digest.ts';
import { type Header, type Manifest, type Part, requireLoadable } from './format.ts';
import { decodeArchive } from './read.ts';
import { tablesAt } from './tables.ts';
import { blockBytes, decodeTarHeader, encodeTarHeader, tarPadding } from './tar.ts';
import { encodeArchive } from './write.ts';

const header: Header = {
  format: 'catatlas-archive',
  formatVersion: 1,
  schemaVersion: 1,
  programVersion: '1.0.0',
  createdAt: '2026-11-22T13:13:34.577339Z',
  tables: tablesAt(1).map(({ name, columns }) => ({ name, columns: [...columns] })),
};

const pages = [
  { table: 'cats', text: Buffer.from('1\tMimi\t2026-01-01 00:00:00+00\t\\N\n2\t\\N\t2026-01-02 00:00:00.5+00\t\\N\n') },
  { table: 'cats', text: Buffer.from('3\tKarl\\tHeinz\t2026-01-03 00:00:00+00\t\\N\n') },
  {
    table: 'cat_comments',
    text: Buffer.from('1\t1\tAnna\tOh là là\t2026-01-01 00:00:00+00\t2026-01-01 00:00:00+00\n'),
  },
];

const manifest: Manifest = {
  ...header,
  tables: header.tables.map((table) => {
    const tally = createTally();
    for (const page of pages) if (page.table === table.name) tally.add(page.text);
    return { ...table, ...tally.result() };
  }),
  sequences: [{ table: 'cats', lastValue: 3, isCalled: true }],
};

const parts: Part[] = [
  { kind: 'header', header },
  ...pages.map((page) => ({ kind: 'page', page }) as const),
  { kind: 'manifest', manifest },
];

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

async function encode(from: readonly Part[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of encodeArchive(each(from))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function decode(bytes: Uint8Array, chunkBytes = 1000): Promise<Part[]> {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
  const decoded: Part[] = [];
  for await (const part of decodeArchive(each(chunks))) decoded.push(part);
  return decoded;
}

/** Why the bytes are refused. Fails when they are not, or in another way than by saying so. */
async function refusal(bytes: Uint8Array, what: string): Promise<string> {
  try {
    await decode(bytes);
  } catch (error) {
    assert.ok(error instanceof ArchiveError, `${what}: ${error instanceof Error ? error.stack : error}`);
    return error.message;
  }
  assert.fail(`${what}: not refused`);
}

/** Numbers that look random and are the same in each run (mulberry32). */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

describe('an archive', () => {
  it('says what was written to it, however the bytes arrive', async () => {
    const bytes = await encode(parts);
    for (const chunkBytes of [1, 511, 512, 513, bytes.length]) assert.deepEqual(await decode(bytes, chunkBytes), parts);
  });

  it('is the same bytes for the same parts', async () => {
    assert.ok((await encode(parts)).equals(await encode(parts)));
  });

  it('is refused when cut off anywhere', async () => {
    const bytes = await encode(parts);
    for (let length = 0; length < bytes.length; length += length % blockBytes < 2 ? 1 : 255)
      await refusal(bytes.subarray(0, length), `${length} of ${bytes.length} bytes`);
    await refusal(bytes.subarray(0, -1), 'without the last byte');
    assert.match(await refusal(bytes.subarray(0, 5000), 'cut off'), /cut off after 5000 bytes/);
    assert.match(await refusal(Buffer.alloc(0), 'nothing'), /empty/);
  });

  it('is refused with any bit changed', async () => {
    const bytes = await encode(parts);
    const random = createRandom(4);
    for (let round = 0; round < 500; round += 1) {
      const at = random(bytes.length);
      const bit = 1 << random(8);
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ bit;
      await refusal(damaged, `byte ${at}, bit ${bit}`);
    }
  });

  it('is refused with bytes behind its end, put in, or left out', async () => {
    const bytes = await encode(parts);
    assert.match(await refusal(Buffer.concat([bytes, Buffer.alloc(512)]), 'longer'), /behind its end/);
    await refusal(Buffer.concat([bytes, bytes]), 'twice');
    for (let at = 0; at < bytes.length; at += blockBytes) {
      await refusal(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + blockBytes)]), `without block ${at}`);
      await refusal(
        Buffer.concat([bytes.subarray(0, at), Buffer.alloc(blockBytes), bytes.subarray(at)]),
        `zeros at ${at}`,
      );
    }
  });

  it('is refused when its manifest counts or digests otherwise', async () => {
    const change = (index: number, changed: Partial<Manifest['tables'][number]>) =>
      encode([
        ...parts.slice(0, -1),
        {
          kind: 'manifest',
          manifest: { ...manifest, tables: manifest.tables.map((t, at) => (at === index ? { ...t, ...changed } : t)) },
        },
      ]);
    assert.match(await refusal(await change(0, { rows: 4 }), 'count'), /cats: 4 rows expected, 3 found/);
    assert.match(await refusal(await change(1, { rows: 1 }), 'count'), /entries: 1 rows expected, 0 found/);
    assert.match(
      await refusal(await change(0, { sha256: '0'.repeat(64) }), 'digest'),
      /cats: 3 rows, but not the same/,
    );
    assert.match(await refusal(await change(0, { columns: ['id'] }), 'columns'), /is not about the tables of/);
  });

  it('is refused with pages out of order or of other tables', async () => {
    const [first, one, two, three, last] = parts;
    assert.ok(first && one && two && three && last);
    await refusal(await encode([first, three, one, two, last]), 'tables out of order');
    await refusal(await encode([first, two, one, three, last]), 'pages out of order');
    await refusal(await encode([first, one, three, last]), 'a page left out');
    await refusal(await encode([first, one, two, last]), 'a table left out');
    await refusal(await encode([one, two, three, last]), 'without header');
    await refusal(await encode([first, one, two, three]), 'without manifest');
    const stranger = { kind: 'page', page: { table: 'pg_authid', text: Buffer.from('1\n') } } as const;
    await refusal(await encode([first, one, two, stranger, three, last]), 'a table of nobody');
    const half = { kind: 'page', page: { table: 'cats', text: Buffer.from('1\tMimi') } } as const;
    assert.match(await refusal(await encode([first, half, last]), 'half a row'), /whole row/);
  });

  it('is refused by its format and its schema with the version to use', async () => {
    const newer = { ...header, formatVersion: 2, somethingNew: true } as unknown as Header;
    assert.match(
      await refusal(await encode([{ kind: 'header', header: newer }]), 'newer'),
      /format 2, .*newer program/,
    );
    assert.doesNotThrow(() => requireLoadable(header, 1));
    assert.throws(
      () => requireLoadable({ ...header, schemaVersion: 9 }, 2),
      /schema version 9, this program ends at 2/,
    );
    const others = { ...header, tables: [{ name: 'cats', columns: ['id', 'password'] }] };
    assert.throws(() => requireLoadable(others, 2), /not those of that version/);
  });

  it('is told from bytes of any kind', async () => {
    const random = createRandom(7);
    const bytes = await encode(parts);
    assert.match(await refusal(Buffer.from('PGDMP'.repeat(500)), 'a dump'), /not a CatAtlas archive/);
    for (let round = 0; round < 300; round += 1) {
      const noise = Buffer.from(Array.from({ length: random(4000) }, () => random(256)));
      await refusal(noise, `noise ${round}`);
      // Begins well: the noise comes to the parts that are behind the first.
      const start = random(bytes.length);
      await refusal(Buffer.concat([bytes.subarray(0, start), noise]), `noise ${round} after ${start} bytes`);
    }
  });

  it('does not read into memory what claims to be huge', async () => {
    const [first] = parts;
    assert.ok(first);
    const start = (await encode([first])).subarray(0, -4 * blockBytes);
    const page = encodeTarHeader({ name: 'cats/00000001.copy.gz', size: 2 ** 32, modified: 0 });
    assert.match(await refusal(Buffer.concat([start, page, Buffer.alloc(5000)]), 'huge'), /claims 4294967296 bytes/);
  });

  it('closes its source when its reader stops', async () => {
    const bytes = await encode(parts);
    let closed = false;
    const source = async function* () {
      try {
        for (let at = 0; at < bytes.length; at += 512) yield bytes.subarray(at, at + 512);
      } finally {
        closed = true;
      }
    };
    for await (const part of decodeArchive(source())) if (part.kind === 'page') break;
    assert.equal(closed, true);
  });
});

describe('tar headers', () => {
  it('are read as they were written', () => {
    const member = { name: 'entries/00000001.copy.gz', size: 123_456_789, modified: 1_795_353_214 };
    assert.deepEqual(decodeTarHeader(encodeTarHeader(member)), member);
    assert.equal(decodeTarHeader(Buffer.alloc(512)), undefined);
  });

  it('pad to whole blocks', () => {
    assert.deepEqual([0, 1, 511, 512, 513].map(tarPadding), [0, 511, 1, 0, 511]);
  });
});
