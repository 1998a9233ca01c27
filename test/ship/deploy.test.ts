// The scripts that workflows call, run whole, with a flyctl and a k6 that write down how they were called and end as each case needs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { findImageBefore } from '../../scripts/deploy/fly.ts';
import { type Call, type Script, type Stage, type Step, setStage } from './fakes.ts';

const app = 'catatlas-api';
const oldImage = `registry.fly.io/${app}:sha-${'a'.repeat(40)}`;
const newImage = `registry.fly.io/${app}:sha-${'b'.repeat(40)}@sha256:${'f'.repeat(64)}`;
const newCommit = 'b'.repeat(40);
const origin = 'https://catatlas.example';

const release = (Version: number, Status: string, ImageRef: string) => ({ Version, Status, ImageRef });
const machine = (image: string, more: object = {}) => ({
  id: 'd8901',
  state: 'started',
  region: 'iad',
  config: { image, metadata: { fly_process_group: 'app' }, guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 } },
  ...more,
});
const json = (value: unknown): Step[] => [{ stdout: JSON.stringify(value) }];

/** flyctl on an app whose release 2 is live and whose release 3 failed. */
const usual: Script = {
  'releases --app catatlas-api --json': json([
    release(3, 'failed', 'registry.fly.io/catatlas-api:broken'),
    release(1, 'complete', 'registry.fly.io/catatlas-api:older'),
    release(2, 'complete', oldImage),
  ]),
  'machine list --app catatlas-api --json': json([machine(oldImage)]),
  deploy: [{}],
};

interface Case {
  fly?: Script;
  /** What the smoke test comes to, run by run; none: k6 is not installed. */
  k6?: Step[];
  /** What k6 says of the settings. */
  reads?: Step;
  options?: (stage: Stage) => string[];
}

/** Ships the new image on a stage of its own. */
async function ship({ fly = {}, k6 = [{}], reads = {}, options = () => [] }: Case) {
  const installed = k6.length > 0 ? { k6: { run: k6, archive: [reads] } } : {};
  const stage = await setStage({ flyctl: { ...usual, ...fly }, ...installed });
  try {
    const ended = await stage.run(
      'ship.ts',
      ...['--app', app, '--image', newImage, '--url', stage.url, '--commit', newCommit, '--origin', origin],
      ...['--pause', '0', '--wake', '0', ...options(stage)],
    );
    const calls = stage.calls();
    const configs = deploysOf(calls).map((call) => readIfThere(stage, optionOf(call, '--config')));
    return {
      ...ended,
      stage,
      calls,
      configs,
      deploys: deploysOf(calls),
      smokes: smokesOf(calls),
    };
  } finally {
    await stage.close();
  }
}

const deploysOf = (calls: Call[]) => calls.filter(({ program, args }) => program === 'flyctl' && args[0] === 'deploy');
const smokesOf = (calls: Call[]) => calls.filter(({ program, args }) => program === 'k6' && args[0] === 'run');
const optionOf = ({ args }: Call, name: string) => args[args.indexOf(name) + 1] ?? '';
const imagesOf = (deploys: Call[]) => deploys.map((call) => optionOf(call, '--image'));
const readIfThere = (stage: Stage, file: string) =>
  readFileSync(file.startsWith('/') ? file : `${stage.folder}/${file}`, 'utf8');

test('all well: the image is deployed once, and the smoke test asks for the commit that was built', async () => {
  const { code, summary, deploys, smokes } = await ship({});
  assert.equal(code, 0);
  assert.match(summary, /^outcome=shipped$/m);
  assert.deepEqual(imagesOf(deploys), [newImage]);
  assert.deepEqual(deploys[0]?.args.slice(0, 5), ['deploy', '--app', app, '--config', 'fly.toml']);
  // The database is migrated, and the strategy of fly.toml holds.
  assert.ok(!deploys[0]?.args.includes('--skip-release-command') && !deploys[0]?.args.includes('--strategy'));
  assert.equal(smokes.length, 1);
  assert.equal(smokes[0]?.env['EXPECT_SHA'], newCommit);
  assert.equal(smokes[0]?.env['ALLOWED_ORIGIN'], origin);
  assert.deepEqual([deploys[0]?.env['FLY_API_TOKEN'], smokes[0]?.env['FLY_API_TOKEN']], ['the token', '']);
});

