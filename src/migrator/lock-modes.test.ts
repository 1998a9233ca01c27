import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeLock, lockModes, locksConflict, strongerLock } from './lock-modes.ts';

test('modes conflict as in table 13.2 of the documentation of PostgreSQL', () => {
  // Its rows, from ACCESS SHARE to ACCESS EXCLUSIVE; its columns in the same order.
  const table = ['.......X', '......XX', '....XXXX', '...XXXXX', '..XX.XXX', '..XXXXXX', '.XXXXXXX', 'XXXXXXXX'];
  const ours = lockModes.map((held) => lockModes.map((wanted) => (locksConflict(held, wanted) ? 'X' : '.')).join(''));
  assert.deepEqual(ours, table);
});

test('what a lock keeps others from, in words', () => {
  assert.deepEqual(
    lockModes.map((mode) => `${mode}: ${describeLock(mode)}`),
    [
      'ACCESS SHARE: schema changes only',
      'ROW SHARE: schema changes only',
      'ROW EXCLUSIVE: schema changes and index builds; reads and writes go on',
      'SHARE UPDATE EXCLUSIVE: schema changes and vacuum; reads and writes go on',
      'SHARE: writes; reads go on',
      'SHARE ROW EXCLUSIVE: writes; reads go on',
      'EXCLUSIVE: writes and select for update; plain reads go on',
      'ACCESS EXCLUSIVE: reads and writes',
    ],
  );
});

test('the stronger of two locks, whichever comes first', () => {
  assert.equal(strongerLock('SHARE', 'ROW EXCLUSIVE'), 'SHARE');
  assert.equal(strongerLock('ROW EXCLUSIVE', 'SHARE'), 'SHARE');
  assert.equal(strongerLock('SHARE', 'SHARE'), 'SHARE');
});
