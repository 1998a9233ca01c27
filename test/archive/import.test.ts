import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectEmbedded, connectPostgres, type Database } from '../../src/database/connect.ts';
import { firstServerSchema, writeSqlite } from '../../src/import/sqlite-file.fixture.ts';
import { openSqliteFile } from '../../src/import/sqlite-file.ts';
import { ImportError, type ImportOptions, importSqlite, type SkippedRow } from '../../src/import/sqlite-import.ts';
import { seedDatabase } from '../../src/seed/seed.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { makeSchema } from '../harness/schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'catatlas-import-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function freshPath(): string {
  count += 1;
  return join(folder, String(count));
}

async function fileOf(...statements: string[]): Promise<string> {
  const path = freshPath();
  await writeSqlite(path, ...statements);
  return path;
}

/** As the first server's own file is: with columns added later at the end, without comments, and cats without `updatedAt`. */
const olderSchema = [
  `CREATE TABLE entries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            text TEXT NOT NULL,
            createdAt TEXT NOT NULL,
            isFavorite INTEGER NOT NULL DEFAULT 0
        , nickname TEXT, location TEXT, cat_id INTEGER, photo_url TEXT)`,
  firstServerSchema.analyses,
  'CREATE TABLE cats (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, createdAt TEXT NOT NULL)',
  firstServerSchema.cat_insights,
];

const olderRows = [
  `insert into cats values (1, 'Browny', '2026-01-10T22:27:08.252643Z')`,
  `insert into entries values
    (1, 'string', '2025-12-27T22:06:09.468148Z', 0, null, null, 1, null),
    (2, 'I learned about the terminal', '2025-12-27T22:06:29.880762Z', 1, null, null, 1, null),
    (3, 'tab' || char(9) || 'line' || char(10) || 'back\\slash \\N 🐈', '2025-12-27T22:07:34Z', 0, 'Astro', '406 Fenimore', null, 'https://x.example/a?b=1'),
    (22, 'deleted later', '2026-01-10T22:19:13.265485Z', 0, null, null, null, null)`,
  'delete from entries where id = 22',
  `insert into analyses values (2, '3f0948', 'all is so bad and good', '["all", "b\\u00e4d", "a\\"b"]', 'neutral', '2025-12-30T17:36:25.155680Z', '2025-12-30T17:36:25.155680Z')`,
  `insert into cat_insights values (1, 1, 'profile', 'v1', 'd17396', '{"cat_id":1,"confidence":0.510,"flags":[],"citations":[{"entry_id":2,"location":null}]}',
    '2026-01-10T22:32:41.371190Z', '2026-01-10T22:32:41.371190Z')`,
];

const now = `'2026-01-01T00:00:00Z'`;
const newest = [
  ...Object.values(firstServerSchema),
  `insert into cats values (1, 'A', ${now}, '2026-02-01T10:00:00.5+00:00'), (2, null, ${now}, null)`,
  `insert into entries (id, text, createdAt, cat_id, location_lat, location_lon) values (1, 'a', ${now}, 1, 52.520308, -1e-5), (2, 'b', ${now}, null, null, null)`,
  `insert into analyses values (1, 'h', 's', '[]', 'positive', ${now}, ${now})`,
  `insert into cat_insights values (1, 1, 'care', 'v1', 'h', '{"b":1.0,"aa":1e2}', ${now}, ${now})`,
  `insert into cat_comments values (1, 1, 'Mia', 'hello', '2026-01-01T00:00:00.000001+00:00', ${now})`,
];