test('the smoke test fails once and passes then: shipped', async () => {
  const { code, smokes, deploys } = await ship({ k6: [{ code: 99 }, { code: 0 }] });
  assert.equal(code, 0);
  assert.equal(smokes.length, 2);
  assert.equal(deploys.length, 1);
});

test('the smoke test fails: the image and the fly.toml that were live come back, without touching the database, and that is proved', async () => {
  const fails = { code: 99 };
  const { code, summary, deploys, smokes, configs, stage } = await ship({ k6: [fails, fails, fails, {}] });
  assert.equal(code, 1);
  assert.match(summary, /^outcome=reverted$/m);
  assert.deepEqual(imagesOf(deploys), [newImage, oldImage]);
  assert.ok(deploys[1]?.args.includes('--skip-release-command'));
  assert.equal(optionOf(deploys[1] as Call, '--strategy'), 'rolling');
  assert.deepEqual(configs, ['app = "as it is"\n', 'app = "as it was"\n']);
  assert.deepEqual(
    smokes.map(({ env }) => env['EXPECT_SHA']),
    [newCommit, newCommit, newCommit, stage.commit],
  );
});

test('the deployment fails before it changed a machine: nothing is rolled back, the old version is looked at', async () => {
  const { code, summary, deploys, smokes, stage } = await ship({ fly: { deploy: [{ code: 1 }] } });
  assert.equal(code, 1);
  assert.match(summary, /^outcome=unchanged$/m);
  assert.deepEqual(imagesOf(deploys), [newImage]);
  assert.deepEqual(
    smokes.map(({ env }) => env['EXPECT_SHA']),
    [stage.commit],
  );
});

test('the deployment fails half-way: rolled back', async () => {
  const machines = json([machine(newImage), machine(oldImage)]);
  const { code, summary, deploys } = await ship({
    fly: { deploy: [{ code: 1 }, {}], 'machine list --app catatlas-api --json': machines },
  });
  assert.equal(code, 1);
  assert.match(summary, /^outcome=reverted$/m);
  assert.deepEqual(imagesOf(deploys), [newImage, oldImage]);
});

test('the deployment fails and nobody can say what runs: rolled back, to be sure', async () => {
  const { code, deploys } = await ship({
    fly: { deploy: [{ code: 1 }, {}], 'machine list --app catatlas-api --json': [{ code: 1 }] },
  });
  assert.equal(code, 1);
  assert.deepEqual(imagesOf(deploys), [newImage, oldImage]);
});

test('a machine of the release command, and one that was destroyed, say nothing about what serves', async () => {
  const ephemeral = machine(newImage);
  ephemeral.config.metadata.fly_process_group = 'fly_app_release_command';
  const { code, deploys } = await ship({
    fly: {
      deploy: [{ code: 1 }],
      'machine list --app catatlas-api --json': json([
        ephemeral,
        machine(newImage, { state: 'destroyed' }),
        machine(`${oldImage}@sha256:${'d'.repeat(64)}`),
      ]),
    },
  });
  assert.equal(code, 1);
  assert.equal(deploys.length, 1);
});

test('a service so slow that the smoke test gives up has failed it: rolled back', async () => {
  for (const code of [100, 101, 110]) {
    const { summary, deploys } = await ship({ k6: [{ code }, { code }, { code }, {}] });
    assert.match(summary, /^outcome=reverted$/m, `k6 ended with ${code}`);
    assert.deepEqual(imagesOf(deploys), [newImage, oldImage]);
  }
});

test('the smoke test is blind because k6 fails: hands off', async () => {
  for (const code of [104, 107, 108, 255]) {
    const ended = await ship({ k6: [{ code }] });
    assert.equal(ended.code, 4, `k6 ended with ${code}`);
    assert.match(ended.summary, /^outcome=not measured$/m);
    assert.equal(ended.deploys.length, 1);
    assert.equal(ended.smokes.length, 1);
  }
});

