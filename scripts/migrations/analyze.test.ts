import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseHeader } from '../../src/migrator/header.ts';
import { analyzeMigration, firstLintedVersion } from './analyze.ts';
import { emptySchema } from './schema.ts';

async function analyze(sql: string, version = 3, schema = emptySchema()) {
  return analyzeMigration({ version, sql, header: parseHeader('0003_case.sql', sql) }, schema);
}

const head = '-- compat: expand\n-- Words: with a 🐈.\n';

test('a file in a transaction: statements of both parts with places in the whole text', async () => {
  const sql = `${head}create table visits (id bigint, note text default ';🐈');

-- Quick: the table is new.
create index visits_by_id on visits (id);
-- down:
drop table visits; -- gone
`;
  const { statements, downStatements, buildsIndex, findings } = await analyze(sql);
  assert.deepEqual(findings, []);
  assert.equal(buildsIndex, undefined);
  assert.deepEqual(
    [...statements, ...downStatements].map(({ start, end }) => sql.slice(start, end)),
    [
      "create table visits (id bigint, note text default ';🐈')",
      'create index visits_by_id on visits (id)',
      'drop table visits',
    ],
  );
  assert.deepEqual(statements[1], {
    start: sql.indexOf('create index'),
    end: sql.indexOf(';\n-- down'),
    summary: 'create index visits_by_id on visits',
    locks: [{ relation: 'visits', mode: 'SHARE', creates: true }],
  });
  assert.deepEqual(downStatements[0]?.locks, [{ relation: 'visits', mode: 'ACCESS EXCLUSIVE', creates: false }]);
});

test('a file without transaction names the index that it builds', async () => {
  const file = (statement: string) => `-- compat: expand\n-- transaction: none\n-- down: irreversible\n${statement};\n`;
  assert.equal(
    (await analyze(file('create unique index concurrently "By Name" on stock.cats (name)'))).buildsIndex,
    'By Name',
  );
  assert.equal((await analyze(file('drop index concurrently if exists cats_by_name'))).buildsIndex, undefined);
  assert.equal((await analyze(file('analyze cats'))).buildsIndex, undefined);
});

test('what a file makes is known to the files behind it, what undoes it is not', async () => {
  const schema = emptySchema();
  await analyze(
    `${head}create table cats (id bigint);\ncreate index by_id on cats (id);\n-- down:\ndrop table cats;`,
    3,
    schema,
  );
  const { statements } = await analyze('-- compat: expand\n-- down: irreversible\ndrop index by_id;', 4, schema);
  assert.deepEqual(statements[0]?.locks, [{ relation: 'cats', mode: 'ACCESS EXCLUSIVE', creates: false }]);
});

test('findings say where and what, all at once, in the order of the file', async () => {
  const sql = `-- words
alter table cats
  drop column name,
  add column ü integer; drop table cats;
-- down:
commit;
`;
  const { findings } = await analyzeMigration({
    version: 3,
    sql,
    header: { ...parseHeader('0003_case.sql', sql), compat: 'expand' },
  });
  assert.deepEqual(
    findings.map(({ rule, line, column, message }) => `${line}:${column} ${rule} ${message.split(':')[0]}`),
    [
      '1:1 header-required the first lines say what the file is to the version before',
      '2:1 ban-drop-column column name of cats',
      '4:16 prefer-bigint column ü',
      '4:25 ban-drop-table table cats',
      '6:1 transaction-control commit',
    ],
  );
  for (const { message } of findings) assert.ok(message.length > 30, message);
});

test('a mistake in one part does not hide what is wrong with the other', async () => {
  const { findings, statements } = await analyze(`${head}create table t (id int);\n-- down:\ndrop tabel t;`);
  assert.deepEqual(
    findings.map(({ rule, line, column }) => `${line}:${column} ${rule}`),
    ['3:20 prefer-bigint', '5:6 syntax'],
  );
  assert.match(findings[1]?.message ?? '', /syntax error at or near "tabel"/);
  assert.equal(statements.length, 1);
});