/** One bad row of every kind, among good ones; and what depends on them. */
const badRows = [
  ...newest,
  `insert into cats values (3, cast(x'ff' as text), ${now}, null), (0, 'zero', ${now}, null)`,
  `insert into entries (id, text, createdAt, cat_id) values (3, 'linked to a bad cat', ${now}, 3), (4, 'orphan', ${now}, 99), (5, '', ${now}, 1),
    (6, 'no date', 'yesterday', null), (7, 'a' || char(0), ${now}, null)`,
  `insert into entries (id, text, createdAt, location_lat, location_lon) values (8, 'far', ${now}, 91, 0), (9, 'half', ${now}, 1, null)`,
  `insert into entries (id, text, createdAt, isFavorite) values (10, 'twice', ${now}, 2)`,
  `insert into analyses values (5, 'h', 's', '[]', 'neutral', ${now}, ${now}), (6, 'h', 's', 'no', 'neutral', ${now}, ${now}),
    (2, 'h', 's', '[]', 'great', ${now}, ${now}), (77, 'h', 's', '[]', 'neutral', ${now}, ${now})`,
  `insert into cat_insights values (2, 3, 'care', 'v1', 'h', '{}', ${now}, ${now}), (3, 1, 'diet', 'v1', 'h', '{}', ${now}, ${now}),
    (4, 1, 'risk', 'v1', 'h', '{"a":"\\u0000"}', ${now}, ${now})`,
  `insert into cat_comments values (2, 98, 'Mia', 'hello', ${now}, ${now}), (3, 1, '', '', ${now}, ${now})`,
];

interface Target {
  name: string;
  start(): Promise<void>;
  /** A database with our schema, without rows. */
  open(): Promise<Opened>;
  stop(): Promise<void>;
}

interface Opened {
  database: Database;
  /** The URL, or the folder of the embedded engine. */
  address: string;
}

async function migrated(database: Database): Promise<Database> {
  await makeSchema(database);
  return database;
}

const connect = (url: string) =>
  connectPostgres({ url, applicationName: 'test', maxConnections: 2, unlimited: true, connectTimeout: 5 });

const targets: Target[] = [
  ...testedVersions.map((version): Target => {
    let server: RunningPostgres;
    return {
      name: `PostgreSQL ${version}`,
      async start() {
        server = await startPostgres({ version });
      },
      async open() {
        const address = await server.createDatabase();
        return { address, database: await migrated(connect(address)) };
      },
      stop: () => server.stop(),
    };
  }),
  {
    name: 'the embedded engine',
    async start() {},
    async open() {
      const address = freshPath();
      return { address, database: await migrated(await connectEmbedded({ dataDir: address })) };
    },
    async stop() {},
  },
];

async function run(database: Database, path: string, options: Partial<ImportOptions> = {}) {
  const file = await openSqliteFile(path);
  try {
    return await importSqlite({ file, database, merge: false, dryRun: false, ...options });
  } finally {
    file.close();
  }
}

/** What each table has, as text, and what its sequence gives next. */
async function contentOf({ sql }: Database): Promise<Record<string, unknown>> {
  const content: Record<string, unknown> = {};
  for (const table of ['cats', 'entries', 'analyses', 'cat_insights', 'cat_comments'])
    content[table] = (await sql.unsafe<{ row: string }[]>(`select ${table}::text as row from ${table} order by 1`)).map(
      ({ row }) => row,
    );
  for (const table of ['cats', 'entries', 'cat_insights', 'cat_comments'])
    content[`${table}_id_seq`] = (
      await sql.unsafe<{ last_value: number; is_called: boolean }[]>(
        `select last_value, is_called from ${table}_id_seq`,
      )
    ).map(({ last_value, is_called }) => (is_called ? last_value : null))[0];
  return content;
}

const rejection = async (work: Promise<unknown>): Promise<ImportError> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof ImportError) return error;
    throw error;
  }
  return assert.fail('the import was not refused');
};

