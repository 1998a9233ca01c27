import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHeader } from '../../src/migrator/header.ts';
import { analyzeMigration } from './analyze.ts';
import { type Rule, rules } from './rules.ts';
import { applyToSchema, emptySchema } from './schema.ts';
import { parseStatements } from './statements.ts';

/** What the files before have made. */
const before = `
  create table cats (id bigint primary key, name text, weight integer);
  create table owners (id bigint primary key, name text not null);
  create table entries (id bigint primary key, cat_id bigint references cats, body text);
  create index entries_by_cat on entries (cat_id);
  create materialized view counted as select count(*) as number from entries;
  alter table entries add constraint entries_body_present check (body is not null) not valid;
  alter table owners add constraint owners_name_present check (name is not null);
  alter table entries add constraint entries_owner foreign key (id) references owners not valid;
`;

const expand = '-- compat: expand\n';
const contract = '-- compat: contract\n';
const alone = `${expand}-- transaction: none\n`;
const irreversible = '-- down: irreversible\n';

/** The rules that a file breaks, in its order. */
async function brokenBy(head: string, body: string): Promise<string[]> {
  const schema = emptySchema();
  for (const { tree } of await parseStatements(before)) applyToSchema(schema, tree);
  const sql = `${head}${body.includes('-- down:') ? '' : irreversible}${body}`;
  const header = parseHeader('0003_case.sql', sql);
  const { findings } = await analyzeMigration({ version: 3, sql, header }, schema);
  return findings.map(({ rule }) => rule);
}

type Case = [rule: Rule, head: string, unsafe: readonly string[], safe: readonly string[]];

