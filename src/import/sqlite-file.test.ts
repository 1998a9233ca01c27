import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { firstServerSchema, openForWriting, writeSqlite } from './sqlite-file.fixture.ts';
import { openSqliteFile, SqliteFileError } from './sqlite-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'catatlas-sqlite-file-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;

/** A new SQLite file made by these statements. */
async function fileOf(...statements: string[]): Promise<string> {
  files += 1;
  const path = join(folder, `${files}.db`);
  await writeSqlite(path, ...statements);
  return path;
}

async function refusalOf(path: string): Promise<string> {
  try {
    (await openSqliteFile(path)).close();
  } catch (error) {
    if (error instanceof SqliteFileError) return error.message;
    throw error;
  }
  return assert.fail('the file was accepted');
}

const oldest =
  'create table entries (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, createdAt TEXT, isFavorite INTEGER)';

describe('the shape of a file', () => {
  it('is that of the first version, of the last one, and of each between', async () => {
    const shapes: [string[], string[]][] = [
      [[oldest], ['entries']],
      [
        [oldest, firstServerSchema.analyses],
        ['entries', 'analyses'],
      ],
      [
        [oldest, 'alter table entries add column nickname TEXT', firstServerSchema.cats],
        ['cats', 'entries'],
      ],
      [
        Object.values(firstServerSchema).map((sql) => sql.replace(', updatedAt TEXT)', ')')),
        ['cats', 'entries', 'analyses', 'cat_insights', 'cat_comments'],
      ],
    ];
    for (const [statements, names] of shapes) {
      const file = await openSqliteFile(await fileOf(...statements));
      assert.deepEqual(
        file.tables.map(({ name }) => name),
        names,
      );
      file.close();
    }
  });

  it('may be written in other letters, and have indexes, views and statistics', async () => {
    const file = await openSqliteFile(
      await fileOf(
        firstServerSchema.cats.toUpperCase(),
        firstServerSchema.entries,
        'create index i on entries (cat_id)',
        'create view favourites as select id from entries where isFavorite',
        'insert into cats (name, createdAt) values (1, 2)',
        'analyze',
      ),
    );
    assert.deepEqual(
      file.tables.map(({ name, rows, sequence, present }) => ({ name, rows, sequence, columns: present.size })),
      [
        { name: 'cats', rows: 1, sequence: 1n, columns: 4 },
        { name: 'entries', rows: 0, sequence: 0n, columns: 17 },
      ],
    );
    file.close();
  });

  it('remembers the ids of deleted rows, but not those that a bad row has taken', async () => {
    for (const [given, expected] of [
      [22n, 22n],
      [9007199254740993n, 0n],
    ]) {
      const file = await openSqliteFile(
        await fileOf(firstServerSchema.entries, `insert into sqlite_sequence values ('entries', ${given})`),
      );
      assert.equal(file.tables[0]?.sequence, expected);
      file.close();
    }
  });

  it('is refused with every difference at once', async () => {
    const path = await fileOf(
      'create table entries (id INTEGER PRIMARY KEY, content TEXT, createdAt TEXT, isFavorite INTEGER)',
      'create table cats (id TEXT PRIMARY KEY, name TEXT, createdAt TEXT, age INTEGER)',
      'create table users (id INTEGER PRIMARY KEY)',
    );
    const message = await refusalOf(path);
    assert.deepEqual(message.split('\n').slice(1), [
      '  cats.id is not an INTEGER PRIMARY KEY',
      '  cats has the unknown column age',
      '  entries has no column text',
      '  entries has the unknown column content',
      '  the table users is not known',
    ]);
    assert.match(
      await refusalOf(await fileOf('create table t (a)')),
      /there is no table entries\n {2}the table t is not known$/,
    );
  });
});

