// Nothing that is proven today gets lost between the two proofs, and what is left to the night is said.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Proof } from '../../test/harness/proof.ts';
import { costOf, strayCosts } from './costs.ts';
import { type Choice, engines, outsideParts, parts, planOf, runtimes } from './plan.ts';
import { runSteps, type Step } from './schedule.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const plan = (proof: Proof, more: Partial<Choice> = {}) =>
  planOf({ proof, parts, runtimes, engines, tools: '/tools', has: () => true, ...more });
const namesOf = (steps: readonly Step[]) => steps.map(({ name }) => name);
const page = readFileSync(join(root, 'docs/explanation/testing.md'), 'utf8');

const testFiles = ['src', 'scripts', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`),
);

/** Does a step give this file, or a folder that it is in, to a test runner? */
const runs = (step: Step, file: string) =>
  step.command.some((one) => {
    const path = one.replace(/^\.\//, '');
    return path === file || (path.endsWith('/') && file.startsWith(path));
  });

test('every test file is run, on each push and in the night', () => {
  assert.ok(testFiles.length > 130, `${testFiles.length}`);
  for (const proof of ['ci', 'nightly'] as const) {
    const steps = plan(proof);
    assert.deepEqual(
      testFiles.filter((file) => !steps.some((step) => runs(step, file))),
      [],
    );
  }
});

test('on each push the contract holds on each runtime and on each engine, at night on all pairs', () => {
  const pairs = (proof: Proof) => namesOf(plan(proof)).flatMap((name) => /^contract: (.*)$/.exec(name)?.[1] ?? []);
  for (const [place, names] of [
    [0, runtimes],
    [1, engines],
  ] as const)
    assert.deepEqual(new Set(pairs('ci').map((pair) => pair.split(' on ')[place])), new Set<string>(names));
  assert.equal(pairs('ci').length, 5);
  assert.equal(pairs('nightly').length, runtimes.length * engines.length);
});

test('a pair that is asked for by name is run, whatever the proof', () => {
  const choice = { parts: ['contract', 'runtime'], runtimes: ['bun'], engines: ['embedded'], named: true } as const;
  const names = namesOf(plan('ci', choice));
  assert.ok(names.includes('contract: bun on embedded') && names.includes('runtime/doctor.test.ts: bun'));
  assert.ok(names.every((name) => /bun/.test(name)));
});

test('what only the night proves is in docs/explanation/testing.md, and nothing else', () => {
  const onPush = new Set(namesOf(plan('ci')));
  const onlyAtNight = namesOf(plan('nightly')).filter((name) => !onPush.has(name));
  const listed = [...page.matchAll(/^\| `([^`]+)` \|.*\| nightly \|$/gm)].map(([, name = '']) => name);
  assert.deepEqual(listed.toSorted(), onlyAtNight.toSorted());
  const atNight = new Set(namesOf(plan('nightly')));
  assert.deepEqual(
    [...onPush].filter((name) => !atNight.has(name)),
    [],
  );
});

test('numbers of repetitions that differ are in docs/explanation/testing.md', () => {
  const asking = testFiles.filter((file) => /\brepetitions\(\{/.test(readFileSync(join(root, file), 'utf8')));
  assert.ok(asking.length >= 3);
  for (const file of asking) assert.ok(page.includes(`\`${file}\``), `${file} is not named`);
});

test('every part is on the page', () => {
  for (const part of parts) assert.match(page, new RegExp(`^\\| \`${part}\` \\|`, 'm'));
});

test('the plans can be carried out, whole and part by part', async () => {
  for (const proof of ['ci', 'nightly'] as const)
    for (const chosen of [parts, ...parts.map((part) => [part])]) {
      const steps = plan(proof, { parts: chosen });
      const outcome = { passed: true, output: '', seconds: 0, processorSeconds: 0 };
      const results = await runSteps(steps, { processors: 2, run: async () => outcome, began() {}, ended() {} });
      assert.deepEqual(namesOf(results.map(({ step }) => step)).toSorted(), namesOf(steps).toSorted());
    }
});

test('without a folder for tools none is installed, and nothing of the others is needed', () => {
  const inner = parts.filter((part) => !outsideParts.includes(part));
  const names = namesOf(plan('ci', { tools: undefined, parts: inner }));
  assert.deepEqual(
    names.filter((name) => name.startsWith('install ')),
    [],
  );
});

test('on a machine without root, PgBouncer, psql and Chromium the tests that need them are left out, and only these', () => {
  const all = namesOf(plan('ci'));
  const some = new Set(namesOf(plan('ci', { has: () => false })));
  const left = all.filter((name) => !some.has(name) && !name.startsWith('ship/'));
  assert.deepEqual(
    left.map((name) => name.replace(/: .*/, '')).filter((name, at, list) => list.indexOf(name) === at),
    [
      'database/address.test.ts',
      'faults/disk-full.test.ts',
      'faults/embedded-disk-full.test.ts',
      'faults/output-disk-full.test.ts',
      'migrations/harness.test.ts',
      'migrations/pooler.test.ts',
      'browser/swagger.test.ts',
    ],
  );
});

test('costs are those of steps that there are', () => {
  const names = namesOf(plan('nightly'));
  assert.deepEqual(strayCosts(names), []);
  for (const name of names) {
    const [seconds, load] = costOf(name);
    assert.ok(seconds > 0 && load > 0 && load <= 2, name);
  }
});