const cases: Case[] = [
  [
    'require-concurrent-index-creation',
    expand,
    ['create index cats_by_name on cats (name)', 'create unique index on public.cats (name)'],
    [
      'create table t (id bigint); create index on t (id)',
      'create table t as select id from cats; create unique index t_key on t (id)',
      'create materialized view m as select id from cats; create unique index m_key on m (id)',
    ],
  ],
  [
    'require-concurrent-index-deletion',
    expand,
    ['drop index entries_by_cat', 'drop index if exists of_unknown_table'],
    ['create table t (id bigint); create index i on t (id); drop index i'],
  ],
  [
    'require-concurrent-reindex',
    expand,
    ['reindex table cats', 'reindex index entries_by_cat', 'reindex schema public'],
    ['create table t (id bigint); reindex table t'],
  ],
  [
    'require-concurrent-refresh',
    expand,
    ['refresh materialized view counted'],
    [
      'refresh materialized view concurrently counted',
      'create materialized view m as select id from cats with no data; refresh materialized view m',
    ],
  ],
  [
    'adding-field-with-default',
    expand,
    [
      'alter table cats add column x uuid default gen_random_uuid()',
      'alter table cats add column x double precision not null default random() * 2',
      'alter table cats add column x timestamptz default clock_timestamp()',
      'alter table cats add column x bigint generated always as identity',
      "alter table cats add column x bigint default nextval('numbers')",
      'alter table cats add column x text default made_up()',
    ],
    [
      'alter table cats add column x boolean not null default false',
      'alter table cats add column x timestamptz not null default now()',
      'alter table cats add column x timestamptz default current_timestamp',
      "alter table cats add column x jsonb not null default '[]'::jsonb",
      "alter table cats add column x text[] default array['a', 'b']",
      'alter table cats add column x bigint',
      'alter table cats alter column name set default gen_random_uuid()::text',
      'create table t (id uuid default gen_random_uuid()); alter table t add column y uuid default gen_random_uuid()',
    ],
  ],
  [
    'adding-required-field',
    expand,
    [
      'alter table cats add column x text not null',
      'alter table cats add column x text not null default null',
      'alter table cats add column x text default null::text not null',
    ],
    [
      "alter table cats add column x text not null default ''",
      'create table t (id bigint not null)',
      'create table t (id bigint); alter table t add column x text not null',
    ],
  ],
  [
    'adding-generated-field',
    expand,
    ['alter table cats add column x text generated always as (lower(name)) stored'],
    ['create table t (name text, x text generated always as (lower(name)) stored)'],
  ],
  [
    'adding-not-null-field',
    expand,
    [
      'alter table cats alter column name set not null',
      // Its check is not validated.
      'alter table entries alter column body set not null',
      'alter table entries add constraint c not null body',
    ],
    [
      'alter table owners alter column name set not null',
      'alter table entries validate constraint entries_body_present; alter table entries alter column body set not null',
      'create table t (id bigint); alter table t alter column id set not null',
    ],
  ],
  [
    'constraint-missing-not-valid',
    expand,
    [
      "alter table cats add constraint c check (name <> '')",
      'alter table cats add foreign key (id) references owners',
      "alter table cats add column x text check (x <> '')",
      'alter table cats add column x bigint default 1 references owners',
    ],
    [
      "alter table cats add constraint c check (name <> '') not valid",
      'alter table cats add constraint k foreign key (id) references owners not valid',
      'alter table cats add column x bigint references owners',
      'alter table cats add column x bigint default null references owners',
      'create table t (id bigint references cats check (id > 0)); alter table t add foreign key (id) references owners',
    ],
  ],
  [
    'validate-in-its-own-file',
    expand,
    [
      "alter table cats add constraint c check (name <> '') not valid; alter table cats validate constraint c",
      // It holds the table at the other end.
      'alter table owners disable trigger user; alter table entries validate constraint entries_owner',
    ],
    [
      'alter table entries validate constraint entries_body_present',
      "comment on table entries is 'x'; alter table entries validate constraint entries_body_present",
      'alter table cats add column x bigint; alter table entries validate constraint entries_body_present',
    ],
  ],
  [
    'adding-primary-key-constraint',
    expand,
    ['alter table cats add primary key (name)'],
    [
      'alter table cats add constraint k primary key using index i',
      'create table t (id bigint); alter table t add primary key (id)',
    ],
  ],
  [
    'adding-unique-constraint',
    expand,
    ['alter table cats add constraint k unique (name)', 'alter table cats add column x text unique'],
    ['alter table cats add constraint k unique using index i', 'create table t (id bigint unique)'],
  ],
  [
    'adding-exclusion-constraint',
    expand,
    ['alter table cats add constraint k exclude using gist (name with =)'],
    ['create table t (place box, exclude using gist (place with &&))'],
  ],
  [
    'changing-column-type',
    expand,
    ['alter table cats alter column weight type bigint'],
    ['create table t (id text); alter table t alter column id type bigint using id::bigint'],
  ],
  [
    'ban-table-rewrite',
    expand,
    ['alter table cats set unlogged', 'alter table cats set tablespace quick', 'cluster cats using cats_pkey'],
    ['alter table cats set (fillfactor = 70)', 'create table t (id bigint); alter table t set unlogged'],
  ],
  [
    'ban-alter-domain-with-add-constraint',
    expand,
    ["alter domain word add constraint c check (value <> '')", 'alter domain word set not null'],
    ["alter domain word add constraint c check (value <> '') not valid", "alter domain word set default 'x'"],
  ],
  [
    'ban-create-domain-with-constraint',
    expand,
    ["create domain word as text check (value <> '')"],
    ['create domain word as text'],
  ],
  [
    'ban-mixed-ddl-and-dml',
    expand,
    [
      "alter table cats add column x text; update cats set x = ''",
      'delete from entries where id = 1; alter table cats add column x text',
      'alter table cats add column x text; insert into owners (id, name) select id, name from cats',
      'create table t (id bigint references cats); insert into cats (id) select id from entries',
    ],
    [
      "update cats set name = ''; delete from entries where id = 1",
      'create table t (id bigint); insert into t select id from cats; update t set id = 1',
      "alter table cats add column x text; insert into owners (id, name) values (1, 'x')",
      "alter table entries validate constraint entries_body_present; update cats set name = ''",
    ],
  ],
  [
    'ban-drop-column',
    expand,
    ['alter table cats drop column name'],
    ['create table t (id bigint); alter table t drop column id'],
  ],
  ['ban-drop-column', contract, [], ['alter table cats drop column name']],
  [
    'ban-drop-table',
    expand,
    ['drop table cats', 'drop table if exists missing'],
    ['create table t (id bigint); drop table t'],
  ],
  ['ban-drop-table', contract, [], ['drop table cats']],
  [
    'renaming-column',
    expand,
    ['alter table cats rename name to title'],
    ['create table t (id bigint); alter table t rename id to x'],
  ],
  ['renaming-column', contract, [], ['alter table cats rename name to title']],
  [
    'renaming-table',
    expand,
    ['alter table cats rename to felines'],
    ['create table t (id bigint); alter table t rename to u'],
  ],
  ['renaming-table', contract, [], ['alter table cats rename to felines']],
  ['ban-drop-not-null', expand, ['alter table owners alter column name drop not null'], []],
  ['ban-drop-not-null', contract, [], ['alter table owners alter column name drop not null']],
  [
    'contract-required',
    expand,
    [
      'drop view v',
      'drop materialized view counted',
      'drop function f(bigint)',
      'drop type mood',
      'drop schema archive',
      'alter view v rename to w',
      'alter type mood rename to humor',
      "alter type mood rename value 'fine' to 'well'",
      'alter function f(bigint) rename to g',
      'alter table cats rename constraint cats_pkey to k',
      'alter table cats set schema archive',
      'alter table cats alter column name drop default',
    ],
    [
      'drop trigger watch on cats',
      'drop policy p on cats',
      'alter index entries_by_cat rename to by_cat',
      'alter trigger watch on cats rename to look',
      "alter table cats alter column name set default ''",
      "alter type mood add value 'cross'",
      'alter table cats drop constraint cats_pkey',
    ],
  ],
  [
    'contract-required',
    contract,
    [],
    ['drop view v', 'alter view v rename to w', 'alter table cats set schema archive'],
  ],
  ['ban-drop-database', contract, ['drop database catatlas'], []],
  ['ban-truncate-cascade', contract, ['truncate cats cascade'], ['truncate cats, entries']],
  [
    'ban-drop-cascade',
    contract,
    [
      'drop table cats cascade',
      'alter table cats drop column name cascade',
      'alter table cats drop constraint cats_pkey cascade',
    ],
    ['drop table cats', 'create table t (id bigint); drop table t cascade'],
  ],
  [
    'prefer-bigint',
    expand,
    [
      'create table t (x int)',
      'create table t (x smallint)',
      'alter table cats add column x integer[]',
      'create table t (x int, y bigint)',
    ],
    ['create table t (x bigint, y numeric)'],
  ],
  [
    'prefer-timestamptz',
    expand,
    ['create table t (x timestamp)', 'alter table cats add column x timestamp(3) without time zone'],
    ['create table t (x timestamptz, y timestamp with time zone, z date)'],
  ],
  [
    'prefer-text',
    expand,
    ['create table t (x varchar(20))', 'alter table cats add column x character varying'],
    ['create table t (x text)'],
  ],
  [
    'ban-char-field',
    expand,
    ['create table t (x char(2))', 'create table t (x character)'],
    ['create table t (x text, y "char")'],
  ],
  [
    'prefer-identity',
    expand,
    ['create table t (x bigserial)', 'create table t (x serial primary key)', 'create table t (x smallserial)'],
    ['create table t (x bigint generated by default as identity)'],
  ],
  [
    'prefer-double-precision',
    expand,
    ['create table t (x real)', 'create table t (x float(4))'],
    ['create table t (x double precision, y float)'],
  ],
  [
    'ban-concurrent-in-transaction',
    expand,
    [
      'create index concurrently i on cats (name)',
      'drop index concurrently if exists entries_by_cat',
      'reindex (concurrently) table cats',
      'vacuum cats',
      'alter table cats detach partition old concurrently',
    ],
    ['analyze cats'],
  ],
  [
    'no-transaction-form',
    alone,
    [
      'alter table cats add column x text',
      'create index i on cats (name)',
      'create index concurrently i on cats (name); analyze cats',
      'drop index concurrently entries_by_cat',
      'drop index if exists entries_by_cat',
      "alter type mood add value 'cross'",
      "alter type mood rename value 'a' to 'b'",
      'reindex table concurrently cats',
      'select 1',
      'create index concurrently i on cats (name);\n-- down:\ndrop index i',
      'create index concurrently i on cats (name);\n-- down:\ndrop index concurrently if exists i;\nanalyze cats;',
    ],
    [
      'create index concurrently i on cats (name)',
      'create unique index concurrently i on cats (name);\n-- down:\ndrop index concurrently if exists i',
      'drop index concurrently if exists entries_by_cat',
      "alter type mood add value if not exists 'cross'",
      'vacuum (analyze) cats',
      'analyze cats;\n-- down:\n',
    ],
  ],
  [
    'concurrent-index-name',
    alone,
    ['create index concurrently on cats (name)'],
    ['create index concurrently i on cats (name)'],
  ],
  [
    'concurrent-if-not-exists',
    alone,
    ['create index concurrently if not exists i on cats (name)'],
    ['create index concurrently i on cats (name)'],
  ],
  [
    'transaction-control',
    expand,
    ['begin', 'commit', 'rollback', 'savepoint s', 'start transaction', 'select 1;\n-- down:\nrollback'],
    ['create function f() returns bigint begin atomic select 1; end', 'set constraints all deferred'],
  ],
  [
    'session-setting',
    expand,
    [
      'set lock_timeout = 0',
      "set local statement_timeout = '1h'",
      'set role somebody',
      'reset all',
      'discard all',
      "select set_config('search_path', '', false)",
      "select pg_catalog.set_config('search_path', '', false)",
      'select 1;\n-- down:\nset lock_timeout = 0',
    ],
    ["create function f() returns bigint language sql set search_path = '' as 'select 1'", 'show lock_timeout'],
  ],
  [
    'unchecked-statement',
    expand,
    ['do $$ begin end $$', 'call f()', 'execute p', "load 'x'"],
    ['select 1', 'create extension pg_trgm'],
  ],
  [
    'identifier-too-long',
    expand,
    [`create table ${'x'.repeat(64)} (id bigint)`],
    [`create table ${'x'.repeat(63)} (id bigint)`],
  ],
  ['syntax', expand, ['create tabel t (id bigint)', 'select 1;\n-- down:\nselec 1'], ['select 1']],
  ['header-required', '', ['select 1'], []],
  ['header-required', contract, [], ['select 1']],
  ['empty-migration', expand, ['-- nothing', ';'], ['select 1']],
  [
    'down-required',
    expand,
    ['select 1;\n-- down:\n', 'select 1;\n-- down:\n-- nothing'],
    ['select 1;\n-- down:\nselect 2', 'select 1'],
  ],
  [
    'allow',
    expand,
    [
      '-- words\n-- allow: ban-drop-colum it is unused\nselect 1',
      '-- words\n-- allow: ban-drop-column it is unused\nselect 1',
      '-- words\n-- allow: syntax it is unused\nselect 1',
      '-- words\n-- allow:\nselect 1',
      'select 1;\n-- allow: ban-drop-column nothing follows',
    ],
    ['-- words, allow: what they like\nselect 1'],
  ],
];