test('a release that nobody could judge is not deployed: no k6, or settings that the smoke test does not take', async () => {
  for (const [given, reason] of [
    [{ k6: [] }, /cannot be run like this: cannot be started/],
    [{ reads: { code: 107 } }, /cannot be run like this: exit code 107/],
  ] as const) {
    const { code, summary, deploys, smokes, output } = await ship(given as Case);
    assert.equal(code, 1);
    assert.match(summary, /^outcome=refused$/m);
    assert.deepEqual([deploys.length, smokes.length], [0, 0]);
    assert.match(output, reason);
  }
});

test('what k6 is asked beforehand is what it is told afterwards', async () => {
  const { calls } = await ship({});
  const [before, after] = calls.filter(({ program }) => program === 'k6');
  assert.deepEqual([before?.args.at(-1), before?.env], [after?.args.at(-1), after?.env]);
});

test('the smoke test fails because this machine reaches nothing: hands off', async () => {
  const { code, summary, deploys } = await ship({
    k6: [{ code: 99 }],
    options: ({ nowhere }) => ['--url', nowhere, '--control', nowhere],
  });
  assert.equal(code, 4);
  assert.match(summary, /^outcome=not measured$/m);
  assert.equal(deploys.length, 1);
});

test('the site is gone and the rest of the world is not: rolled back', async () => {
  const { deploys, code, summary } = await ship({
    k6: [{ code: 99 }],
    options: ({ nowhere, url }) => ['--url', nowhere, '--control', url],
  });
  assert.deepEqual(imagesOf(deploys), [newImage, oldImage]);
  // It stays gone.
  assert.equal(code, 3);
  assert.match(summary, /^outcome=stuck$/m);
});

test('the first deployment fails, or its smoke test does: there is nothing to go back to', async () => {
  for (const releases of [null, [], [release(1, 'failed', newImage)]]) {
    const fly: Script = { 'releases --app catatlas-api --json': json(releases) };
    const failed = await ship({ fly: { ...fly, deploy: [{ code: 1 }] } });
    const smoked = await ship({ fly, k6: [{ code: 99 }] });
    for (const ended of [failed, smoked]) {
      assert.equal(ended.code, 3);
      assert.match(ended.summary, /^outcome=nothing to go back to$/m);
      assert.deepEqual(imagesOf(ended.deploys), [newImage]);
    }
  }
});

test('a run that is started again does not roll back to the image it deploys, built anew or not', async () => {
  for (const live of [newImage, newImage.replace(/f+$/, '9'.repeat(64))]) {
    const { code, deploys } = await ship({
      fly: { 'releases --app catatlas-api --json': json([release(4, 'complete', live)]) },
      k6: [{ code: 99 }],
    });
    assert.equal(code, 3);
    assert.equal(deploys.length, 1);
  }
});

test('an old run that is started again deploys nothing; what is live already, and what is newer, it does', async () => {
  const { code, summary, deploys } = await ship({ options: ({ parent }) => ['--commit', parent] });
  assert.equal(code, 1);
  assert.match(summary, /^outcome=refused$/m);
  assert.equal(deploys.length, 0);
  for (const pick of [({ commit }: Stage) => commit, ({ child }: Stage) => child])
    assert.equal((await ship({ options: (stage) => ['--commit', pick(stage)] })).code, 0);
});

test('the rollback fails: said so, once, and not tried again', async () => {
  const { code, summary, deploys } = await ship({
    fly: { deploy: [{}, { code: 1 }] },
    k6: [{ code: 99 }, { code: 99 }, { code: 99 }, {}],
  });
  assert.equal(code, 3);
  assert.match(summary, /^outcome=stuck$/m);
  assert.equal(deploys.length, 2);
});

test('the old version does not pass either: said so', async () => {
  const { code, summary, deploys } = await ship({ k6: [{ code: 99 }] });
  assert.equal(code, 3);
  assert.match(summary, /^outcome=stuck$/m);
  assert.equal(deploys.length, 2);
});

