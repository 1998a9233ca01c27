import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppliedMigration } from './history.ts';
import { checksumOf, type Migration } from './migration-catalog.ts';
import { MigrationError } from './migration-error.ts';
import { planMigrations, requireAgreement, requireCompatible } from './migration-plan.ts';

const migration = (version: number, sql = `select ${version}`, name = 'step'): Migration => ({
  version,
  name,
  file: `000${version}_${name}.sql`,
  sql,
  checksum: checksumOf(sql),
  transactional: true,
  compat: 'expand',
  statementTimeoutSeconds: 60,
  downSql: null,
  facts: { statements: [], downStatements: [], findings: [] },
});

const applied = (
  version: number,
  sql = `select ${version}`,
  more: Partial<AppliedMigration> = {},
): AppliedMigration => ({
  version,
  name: 'step',
  checksum: checksumOf(sql),
  compat: 'contract',
  down_sql: null,
  transactional: true,
  state: 'done',
  applied_at: '2026-11-22T13:13:34.577339Z',
  duration_ms: 1,
  binary_version: '1.2.3',
  ...more,
});

const catalog = [migration(1), migration(2), migration(3)];
const failureOf = (history: AppliedMigration[], files: Migration[] = catalog) => {
  try {
    const plan = planMigrations(files, history);
    requireAgreement(plan);
    requireCompatible(plan);
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

test('what was started and not seen to end is pending, and no contradiction', () => {
  const history = [applied(1), applied(2), applied(3, undefined, { state: 'started' })];
  const plan = planMigrations(catalog, history);
  assert.deepEqual([plan.current, plan.pending], [2, [catalog[2]]]);
  assert.equal(failureOf(history), undefined);
});

test('an edited file is refused, naming it and both checksums', () => {
  const error = failureOf([applied(1), applied(2, 'select 22'), applied(3)]);
  assert.equal(error?.kind, 'changed');
  assert.match(error?.message ?? '', /0002_step\.sql was edited after it was applied by 1\.2\.3/);
  for (const sql of ['select 22', 'select 2'])
    assert.ok(error?.message.includes(checksumOf(sql).slice(0, 15)), error?.message);
});

test('all contradictions are told at once', () => {
  const error = failureOf([applied(1, 'x'), applied(2, 'y'), applied(3, 'z')]);
  for (const file of ['0001_step', '0002_step', '0003_step']) assert.ok(error?.message.includes(file), file);
});

test('a file put in front of one that was applied is told from an edited one', () => {
  const files = [migration(1), migration(2, 'select 5', 'new'), migration(3, 'select 2')];
  const error = failureOf([applied(1), applied(2)], files);
  assert.equal(error?.kind, 'changed');
  assert.match(error?.message ?? '', /0002_new\.sql: number 2 was applied as step, which is now number 3/);
});

test('two files that got the same number are told from an edited one', () => {
  const error = failureOf([applied(1), applied(2)], [migration(1), migration(2, 'select 5', 'other')]);
  assert.match(error?.message ?? '', /0002_other\.sql: number 2 was applied as step.*Two files got the same number/s);
});

test('a number that was left out is refused', () => {
  assert.match(failureOf([applied(1), applied(3)])?.message ?? '', /0002_step\.sql is not applied, but version 3 is/);
});

test('a renamed file with the same content is only mentioned', () => {
  const history = [applied(1), applied(2, undefined, { name: 'former' }), applied(3)];
  assert.equal(failureOf(history), undefined);
  assert.deepEqual(planMigrations(catalog, history).renamed, [
    { version: 2, file: '0002_step.sql', recorded: 'former' },
  ]);
});

test('a database that is newer is refused unless all that is new is expand', () => {
  const known = [applied(1), applied(2), applied(3)];
  const expand = (version: number) => applied(version, undefined, { compat: 'expand', down_sql: 'select 0' });
  assert.equal(failureOf([...known, expand(4), expand(5)]), undefined);
  const error = failureOf([...known, expand(4), applied(5, undefined, { binary_version: '1.3.0' })]);
  assert.equal(error?.kind, 'newer');
  assert.match(
    error?.message ?? '',
    /ends at version 3.*4 step \(expand.*5 step \(contract.*at least version 1\.3\.0/s,
  );
  assert.match(error?.message ?? '', /cannot be undone/);
});

test('a newer database that can be taken back says how', () => {
  const history = [applied(1), applied(2), applied(3), applied(4, undefined, { down_sql: 'select 0' })];
  assert.match(failureOf(history)?.message ?? '', /catatlas migrate down --to 3/);
});