for (const target of targets) {
  describe(`import into ${target.name}`, () => {
    before(target.start);
    after(target.stop);

    /** Gives a database to `work` and closes it. */
    const withDatabase = async (work: (opened: Opened) => Promise<void>) => {
      const opened = await target.open();
      try {
        await work(opened);
      } finally {
        await opened.database.close();
      }
    };

    it('takes a file of the first server as it is, and has nothing to do the second time', () =>
      withDatabase(async ({ database }) => {
        const path = await fileOf(...olderSchema, ...olderRows);
        const report = await run(database, path);
        assert.equal(report.outcome, 'imported');
        assert.deepEqual(
          report.tables.map(({ table, read, written, present, skipped }) => [table, read, written, present, skipped]),
          [
            ['cats', 1, 1, 0, 0],
            ['entries', 3, 3, 0, 0],
            ['analyses', 1, 1, 0, 0],
            ['cat_insights', 1, 1, 0, 0],
          ],
        );
        const { sql } = database;
        assert.deepEqual(
          (
            await sql`select id, text, created_at, is_favorite, nickname, location, cat_id, photo_url, location_lat from entries order by id`
          ).map((row) => Object.values(row)),
          [
            [1, 'string', '2025-12-27T22:06:09.468148Z', false, null, null, 1, null, null],
            [2, 'I learned about the terminal', '2025-12-27T22:06:29.880762Z', true, null, null, 1, null, null],
            [
              3,
              'tab\tline\nback\\slash \\N 🐈',
              '2025-12-27T22:07:34Z',
              false,
              'Astro',
              '406 Fenimore',
              null,
              'https://x.example/a?b=1',
              null,
            ],
          ],
        );
        assert.deepEqual(
          (await sql`select tags, updated_at from analyses`).map((row) => ({ ...row })),
          [{ tags: ['all', 'bäd', 'a"b'], updated_at: '2025-12-30T17:36:25.155680Z' }],
        );
        const [insight] = await sql<[{ insight: string }]>`select insight::text as insight from cat_insights`;
        assert.match(insight.insight, /"confidence": 0\.510/);
        // 22 was given once, though the row is gone; two is next for a cat.
        const next = await sql`insert into entries (text, created_at) values ('x', now()) returning id`;
        assert.equal(next[0]?.['id'], 23);
        await sql`delete from entries where id = 23`;

        const content = await contentOf(database);
        const again = await run(database, path);
        assert.equal(again.outcome, 'nothing to do');
        assert.deepEqual(
          again.tables.map(({ read, written, present }) => [read, written, present]),
          [
            [1, 0, 1],
            [3, 0, 3],
            [1, 0, 1],
            [1, 0, 1],
          ],
        );
        assert.deepEqual(
          again.tables.map(({ sha256 }) => sha256),
          report.tables.map(({ sha256 }) => sha256),
        );
        assert.deepEqual(await contentOf(database), content);
      }));

    it('takes every historic shape', () =>
      withDatabase(async ({ database }) => {
        const oldest = await fileOf(
          'create table entries (id INTEGER PRIMARY KEY, text TEXT, createdAt TEXT, isFavorite INTEGER)',
          `insert into entries values (1, 'a', ${now}, 1)`,
        );
        assert.deepEqual(
          (await run(database, oldest)).tables.map(({ table, written }) => [table, written]),
          [['entries', 1]],
        );
        await database.sql`truncate entries, cats restart identity cascade`;
        assert.deepEqual(
          (await run(database, await fileOf(...newest))).tables.map(({ table, written }) => [table, written]),
          [
            ['cats', 2],
            ['entries', 2],
            ['analyses', 1],
            ['cat_insights', 1],
            ['cat_comments', 1],
          ],
        );
        const [row] = await database.sql`
          select cats.updated_at, comments.created_at, location_lat, location_lon from cats, cat_comments as comments, entries
          where cats.id = 1 and comments.id = 1 and entries.id = 1`;
        assert.deepEqual(
          { ...row },
          {
            updated_at: '2026-02-01T10:00:00.500000Z',
            created_at: '2026-01-01T00:00:00.000001Z',
            location_lat: 52.520308,
            location_lon: -1e-5,
          },
        );
      }));

    it('changes nothing in a dry run, and says the same', () =>
      withDatabase(async ({ database }) => {
        const path = await fileOf(...newest);
        const empty = await contentOf(database);
        const dry = await run(database, path, { dryRun: true });
        assert.equal(dry.outcome, 'dry run');
        assert.deepEqual(await contentOf(database), empty);
        assert.deepEqual((await run(database, path)).tables, dry.tables);
      }));

    it('names every bad row and imports nothing', () =>
      withDatabase(async ({ database }) => {
        const empty = await contentOf(database);
        const refusal = await rejection(run(database, await fileOf(...badRows)));
        assert.deepEqual(
          refusal.badRows.map(({ table, id, problems }) => `${table} ${id}: ${problems.join('; ')}`),
          [
            'cats 0: id is 0: ids are from 1 to 2^53-1',
            'cats 3: name is not valid UTF-8',
            'entries 3: cat_id is 3: that cat is a bad row itself',
            'entries 4: cat_id is 99: there is no such cat',
            'entries 5: text is empty',
            'entries 6: createdAt is "yesterday" and not a moment such as 2026-11-22T13:13:34.577339Z',
            'entries 7: text has a NUL character, at byte 1',
            'entries 8: location_lat is 91: it must be between -90 and 90',
            'entries 9: has only one of location_lat and location_lon',
            'entries 10: isFavorite is 2 and neither 0 nor 1',
            'analyses 2: sentiment is "great": expected positive, neutral, negative',
            'analyses 5: entry_id is 5: that entry is a bad row itself',
            refusal.message.match(
              /analyses 6: (tags_json is not JSON: .*; entry_id is 6: that entry is a bad row itself)/,
            )?.[0] ?? '',
            'analyses 77: entry_id is 77: there is no such entry',
            'cat_insights 2: cat_id is 3: that cat is a bad row itself',
            'cat_insights 3: mode is "diet": expected profile, care, update, risk',
            'cat_insights 4: insight_json has a NUL character in it (\\u0000)',
            'cat_comments 2: cat_id is 98: there is no such cat',
            'cat_comments 3: author_name is empty; content is empty',
          ],
        );
        assert.match(refusal.message, /^19 rows cannot be imported as they are, so nothing was:/);
        assert.deepEqual(await contentOf(database), empty);
      }));

    it('leaves bad rows out when told to, keeps their values, and is repeatable', () =>
      withDatabase(async ({ database }) => {
        const path = await fileOf(...badRows);
        const skipped: SkippedRow[] = [];
        const onSkipped = (row: SkippedRow) => void skipped.push(row);
        const report = await run(database, path, { onSkipped });
        assert.deepEqual(
          report.tables.map(({ table, read, written, skipped, unlinked }) => [table, read, written, skipped, unlinked]),
          [
            ['cats', 4, 2, 2, 0],
            ['entries', 10, 4, 6, 2],
            ['analyses', 5, 1, 4, 0],
            ['cat_insights', 4, 1, 3, 0],
            ['cat_comments', 3, 1, 2, 0],
          ],
        );
        assert.equal(skipped.length, 19);
        const orphan = skipped.find(({ table, id }) => table === 'entries' && id === 4);
        assert.equal(orphan?.outcome, 'written without its link');
        assert.equal(orphan.row['cat_id'], 99);
        assert.equal(report.reasons['entries: cat_id is …: there is no such cat'], 1);
        assert.deepEqual(
          (await database.sql`select id, cat_id from entries order by id`).map((row) => Object.values(row)),
          [
            [1, 1],
            [2, null],
            [3, null],
            [4, null],
          ],
        );
        assert.equal((await run(database, path, { onSkipped })).outcome, 'nothing to do');
        // The numbers of rows that were left out are not given to others.
        assert.equal((await contentOf(database))['entries_id_seq'], 10);
      }));

    it('merges by id: inserts what is missing, never overwrites', () =>
      withDatabase(async ({ database }) => {
        const { sql } = database;
        const path = await fileOf(...newest);
        await run(database, path);
        await sql`insert into entries (id, text, created_at) values (50, 'new here', now())`;
        await sql`select setval('entries_id_seq', 50)`;
        // Rows that the file does not have are no contradiction.
        assert.equal((await run(database, path)).outcome, 'nothing to do');

        await sql`delete from entries where id = 1`;
        const before = await contentOf(database);
        const refusal = await rejection(run(database, path));
        assert.match(refusal.message, /entries: 1 to insert, 1 equal, 1 that the file does not have/);
        assert.match(refusal.message, /analyses: 1 to insert, 0 equal, 0 that the file does not have/);
        assert.deepEqual(await contentOf(database), before);

        assert.equal((await run(database, path, { merge: true, dryRun: true })).outcome, 'dry run');
        assert.deepEqual(await contentOf(database), before);
        const merged = await run(database, path, { merge: true });
        assert.equal(merged.outcome, 'imported');
        assert.deepEqual(
          merged.tables.map(({ table, written, present }) => [table, written, present]),
          [
            ['cats', 0, 2],
            ['entries', 1, 1],
            ['analyses', 1, 0],
            ['cat_insights', 0, 1],
            ['cat_comments', 0, 1],
          ],
        );
        assert.equal((await contentOf(database))['entries_id_seq'], 50);

        await sql`update entries set text = 'edited', is_favorite = true where id = 1`;
        await sql`update cats set name = null where id = 1`;
        await sql`update cat_insights set id = 9 where id = 1`;
        await sql`delete from cat_comments`;
        const conflicting = await contentOf(database);
        const conflict = await rejection(run(database, path, { merge: true }));
        assert.deepEqual(conflict.message.split('\n').slice(1, -1), [
          '  cats 1: another name',
          '  entries 1: another text, is_favorite',
          '  cat_insights 1: has the same cat_id, mode, prompt_version, context_hash as cat_insights 9 there',
        ]);
        assert.deepEqual(await contentOf(database), conflicting);
      }));

    it('agrees with the database on how texts, numbers, moments and JSON are written', () =>
      withDatabase(async ({ database }) => {
        // The import compares digests by itself: a single byte that differs is refused. So let there be many bytes.
        const texts = Array.from({ length: 128 }, (_, code) => (code === 0 ? 'é' : String.fromCharCode(code)));
        texts.push(
          '\u007f\u0080\u009f\u00a0',
          '\u2028\u2029\ufeff\ufffe\uffff',
          '\\.',
          '\\N',
          '\\\\x',
          '🐈‍⬛',
          '\r\n',
          '\'"',
        );
        const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
        const jsonOf = (text: string) =>
          quote(JSON.stringify({ [text]: [text, -1.5e-7, 1e21, 0.1, 12345678901234567890n.toString()] }));
        let state = 12345;
        const random = () => {
          state = (Math.imul(state, 1103515245) + 12345) >>> 0;
          return state / 2 ** 32;
        };
        const statements = texts.flatMap((text, index) => {
          const id = index + 1;
          const lat = (random() - 0.5) * 180 * 10 ** -Math.floor(random() * 12);
          const lon = (random() - 0.5) * 360 * 10 ** -Math.floor(random() * 300);
          const moment = `'20${10 + (index % 80)}-0${1 + (index % 9)}-${10 + (index % 19)}T0${index % 10}:00:59.${String(Math.floor(random() * 1e6)).padStart(6, '0')}Z'`;
          return [
            `insert into entries (id, text, createdAt, nickname, location_lat, location_lon) values (${id}, ${quote(`${text}x${text}`)}, ${moment}, ${quote(text)}, ${lat}, ${lon})`,
            `insert into analyses values (${id}, ${quote(text)}, '', ${quote(JSON.stringify([text, '']))}, 'neutral', ${moment}, ${moment})`,
            `insert into cat_insights values (${id}, 1, 'care', 'v1', '${id}', ${jsonOf(text)}, ${moment}, ${moment})`,
          ];
        });
        const path = await fileOf(
          ...Object.values(firstServerSchema),
          `insert into cats values (1, '', ${now}, null)`,
          ...statements,
        );
        assert.equal((await run(database, path)).outcome, 'imported');
      }));

    it('stops between pages when told to, and leaves nothing', () =>
      withDatabase(async ({ database }) => {
        const empty = await contentOf(database);
        const shutdown = new AbortController();
        shutdown.abort();
        const refusal = await rejection(run(database, await fileOf(...newest), { shutdown: shutdown.signal }));
        assert.match(refusal.message, /told to stop/);
        assert.deepEqual(await contentOf(database), empty);
      }));

    it('leaves the target as it was when it is killed in the middle', () =>
      withDatabase(async ({ database, address }) => {
        const path = await fileOf(
          ...newest,
          `with recursive n (i) as (select 3 union all select i + 1 from n where i < 60000)
            insert into entries (id, text, createdAt) select i, hex(randomblob(100)), ${now} from n`,
        );
        const empty = await contentOf(database);
        if (database.kind === 'embedded') await database.close();
        // Every row has been written then, and is to be compared.
        const last = 'entries, reading back';
        const script = fileURLToPath(new URL('import-process.ts', import.meta.url));
        const child = spawn('bun', [script, path, address, last], { stdio: ['pipe', 'pipe', 'inherit'] });
        const steps: string[] = [];
        for await (const step of createInterface({ input: child.stdout })) {
          steps.push(step);
          if (step === last) child.kill('SIGKILL');
        }
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
        assert.equal(child.signalCode, 'SIGKILL');
        assert.ok(steps.includes('cat_comments'), steps.join());
        const again = database.kind === 'embedded' ? await connectEmbedded({ dataDir: address }) : database;
        // The session of the one that was killed may still hold its locks.
        await again.sql.begin((tx) => tx`lock table entries in access exclusive mode`);
        assert.deepEqual(await contentOf(again), empty);
        assert.equal((await run(again, path)).outcome, 'imported');
        if (again !== database) await again.close();
      }));

    it('takes what `seed` has made, by way of SQLite, and finds it equal', () =>
      withDatabase(async ({ database }) => {
        const report = await seedDatabase({ database, entries: 700, seed: 5 });
        assert.deepEqual(
          report.tables.map(({ table, rows }) => [table, rows > 0]),
          ['cats', 'entries', 'analyses', 'cat_insights', 'cat_comments'].map((table) => [table, true]),
        );
        assert.equal((await contentOf(database))['entries_id_seq'], 700);
        await assert.rejects(
          seedDatabase({ database, entries: 1, seed: 5 }),
          /the database has data: cats \(\d+ rows\), entries \(700 rows\)/,
        );
        const path = await fileOf(...Object.values(firstServerSchema), ...(await insertsOf(database)));
        const again = await run(database, path);
        assert.equal(again.outcome, 'nothing to do');
        assert.deepEqual(
          again.tables.map(({ table, present, sha256 }) => ({ table, rows: present, sha256 })),
          report.tables,
        );
      }));
  });
}

