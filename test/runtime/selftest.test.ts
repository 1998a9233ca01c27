// `catatlas selftest`: proves a program where there is nothing else, and leaves nothing behind.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { laterFile, makeVariant } from '../harness/variant.ts';
import { openWorkshop, type Workshop } from './process.ts';

let workshop: Workshop;
before(() => {
  workshop = openWorkshop();
});
after(() => workshop.close());

interface Report {
  ok: boolean;
  milliseconds: number;
  steps: { name: string; ok: boolean; milliseconds: number; problem: string | null }[];
}

/** What Bun and Deno keep of the source that they run is theirs; the binary has nothing of it. */
const ofTheRuntime = () => ({
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0',
  DENO_DIR: join(workshop.folder, 'deno'),
});

/** No configuration: the workshop's own variables are taken away. */
const nothing = { HOST: '', PORT: '', LOG_FORMAT: '', NO_COLOR: '' };

test('works in an empty directory that cannot be written, with an empty environment, and leaves nothing behind', async () => {
  const places = ['work', 'home', 'temporary'].map((name) => join(workshop.folder, name));
  for (const place of places) {
    mkdirSync(place);
    chmodSync(place, 0o555);
  }
  const [work = '', home = '', temporary = ''] = places;
  const { code, stdout, stderr } = await workshop.run(['selftest'], {
    cwd: work,
    env: { ...nothing, ...ofTheRuntime(), HOME: home, TMPDIR: temporary },
  });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, stdout);
  const lines = stdout.trimEnd().split('\n');
  for (const line of lines.slice(0, -1)) assert.match(line, /^ok {2} +\d+ ms {2}\S/);
  assert.match(lines.at(-1) ?? '', /works here: 15 steps in \d+ ms\.$/);
  for (const place of places) assert.deepEqual(readdirSync(place), [], place);
});

test('for programs: every step with its time; settings that are wrong do not matter', async () => {
  const { code, stdout, stderr } = await workshop.run(['selftest', '--json'], {
    env: { ...nothing, DATABASE_URL: 'mysql://nowhere', PORT: '99999', DEBUG: 'maybe' },
  });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const { ok, steps, milliseconds } = JSON.parse(stdout) as Report;
  assert.equal(ok, true);
  assert.deepEqual(
    steps.filter((step) => !step.ok || step.problem !== null),
    [],
  );
  const sum = steps.reduce((total, step) => total + step.milliseconds, 0);
  assert.ok(sum > 0 && sum <= milliseconds + steps.length, `${sum} of ${milliseconds} ms`);
});

test('a program that does not work says at which step, and why', async () => {
  const file = laterFile('broken');
  const broken = await makeVariant({
    version: '1.1.0',
    migrations: {
      [file]:
        '-- compat: expand\n\nalter table cats add column broken nonsense_type;\n\n-- down:\nalter table cats drop column broken;\n',
    },
  });
  try {
    const text = await workshop.run(['selftest'], { env: nothing, program: broken.program });
    assert.equal(text.code, 1);
    assert.match(text.stdout, /^FAIL +\d+ ms {2}migrate it from nothing to version/m);
    assert.match(
      text.stderr,
      new RegExp(`does not work here: migrate it from nothing[\\s\\S]*${file}[\\s\\S]*nonsense_type`),
    );
    const json = await workshop.run(['selftest', '--json'], { env: nothing, program: broken.program });
    assert.equal(json.code, 1);
    const { ok, steps } = JSON.parse(json.stdout) as Report;
    assert.equal(ok, false);
    assert.match(steps.at(-1)?.problem ?? '', /nonsense_type/);
  } finally {
    broken.dispose();
  }
});

test('a schema that is wrong, though it can be made, is found by what the API does with it', async () => {
  const file = laterFile('spoiled');
  const spoiled = await makeVariant({
    version: '1.2.0',
    migrations: {
      [file]:
        "-- compat: contract\n\nalter table cat_comments add constraint silent check (content = '') not valid;\n\n-- down:\nalter table cat_comments drop constraint silent;\n",
    },
  });
  try {
    const { code, stdout, stderr } = await workshop.run(['selftest'], { env: nothing, program: spoiled.program });
    assert.equal(code, 1);
    assert.match(stdout, /^ok .*compare the schema/m);
    assert.match(stdout, /^FAIL +\d+ ms {2}write a cat/m);
    assert.match(stderr, /POST \/cats\/1\/comments answered 500, expected 201/);
    assert.match(stderr, /violates check constraint "silent"/);
  } finally {
    spoiled.dispose();
  }
});
