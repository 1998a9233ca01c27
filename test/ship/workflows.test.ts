// What actionlint and zizmor cannot know: that versions are the same everywhere, that what a workflow calls exists, that tokens get where
// they are used and nowhere else, and that an alarm can be raised. What single steps do: steps.test.ts.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { targets } from '../../scripts/deploy/build-release.ts';
import { parts } from '../../scripts/proof/plan.ts';
import { root } from '../harness/target.ts';
import { parseDockerfile, textOf } from './dockerfile.ts';
import { allJobs, allNeeds, jobOf, secretsOf, texts, workflowOf, workflows } from './workflow.ts';

const all = [...texts.values()].join('\n');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The different texts that the first group of the pattern finds. */
const found = (pattern: RegExp, text = all) => [
  ...new Set([...text.matchAll(pattern)].map(([, group]) => group ?? '')),
];
/** What GitHub puts the value in for. */
const expression = (text: string) => `\${{ ${text} }}`;
const sorted = (list: Iterable<string>) => [...list].sort();

interface Dependabot {
  updates: { 'package-ecosystem': string; directory?: string; directories?: string[] }[];
}
const images = Object.values(
  (Bun.YAML.parse(read('.ci/compose.yaml')) as { services: Record<string, { image: string }> }).services,
).map(({ image }) => image);
const imageVersion = (name: string) => images.find((image) => image.startsWith(`${name}:`))?.slice(name.length + 1);

test('Dependabot sees every version: those that stand where it does not look are those of .ci/compose.yaml', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { bun: string } };
  assert.equal(imageVersion('oven/bun'), engines.bun);
  assert.deepEqual(found(/bun@(\d[\d.]*)/g, read('.ci/run') + read('Dockerfile') + read('README.md')), [engines.bun]);
  assert.equal(imageVersion('flyio/flyctl'), `v${found(/ {10}version: (\S+)/g).join(' and ')}`);
  assert.deepEqual(
    sorted(found(/\s(\S+@sha256:[0-9a-f]{64})/g)),
    sorted(images.filter((image) => image.includes('@'))),
  );
  for (const { job, where } of allJobs())
    for (const step of job.steps ?? [])
      if (step.uses?.startsWith('oven-sh/setup-bun@'))
        assert.equal(step.with?.['bun-version-file'], 'package.json', where);
});

test('tools have their versions in files that Dependabot reads, and nowhere else', () => {
  const { updates } = Bun.YAML.parse(read('.github/dependabot.yml')) as Dependabot;
  const manifests: Record<string, string> = {
    'github-actions': '.github/workflows/ci.yml',
    docker: 'Dockerfile',
    bun: 'bun.lock',
    gomod: 'go.mod',
    pip: 'requirements.txt',
    'docker-compose': 'compose.yaml',
  };
  for (const { 'package-ecosystem': ecosystem, directory, directories } of updates) {
    const manifest = manifests[ecosystem] ?? assert.fail(`${ecosystem} is not understood here`);
    const files = (directories ?? [directory ?? assert.fail(ecosystem)]).map((folder) => join(folder, manifest));
    for (const file of files) assert.ok(existsSync(join(root, file)), file);
  }
  assert.deepEqual(sorted(updates.map((one) => one['package-ecosystem'])), sorted(Object.keys(manifests)));
  const commands = allJobs().flatMap(({ job }) => (job.steps ?? []).flatMap(({ run }) => run ?? []));
  const scripts = [read('.ci/run'), read('.ci/install')];
  for (const text of [...commands, ...scripts])
    for (const line of text.split('\n')) {
      if (/\bgo\b.* install/.test(line)) assert.match(line, /go -C \.ci install/, line);
      assert.doesNotMatch(line, /\w@v\d|pip.*==/, line);
    }
  // Whatever is installed is in go.mod as something direct.
  const installed = found(/(?<=\s)((?:github\.com|go\.k6\.io)\/[\w./-]+)/g, [...commands, ...scripts].join('\n'));
  assert.deepEqual(sorted(installed), sorted(found(/_ "(\S+)"/g, read('.ci/tools.go'))));
  const direct = found(/^\t(\S+) v\S+$/gm, read('.ci/go.mod'));
  for (const path of installed)
    assert.ok(
      direct.some((name) => `${path}/`.startsWith(`${name}/`)),
      path,
    );
  assert.deepEqual(found(/k6\/v2@(v\S+)/g, read('docs/load-testing.md')), found(/k6\/v2 (v\S+)/g, read('.ci/go.mod')));
});

