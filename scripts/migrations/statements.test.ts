import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStatements, positionOf, SqlSyntaxError } from './statements.ts';

async function textsOf(sql: string): Promise<string[]> {
  return (await parseStatements(sql)).map(({ start, end }) => sql.slice(start, end));
}

const divided: [name: string, sql: string, statements: string[]][] = [
  ['nothing', '', []],
  ['only white space', ' \n\t', []],
  ['only comments', '-- a;\n/* b; /* c; */ */', []],
  ['only semicolons', ';; ;', []],
  ['one without semicolon', 'select 1', ['select 1']],
  ['comments around', '-- a\nselect 1 -- b\n; /* c */ select 2 /* d */', ['select 1', 'select 2']],
  ['comments inside', 'select /* a; */ 1, -- b;\n 2;', ['select /* a; */ 1, -- b;\n 2']],
  ['nested comments', '/* a /* b; */ ; */ select 1;', ['select 1']],
  ['semicolons too many', ';;select 1;; ;select 2;;', ['select 1', 'select 2']],
  [
    'semicolons in strings',
    "select ';', e'\\';', \"a;b\", $$;$$, $x$;$$;$x$; select 2",
    ["select ';', e'\\';', \"a;b\", $$;$$, $x$;$$;$x$", 'select 2'],
  ],
  [
    'a body in standard SQL',
    'create function f() returns int begin atomic select 1; select 2; end; select 3',
    ['create function f() returns int begin atomic select 1; select 2; end', 'select 3'],
  ],
  [
    'a rule of several',
    'create rule r as on insert to a do also (delete from b; select 1); select 2',
    ['create rule r as on insert to a do also (delete from b; select 1)', 'select 2'],
  ],
  [
    'letters of two bytes, four bytes, two code units',
    "select 'é🐈'; -- Ω🐈\nselect 'ß🐈' as \"ü\"; select 3",
    ["select 'é🐈'", 'select \'ß🐈\' as "ü"', 'select 3'],
  ],
];

for (const [name, sql, statements] of divided)
  test(`a text is divided into statements: ${name}`, async () => assert.deepEqual(await textsOf(sql), statements));

test('a part of a text is divided with offsets of the whole', async () => {
  const sql = '-- 🐈\nselect 1;\n-- down:\nselect 2;';
  const [statement, ...others] = await parseStatements(sql, { start: sql.indexOf('-- down:'), end: sql.length });
  assert.deepEqual(others, []);
  assert.equal(sql.slice(statement?.start, statement?.end), 'select 2');
});

test('what is no SQL is said with its place', async () => {
  for (const [sql, place, message] of [
    ["-- é🐈\nselect 'é🐈';\n sel 1", '3:2', /syntax error at or near "sel"/],
    ["select '🐈🐈', 'abc", '1:16', /unterminated quoted string/],
    ['create table t (\n  id bigint,\n);', '3:1', /syntax error at or near "\)"/],
    ['select (', '1:9', /end of input/],
    ['select $$ a', '1:8', /unterminated dollar-quoted string/],
  ] as const) {
    await assert.rejects(parseStatements(sql), (error) => {
      assert.ok(error instanceof SqlSyntaxError);
      assert.match(error.message, message);
      assert.equal(`${error.position.line}:${error.position.column}`, place, sql);
      return error.message.startsWith(`${place}: `);
    });
  }
});

test('places in the tree are offsets into the text', async () => {
  const sql = "-- Ω\nselect '🐈' as x, 'é', now()";
  const [statement] = await parseStatements(sql);
  assert.ok(statement && 'SelectStmt' in statement.tree);
  const places = (statement.tree.SelectStmt.targetList ?? []).map((target) =>
    'ResTarget' in target ? sql.slice(statement.offsetOf(target.ResTarget.location)).slice(0, 3) : '',
  );
  assert.deepEqual(places, ["'🐈", "'é'", 'now']);
  assert.equal(statement.offsetOf(undefined), statement.start);
});

test('lines and columns count from 1', () => {
  assert.deepEqual(positionOf('ab\ncd', 0), { line: 1, column: 1 });
  assert.deepEqual(positionOf('ab\ncd', 2), { line: 1, column: 3 });
  assert.deepEqual(positionOf('ab\ncd', 3), { line: 2, column: 1 });
  assert.deepEqual(positionOf('ab\ncd', 5), { line: 2, column: 3 });
});

test('a summary leaves out what is in parentheses, comments, conditions and long strings', async () => {
  for (const [sql, summary] of [
    ['create table cats (id bigint, name numeric(3, 2))', 'create table cats'],
    ['create index\n  by_cat -- quick\n  on entries (cat_id, id desc) where id > 0', 'create index by_cat on entries'],
    [
      'alter table cats add column x numeric(3) default 1, drop column y',
      'alter table cats add column x numeric default 1, drop column y',
    ],
    ['alter table cats add constraint c check (x > 0) not valid', 'alter table cats add constraint c check not valid'],
    ["update cats set name = coalesce(a, b), x = 'short' where id = 1", "update cats set name = coalesce, x = 'short'"],
    ['do $$ begin perform something(); perform something_else(); end $$', "do '…'"],
    [
      "comment on table cats is 'It is a table about cats, in which each row is one cat'",
      "comment on table cats is '…'",
    ],
  ] as const) {
    const [statement] = await parseStatements(sql);
    assert.equal(statement?.summary, summary);
  }
  const [long] = await parseStatements(`select ${Array.from({ length: 60 }, (_, index) => `c${index}`).join(', ')}`);
  assert.equal(long?.summary.length, 100);
  assert.ok(long?.summary.endsWith('…'));
});

test('names that PostgreSQL would cut are found', async () => {
  const [fits, long] = await parseStatements(
    `select 1 as "${'é'.repeat(31)}"; select 1 as ${'é'.repeat(32)}, '${'x'.repeat(99)}'`,
  );
  assert.deepEqual(fits?.longNames, []);
  assert.deepEqual(long?.longNames, ['é'.repeat(32)]);
});
