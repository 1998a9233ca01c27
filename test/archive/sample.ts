import { Buffer } from 'node:buffer';
import { createTally } from '../../src/archive/digest.ts';
import type { Manifest, Part } from '../../src/archive/format.ts';
import { restore } from '../../src/archive/restore.ts';
import { readSnapshot } from '../../src/archive/snapshot.ts';
import { tablesAt } from '../../src/archive/tables.ts';
import { encodeArchive } from '../../src/archive/write.ts';
import { systemClock } from '../../src/clock.ts';
import { connectPostgres, type Database } from '../../src/database/connect.ts';
import { loadCatalog } from '../../src/migrator/migration-catalog.ts';

export const programVersion = '1.0.0';
const program = { programVersion, clock: systemClock };

/** A handle whose statements may take long, and wait for locks as long, or for `lockTimeout` seconds. */
export function connectUnlimited(url: string, lockTimeout = 0): Database {
  return connectPostgres({ url, applicationName: 'catatlas test', unlimited: true, lockTimeout });
}

/** An archive without rows: restoring it makes the schema. */
export async function* emptyParts(schemaVersion: number): AsyncGenerator<Part> {
  const tables = tablesAt(schemaVersion).map(({ name, columns }) => ({ name, columns: [...columns] }));
  const facts = { formatVersion: 1, schemaVersion, programVersion, createdAt: systemClock.now() } as const;
  const header = { format: 'catatlas-archive', ...facts, tables } as const;
  yield { kind: 'header', header };
  const sums = tables.map((table) => ({ ...table, ...createTally().result() }));
  yield { kind: 'manifest', manifest: { ...header, tables: sums, sequences: [] } };
}

/** Makes the schema and fills it with rows that are hard to carry: every kind of letter, number and moment. */
export async function fillDatabase(database: Database, entries: number): Promise<void> {
  await restore({ database, parts: emptyParts(loadCatalog().length), replace: true, ...program });
  await database.sql.unsafe(`
    insert into cats (name, created_at, updated_at)
    select case g % 5 when 0 then null when 1 then '' else 'Mimi ' || g end,
      timestamptz '2026-01-01 00:00:00.000001+00' + g * interval '1.000001 seconds', case when g % 2 = 0 then now() end
    from generate_series(1, ${Math.ceil(entries / 20)}) g;
    insert into entries (text, created_at, is_favorite, nickname, cat_id, location_lat, location_lon, location_city)
    select (array[E'a\\tb\\nc\\rd\\\\e\\\\.', E'\\\\.', E'\\\\N', '🐈‍⬛ Größe ﷽', 'plain', repeat('x', 3000)])[1 + g % 6] || g,
      timestamptz '2026-01-01 00:00:00+00' + g * interval '1.234567 seconds', g % 3 = 0, case when g % 7 = 0 then '' end,
      case when g % 4 > 0 then 1 + g % ${Math.ceil(entries / 20)} end,
      case when g % 5 > 0 then -90 + g * 0.1 / 1e3 end, case when g % 5 > 0 then 180 / (g + 0.7) end, 'Oslo'
    from generate_series(1, ${entries}) g;
    insert into entries (id, text, created_at, location_lat, location_lon) values
      (${entries + 1000}, 'far', timestamptz '9999-12-31 23:59:59.999999+00', 0.1::float8 + 0.2::float8, 5e-324),
      (${entries + 1001}, 'first', timestamptz '0001-01-01 00:00:00+00', -0.0::float8, 1e-300);
    select setval('entries_id_seq', max(id)) from entries;
    delete from entries where id % 997 = 0;
    insert into analyses (entry_id, text_hash, summary, tags, sentiment, created_at, updated_at)
    select id, md5(text), 'short', '["grey", "tabby\\u00e9\\n", "\\"", 1.0, 12345678901234567890.10, 1e3]', 'neutral', created_at, now()
    from entries where id % 3 = 0;
    insert into cat_insights (cat_id, mode, prompt_version, context_hash, insight, created_at, updated_at)
    select id, 'care', 'v1', md5(id::text), '{"b": {"z": null, "a": [true, 1.50]}, "aa": "ü"}', created_at, now() from cats;
    insert into cat_comments (cat_id, author_name, content, created_at, updated_at)
    select id, 'Anna', 'line one' || chr(10) || 'two', created_at, now() from cats where id % 2 = 0`);
}

/** What a database has: its manifest. */
export async function describeDatabase(database: Database): Promise<Manifest> {
  return await readSnapshot({ database, ...program }, async (parts) => {
    for await (const part of parts) if (part.kind === 'manifest') return part.manifest;
    throw new Error('no manifest');
  });
}

/** The part of a manifest that is about data, and not about when they were read. */
export function contentOf({ tables, sequences, schemaVersion }: Manifest) {
  return { tables, sequences, schemaVersion };
}

/** An archive of the database, in memory. */
export async function backUp(database: Database): Promise<Buffer> {
  return await readSnapshot({ database, ...program }, async (parts) => {
    const chunks: Buffer[] = [];
    for await (const chunk of encodeArchive(parts)) chunks.push(chunk);
    return Buffer.concat(chunks);
  });
}

/** A stream of these bytes. */
export async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