test('rolled back, and then this machine goes blind: not proved, and not called proved', async () => {
  const fails = { code: 99 };
  const { code, summary } = await ship({ k6: [fails, fails, fails, { code: 107 }] });
  assert.equal(code, 4);
  assert.match(summary, /^outcome=not measured$/m);
});

test('flyctl cannot say what is live: nothing is touched', async () => {
  for (const step of [{ code: 1 }, { stdout: 'no releases' }, { stdout: '{"error":"unauthorized"}' }]) {
    const { code, summary, deploys } = await ship({ fly: { 'releases --app catatlas-api --json': [step] } });
    assert.equal(code, 1);
    assert.match(summary, /^outcome=refused$/m);
    assert.equal(deploys.length, 0);
  }
});

test('what is missing is named, all at once, before anything happens', async () => {
  const stage = await setStage({});
  try {
    const { code, output } = await stage.run('ship.ts', '--app', app, '--imgae', newImage, '--url', '');
    assert.equal(code, 2);
    assert.match(
      output,
      /unknown option --imgae\n--image is missing or empty\n--url is missing or empty\n--commit .*\n--origin /,
    );
  } finally {
    await stage.close();
  }
});

/** Runs a script about the way back, on a stage of its own. `k6` is what it does; not given, it is not installed. */
async function goBack(script: string, fly: Script, k6: Step[] | undefined, options: (stage: Stage) => string[]) {
  const stage = await setStage({ flyctl: { ...usual, ...fly }, ...(k6 ? { k6: { run: k6 } } : {}) });
  try {
    const ended = await stage.run(script, ...options(stage));
    const calls = stage.calls();
    return { ...ended, deploys: deploysOf(calls), smokes: smokesOf(calls) };
  } finally {
    await stage.close();
  }
}

const rollBack = (fly: Script, k6?: Step[], ...options: string[]) =>
  goBack('roll-back.ts', fly, k6, ({ url }) => [
    ...['--app', app, '--url', url, '--origin', origin, '--pause', '0'],
    ...options,
  ]);

test('back by hand: to the completed release before, or to the image that is named, with proof', async () => {
  const before = await rollBack({}, [{}]);
  assert.equal(before.code, 0);
  assert.match(before.summary, /^outcome=rolled back$/m);
  assert.deepEqual(imagesOf(before.deploys), ['registry.fly.io/catatlas-api:older']);
  assert.ok(before.deploys[0]?.args.includes('--skip-release-command'));

  // Nothing is asked of flyctl that it could fail to answer.
  const silent: Script = { 'releases --app': [{ code: 1 }], 'machine list --app': [{ code: 1 }] };
  const given = await rollBack(silent, [{}], '--to', newImage);
  assert.deepEqual(imagesOf(given.deploys), [newImage]);
  assert.equal(given.smokes[0]?.env['EXPECT_SHA'], newCommit);
});

const named = (name: string) => `registry.fly.io/${app}:${name}@sha256:${name.repeat(64)}`;
/** Releases, oldest first: a letter each, the name of its image; a small one failed. */
const releasesOf = (history: string) =>
  [...history].map((name, at) => {
    const failed = name === name.toLowerCase();
    return { version: at + 1, status: failed ? 'failed' : 'complete', image: named(name.toUpperCase()) };
  });

test('the way back never leads to what was taken back', () => {
  const wayBack = (history: string) => /:(\w)@/.exec(findImageBefore(releasesOf(history).reverse()) ?? '')?.[1];
  assert.equal(wayBack('AB'), 'A');
  assert.equal(wayBack('ABC'), 'B');
  assert.equal(wayBack('AbC'), 'A');
  // Setting a secret makes a release of the same image.
  assert.equal(wayBack('AABBB'), 'A');
  // B was taken back.
  assert.equal(wayBack('ABA'), undefined);
  assert.equal(wayBack('ABAC'), 'A');
  assert.equal(wayBack('DABA'), 'D');
  assert.equal(wayBack('DABACA'), 'D');
  // B and C were.
  assert.equal(wayBack('ABCA'), undefined);
  // Deployed once more, since it was not B's fault.
  assert.equal(wayBack('ABAB'), 'A');
  // The first deployment, none at all, and none that was completed.
  assert.equal(wayBack('A'), undefined);
  assert.equal(wayBack(''), undefined);
  assert.equal(wayBack('a'), undefined);
  // flyctl lists 25: when that is all, B may have been taken back by the A after it.
  assert.equal(wayBack(`B${'A'.repeat(24)}`), undefined);
  assert.equal(wayBack(`B${'A'.repeat(23)}`), 'B');
  assert.equal(wayBack(`BD${'A'.repeat(23)}`), 'D');
});

