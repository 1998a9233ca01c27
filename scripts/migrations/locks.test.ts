// What test/migrations/locks.test.ts cannot ask a server for: what is guessed, what is new, and what files before have told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findLocks } from './locks.ts';
import { applyToSchema, emptySchema, relationsMadeBy } from './schema.ts';
import { parseStatements } from './statements.ts';

const setting = `
  create table cats (id bigint primary key, name text unique, mother bigint references cats);
  create table entries (id bigint primary key, cat_id bigint references cats on delete cascade, body text);
  create index entries_by_cat on entries (cat_id);
  create schema archive;
  create table archive.entries (id bigint primary key);
  create index old_entries on archive.entries (id);
  create view seen as select id from entries;
`;

/** The locks of the last statement; `*` marks what the text itself has made, `?` what is a guess. */
async function locksOf(sql: string, before = setting): Promise<string> {
  const schema = emptySchema();
  for (const { tree } of await parseStatements(before)) applyToSchema(schema, tree);
  const made = new Set<string>();
  let last = '';
  for (const { tree } of await parseStatements(sql)) {
    last = findLocks(tree, schema, made)
      .map(({ relation, mode, creates, assumed }) => `${relation} ${mode}${creates ? '*' : ''}${assumed ? '?' : ''}`)
      .join(', ');
    for (const relation of relationsMadeBy(tree)) made.add(relation);
    applyToSchema(schema, tree);
  }
  return last;
}

const cases: [sql: string, locks: string][] = [
  // New relations.
  ['create table visits (cat_id bigint references cats)', 'visits ACCESS EXCLUSIVE*, cats SHARE ROW EXCLUSIVE'],
  ['create table visits (id bigint); create index on visits (id)', 'visits SHARE*'],
  [
    'create table visits (id bigint); create index visits_by_id on visits (id); drop index visits_by_id',
    'visits ACCESS EXCLUSIVE*',
  ],
  [
    'create table visits (id bigint); insert into visits select id from entries',
    'visits ROW EXCLUSIVE*, entries ACCESS SHARE',
  ],
  ['create table visits (id bigint references visits (id))', 'visits ACCESS EXCLUSIVE*'],
  ['create table visits as select id from cats', 'visits ACCESS EXCLUSIVE*, cats ACCESS SHARE'],
  ['select id into visits from cats', 'visits ACCESS EXCLUSIVE*, cats ACCESS SHARE'],
  [
    'create schema s create table shelf (id bigint) create view v as select id from shelf',
    's.shelf ACCESS EXCLUSIVE*, s.v ACCESS EXCLUSIVE*',
  ],
  ['create or replace view seen as select id from cats', 'seen ACCESS EXCLUSIVE, cats ACCESS SHARE'],
  ['create or replace view other as select id from cats', 'other ACCESS EXCLUSIVE*, cats ACCESS SHARE'],

  // Names.
  ['alter table public.cats add column x int', 'cats ACCESS EXCLUSIVE'],
  ['alter table archive.entries add column x int', 'archive.entries ACCESS EXCLUSIVE'],
  ['drop index archive.old_entries', 'archive.entries ACCESS EXCLUSIVE'],
  ['drop index public.entries_by_cat', 'entries ACCESS EXCLUSIVE'],
  ['comment on column public.cats.name is null', 'cats SHARE UPDATE EXCLUSIVE'],

  // What the files before tell of indexes and foreign keys, by the names that PostgreSQL gives them.
  ['drop index if exists elsewhere', 'the table of elsewhere ACCESS EXCLUSIVE?'],
  ['alter index entries_by_cat rename to by_cat; drop index by_cat', 'entries ACCESS EXCLUSIVE'],
  ['alter table entries rename to sightings; drop index entries_by_cat', 'sightings ACCESS EXCLUSIVE'],
  ['alter table entries drop constraint entries_cat_id_fkey', 'entries ACCESS EXCLUSIVE, cats ACCESS EXCLUSIVE'],
  [
    'alter table entries rename constraint entries_cat_id_fkey to k; alter table entries drop constraint k',
    'entries ACCESS EXCLUSIVE, cats ACCESS EXCLUSIVE',
  ],
  [
    'alter table entries drop constraint entries_cat_id_fkey; alter table entries drop column cat_id',
    'entries ACCESS EXCLUSIVE',
  ],
  [
    'alter table entries rename column cat_id to cat; alter table entries drop column cat',
    'entries ACCESS EXCLUSIVE, cats ACCESS EXCLUSIVE',
  ],
  ['alter table entries drop column body', 'entries ACCESS EXCLUSIVE'],
  ['delete from cats', 'cats ROW EXCLUSIVE, entries ROW EXCLUSIVE'],
  ['truncate cats cascade', 'cats ACCESS EXCLUSIVE, entries ACCESS EXCLUSIVE'],
  ['drop table entries; drop table cats', 'cats ACCESS EXCLUSIVE'],

  // The strongest of several.
  ['alter table cats alter name set statistics 9, validate constraint c', 'cats SHARE UPDATE EXCLUSIVE'],
  ['alter table cats alter name set statistics 9, disable trigger user', 'cats SHARE ROW EXCLUSIVE'],
  ['alter table cats validate constraint c, drop column name', 'cats ACCESS EXCLUSIVE'],
  ['insert into cats select id from cats', 'cats ROW EXCLUSIVE'],
  ['alter index entries_by_cat set (fastupdate = off)', 'entries_by_cat ACCESS EXCLUSIVE'],

  // Guesses say so.
  ['do $$ begin end $$', 'any table ACCESS EXCLUSIVE?'],
  ['call something()', 'any table ACCESS EXCLUSIVE?'],
  ['drop owned by somebody', 'any table ACCESS EXCLUSIVE?'],
  [
    'drop table entries cascade',
    'entries ACCESS EXCLUSIVE, cats ACCESS EXCLUSIVE, seen ACCESS EXCLUSIVE, all that depends on entries ACCESS EXCLUSIVE?',
  ],
  ['drop function f() cascade', 'all that depends on f ACCESS EXCLUSIVE?'],
  ['drop schema archive cascade', 'all that depends on archive ACCESS EXCLUSIVE?'],
  ['vacuum', 'every table SHARE UPDATE EXCLUSIVE?'],
  ['analyze', 'every table SHARE UPDATE EXCLUSIVE?'],
  ['cluster', 'every clustered table ACCESS EXCLUSIVE?'],
  ['reindex schema public', 'every table of public SHARE?'],
  ["alter domain word add constraint c check (value <> '')", 'every table with a column of word SHARE?'],

  // Nothing.
  ['create extension if not exists pg_trgm', ''],
  ['create role somebody', ''],
  ['drop type mood', ''],
  ['drop function f()', ''],
];

for (const [sql, locks] of cases) test(sql, async () => assert.equal(await locksOf(sql), locks));
