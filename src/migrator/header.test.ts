import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHeader } from './header.ts';

const parse = (sql: string) => parseHeader('0007_x.sql', sql);

test('a file without a header is taken as what is careful', () => {
  const header = parse('-- The tables. Note: nothing here is a header.\ncreate table a (id int);\n');
  assert.deepEqual([header.transactional, header.compat, header.down], [true, 'contract', null]);
  assert.deepEqual(header.stated, { compat: false, down: false });
});

test('every key is read, and the parts are where they are', () => {
  const sql =
    '-- transaction: none\n-- compat: expand\n-- statement-timeout: 2h\n-- In words.\ncreate a;\n-- down:\ndrop a;\n';
  const header = parse(sql);
  assert.deepEqual([header.transactional, header.compat, header.statementTimeoutSeconds], [false, 'expand', 7200]);
  assert.equal(sql.slice(header.up.start, header.up.end).trimEnd().endsWith('create a;'), true);
  assert.equal(header.down && sql.slice(header.down.start, header.down.end), '\ndrop a;\n');
  assert.deepEqual(header.stated, { compat: true, down: true });
});

test('a header ends with the first line that is none', () => {
  assert.equal(parse('-- compat: expand\n\n-- transaction: none\nselect 1').transactional, true);
});

test('what the lint is told belongs to the statement below it, not to the header', () => {
  assert.equal(parse('-- compat: expand\n-- allow: prefer-text fixed by a standard\nselect 1').compat, 'expand');
});

test('irreversible is said in place of a down part', () => {
  assert.deepEqual(parse('-- down: irreversible\nselect 1').down, null);
  assert.equal(parse('-- down: irreversible\nselect 1').stated.down, true);
});

test('every mistake is told at once, with its place', () => {
  for (const [sql, ...messages] of [
    [
      '-- compatt: expand\n-- transaction: no\n',
      /0007_x\.sql:1: unknown key "compatt", did you mean compat/,
      /transaction: no, expected none/,
    ],
    [
      '-- compat: both\n-- statement-timeout: soon',
      /compat: both, expected expand or contract/,
      /statement-timeout: soon/,
    ],
    ['-- compat: expand\n-- compat: expand', /0007_x\.sql:2: "compat" is given twice/],
    ['-- down: irreversible\nselect 1;\n-- down:\nselect 2', /has a down part and says that it is irreversible/],
    ['select 1;\n-- down:\nselect 2\n-- down:\n', /two lines "-- down:"/],
    ['-- statement-timeout: 0s', /statement-timeout: 0s/],
    ['-- compat:', /compat: \(nothing\)/],
  ] as const)
    for (const message of messages) assert.throws(() => parse(sql), message, sql);
});
