import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checksumOf, loadCatalog } from './migration-catalog.ts';

test('the catalog of this program is numbered without gaps, and its files say what they are', () => {
  const catalog = loadCatalog();
  assert.ok(catalog.length >= 2);
  assert.deepEqual(
    catalog.map(({ version }) => version),
    catalog.map((_, index) => index + 1),
  );
  for (const { file, version, name } of catalog) assert.equal(file, `${String(version).padStart(4, '0')}_${name}.sql`);
});

const file = (name: string) => ({
  file: name,
  sql: '-- compat: expand\n-- down: irreversible\nselect 1',
  facts: { statements: [], downStatements: [], findings: [] },
});

test('numbers that repeat or leave one out, and names of another form, are mistakes of the build', () => {
  assert.throws(() => loadCatalog([file('0001_a.sql'), file('0003_b.sql')]), /0003_b\.sql.*number 2/);
  assert.throws(() => loadCatalog([file('0001_a.sql'), file('0001_b.sql')]), /0001_b\.sql.*number 2/);
  assert.throws(() => loadCatalog([file('1_a.sql')]), /1_a\.sql: a name looks like/);
});

test('what a file says of itself is read with any line endings, and the part that undoes it is apart', () => {
  const sql = '-- compat: expand\n-- transaction: none\n-- statement-timeout: 30min\n\nvacuum;\n\n-- down:\nanalyze;\n';
  for (const text of [sql, sql.replaceAll('\n', '\r\n')]) {
    const [migration] = loadCatalog([{ ...file('0001_a.sql'), sql: text }]);
    assert.equal(migration?.sql, sql);
    assert.equal(migration.checksum, checksumOf(sql));
    assert.deepEqual(
      [migration.compat, migration.transactional, migration.statementTimeoutSeconds, migration.downSql],
      ['expand', false, 1800, 'analyze;'],
    );
  }
});

// Frozen: with another rule every applied migration would look edited. The value was computed with sha256sum.
test('checksum v1 is what it has always been', () => {
  assert.equal(
    checksumOf('create table a (id int);\n'),
    'v1:bd13f35d034681973ca6b5d77e1e0e86f86a071ee88c62d03ab4da576abb4a21',
  );
});

test('line endings and white space at ends do not count, anything else does', () => {
  const checksum = checksumOf('create table a (\n  id int\n);\n');
  for (const same of [
    'create table a (\r\n  id int\r\n);\r\n',
    'create table a (\r  id int\r);\r',
    'create table a (  \n  id int\t\n);',
    'create table a (\n  id int\n);\n\n\n',
  ])
    assert.equal(checksumOf(same), checksum, JSON.stringify(same));
  for (const other of [
    'create table a (\n id int\n);\n',
    'create table A (\n  id int\n);\n',
    '\ncreate table a (\n  id int\n);\n',
    'create table a (\n  id int\n); -- a comment\n',
  ])
    assert.notEqual(checksumOf(other), checksum, JSON.stringify(other));
});