test('back by hand: to what served before what the machines run', async () => {
  for (const [history, machines, expected] of [
    ['DABA', 'A', [named('D')]],
    ['ABA', 'A', []],
    // The last one failed: before it touched a machine, half-way, and when all had it.
    ['DAb', 'A', [named('D')]],
    ['DAb', 'AB', [named('A')]],
    ['DAb', 'B', [named('A')]],
  ] as const) {
    const releases = releasesOf(history).map(({ version, status, image }) => release(version, status, image));
    const { code, deploys } = await rollBack(
      {
        'releases --app catatlas-api --json': json(releases),
        'machine list --app catatlas-api --json': json([...machines].map((name) => machine(named(name)))),
      },
      [{}],
    );
    assert.deepEqual(imagesOf(deploys), expected, `${history}, ${machines}`);
    assert.equal(code, expected.length === 1 ? 0 : 1);
  }
});

test('back by hand: an image is known by its digest, whatever its tag', async () => {
  const digest = `@sha256:${'e'.repeat(64)}`;
  const { code, deploys } = await rollBack(
    {
      'releases --app catatlas-api --json': json([
        release(3, 'complete', `registry.fly.io/${app}:deployment-01J${digest}`),
        release(2, 'complete', newImage),
        release(1, 'complete', oldImage + digest),
      ]),
      'machine list --app catatlas-api --json': json([machine(`registry.fly.io/${app}:deployment-01J${digest}`)]),
    },
    [{}],
  );
  assert.equal(code, 1);
  assert.equal(deploys.length, 0);
});

test('back by hand: what cannot be proved is done all the same', async () => {
  const withoutK6 = await rollBack({});
  const withoutOrigin = await goBack('roll-back.ts', {}, [{}], ({ url }) => [
    '--app',
    app,
    '--url',
    url,
    '--origin',
    '',
  ]);
  const bare = await goBack('roll-back.ts', {}, [{}], () => ['--app', app]);
  for (const ended of [withoutK6, withoutOrigin, bare]) {
    assert.equal(ended.deploys.length, 1, ended.output);
    assert.equal(ended.code, 4);
    assert.match(ended.summary, /^outcome=not measured$/m);
  }
});

test('back by hand: failed, not passed, blind, and nobody knows where to', async () => {
  assert.equal((await rollBack({ deploy: [{ code: 1 }] }, [{}])).code, 3);
  assert.equal((await rollBack({}, [{ code: 99 }])).code, 3);
  assert.equal((await rollBack({}, [{ code: 107 }])).code, 4);
  for (const silent of ['releases --app catatlas-api --json', 'machine list --app catatlas-api --json']) {
    const { code, summary, deploys } = await rollBack({ [silent]: [{ code: 1 }] }, [{}]);
    assert.equal(code, 1);
    assert.match(summary, /^outcome=refused$/m);
    assert.equal(deploys.length, 0);
  }
});

test('back first, proof later: the second script looks at what the first one deployed', async () => {
  const back = await rollBack({}, [{}], '--proof', 'later', '--to', newImage);
  assert.equal(back.code, 0);
  assert.match(back.summary, /^outcome=back$/m);
  assert.equal(back.smokes.length, 0);
  const commit = /^commit=(.*)$/m.exec(back.summary)?.[1] ?? '';
  assert.equal(commit, newCommit);
  const prove = (k6: Step[] | undefined, from = origin) =>
    goBack('prove.ts', {}, k6, ({ url }) => [...['--url', url, '--origin', from, '--commit', commit, '--pause', '0']]);
  const proved = await prove([{ code: 99 }, {}]);
  assert.equal(proved.code, 0);
  assert.match(proved.summary, /^outcome=rolled back$/m);
  assert.deepEqual(
    proved.smokes.map(({ env }) => env['EXPECT_SHA']),
    [newCommit, newCommit],
  );
  assert.equal((await prove([{ code: 99 }])).code, 3);
  assert.equal((await prove(undefined)).code, 4);
  assert.equal((await prove([{}], '')).code, 4);
});

