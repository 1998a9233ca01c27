// What actionlint and zizmor cannot know: that versions are the same everywhere, and that what a workflow calls exists.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { targets } from '../../scripts/deploy/build-release.ts';
import { root } from '../harness/target.ts';

const folder = join(root, '.github/workflows');
const texts = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
const all = [...texts.values()].join('\n');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Job {
  environment?: string;
  permissions?: object;
  'timeout-minutes'?: number;
  uses?: string;
  strategy?: { matrix: { include: { system: string }[] } };
}
const jobsOf = (name: string) => (Bun.YAML.parse(texts.get(name) ?? '') as { jobs: Record<string, Job> }).jobs;

/** The different texts that the first group of the pattern finds. */
const found = (pattern: RegExp, text = all) => [...new Set([...text.matchAll(pattern)].map(([, group]) => group))];

test('versions: one Bun, one flyctl, one k6, the same as in package.json and .ci/run', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { bun: string } };
  assert.deepEqual(found(/bun-version: (\S+)/g), [engines.bun]);
  assert.equal(found(/version: (0\.\d+\.\d+)/g).length, 1);
  assert.deepEqual(found(/k6@(v\S+)/g), found(/k6@(v\S+)/g, read('.ci/run')));
  assert.equal(found(/(postgres:17\S+)/g).length, 1);
});

test('actions are pinned by commit, with the version beside it', () => {
  const uses = [...all.matchAll(/uses: (.*)$/gm)].map(([, text]) => text ?? '');
  assert.ok(uses.length > 20);
  for (const text of uses) assert.match(text, /^(\.\/\S+ # zizmor: .*|[\w./-]+@[0-9a-f]{40} # v?\d+(\.\d+)+)$/);
  // One commit for each action.
  const pins = found(/uses: ([\w./-]+@[0-9a-f]{40})/g);
  assert.equal(new Set(pins.map((pin) => pin?.split('@')[0])).size, pins.length);
});

test('scripts that are called are there, and can be run', () => {
  const scripts = found(/(scripts\/[\w./-]+\.(?:ts|sh))/g);
  assert.ok(scripts.length >= 7, String(scripts));
  for (const script of scripts) {
    const { mode } = statSync(join(root, script ?? ''));
    assert.ok(script?.endsWith('.ts') || mode & 0o100, `${script} cannot be executed`);
  }
});

test('every job ends by itself, says what it may do, and takes secrets from an environment only', () => {
  for (const [name, text] of texts) {
    assert.match(text, /^permissions: \{\}$/m, name);
    assert.match(text, /^concurrency:$/m, name);
    for (const [id, job] of Object.entries(jobsOf(name))) {
      const where = `${name}: ${id}`;
      assert.ok(job.permissions !== undefined, where);
      assert.ok(job.uses !== undefined || (job['timeout-minutes'] ?? 0) > 0, where);
      if (JSON.stringify(job).includes('secrets.')) assert.ok(job.environment !== undefined, where);
    }
  }
});

test('each file of a release is run', () => {
  const tried = jobsOf('release.yml')['try']?.strategy?.matrix.include.map(({ system }) => system);
  assert.deepEqual(tried, Object.keys(targets));
});