for (const [rule, head, unsafe, safe] of cases) {
  for (const sql of unsafe)
    test(`${rule} is broken by: ${sql}`, async () => {
      const broken = await brokenBy(head, sql);
      assert.ok(broken.includes(rule), `found ${broken.join(', ') || 'nothing'}`);
    });
  for (const sql of safe)
    test(`${rule} is kept by: ${sql}`, async () => {
      const broken = await brokenBy(head, sql);
      assert.ok(!broken.includes(rule), `found ${broken.join(', ')}`);
    });
}

test('every rule is tried', () => {
  const tried = new Set(cases.filter(([, , unsafe]) => unsafe.length > 0).map(([rule]) => rule));
  assert.deepEqual(
    Object.keys(rules).filter((rule) => !tried.has(rule as Rule)),
    [],
  );
});

test('files as they should be break nothing', async () => {
  for (const [head, body] of [
    [
      expand,
      'create table visits (id bigint generated by default as identity primary key, cat_id bigint not null references cats on delete cascade, at timestamptz not null);\ncreate index visits_by_cat on visits (cat_id);\n-- down:\ndrop table visits;',
    ],
    [
      expand,
      "alter table cats add column chip text, add column seen boolean not null default false;\ncomment on column cats.chip is 'x';\n-- down:\nalter table cats drop column chip, drop column seen;",
    ],
    [
      expand,
      "alter table cats add constraint cats_named check (name <> '') not valid;\n-- down:\nalter table cats drop constraint cats_named;",
    ],
    [
      alone,
      'create index concurrently cats_by_name on cats (name);\n-- down:\ndrop index concurrently if exists cats_by_name;',
    ],
    [contract, 'alter table cats drop column weight;'],
    [expand, 'update cats set name = lower(name) where name <> lower(name);'],
    [
      expand,
      'alter table entries validate constraint entries_body_present;\nalter table entries alter column body set not null;\nalter table entries drop constraint entries_body_present;\n-- down:\nalter table entries alter column body drop not null;',
    ],
  ] as const)
    assert.deepEqual(await brokenBy(head, body), [], body);
});

test('what undoes a file may lose things and keep others waiting', async () => {
  assert.deepEqual(
    await brokenBy(
      expand,
      'create table t (id bigint);\n-- down:\ndrop table t;\ndrop index entries_by_cat;\nalter table cats drop column name;\nalter table cats alter column weight type int;',
    ),
    [],
  );
});
