import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSchemas, type Difference } from './drift.ts';
import type { SchemaObject, SchemaSnapshot } from './schema-snapshot.ts';

const table = (name: string, facts = {}): SchemaObject => ({ kind: 'table', table: null, name, facts });
const column = (on: string, name: string, facts = {}): SchemaObject => ({
  kind: 'column',
  table: on,
  name,
  facts: { type: 'text', nullability: 'nullable', ...facts },
});
const index = (on: string, name: string, facts = {}): SchemaObject => ({
  kind: 'index',
  table: on,
  name,
  facts: { definition: 'btree (name)', state: 'valid', ...facts },
});
const constraint = (on: string, name: string, definition: string, state = 'valid'): SchemaObject => ({
  kind: 'constraint',
  table: on,
  name,
  facts: { definition, state },
});

const notEmpty = "CHECK ((name <> ''::text))";
const ours = [
  table('cats'),
  column('cats', 'name'),
  index('cats', 'cats_by_name'),
  constraint('cats', 'name_not_empty', notEmpty),
];

const snapshot = (objects: SchemaObject[]): SchemaSnapshot => ({ schema: 'public', objects });
const without = (name: string) => ours.filter((object) => object.name !== name);
const compare = (actual: SchemaObject[], expected = ours) => compareSchemas(snapshot(expected), snapshot(actual));

/** The one difference, without its words. */
function single(actual: SchemaObject[], expected = ours): Omit<Difference, 'remedy'> & { remedy?: string } {
  const { differences, unmanaged } = compare(actual, expected);
  assert.deepEqual(unmanaged, []);
  const [difference] = differences;
  assert.ok(difference && differences.length === 1, JSON.stringify(differences, null, 2));
  const { remedy, ...rest } = difference;
  assert.ok(remedy.length > 10);
  return rest;
}

test('what is the same in another order is no drift', () => {
  assert.deepEqual(compare([...ours].reverse()), { differences: [], unmanaged: [] });
});

test('what is missing is named with how to make it again', () => {
  assert.deepEqual(single(without('cats_by_name')), {
    kind: 'missing',
    object: 'index cats_by_name',
    expected: 'btree (name)',
    statements: ['create index concurrently cats_by_name on cats using btree (name)'],
  });
  assert.deepEqual(single(without('name_not_empty')), {
    kind: 'missing',
    object: 'constraint name_not_empty on cats',
    expected: notEmpty,
    statements: [`alter table cats add constraint name_not_empty ${notEmpty}`],
  });
  assert.deepEqual(single(without('name')).statements, ['alter table cats add column name text']);
  const filled = column('cats', 'name', { nullability: 'not null' });
  assert.deepEqual(single(without('name'), [...without('name'), filled]).statements, []);
});

test('a missing table is one difference, not one for each of its parts', () => {
  const difference = single([]);
  assert.deepEqual([difference.kind, difference.object, difference.statements], ['missing', 'table cats', []]);
});

test('a table whose name a view has is one difference', () => {
  const difference = single([{ kind: 'view', table: null, name: 'cats', facts: {} }]);
  assert.deepEqual([difference.object, difference.expected, difference.actual], ['table cats', 'a table', 'a view']);
});

test('what is on our tables and not ours is unexpected', () => {
  const mood = single([...ours, column('cats', 'mood')]);
  assert.deepEqual(mood, {
    kind: 'unexpected',
    object: 'column cats.mood',
    actual: 'type text, nullable',
    statements: ['alter table cats drop column mood'],
  });
  for (const kind of ['trigger', 'rule', 'policy'] as const) {
    const difference = single([...ours, { kind, table: 'cats', name: 'extra', facts: {} }]);
    assert.deepEqual(
      [difference.kind, difference.object, difference.statements],
      ['unexpected', `${kind} extra on cats`, [`drop ${kind} extra on cats`]],
    );
  }
});

test('a column that makes every insert fail is said to do so', () => {
  const remedyOf = (facts: object) => compare([...ours, column('cats', 'mood', facts)]).differences[0]?.remedy ?? '';
  assert.match(remedyOf({ nullability: 'not null' }), /every insert of the program fails/);
  assert.doesNotMatch(remedyOf({ nullability: 'not null', default: "''::text" }), /insert/);
});