async function backUp(kind: string, fly: Script) {
  const stage = await setStage({ flyctl: fly });
  try {
    const options = ['--kind', kind, '--database', 'catatlas-db', '--name', 'ci-7-1', '--minutes', '0', '--pause', '0'];
    return { ...(await stage.run('back-up-database.ts', ...options)), calls: stage.calls() };
  } finally {
    await stage.close();
  }
}

test("a backup of unmanaged PostgreSQL counts when it is listed, whatever flyctl's exit code says", async () => {
  const made = { 'postgres backup create --app catatlas-db --name ci-7-1': [{}] };
  const list = (stdout: string): Script => ({ ...made, 'postgres backup list --app catatlas-db': [{ stdout }] });
  assert.equal((await backUp('unmanaged', list('ID | NAME | STATUS\n2026 | ci-7-1 | DONE\n'))).code, 0);
  // An older one whose name begins alike.
  assert.equal((await backUp('unmanaged', list('2026 | ci-7-12 | DONE\n'))).code, 1);
  assert.equal((await backUp('unmanaged', list('2026 | ci-7-1 | FAILED\n'))).code, 1);
  assert.equal((await backUp('unmanaged', list('Exit code: 1\n'))).code, 1);
  assert.equal((await backUp('unmanaged', { 'postgres backup create': [{ code: 1 }] })).code, 1);
});

test('a backup of Managed Postgres counts when the list calls it complete', async () => {
  const made = {
    'mpg backup create catatlas-db --type full': [{ stdout: 'Backup queued successfully!\n  ID: b-42\n' }],
  };
  const list = (stdout: string): Script => ({ ...made, 'mpg backup list catatlas-db --all --json': [{ stdout }] });
  assert.equal((await backUp('managed', list(JSON.stringify([{ id: 'b-42', status: 'completed' }])))).code, 0);
  assert.equal((await backUp('managed', list(JSON.stringify([{ id: 'b-42', status: 'queued' }])))).code, 1);
  assert.equal((await backUp('managed', list(JSON.stringify([{ id: 'b-42', status: 'failed' }])))).code, 1);
  assert.equal((await backUp('managed', list(JSON.stringify([{ id: 'b-41', status: 'completed' }])))).code, 1);
  assert.equal((await backUp('managed', list('No backups found for cluster catatlas-db\n'))).code, 1);
  assert.equal((await backUp('managed', { 'mpg backup create': [{ stdout: 'queued' }] })).code, 1);
});

test('what costs more than agreed is named; what is not known is not called cheap', async () => {
  const watch = async (step: Step) => {
    const stage = await setStage({ flyctl: { 'machine list --app catatlas-api --json': [step] } });
    try {
      const budget = new URL('../../deploy/budget.json', import.meta.url).pathname;
      return await stage.run('watch-cost.ts', '--app', app, '--budget', budget);
    } finally {
      await stage.close();
    }
  };
  const list = (machines: unknown): Step => ({ stdout: JSON.stringify(machines) });
  assert.equal((await watch(list([machine(oldImage)]))).code, 0);
  assert.equal((await watch({ code: 1 })).code, 4);
  const large = machine(oldImage, { id: 'd8902', region: 'nrt' });
  large.config.guest = { cpu_kind: 'performance', cpus: 2, memory_mb: 4096 };
  const { code, output } = await watch(list([machine(oldImage), large]));
  assert.equal(code, 1);
  for (const part of ['2 machines, 1 agreed', 'd8902 is in nrt', 'd8902 is a performance-cpu-2x', 'd8902 has 4096 MB'])
    assert.ok(output.includes(part), `${part} in ${output}`);
});
