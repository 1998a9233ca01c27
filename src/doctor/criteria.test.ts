import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../config/settings.ts';
import type { BackupsFound } from '../observability/newest-backup.ts';
import type { Check, Verdict } from './check.ts';
import { checkCriteria, type Evidence } from './criteria.ts';

const jwt = '9f3b61c2d84e7a05b6c93d1e2f7a8450c1b2d3e4f5a69788';
const production = {
  DATABASE_URL: 'postgresql://keeper:pw@db.example/cats',
  JWT_SECRET: jwt,
  ALLOWED_ORIGINS: 'https://catatlas.com',
  SENTRY_DSN: 'https://key@o0.ingest.sentry.io/1',
};

function evidence(
  env: Record<string, string>,
  verdicts: Record<string, Verdict> = {},
  more: Partial<Evidence> = {},
): Evidence {
  const ids = [
    'database.version',
    'server.address',
    'server.health',
    'server.read',
    'server.cors',
    'server.foreign',
    'server.certificate',
    'server.redirect',
  ];
  const checks = ids.map((id): Check => {
    const verdict = verdicts[id] ?? 'pass';
    return { id, title: id, verdict, found: `found of ${id}`, advice: verdict === 'pass' ? null : `advice of ${id}` };
  });
  return {
    report: readSettings({ env }),
    url: new URL('https://catatlas.com'),
    origins: ['https://catatlas.com'],
    checks,
    databaseHost: env['DATABASE_URL'] === undefined ? undefined : new URL(env['DATABASE_URL']).hostname,
    backups: undefined,
    now: Date.parse('2026-06-20T12:00:00Z'),
    ...more,
  };
}

/** The numbers that have this verdict. */
function numbers(given: Evidence, verdict: Verdict): number[] {
  return checkCriteria(given).flatMap((check, index) => (check.verdict === verdict ? [index + 1] : []));
}

const elsewhere = [3, 9, 13, 14];

test('a deployment in order: all that can be measured passes', () => {
  const given = evidence(production);
  assert.deepEqual(numbers(given, 'unknown'), elsewhere);
  assert.deepEqual(numbers(given, 'pass').length, 10);
  assert.deepEqual(
    checkCriteria(given).map(({ id }) => id),
    Array.from({ length: 14 }, (_, index) => `criteria.${index + 1}`),
  );
});

test('what is broken fails under the numbers that it belongs to', () => {
  const broken = (id: string) => numbers(evidence(production, { [id]: 'fail' }), 'fail');
  assert.deepEqual(broken('server.health'), [1, 10]);
  assert.deepEqual(broken('server.read'), [1, 2]);
  assert.deepEqual(broken('server.cors'), [2, 5]);
  assert.deepEqual(broken('server.foreign'), [5]);
  assert.deepEqual(broken('server.address'), [1]);
  assert.deepEqual(broken('server.certificate'), [4]);
  assert.deepEqual(broken('server.redirect'), [4]);
  assert.deepEqual(broken('database.version'), [6]);
});

test('what could not be asked is no pass under the numbers that need it', () => {
  for (const verdict of ['unasked', 'unknown'] as const) {
    const all = evidence(production, Object.fromEntries(evidence({}).checks.map(({ id }) => [id, verdict])));
    assert.deepEqual(
      numbers(all, verdict).filter((number) => !elsewhere.includes(number)),
      [1, 2, 4, 5, 6, 10],
    );
    const without = (id: string) =>
      numbers(evidence(production, { [id]: verdict }), verdict).filter((number) => !elsewhere.includes(number));
    assert.deepEqual(without('server.health'), [1, 10]);
    assert.deepEqual(without('server.read'), [1, 2]);
    assert.deepEqual(without('server.cors'), [2, 5]);
    assert.deepEqual(without('server.foreign'), [5]);
    assert.deepEqual(without('server.certificate'), [4]);
    assert.deepEqual(without('database.version'), [6]);
  }
});