test('a difference names only what differs', () => {
  const changed = column('cats', 'name', { type: 'character varying(10)', default: "'x'::text" });
  assert.deepEqual(single([...without('name'), changed]), {
    kind: 'different',
    object: 'column cats.name',
    expected: 'type text, no default',
    actual: "type character varying(10), default 'x'::text",
    statements: ['alter table cats alter column name type text using name::text, alter column name drop default'],
  });
});

test('an index that is invalid is drift, expected or not', () => {
  const invalid = single([...without('cats_by_name'), index('cats', 'cats_by_name', { state: 'INVALID' })]);
  assert.deepEqual(
    [invalid.expected, invalid.actual, invalid.statements],
    ['valid', 'INVALID', ['reindex index concurrently cats_by_name']],
  );
  const left = single([...ours, index('cats', 'cats_by_name_ccnew', { state: 'INVALID' })]);
  assert.deepEqual([left.kind, left.statements], ['unexpected', ['drop index concurrently cats_by_name_ccnew']]);
});

test('a constraint that is not valid is drift, and validated again', () => {
  const difference = single([
    ...without('name_not_empty'),
    constraint('cats', 'name_not_empty', notEmpty, 'NOT VALID'),
  ]);
  assert.deepEqual(
    [difference.expected, difference.actual, difference.statements],
    ['valid', 'NOT VALID', ['alter table cats validate constraint name_not_empty']],
  );
});

test('what has been renamed is recognised, what only resembles it is not', () => {
  const renamed = single([...without('cats_by_name'), index('cats', '"Cats"')]);
  assert.deepEqual(
    [renamed.kind, renamed.object, renamed.statements],
    ['different', 'index cats_by_name', ['alter index "Cats" rename to cats_by_name']],
  );
  const others = compare([...without('cats_by_name'), index('cats', 'other', { unique: 'yes' })]).differences;
  assert.deepEqual(
    others.map(({ kind, object }) => `${kind} ${object}`),
    ['missing index cats_by_name', 'unexpected index other'],
  );
});

test('tables of others are reported apart, with what of them bears on ours', () => {
  const comparison = compare([
    ...ours,
    table('journal'),
    column('journal', 'cat_id'),
    index('journal', 'journal_by_cat'),
    constraint('journal', 'journal_cat_fkey', 'FOREIGN KEY (cat_id) REFERENCES cats(id)'),
    { kind: 'sequence', table: 'journal', name: 'journal_id_seq', facts: {} },
    { kind: 'function', table: null, name: 'tidy()', facts: {} },
  ]);
  assert.deepEqual(comparison.differences, []);
  assert.deepEqual(comparison.unmanaged, [
    { object: 'function tidy()' },
    { object: 'sequence journal_id_seq' },
    { object: 'table journal', note: 'journal_cat_fkey references cats: rows there can make deleting here fail' },
  ]);
});

test('a row of our tables that is found in others, or hidden, or lost by a crash, is drift', () => {
  const other = (facts: Record<string, string>) => single([...without('cats'), table('cats', facts)]);
  assert.deepEqual(other({ persistence: 'unlogged' }).statements, ['alter table cats set logged']);
  const hidden = other({ 'row security': 'enabled' });
  assert.deepEqual(hidden.statements, []);
  const [{ remedy = '' } = {}] = compare([
    ...without('cats'),
    table('cats', { 'row security': 'enabled' }),
  ]).differences;
  assert.match(remedy, /fewer rows than there are.*Leave it on.*BYPASSRLS/);
  const forced = other({ 'row security': 'enabled', 'row security of the owner': 'forced' });
  assert.deepEqual(forced.statements, ['alter table cats no force row level security']);
  assert.doesNotMatch(JSON.stringify([hidden, forced, remedy]), /disable/);
  assert.equal(other({ children: 'dogs' }).actual, 'children dogs');
});

test('names that need quotes are quoted in statements', () => {
  const name = `"it's ""id"""`;
  const numbered = [table('"T"'), column('"T"', name, { type: 'bigint', nullability: 'not null', identity: 'always' })];
  const plain = [table('"T"'), column('"T"', name, { type: 'bigint', nullability: 'not null' })];
  assert.deepEqual(single(plain, numbered).statements, [
    `alter table "T" alter column ${name} add generated always as identity`,
    `select setval(pg_get_serial_sequence('"T"', 'it''s "id"'), (select coalesce(max(${name}), 0) + 1 from "T"), false)`,
  ]);
});