describe('what other programs add to a file', () => {
  const added = [
    'create table _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)',
    'create table _litestream_lock (id INTEGER)',
    'create table alembic_version (version_num VARCHAR(32) NOT NULL)',
    'create table d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE)',
    'create table _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID',
    'create virtual table notes using fts5 (body)',
    'alter table entries add column colour TEXT',
    'alter table cats add column length INTEGER generated always as (length(name)) virtual',
    'insert into entries (text, createdAt) values (1, 2)',
    'analyze',
  ];

  it('stops the import, which names the way to leave it out', async () => {
    const message = await refusalOf(await fileOf(...Object.values(firstServerSchema), ...added));
    assert.match(message, /the table _litestream_seq is not known/);
    assert.match(message, /entries has the unknown column colour/);
    assert.match(message, /To leave them out and import the rest: --ignore-unknown$/);
  });

  it('is listed and left out when that is asked for', async () => {
    const file = await openSqliteFile(await fileOf(...Object.values(firstServerSchema), ...added), true);
    assert.deepEqual(
      file.tables.map(({ name, rows }) => [name, rows]),
      [
        ['cats', 0],
        ['entries', 1],
        ['analyses', 0],
        ['cat_insights', 0],
        ['cat_comments', 0],
      ],
    );
    assert.deepEqual(file.ignored.slice(0, 7), [
      'column cats.length',
      'column entries.colour',
      'table _cf_KV',
      'table _litestream_lock',
      'table _litestream_seq',
      'table alembic_version',
      'table d1_migrations',
    ]);
    file.close();
  });

  it('does not make up for what is missing', async () => {
    const path = await fileOf('create table cats (id INTEGER PRIMARY KEY, age INTEGER)');
    await assert.rejects(openSqliteFile(path, true), (error: Error) => {
      assert.doesNotMatch(error.message, /--ignore-unknown|age/);
      assert.match(error.message, /there is no table entries/);
      return true;
    });
  });
});

describe('a file that cannot be read', () => {
  it('is missing, a folder, empty, or something else', async () => {
    assert.match(await refusalOf(join(folder, 'none.db')), /^there is no file .*none\.db$/);
    assert.match(await refusalOf(folder), /is not a file$/);
    const path = join(folder, 'text');
    writeFileSync(path, '');
    assert.match(await refusalOf(path), /is empty$/);
    writeFileSync(path, 'PostgreSQL database dump, or the random bytes of an encrypted file');
    assert.match(await refusalOf(path), /is not a SQLite database, or it is encrypted/);
    writeFileSync(path, 'SQLite format 3\0');
    assert.match(await refusalOf(path), /cannot be read \(.+\): .*damaged/);
  });

  it('is damaged', async () => {
    const path = await fileOf(
      firstServerSchema.entries,
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < 500)
        insert into entries (text, createdAt) select hex(randomblob(200)), '' from n`,
    );
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(255, 4096 * 20, 4096 * 21));
    assert.match(await refusalOf(path), /damaged/);
    writeFileSync(path, bytes.subarray(0, 4096 * 10));
    assert.match(await refusalOf(path), /damaged/);
  });

  it('holds its texts in another encoding', async () => {
    assert.match(await refusalOf(await fileOf(`pragma encoding = 'UTF-16le'`, firstServerSchema.entries)), /UTF-16le/);
  });
});

describe('a file in use', () => {
  it('is read as it was at one moment, with what is written ahead beside it', async () => {
    const path = join(folder, 'used.db');
    const server = await openForWriting(path);
    server.exec('pragma journal_mode = wal');
    server.exec(firstServerSchema.entries);
    server.exec(`insert into entries (text, createdAt) values ('a', '2026-01-01T00:00:00Z')`);
    const file = await openSqliteFile(path);
    server.exec(`insert into entries (text, createdAt) values ('b', '2026-01-01T00:00:00Z')`);
    assert.equal(file.reader.all('select id from entries').length, 1);
    assert.equal(file.tables[0]?.rows, 1);
    file.close();
    // The files that SQLite keeps beside it belong to it: without them the newest rows are not there.
    copyFileSync(path, join(folder, 'copied.db'));
    assert.match(await refusalOf(join(folder, 'copied.db')), /there is no table entries/);
    server.close();
  });

  it('says so when a writer does not let go', async () => {
    const path = await fileOf(firstServerSchema.entries);
    const server = await openForWriting(path);
    server.exec('begin exclusive');
    assert.match(await refusalOf(path), /another program is writing to it/);
    server.close();
  });
});