test('a file can allow what a rule forbids, with a reason, at the statement', async () => {
  const allowed = async (sql: string) => {
    const { findings } = await analyze(`-- compat: expand\n-- down: irreversible\n-- Words.\n${sql}`);
    return findings.map(({ rule, allowed }) => (allowed === undefined ? rule : `${rule} (${allowed})`));
  };
  assert.deepEqual(
    await allowed('-- allow: prefer-bigint five stars at most\ncreate table t (stars int, others int);'),
    ['prefer-bigint (five stars at most)', 'prefer-bigint (five stars at most)'],
  );
  assert.deepEqual(
    await allowed(
      '-- allow: prefer-bigint small\n-- Something else.\n  -- allow: prefer-text short\n  create table t (a int, b varchar(3));',
    ),
    ['prefer-bigint (small)', 'prefer-text (short)'],
  );
  // Not above this statement; behind it; an empty line between; another statement in front on the line.
  assert.deepEqual(await allowed('-- allow: prefer-bigint small\nselect 1;\ncreate table t (a int);'), [
    'allow',
    'prefer-bigint',
  ]);
  assert.deepEqual(await allowed('create table t (a int);\n-- allow: prefer-bigint small'), ['prefer-bigint', 'allow']);
  assert.deepEqual(await allowed('-- allow: prefer-bigint small\n\ncreate table t (a int);'), [
    'allow',
    'prefer-bigint',
  ]);
  assert.deepEqual(await allowed('-- allow: prefer-bigint small\nselect 1; create table t (a int);'), [
    'allow',
    'prefer-bigint',
  ]);
  // Another rule; no reason.
  assert.deepEqual(await allowed('-- allow: prefer-text small\ncreate table t (a int);'), ['allow', 'prefer-bigint']);
  assert.deepEqual(await allowed('-- allow: prefer-bigint\ncreate table t (a int);'), ['allow', 'prefer-bigint']);
});

test('an allowance that is of no use says why', async () => {
  const sql =
    '-- compat: expand\n-- down: irreversible\n-- Words.\n-- allow: prefer-bigin small\n-- allow: prefer-text\n-- allow: syntax x\n-- allow: prefer-identity x\nselect 1;';
  assert.deepEqual(
    (await analyze(sql)).findings.map(({ line, message }) => `${line} ${message.split(';')[0]}`),
    [
      '4 there is no rule "prefer-bigin" that could be allowed, did you mean prefer-bigint?',
      '5 prefer-text: the reason is missing',
      '6 there is no rule "syntax" that could be allowed',
      '7 prefer-identity: the statement below does not break this rule. Remove it',
    ],
  );
});

test('files that are older than the rules are not judged, but must be SQL', async () => {
  const sql = 'create table t (id serial); drop table cats;';
  assert.deepEqual((await analyze(sql, firstLintedVersion - 1)).findings, []);
  assert.equal((await analyze(sql, firstLintedVersion)).findings.length, 3);
  assert.deepEqual(
    (await analyze('create tabel t', 1)).findings.map(({ rule }) => rule),
    ['syntax'],
  );
});

test('the files of this program: what the first ones lock', async () => {
  const schema = emptySchema();
  const facts = [];
  for (const [index, file] of ['0001_schema.sql', '0002_indexes.sql'].entries())
    facts.push(
      await analyze(readFileSync(`${import.meta.dirname}/../../migrations/${file}`, 'utf8'), index + 1, schema),
    );
  const [tables, indexes] = facts;
  assert.deepEqual(
    tables?.statements.map(({ summary }) => summary),
    ['cats', 'entries', 'analyses', 'cat_insights', 'cat_comments'].map((table) => `create table ${table}`),
  );
  assert.ok(tables?.statements.every(({ locks }) => locks[0]?.creates));
  assert.deepEqual(
    indexes?.statements.map(({ locks }) => locks.map(({ relation, mode }) => `${relation} ${mode}`).join()),
    ['entries SHARE', 'entries SHARE', 'entries SHARE', 'entries SHARE', 'cats SHARE', 'cat_comments SHARE'],
  );
  assert.equal(schema.indexes.get('entries_by_place'), 'entries');
});
