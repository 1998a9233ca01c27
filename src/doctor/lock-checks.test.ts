import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOf } from './check.ts';
import { type Blocker, judgeBlockers, withoutValues } from './lock-checks.ts';

const blocker: Blocker = {
  pid: 4711,
  role: 'anna',
  application: 'psql',
  state: 'idle in transaction',
  seconds: 61.4,
  statement: 'lock table entries',
  tables: ['entries (AccessExclusiveLock)'],
  waiting: 2,
  longestWait: 4.2,
};
const judge = (blockers: readonly Blocker[]) => judgeBlockers(blockers, checkOf('database.locks', 'Locks'));

test('a statement is told without the values in it', () => {
  const cases: [string, string][] = [
    [`update cats set name = 'O''Hara' where id = 42`, 'update cats set name = ? where id = ?'],
    [`select x'1f', $$x y$$, $tag$1$tag$, 1.5e-3`, 'select ?, ?, ?, ?'],
    [`select E'a\\'b', 'c'`, 'select ?'],
    ['select "1a", col2, $1 -- password 1', 'select "1a", col2, $1'],
    [`insert into t values ('never ended`, 'insert into t values (?'],
    [`/* 'x' */ select\n  1`, 'select ?'],
    [`select ${'a'.repeat(100)}`, `select ${'a'.repeat(72)}…`],
  ];
  for (const [statement, expected] of cases) assert.equal(withoutValues(statement), expected);
});

test('who blocks is named, with what is known of it', () => {
  const { verdict, found, advice } = judge([blocker]);
  assert.equal(verdict, 'fail');
  assert.equal(
    found,
    'pid 4711 of anna (psql), idle in transaction, in a transaction for 61 s, has locked entries (AccessExclusiveLock), 2 sessions wait for it, up to 4 s, its last statement: lock table entries',
  );
  assert.match(advice ?? '', /pg_terminate_backend/);
});

test('a short lock is to be looked at, and none is right', () => {
  assert.equal(judge([{ ...blocker, seconds: 2, longestWait: 1 }]).verdict, 'warn');
  assert.equal(judge([{ ...blocker, tables: [], seconds: null, statement: null, longestWait: 6 }]).verdict, 'fail');
  assert.equal(judge([]).verdict, 'pass');
});