/** Statements that put what a database has into a SQLite file, as the first server would have written it. */
async function insertsOf({ sql }: Database): Promise<string[]> {
  const columns = {
    cats: 'id, name, created_at, updated_at',
    entries: `id, text, created_at, is_favorite::integer, nickname, location, cat_id, photo_url, location_normalized, location_lat, location_lon,
      location_osm_id, location_street, location_number, location_zip, location_city, location_country`,
    analyses: 'entry_id, text_hash, summary, tags, sentiment, created_at, updated_at',
    cat_insights: 'id, cat_id, mode, prompt_version, context_hash, insight, created_at, updated_at',
    cat_comments: 'id, cat_id, author_name, content, created_at, updated_at',
  };
  const statements: string[] = [];
  for (const [table, list] of Object.entries(columns))
    for (const row of await sql.unsafe(`select ${list} from ${table}`))
      statements.push(`insert into ${table} values (${Object.values(row).map(literal).join(', ')})`);
  return statements;
}

function literal(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return String(value);
  return `'${(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll("'", "''")}'`;
}

describe('the digest that a report shows', () => {
  it('is the sum that anybody can do', async () => {
    const server = await startPostgres({ version: testedVersions[0] ?? 18 });
    try {
      const database = await migrated(connect(await server.createDatabase()));
      const report = await run(database, await fileOf(...newest));
      await database.close();
      const { createHash } = await import('node:crypto');
      const lines = '1\tA\t2026-01-01 00:00:00+00\t2026-02-01 10:00:00.5+00\n2\t\\N\t2026-01-01 00:00:00+00\t\\N\n';
      assert.equal(report.tables[0]?.sha256, createHash('sha256').update(lines).digest('hex'));
    } finally {
      await server.stop();
    }
  });
});
