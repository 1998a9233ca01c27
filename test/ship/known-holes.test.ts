// Which known holes stop a deployment, and which do not.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type AllowedHole, type Hole, judgeHoles } from '../../scripts/deploy/known-holes.ts';

const today = '2026-06-01';
const hole: Hole = { id: 'CVE-2026-1', part: 'sqlite', version: '3.50.0', severity: 'High', fixedIn: ['3.50.1'] };
const allowed: AllowedHole = {
  id: 'CVE-2026-1',
  part: 'sqlite',
  reason: 'SQL of others is never run',
  until: '2026-07-01',
};

describe('a hole', () => {
  for (const severity of ['High', 'Critical', 'Unknown', 'SomethingNew'])
    it(`rated ${severity} stops`, () => {
      assert.deepEqual(judgeHoles([{ ...hole, severity }], [], today).stops, [
        `CVE-2026-1 (${severity}) in sqlite 3.50.0: fixed in 3.50.1`,
      ]);
    });

  it('stops also when no version is without it yet', () => {
    assert.match(judgeHoles([{ ...hole, fixedIn: [] }], [], today).stops.join(), /no version is without it yet$/);
  });

  for (const severity of ['Medium', 'Low', 'Negligible'])
    it(`rated ${severity} is named, and stops nothing`, () => {
      const { stops, notes } = judgeHoles([{ ...hole, severity }], [], today);
      assert.deepEqual([stops, notes.length], [[], 1]);
    });

  it('that is allowed stops nothing, up to the last day', () => {
    for (const day of [today, '2026-07-01']) assert.deepEqual(judgeHoles([hole], [allowed], day).stops, []);
  });

  it('that is allowed stops after the last day, and so does the permission', () => {
    const { stops } = judgeHoles([hole], [allowed], '2026-07-02');
    assert.equal(stops.length, 2);
    assert.match(stops[0] ?? '', /ran out on 2026-07-01/);
  });

  it('that is allowed in one part stops in another', () => {
    assert.equal(judgeHoles([{ ...hole, part: 'zlib' }], [allowed], today).stops.length, 1);
  });
});

describe('a permission', () => {
  for (const [what, wrong] of [
    ['no reason', { reason: ' ' }],
    ['no part', { part: '' }],
    ['no day', { until: 'never' }],
    ['a day that is not one', { until: '2026-13-45' }],
    ['more than half a year', { until: '2027-06-01' }],
  ] as const)
    it(`with ${what} stops`, () => {
      assert.ok(judgeHoles([], [{ ...allowed, ...wrong }], today).stops.length > 0);
    });

  it('for what is not found any more is named', () => {
    const { stops, notes } = judgeHoles([], [allowed], today);
    assert.deepEqual([stops, notes], [[], ['CVE-2026-1 in sqlite is allowed and not found: remove it']]);
  });

  it('of this repository is valid today', () => {
    const list = JSON.parse(readFileSync('deploy/known-holes.json', 'utf8')) as AllowedHole[];
    assert.deepEqual(judgeHoles([], list, new Date().toISOString().slice(0, 10)).stops, []);
  });
});

describe('the command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'catatlas-holes-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const run = (report: unknown, list: unknown = []) => {
    const [file, allowedFile] = [join(folder, 'report.json'), join(folder, 'allowed.json')];
    writeFileSync(file, typeof report === 'string' ? report : JSON.stringify(report));
    writeFileSync(allowedFile, JSON.stringify(list));
    const { status, stdout, stderr } = spawnSync(
      'bun',
      ['scripts/deploy/known-holes.ts', file, '--allowed', allowedFile],
      { encoding: 'utf8' },
    );
    return { status, stdout, stderr };
  };
  const match = {
    vulnerability: { id: 'GHSA-aaaa-bbbb-cccc', severity: 'Critical', fix: { versions: ['1.4.31'], state: 'fixed' } },
    artifact: { name: 'elysia', version: '1.4.30', type: 'npm' },
  };
  const report = { descriptor: { name: 'grype', version: '0.121.3' }, matches: [match] };

  it('ends with 1 for a hole, and says which and what to do', () => {
    const { status, stderr } = run(report);
    assert.equal(status, 1);
    assert.match(stderr, /GHSA-aaaa-bbbb-cccc \(Critical\) in elysia 1\.4\.30: fixed in 1\.4\.31/);
    assert.match(stderr, /Update the part, or say in /);
  });

  it('ends with 0 when it is allowed, or none was found', () => {
    const until = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    assert.equal(run(report, [{ id: match.vulnerability.id, part: 'elysia', reason: 'not used', until }]).status, 0);
    assert.equal(run({ ...report, matches: [] }).status, 0);
  });

  it('ends with 2 for what is no report: nothing found there proves nothing', () => {
    for (const wrong of ['', '{}', '[]', { matches: [] }, { descriptor: { name: 'grype' } }])
      assert.equal(run(wrong).status, 2, JSON.stringify(wrong));
  });
});