test('what the settings of production lack', () => {
  const { SENTRY_DSN: _dsn, ...without } = production;
  assert.deepEqual([numbers(evidence(without), 'fail'), numbers(evidence(without), 'warn')], [[], [8]]);
  assert.deepEqual(numbers(evidence({ ...production, LOG_LEVEL: 'ERROR' }), 'warn'), [9]);
  assert.deepEqual(numbers(evidence({ ...production, JWT_SECRET: 'changeme' }), 'fail'), [7, 12]);
  assert.deepEqual(numbers(evidence({ ...production, DEBUG: 'True' }), 'fail'), [7, 11]);
  assert.deepEqual(numbers(evidence({ ...production, DATABASE_TYPE: 'sqlite' }), 'fail'), [6, 7]);
  assert.deepEqual(numbers(evidence({ DEBUG: 'False', JWT_SECRET: jwt }), 'fail'), [6, 7]);
});

test('on a machine for development nothing is held against it', () => {
  const local = evidence(
    { DATABASE_URL: 'postgresql://keeper:pw@localhost/cats', DEBUG: 'True' },
    {},
    { url: new URL('http://127.0.0.1:8000'), origins: [] },
  );
  assert.deepEqual(numbers(local, 'fail'), []);
  assert.deepEqual(numbers(local, 'pass'), [5, 6, 10]);
  assert.deepEqual(numbers(evidence({}, {}, { url: undefined, origins: [] }), 'unknown').length, 14);
});

test('a laptop that asks a deployment knows nothing of its environment', () => {
  assert.deepEqual(numbers(evidence({}), 'unknown'), [3, 6, 7, 8, 9, 11, 12, 13, 14]);
});

test('http is no https, and a page that came by https may not ask it', () => {
  const plain = evidence(production, {}, { url: new URL('http://catatlas.com') });
  assert.deepEqual(numbers(plain, 'fail'), [2, 4]);
});

test('a redirect that cannot be asked for says nothing against the certificate; a bad certificate is told first', () => {
  assert.ok(numbers(evidence(production, { 'server.redirect': 'unknown' }), 'pass').includes(4));
  assert.ok(numbers(evidence(production, { 'server.redirect': 'warn' }), 'warn').includes(4));
  const both = evidence(production, { 'server.redirect': 'fail', 'server.certificate': 'fail' });
  assert.equal(checkCriteria(both)[3]?.found, 'found of server.certificate');
});

test('backups: the newest in BACKUP_DIR is judged by its age', () => {
  const judged = (found: { value: BackupsFound } | { error: unknown }) => {
    const check = checkCriteria(evidence(production, {}, { backups: { directory: '/backups', found } }))[12];
    return `${check?.verdict}: ${check?.found}`;
  };
  const written = (when: string, flawed: string[] = []) =>
    judged({ value: { newest: Date.parse(when) / 1000, flawed } });
  assert.equal(written('2026-06-20T11:00:01Z'), 'pass: the newest in /backups is 0 hours old; backup verify proves it');
  assert.match(written('2026-06-12T12:00:00Z'), /^pass: the newest in \/backups is 8 days old/);
  assert.equal(written('2026-06-12T11:00:00Z'), 'fail: the newest in /backups is 8 days old');
  assert.equal(judged({ value: { newest: undefined, flawed: [] } }), 'fail: there is no backup in /backups');
  const flawed = ['backup.log: it is not a CatAtlas archive'];
  assert.equal(
    judged({ value: { newest: undefined, flawed } }),
    'fail: there is no backup in /backups; no archives: backup.log: it is not a CatAtlas archive',
  );
  assert.equal(
    written('2026-06-20T11:00:01Z', flawed),
    'warn: the newest in /backups is 0 hours old; newer and no archives: backup.log: it is not a CatAtlas archive',
  );
  assert.equal(judged({ error: new Error('ENOENT: none') }), 'fail: BACKUP_DIR cannot be read: ENOENT: none');
});

test('what fails says what to do', () => {
  const checks = checkCriteria(evidence({ DEBUG: 'False' }, { 'server.health': 'fail', 'server.certificate': 'fail' }));
  for (const { title, verdict, advice } of checks)
    if (verdict !== 'pass') assert.ok(advice !== null && advice.length > 5, title);
});