test('every part of the proof has a runner, on each push and in the night', () => {
  for (const name of ['ci.yml', 'nightly.yml']) {
    const matrix = jobOf(name, 'proof').strategy?.matrix.include ?? [];
    assert.deepEqual(sorted(matrix.flatMap((one) => one['parts']?.split(' ') ?? [])), sorted(parts), name);
  }
});

test('actions are pinned by commit, with the version beside it', () => {
  const uses = [...all.matchAll(/uses: (.*)$/gm)].map(([, text]) => text ?? '');
  assert.ok(uses.length > 20);
  for (const text of uses) assert.match(text, /^(\.\/\S+ # zizmor: .*|[\w./-]+@[0-9a-f]{40} # v?\d+(\.\d+)+)$/);
  // One commit for each action.
  const pins = found(/uses: ([\w./-]+@[0-9a-f]{40})/g);
  assert.equal(new Set(pins.map((pin) => pin.split('@')[0])).size, pins.length);
});

test('scripts that are called are there, and can be run', () => {
  const scripts = found(/(scripts\/[\w./-]+\.(?:ts|sh))/g);
  assert.ok(scripts.length >= 12, String(scripts));
  for (const script of scripts) {
    const { mode } = statSync(join(root, script));
    assert.ok(script.endsWith('.ts') || mode & 0o100, `${script} cannot be executed`);
  }
});

test('every job ends by itself, says what it may do, and takes secrets from an environment only', () => {
  for (const [name, workflow] of workflows) {
    assert.deepEqual(workflow.permissions, {}, name);
    assert.ok(workflow.concurrency.group, name);
  }
  for (const { where, job } of allJobs()) {
    assert.ok(job.permissions !== undefined, where);
    assert.ok(job.uses !== undefined || (job['timeout-minutes'] ?? 0) > 0, where);
    if (secretsOf(job).length > 0) assert.ok(job.environment !== undefined, where);
  }
});

test('every step has pipefail', () => {
  for (const [name, { defaults }] of workflows) assert.equal(defaults?.run?.shell, 'bash', name);
  for (const { where, job } of allJobs())
    for (const step of job.steps ?? []) assert.equal(step.shell, undefined, `${where}: ${step.name}`);
});

test('a failure inside $( ) is seen: it is assigned before it is written', () => {
  for (const { where, job } of allJobs())
    for (const { run } of job.steps ?? []) assert.doesNotMatch(run ?? '', /echo "[^"]*\$\([^)]*\)[^"]*" >>/, where);
});

test('a workflow that is called gets what its jobs need', () => {
  const calls = allJobs().filter(({ job }) => job.uses?.startsWith('./'));
  assert.ok(calls.length > 0);
  for (const { where, job } of calls) {
    const called = workflowOf(job.uses?.replace('./.github/workflows/', '') ?? '');
    assert.ok('workflow_call' in called.on, `${where}: ${job.uses} cannot be called`);
    // The environment of a job in it does not bring its secrets along: https://github.com/actions/runner/issues/1490
    if (secretsOf(called).length > 0) assert.ok(job.secrets !== undefined, `${where}: no secrets get into ${job.uses}`);
    for (const [id, { permissions }] of Object.entries(called.jobs))
      for (const [scope, access] of Object.entries(permissions ?? {}))
        assert.equal(job.permissions?.[scope], access, `${where}: ${id} wants ${scope}: ${access}`);
  }
});

test('what is deployed or released has passed CI, once, and comes from main', () => {
  assert.deepEqual(
    Object.keys(workflowOf('ci.yml').on),
    ['pull_request', 'workflow_call'],
    'a push would run CI twice',
  );
  const deploy = workflowOf('deploy.yml');
  assert.deepEqual(deploy.on, { push: { branches: ['main'] }, workflow_dispatch: null });
  for (const [name, id, checks] of [
    ['deploy.yml', 'image', 'checks'],
    ['deploy.yml', 'try', 'checks'],
    ['deploy.yml', 'ship', 'checks'],
    ['deploy.yml', 'ship', 'try'],
    ['release.yml', 'publish', 'checks'],
    ['release.yml', 'publish', 'try'],
  ] as const) {
    assert.ok(allNeeds(workflowOf(name), id).has(checks), `${name}: ${id} does not wait for ${checks}`);
    // With always() or failure() it would not matter how what it waits for has ended.
    assert.doesNotMatch(jobOf(name, id).if ?? '', /always|failure|cancelled/, `${name}: ${id}`);
  }
  for (const name of ['deploy.yml', 'release.yml'])
    assert.equal(jobOf(name, 'checks').uses, './.github/workflows/ci.yml', name);
  // A fork has no FLY_APP; a workflow can be started by hand on any branch. What needs this job is skipped with it.
  assert.equal(jobOf('deploy.yml', 'image').if, expression("github.ref == 'refs/heads/main' && vars.FLY_APP != ''"));
  // Nobody else deploys, or could, but for one who looks whether it would work.
  for (const { where, job } of allJobs())
    if (secretsOf(job).includes('FLY_API_TOKEN'))
      assert.match(where, /^(deploy\.yml: ship|roll-back\.yml: back|way-back\.yml: token)$/);
  const looks = (jobOf('way-back.yml', 'token').steps ?? []).filter(({ env }) => env && 'FLY_API_TOKEN' in env);
  assert.deepEqual(
    looks.map(({ run }) => run),
    ['flyctl releases --app "$APP" --image'],
  );
});

test('one image is built, and that one is tried, scanned, attested and deployed', () => {
  for (const [name, text] of texts) assert.doesNotMatch(text, /docker (buildx )?build\b/, name);
  assert.equal(found(/(build-image\.sh .*)/g, texts.get('deploy.yml')).length, 1);
  const stepsOf = (id: string) => jobOf('deploy.yml', id).steps ?? [];
  const tried = expression('steps.which.outputs.image');
  assert.equal(stepsOf('try').find(({ run }) => run?.endsWith('try-image.sh'))?.env?.['IMAGE'], tried);
  const scan = stepsOf('try').find(({ uses }) => uses?.startsWith('anchore/scan-action@'));
  assert.equal(scan?.with?.['image'], tried);
  const attest = stepsOf('image').find(({ uses }) => uses?.startsWith('actions/attest@'));
  assert.equal(attest?.with?.['subject-digest'], expression('steps.push.outputs.digest'));
  const architectures = jobOf('deploy.yml', 'try').strategy?.matrix.include.map(({ architecture }) => architecture);
  const platforms = /--platform (\S+)/.exec(texts.get('deploy.yml') ?? '')?.[1];
  assert.deepEqual(architectures?.map((name) => `linux/${name}`).join(), platforms);
  for (const id of ['try', 'ship'])
    for (const { env } of stepsOf(id).filter(({ run }) => run?.includes('platform-image.sh')))
      assert.equal(env?.['IMAGE'], expression('needs.image.outputs.image'));
});

test('going back waits for nothing: no deployment, no reviewer, no other job, no condition, no network but that of flyctl', () => {
  const rollBack = workflowOf('roll-back.yml');
  assert.deepEqual(Object.keys(rollBack.on), ['workflow_dispatch']);
  const others = allJobs().filter(({ workflow }) => workflow !== 'roll-back.yml');
  const back = jobOf('roll-back.yml', 'back');
  for (const { where, job, workflow } of others) {
    if (workflow !== 'way-back.yml') assert.notEqual(job.environment, back.environment, where);
    assert.notEqual(workflowOf(workflow).concurrency.group, rollBack.concurrency.group, where);
  }
  assert.deepEqual([back.needs, back.if, back.concurrency], [undefined, undefined, undefined]);
  // The script, what runs it, and flyctl.
  const uses = (back.steps ?? []).flatMap((step) => step.uses?.split('@')[0] ?? []);
  assert.deepEqual(uses, ['actions/checkout', 'oven-sh/setup-bun', 'superfly/flyctl-actions/setup-flyctl']);
  const commands = (back.steps ?? []).flatMap((step) => step.run ?? []);
  assert.deepEqual(
    commands.map((run) => run.split(' ').slice(0, 2).join(' ')),
    ['bun scripts/deploy/roll-back.ts'],
  );
  // The proof has no token, and comes without k6 too.
  const proof = jobOf('roll-back.yml', 'proof');
  assert.deepEqual([secretsOf(proof), proof.environment], [[], undefined]);
  for (const step of proof.steps?.filter(({ run }) => run && !run.includes('prove.ts')) ?? [])
    assert.ok('continue-on-error' in step, `${step.name} can keep it from being measured`);
});

test('what nobody watches opens an issue when it fails, and only that may', () => {
  for (const { where, job } of allJobs()) {
    const opens = JSON.stringify(job.steps ?? []).includes('open-issue.sh');
    assert.equal(job.permissions?.['issues'], opens ? 'write' : undefined, where);
  }
  for (const [name, id] of [
    ['backup.yml', 'report'],
    ['deploy.yml', 'report'],
    ['nightly.yml', 'report'],
  ] as const) {
    const report = jobOf(name, id);
    assert.match(report.if ?? '', /always\(\)/, name);
    const rest = Object.keys(workflowOf(name).jobs).filter((one) => one !== id);
    assert.deepEqual(sorted([report.needs ?? []].flat()), sorted(rest), name);
    for (const one of rest) assert.ok(JSON.stringify(report.steps).includes(`needs.${one}.result`), `${name}: ${one}`);
  }
  for (const [name, id] of [
    ['cost.yml', 'watch'],
    ['way-back.yml', 'token'],
  ] as const) {
    const last = jobOf(name, id).steps?.at(-1);
    assert.equal(last?.if, expression('failure()'), name);
    assert.match(last?.run ?? '', /open-issue\.sh/, name);
  }
});

test('the environments, secrets and variables to set are those in docs/deploy-fly.md', () => {
  const page = read('docs/deploy-fly.md');
  const needed = allJobs().flatMap(({ job }) =>
    job.environment === undefined
      ? []
      : (secretsOf(job).length > 0 ? secretsOf(job) : ['none']).map((one) => [job.environment, one]),
  );
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| `?(\w+)`? \|/gm)].map(([, environment, secret]) => [
    environment,
    secret,
  ]);
  const names = (pairs: (string | undefined)[][]) => sorted(new Set(pairs.map((pair) => pair.join(': '))));
  assert.deepEqual(names(rows), names(needed));
  for (const name of found(/vars\.(\w+)/g))
    assert.ok(page.includes(`\`${name}\``), `${name} is not in docs/deploy-fly.md`);
});

