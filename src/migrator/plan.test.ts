import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checksumOf, type Migration } from './catalog.ts';
import { MigrationError } from './failure.ts';
import type { AppliedMigration } from './history.ts';
import { planMigrations } from './plan.ts';
import { requireSound } from './run.ts';

const migration = (version: number, sql = `select ${version}`): Migration => ({
  version,
  name: 'step',
  file: `000${version}_step.sql`,
  sql,
  checksum: checksumOf(sql),
});

const applied = (version: number, sql = `select ${version}`): AppliedMigration => ({
  version,
  name: 'step',
  checksum: checksumOf(sql),
  applied_at: '2026-11-22T13:13:34.577339Z',
  duration_ms: 1,
  binary_version: '1.2.3',
});

const catalog = [migration(1), migration(2), migration(3)];
const failureOf = (history: AppliedMigration[]) => {
  try {
    requireSound(planMigrations(catalog, history));
    return undefined;
  } catch (error) {
    assert.ok(error instanceof MigrationError);
    return error;
  }
};

test('an empty database needs everything, in order', () => {
  const plan = planMigrations(catalog, []);
  assert.deepEqual([plan.current, plan.target], [0, 3]);
  assert.deepEqual(plan.pending, catalog);
  assert.equal(failureOf([]), undefined);
});

test('a database in between needs the rest, a current one nothing', () => {
  assert.deepEqual(planMigrations(catalog, [applied(1), applied(2)]).pending, [catalog[2]]);
  const current = planMigrations(catalog, [applied(1), applied(2), applied(3)]);
  assert.deepEqual([current.current, current.pending], [3, []]);
});

test('an edited file is refused, naming it and both checksums', () => {
  const error = failureOf([applied(1), applied(2, 'select 22'), applied(3)]);
  assert.equal(error?.kind, 'changed');
  assert.ok(error?.message.includes('0002_step.sql'));
  assert.ok(error?.message.includes(checksumOf('select 22')) && error.message.includes(checksumOf('select 2')));
});

test('a database that is newer is refused, saying which version it takes', () => {
  const error = failureOf([applied(1), applied(2), applied(3), applied(4)]);
  assert.equal(error?.kind, 'newer');
  assert.match(error?.message ?? '', /4 step \(by 1\.2\.3\), this binary ends at 3.*at least version 1\.2\.3/);
});
