// What the migrations make, compared with databases that somebody has worked on by hand. Each remedy is then carried out.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectPostgres, type Database, type Sql } from '../../src/database/connect.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { compareSchemas, type Difference } from '../../src/migrator/drift.ts';
import { parseHeader } from '../../src/migrator/header.ts';
import { readSchema, type SchemaSnapshot } from '../../src/migrator/schema-snapshot.ts';
import { createDatabase, type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';

const folder = fileURLToPath(new URL('../../migrations', import.meta.url));
const migrations = readdirSync(folder)
  .filter((name) => name.endsWith('.sql'))
  .sort()
  .map((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const { up } = parseHeader(name, text);
    return text.slice(up.start, up.end);
  });

async function applyMigrations(sql: Sql): Promise<void> {
  for (const migration of migrations) await sql.unsafe(migration);
  await sql`create table catatlas_migrations (version integer primary key, name text not null)`;
}

/** One at a time, as `create index concurrently` wants it. */
async function run(sql: Sql, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.unsafe(statement);
}

interface Case {
  name: string;
  by: string[];
  kind: Difference['kind'];
  object: string;
  expected?: string;
  actual?: string;
  /** What the operator has to do first, as the remedy says. */
  first?: string[];
  /** The failure of a statement that is part of the case. */
  fails?: RegExp;
}

const cases: Case[] = [
  {
    name: 'a dropped index',
    by: ['drop index entries_by_cat'],
    kind: 'missing',
    object: 'index entries_by_cat',
    expected: 'btree (cat_id, created_at DESC, id DESC)',
  },
  {
    name: 'a dropped index on an expression',
    by: ['drop index entries_by_place'],
    kind: 'missing',
    object: 'index entries_by_place',
  },
  {
    name: 'an index on other columns',
    by: ['drop index entries_by_cat', 'create unique index entries_by_cat on entries (cat_id, id)'],
    kind: 'different',
    object: 'index entries_by_cat',
    expected: 'btree (cat_id, created_at DESC, id DESC), no unique',
    actual: 'btree (cat_id, id), unique yes',
  },
  {
    name: 'a renamed index',
    by: ['alter index entries_by_cat rename to "By Cat"'],
    kind: 'different',
    object: 'index entries_by_cat',
    actual: 'the name "By Cat"',
  },
  {
    name: 'another index',
    by: ['create index "an USING index" on entries (nickname)'],
    kind: 'unexpected',
    object: 'index "an USING index"',
    actual: 'btree (nickname)',
  },
  {
    name: 'what a failed concurrent build leaves behind',
    by: [
      `insert into entries (text, created_at) values ('twice', now()), ('twice', now())`,
      'create unique index concurrently entries_by_text on entries (text)',
    ],
    fails: /could not create unique index/,
    kind: 'unexpected',
    object: 'index entries_by_text',
    actual: 'unique yes, btree (text), INVALID',
  },
  {
    name: 'an index of ours that is invalid',
    by: ["update pg_index set indisvalid = false where indexrelid = 'entries_by_cat'::regclass"],
    kind: 'different',
    object: 'index entries_by_cat',
    expected: 'valid',
    actual: 'INVALID',
  },
  {
    name: 'a dropped column',
    by: ['alter table entries drop column nickname'],
    kind: 'missing',
    object: 'column entries.nickname',
    expected: 'type text, nullable',
  },
  {
    name: 'an added column',
    by: ['alter table entries add column mood text'],
    kind: 'unexpected',
    object: 'column entries.mood',
    actual: 'type text, nullable',
  },
  {
    name: 'an added computed column',
    by: ['alter table entries add column words integer generated always as (length(text)) stored'],
    kind: 'unexpected',
    object: 'column entries.words',
    actual: 'type integer, nullable, expression length(text) stored',
  },
  {
    name: 'a changed type',
    by: ['alter table entries alter column location_zip type integer using location_zip::integer'],
    kind: 'different',
    object: 'column entries.location_zip',
    expected: 'type text',
    actual: 'type integer',
  },
  {
    name: 'a changed type with a default',
    by: ["alter table cats alter column name type character varying(80), alter column name set default 'Minka'"],
    kind: 'different',
    object: 'column cats.name',
    expected: 'type text, no default',
    actual: "type character varying(80), default 'Minka'::character varying",
  },
  {
    name: 'another collation',
    by: ['alter table cats alter column name type text collate "C"'],
    kind: 'different',
    object: 'column cats.name',
    expected: 'no collation',
    actual: 'collation "C"',
  },
  {
    name: 'a changed default',
    by: ['alter table entries alter column is_favorite set default true'],
    kind: 'different',
    object: 'column entries.is_favorite',
    expected: 'default false',
    actual: 'default true',
  },
  {
    name: 'a dropped default',
    by: ['alter table entries alter column is_favorite drop default'],
    kind: 'different',
    object: 'column entries.is_favorite',
    actual: 'no default',
  },
  {
    name: 'null where there was none',
    by: [
      'alter table entries alter column text drop not null',
      'insert into entries (text, created_at) values (null, now())',
    ],
    kind: 'different',
    object: 'column entries.text',
    expected: 'not null',
    actual: 'nullable',
    first: ['delete from entries where text is null'],
  },
  {
    name: 'no null where there was',
    by: ['alter table cats alter column name set not null'],
    kind: 'different',
    object: 'column cats.name',
    expected: 'nullable',
    actual: 'not null',
  },
  {
    name: 'an identity that is gone',
    by: [
      'insert into cats (id, created_at) values (7, now()) on conflict do nothing',
      'alter table cats alter column id drop identity',
    ],
    kind: 'different',
    object: 'column cats.id',
    expected: 'identity by default, numbering by 1 from 1 to 9223372036854775807',
    actual: 'no identity, no numbering',
  },
  {
    name: 'an identity that refuses ids',
    by: ['alter table cats alter column id set generated always'],
    kind: 'different',
    object: 'column cats.id',
    expected: 'identity by default',
    actual: 'identity always',
  },
  {
    name: 'a dropped check',
    by: ['alter table entries drop constraint entries_latitude_range'],
    kind: 'missing',
    object: 'constraint entries_latitude_range on entries',
  },
  {
    name: 'a dropped foreign key',
    by: ['alter table entries drop constraint entries_cat_id_fkey'],
    kind: 'missing',
    object: 'constraint entries_cat_id_fkey on entries',
    expected: 'FOREIGN KEY (cat_id) REFERENCES cats(id) ON DELETE SET NULL',
  },
  {
    name: 'a dropped unique constraint',
    by: ['alter table cat_insights drop constraint cat_insights_cache_key'],
    kind: 'missing',
    object: 'constraint cat_insights_cache_key on cat_insights',
  },
  {
    name: 'a foreign key that does something else',
    by: [
      'alter table entries drop constraint entries_cat_id_fkey',
      'alter table entries add constraint entries_cat_id_fkey foreign key (cat_id) references cats deferrable',
    ],
    kind: 'different',
    object: 'constraint entries_cat_id_fkey on entries',
    actual: 'FOREIGN KEY (cat_id) REFERENCES cats(id) DEFERRABLE',
  },
  {
    name: 'a check that is not valid',
    by: [
      'alter table entries drop constraint entries_text_not_empty',
      "insert into entries (text, created_at) values ('', now())",
      "alter table entries add constraint entries_text_not_empty check (text <> '') not valid",
    ],
    kind: 'different',
    object: 'constraint entries_text_not_empty on entries',
    expected: 'valid',
    actual: 'NOT VALID',
    first: ["delete from entries where text = ''"],
  },
  {
    name: 'a foreign key that is not valid',
    by: [
      'alter table entries drop constraint entries_cat_id_fkey',
      'alter table entries add constraint entries_cat_id_fkey foreign key (cat_id) references cats on delete set null not valid',
    ],
    kind: 'different',
    object: 'constraint entries_cat_id_fkey on entries',
    actual: 'NOT VALID',
  },
  {
    name: 'foreign keys switched off',
    by: ['alter table cat_comments disable trigger all'],
    kind: 'different',
    object: 'constraint cat_comments_cat_id_fkey on cat_comments',
    actual: 'switched off',
  },
  {
    name: 'another check',
    by: ["alter table cats add constraint named check (name <> 'dog')"],
    kind: 'unexpected',
    object: 'constraint named on cats',
  },
  {
    name: 'a renamed constraint',
    by: ['alter table cats rename constraint cats_pkey to cats_primary'],
    kind: 'different',
    object: 'constraint cats_pkey on cats',
    actual: 'the name cats_primary',
  },
  {
    name: 'another trigger',
    by: [
      `create trigger quiet before update on cats for each row when (old.name is distinct from new.name)
       execute function suppress_redundant_updates_trigger()`,
    ],
    kind: 'unexpected',
    object: 'trigger quiet on cats',
  },
  {
    name: 'another rule',
    by: ['create rule keep as on delete to cats do instead nothing'],
    kind: 'unexpected',
    object: 'rule keep on cats',
  },
  {
    name: 'another policy',
    by: ['create policy own on cats using (id > 0)'],
    kind: 'unexpected',
    object: 'policy own on cats',
  },
  {
    name: 'a table that a crash empties',
    by: ['alter table cat_comments set unlogged'],
    kind: 'different',
    object: 'table cat_comments',
    actual: 'persistence unlogged',
  },
];

function forEngine(open: () => Promise<Database>, version: number) {
  let database: Database;
  let expected: SchemaSnapshot;
  let sql: Sql;
  before(async () => {
    const scratch = await openScratch();
    await applyMigrations(scratch.sql);
    expected = await readSchema(scratch.sql);
    await scratch.close();
    database = await open();
    sql = database.sql;
    await applyMigrations(sql);
  });
  after(() => database.close());
  const compare = async (wanted = expected) => compareSchemas(wanted, await readSchema(sql));

  test('the migrations alone are no drift', async () => {
    assert.ok(expected.objects.length > 70, `${expected.objects.length}`);
    assert.deepEqual(await compare(), { differences: [], unmanaged: [] });
  });

  /** Each test finds the schema as the migrations make it: one that fails does not make others fail. */
  const drift = (name: string, work: () => Promise<void>) =>
    test(name, async () => {
      try {
        await work();
      } catch (error) {
        const [{ schema }] = await sql<[{ schema: string }]>`select quote_ident(current_schema()) as schema`;
        await sql.unsafe(`drop schema ${schema} cascade; create schema ${schema}`);
        await applyMigrations(sql);
        throw error;
      }
    });

  for (const one of cases) {
    drift(`${one.name} is found, and its remedy ends it`, async () => {
      if (one.fails) await assert.rejects(run(sql, one.by), one.fails);
      else await run(sql, one.by);
      const { differences, unmanaged } = await compare();
      const [difference] = differences;
      assert.ok(difference && differences.length === 1, JSON.stringify(differences, null, 2));
      const { kind, object } = difference;
      assert.deepEqual({ kind, object, unmanaged }, { kind: one.kind, object: one.object, unmanaged: [] });
      if (one.expected !== undefined) assert.equal(difference.expected, one.expected);
      if (one.actual !== undefined) assert.equal(difference.actual, one.actual);
      assert.ok(difference.statements.length > 0);
      if (one.first) {
        await assert.rejects(run(sql, difference.statements));
        await run(sql, one.first);
      }
      await run(sql, difference.statements);
      assert.deepEqual(await compare(), { differences: [], unmanaged: [] });
    });
  }

  drift('an identity made again goes on after the highest id', async () => {
    await sql`insert into cats (id, created_at) values (4711, now())`;
    await sql`alter table cats alter column id drop identity`;
    await run(
      sql,
      (await compare()).differences.flatMap(({ statements }) => statements),
    );
    const [row] = await sql<{ id: number }[]>`insert into cats (created_at) values (now()) returning id`;
    assert.equal(row?.id, 4712);
  });

  if (version >= 18) {
    drift(
      'since version 18: not null that is not valid, computed when read, checks that are not enforced',
      async () => {
        await run(sql, [
          'alter table entries alter column text drop not null',
          'alter table entries add constraint text_there not null text not valid',
          'alter table cats drop constraint cats_pkey cascade, add constraint cats_pkey primary key (id)',
          'alter table cats add column words integer generated always as (length(name)) virtual',
          'alter table cat_comments drop constraint cat_comments_content_not_empty',
          "alter table cat_comments add constraint cat_comments_content_not_empty check (content <> '') not enforced",
        ]);
        const { differences } = await compare();
        assert.deepEqual(
          differences.map(({ kind, object, actual }) => [kind, object, actual ?? '']),
          [
            ['unexpected', 'column cats.words', 'type integer, nullable, expression length(name) virtual'],
            ['different', 'column entries.text', 'not null, NOT VALID'],
            ['missing', 'constraint cat_comments_cat_id_fkey on cat_comments', ''],
            [
              'different',
              'constraint cat_comments_content_not_empty on cat_comments',
              "CHECK ((content <> ''::text)) NOT ENFORCED, NOT VALID",
            ],
            ['missing', 'constraint cat_insights_cat_id_fkey on cat_insights', ''],
            ['missing', 'constraint entries_cat_id_fkey on entries', ''],
          ],
        );
        await run(
          sql,
          differences.flatMap(({ statements }) => statements),
        );
        assert.deepEqual(await compare(), { differences: [], unmanaged: [] });
      },
    );
  }

  drift('what others keep in the schema is reported apart', async () => {
    await run(sql, [
      "create type mood as enum ('calm', 'wild')",
      'create table journal (id serial primary key, cat_id bigint constraint journal_cat references cats, how mood)',
      'create view named_cats as select id, name from cats where name is not null',
      'create function loud(text) returns text language sql immutable return upper($1)',
    ]);
    assert.deepEqual(await compare(), {
      differences: [],
      unmanaged: [
        { object: 'enum type mood' },
        { object: 'function loud(text)' },
        { object: 'sequence journal_id_seq' },
        { object: 'table journal', note: 'journal_cat references cats: rows there can make deleting here fail' },
        { object: 'view named_cats' },
      ],
    });
    await run(sql, ['drop view named_cats', 'drop table journal', 'drop type mood', 'drop function loud(text)']);
    await run(sql, ['create table kittens () inherits (cats)']);
    const { differences, unmanaged } = await compare();
    assert.deepEqual(
      differences.map(({ object, actual }) => [object, actual]),
      [['table cats', 'children kittens']],
    );
    assert.deepEqual(unmanaged, [{ object: 'table kittens' }]);
    await run(sql, ['drop table kittens']);
  });

  drift('row security that binds the owner is drift, and never to be switched off', async () => {
    await run(sql, ['alter table cats enable row level security', 'alter table cats force row level security']);
    const { differences } = await compare();
    assert.deepEqual(
      differences.map(({ kind, object, expected: wanted, actual }) => [kind, object, wanted, actual]),
      [
        [
          'different',
          'table cats',
          'no row security, no row security of the owner',
          'row security enabled, row security of the owner forced',
        ],
      ],
    );
    assert.doesNotMatch(JSON.stringify(differences), /disable/);
    await run(
      sql,
      differences.flatMap(({ statements }) => statements),
    );
    const { differences: left, unmanaged } = await compare();
    assert.deepEqual([left, unmanaged.map(({ object }) => object)], [[], ['row security of table cats']]);
    await run(sql, ['alter table cats disable row level security']);
  });

  drift('row security that keeps others out is mentioned, with its policies', async () => {
    await run(sql, ['alter table entries enable row level security', 'create policy mine on entries using (id > 0)']);
    const { differences, unmanaged } = await compare();
    assert.deepEqual(differences, []);
    assert.deepEqual(
      unmanaged.map(({ object }) => object),
      ['policy mine on entries', 'row security of table entries'],
    );
    await run(sql, ['drop policy mine on entries', 'alter table entries disable row level security']);
    assert.deepEqual(await compare(), { differences: [], unmanaged: [] });
  });

  drift('other schemas are not looked at', async () => {
    await run(sql, [
      'create schema catatlas_prototype',
      'create table catatlas_prototype.entries (id integer)',
      'create table catatlas_prototype.users (id integer)',
    ]);
    assert.deepEqual(await compare(), { differences: [], unmanaged: [] });
  });

  drift('views, functions and types that migrations make are the same on every version', async () => {
    const statements = [
      "create type weather as enum ('sun', 'rain')",
      "create domain zip as text not null default '8001' constraint digits check (value ~ '^[0-9.]+$')",
      'create type pair as (a integer, b text)',
      'create sequence tickets as integer increment by 5 cycle',
      "create table stalls (id serial primary key, place zip, weather weather default 'sun', \"Größe\" numeric(8,2) not null default 1.50, seen interval default '1 day 02:00', moment timestamptz default '2026-11-22 13:13:34+01', exclude using gist (int8range(id, id + 1) with &&))",
      "create view sunny as select s.id, s.place, c.name from stalls s join cats c on c.id = s.id where weather = 'sun' order by 1",
      "create view simple as select id, name || '.a.b' as dotted from cats where created_at > '2020-01-01'",
      'create materialized view counts as select cat_id, count(*) as number from entries group by cat_id',
      'create unique index counts_by_cat on counts (cat_id) include (number) nulls not distinct with (fillfactor = 70)',
      "create index on stalls (lower(place) text_pattern_ops desc nulls last) where weather <> 'rain'",
      'create function shout(words text, times integer default 2) returns text language sql immutable strict parallel safe begin atomic select repeat(upper(words), times); end',
      'create function touch() returns trigger language plpgsql as $$\r\nbegin\r\n  new.updated_at := now();\r\n  return new;\r\nend $$',
      'create trigger touch before update of name on cats for each row when (old.name is distinct from new.name) execute function touch()',
      'create table parts (id bigint, kind text) partition by list (kind)',
      "create table parts_a partition of parts for values in ('a')",
      'alter table cats add column loud text generated always as (shout(name)) stored',
      'alter table parts enable row level security',
      "create policy mine on parts for select using (kind = 'a')",
    ];
    const scratch = await openScratch();
    try {
      await applyMigrations(scratch.sql);
      await run(scratch.sql, statements);
      const wanted = await readSchema(scratch.sql);
      await run(sql, statements);
      assert.deepEqual(await compare(wanted), { differences: [], unmanaged: [] });
      assert.deepEqual((await readSchema(sql)).objects, wanted.objects);

      await run(sql, ['alter table cats disable trigger touch']);
      const [disabled] = (await compare(wanted)).differences;
      assert.deepEqual([disabled?.object, disabled?.actual], ['trigger touch on cats', 'disabled']);
      await run(sql, disabled?.statements ?? []);

      await run(sql, ['drop trigger touch on cats']);
      const [gone] = (await compare(wanted)).differences;
      assert.deepEqual([gone?.kind, gone?.object], ['missing', 'trigger touch on cats']);
      await run(sql, gone?.statements ?? []);

      await run(sql, [
        "alter type weather add value 'snow'",
        'alter domain zip drop not null',
        'alter sequence tickets no cycle',
        'create or replace view simple as select id, nickname as dotted from entries',
        'create or replace function touch() returns trigger language plpgsql as $$begin return new; end $$',
        'drop materialized view counts',
      ]);
      assert.deepEqual(
        (await compare(wanted)).differences.map(({ kind, object }) => `${kind} ${object}`),
        [
          'different domain zip',
          'different enum type weather',
          'different function touch()',
          'missing materialized view counts',
          'different sequence tickets',
          'different view simple',
        ],
      );
    } finally {
      await scratch.close();
    }
  });
}

describe('embedded', () => forEngine(openScratch, 18));

for (const version of testedVersions) {
  describe(`PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    const connect = (url: string) =>
      connectPostgres({ url, applicationName: 'catatlas/test', maxConnections: 2, statementTimeout: 30 });
    before(async () => {
      server = await startPostgres({ version });
    });
    after(() => server.stop());

    describe('in the schema public', () => forEngine(async () => connect(await createDatabase(server.url)), version));

    /** A new database whose role settings put another schema first. */
    const inSchema = async (schema: string, searchPath: string, settings: string[] = []) => {
      const url = await createDatabase(server.url);
      const name = new URL(url).pathname.slice(1);
      const admin = connect(url);
      await run(admin.sql, [
        `create schema ${schema}`,
        `alter database ${name} set search_path = ${searchPath}`,
        ...settings.map((setting) => `alter database ${name} set ${setting}`),
      ]);
      await admin.close();
      return connect(url);
    };

    describe('in a schema whose name needs quotes', () =>
      forEngine(() => inSchema('"Cat ""Atlas"" USING ."', '"Cat ""Atlas"" USING ."'), version));

    test('only the first schema of the search path is looked at, and settings of the database do not matter', async () => {
      const database = await inSchema('atlas', '"$user", atlas, public', [
        'quote_all_identifiers = on',
        'extra_float_digits = 0',
      ]);
      const scratch = await openScratch();
      try {
        await database.sql`create table public.cats (id integer)`;
        await applyMigrations(scratch.sql);
        await applyMigrations(database.sql);
        const actual = await readSchema(database.sql);
        assert.equal(actual.schema, 'atlas');
        assert.deepEqual(compareSchemas(await readSchema(scratch.sql), actual), { differences: [], unmanaged: [] });
        const [row] = await database.sql<
          [{ quoting: string }]
        >`select current_setting('quote_all_identifiers') as quoting`;
        assert.equal(row.quoting, 'on');
      } finally {
        await database.close();
        await scratch.close();
      }
    });

    test('what belongs to an extension is not ours', async () => {
      const database = connect(await createDatabase(server.url));
      try {
        const { objects } = await readSchema(database.sql);
        await database.sql`create extension hstore`;
        assert.deepEqual((await readSchema(database.sql)).objects, objects);
      } finally {
        await database.close();
      }
    });

    test('a search path that leads nowhere is said to do so', async () => {
      const database = await inSchema('atlas', 'nowhere');
      try {
        await assert.rejects(readSchema(database.sql), /search path of this connection names no schema/);
      } finally {
        await database.close();
      }
    });

    test('a standby and a transaction that may only read can be read', async () => {
      const database = connect(await createDatabase(server.url));
      try {
        await applyMigrations(database.sql);
        const { objects } = await readSchema(database.sql);
        const inside = await database.sql.begin('read only', (tx) => readSchema(tx));
        assert.deepEqual((inside as SchemaSnapshot).objects, objects);
      } finally {
        await database.close();
      }
    });
  });
}