test('labels: everything that the OCI image specification has names for and that is known', () => {
  const [, final] = parseDockerfile(read('Dockerfile'));
  if (!final) throw new Error('the Dockerfile has not two stages');
  const name = /org\.opencontainers\.image\.(\w+)=/g;
  const here = found(name, textOf(final, 'LABEL'));
  const there = found(name, read('scripts/deploy/build-image.sh'));
  assert.deepEqual([...here, ...there].sort(), [
    'created',
    'description',
    'licenses',
    'revision',
    'source',
    'title',
    'url',
    'version',
  ]);
  const { license, description } = JSON.parse(read('package.json')) as { license: string; description: string };
  assert.match(textOf(final, 'LABEL'), new RegExp(`licenses="${license}"`));
  assert.ok(description.startsWith(/description="([^"]*)\."/.exec(textOf(final, 'LABEL'))?.[1] ?? '?'));
});

test('each file of a release is run, and everything in it has a checksum', () => {
  const tried = jobOf('release.yml', 'try').strategy?.matrix.include.map(({ system }) => system);
  assert.deepEqual(tried, Object.keys(targets));
  const steps = jobOf('release.yml', 'build').steps ?? [];
  // The bill of materials is one of the files that are summed up (bill-of-materials.test.ts); what is attested afterwards are the sums.
  const built = steps.findIndex(({ run }) => run?.includes('build-release.ts'));
  const attests = steps.filter(({ uses }) => uses?.startsWith('actions/attest@'));
  assert.ok(built >= 0 && built < steps.indexOf(attests[0] ?? assert.fail('nothing is attested')));
  for (const { with: given } of attests) assert.equal(given?.['subject-checksums'], 'dist/release/SHA256SUMS');
  assert.deepEqual(
    attests.flatMap(({ with: given }) => given?.['sbom-path'] ?? []),
    ['dist/release/catatlas.cdx.json'],
  );
});

test('what is compiled in is looked up among known holes before anything is merged, deployed or published', () => {
  const steps = jobOf('ci.yml', 'parts').steps ?? [];
  const bill = /--bill (\S+)/.exec(steps.find(({ run }) => run?.includes('--bill'))?.run ?? '')?.[1];
  const scan = steps.find(({ uses }) => uses?.startsWith('anchore/scan-action@'));
  assert.ok(bill);
  assert.equal(scan?.with?.['sbom'], bill);
  // What it finds is judged, all of it: known-holes.test.ts.
  const { 'output-format': format, 'output-file': report, 'only-fixed': onlyFixed } = scan?.with ?? {};
  assert.deepEqual([format, onlyFixed], ['json', false]);
  const judged = steps[steps.indexOf(scan ?? assert.fail()) + 1];
  assert.equal(judged?.run, `bun scripts/deploy/known-holes.ts ${String(report)}`);
  for (const step of [scan, judged]) assert.ok(!('continue-on-error' in step) && !('if' in step));
  for (const [workflow, job] of [
    ['deploy.yml', 'image'],
    ['release.yml', 'publish'],
  ] as const)
    assert.ok([jobOf(workflow, job).needs].flat().includes('checks'), workflow);
});
