// Steps of workflows, run as a runner runs them, with programs that write down how they were called.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Script, type Stage, setStage } from './fakes.ts';

const index = `ghcr.io/owner/repo@sha256:${'1'.repeat(64)}`;
const amd64 = `sha256:${'a'.repeat(64)}`;
const arm64 = `sha256:${'b'.repeat(64)}`;
const commit = 'b'.repeat(40);
const run = 'https://github.com/Owner/Repo/actions/runs/7';

/** What a registry says about an image for two architectures with what is attested of each. */
const manifest = (...more: object[]) => ({
  stdout: JSON.stringify({
    manifests: [
      { digest: amd64, platform: { os: 'linux', architecture: 'amd64' } },
      { digest: arm64, platform: { os: 'linux', architecture: 'arm64' } },
      { digest: `sha256:${'c'.repeat(64)}`, platform: { os: 'unknown', architecture: 'unknown' } },
      ...more,
    ],
  }),
});

async function onStage<Result>(programs: Record<string, Script>, act: (stage: Stage) => Promise<Result>) {
  const stage = await setStage(programs);
  try {
    const result = await act(stage);
    return { ...result, calls: stage.calls() };
  } finally {
    await stage.close();
  }
}

const issues: Script = { 'issue list': [{}], 'issue create': [{}] };
/** Title and text of the issue that was opened; undefined when none was. */
const issueOf = (calls: { program: string; args: string[] }[]) => {
  const call = calls.find(({ program, args }) => program === 'gh' && args[1] === 'create');
  const option = (name: string) => call?.args[call.args.indexOf(name) + 1] ?? '';
  return call && { title: option('--title'), text: option('--body') };
};

test('building the image: both architectures, all labels, the commit, and the digest of what was pushed', async () => {
  const build = (metadata: object) =>
    onStage({ docker: { login: [{}], 'buildx build': [{}] } }, (stage) => {
      writeFileSync(join(stage.temporary, 'metadata.json'), JSON.stringify(metadata));
      return stage.runStep('deploy.yml', 'image', 'Build for both architectures, and push', { GITHUB_TOKEN: 'token' });
    });
  const unknown = await build({});
  assert.deepEqual([unknown.code === 0, unknown.summary], [false, '']);
  const { code, output, summary, calls } = await build({ 'containerimage.digest': amd64 });
  assert.equal(code, 0, output);
  assert.equal(summary, `name=ghcr.io/owner/repo\ndigest=${amd64}\n`);
  const args = calls.find(({ args: [first] }) => first === 'buildx')?.args ?? [];
  const values = (option: string) => args.flatMap((one, at) => (args[at - 1] === option ? [one] : []));
  const labels = Object.fromEntries(values('--label').map((label) => label.split(/=(.*)/)));
  const { version } = await import('../../package.json');
  assert.deepEqual(
    Object.keys(labels)
      .map((name) => name.replace('org.opencontainers.image.', ''))
      .sort(),
    ['created', 'source', 'url', 'version'],
  );
  assert.equal(labels['org.opencontainers.image.version'], version);
  assert.equal(labels['org.opencontainers.image.source'], 'https://github.com/Owner/Repo');
  const built = Object.fromEntries(values('--build-arg').map((argument) => argument.split('=')));
  assert.match(built['BUILD_COMMIT'] ?? '', /^[0-9a-f]{40}$/);
  assert.equal(Date.parse(labels['org.opencontainers.image.created'] ?? ''), Number(built['SOURCE_DATE_EPOCH']) * 1000);
  assert.deepEqual(values('--platform'), ['linux/amd64,linux/arm64']);
  assert.deepEqual(values('--tag'), [`ghcr.io/owner/repo:sha-${commit}`]);
  assert.ok(args.includes('--push'));
});

test('what is tried is what was pushed for the architecture, by its digest', async () => {
  const which = (architecture: string, ...more: object[]) =>
    onStage({ docker: { login: [{}], 'buildx imagetools inspect --raw': [manifest(...more)] } }, (stage) =>
      stage.runStep('deploy.yml', 'try', 'What was pushed for this architecture', {
        GITHUB_TOKEN: 'token',
        IMAGE: index,
        ARCHITECTURE: architecture,
      }),
    );
  assert.match((await which('arm64')).summary, new RegExp(`^image=ghcr.io/owner/repo@${arm64}$`, 'm'));
  // Not there, and there twice.
  for (const ended of [
    await which('riscv64'),
    await which('amd64', { digest: arm64, platform: { os: 'linux', architecture: 'amd64' } }),
  ]) {
    assert.notEqual(ended.code, 0);
    assert.doesNotMatch(ended.summary, /image=/);
  }
});

test('what is deployed is what was tried, by its digest, and has the commit in its tag', async () => {
  const copy = (copied: string, fly: Script = { 'auth docker': [{}] }) =>
    onStage(
      {
        flyctl: fly,
        docker: {
          'buildx imagetools inspect --raw': [manifest()],
          'buildx imagetools create': [{ stdout: 'pushed\n' }],
          'buildx imagetools inspect --format {{json .Manifest}}': [{ stdout: JSON.stringify({ digest: copied }) }],
        },
      },
      (stage) =>
        stage.runStep('deploy.yml', 'ship', 'Copy it to the registry of Fly.io, which cannot pull from a private one', {
          APP: 'catatlas-api',
          URL: '',
          ORIGIN: '',
          FLY_API_TOKEN: 'the token',
          IMAGE: index,
        }),
    );
  const target = `registry.fly.io/catatlas-api:sha-${commit}`;
  const { code, summary, output, calls } = await copy(amd64);
  assert.equal(code, 0, output);
  assert.equal(summary, `image=${target}@${amd64}\n`);
  assert.deepEqual(calls.find(({ args }) => args[2] === 'create')?.args.slice(3), [
    ...['--prefer-index=false', '--tag', target],
    `ghcr.io/owner/repo@${amd64}`,
  ]);
  for (const ended of [await copy(arm64), await copy(amd64, { 'auth docker': [{ code: 1 }] })]) {
    assert.notEqual(ended.code, 0);
    assert.equal(ended.summary, '');
  }
});

test('an image is looked up and copied by digest only', async () => {
  for (const image of ['ghcr.io/owner/repo:main', 'ghcr.io/owner/repo']) {
    const { code, calls } = await onStage({}, (stage) => stage.run('platform-image.sh', image, 'amd64'));
    assert.equal(code, 2);
    assert.deepEqual(calls, []);
  }
});

test('a deployment that fails opens an issue that says how it ended', async () => {
  const report = (env: Record<string, string>) =>
    onStage({ gh: issues }, (stage) =>
      stage.runStep('deploy.yml', 'report', 'Tell people', { GH_TOKEN: 'token', ...env }),
    );
  const { code, calls } = await report({ RESULTS: 'checks success, ship failure', OUTCOME: 'reverted' });
  assert.equal(code, 0);
  const issue = issueOf(calls);
  assert.equal(issue?.title, 'The deployment fails');
  for (const part of ['reverted', 'ship failure', commit, run]) assert.ok(issue?.text.includes(part), issue?.text);
});

test('a backup: heartbeat when all is well, an issue when it is not, and when nobody hears the heartbeat', async () => {
  const report = (results: string, heartbeat: string, curl: Script = { '--silent': [{}] }) =>
    onStage({ gh: issues, curl }, (stage) =>
      stage.runStep('backup.yml', 'report', 'Sign of life, or an issue', {
        GH_TOKEN: 'token',
        HEARTBEAT_URL: heartbeat,
        RESULTS: results,
      }),
    );
  const beats = (calls: { program: string; args: string[] }[]) =>
    calls.filter(({ program }) => program === 'curl').map(({ args }) => args.at(-1));
  const url = 'https://watchdog.example/beat';
  for (const results of [
    'provider success, archive success, drill success',
    'provider skipped, archive success, drill success',
  ]) {
    const well = await report(results, url);
    assert.deepEqual([well.code, beats(well.calls), issueOf(well.calls)], [0, [url], undefined]);
    const unwatched = await report(results, '');
    assert.deepEqual([unwatched.code, beats(unwatched.calls), issueOf(unwatched.calls)], [0, [], undefined]);
    const deaf = await report(results, url, { '--silent': [{ code: 22 }] });
    assert.notEqual(deaf.code, 0);
    assert.match(issueOf(deaf.calls)?.title ?? '', /watchdog/);
  }
  for (const results of [
    'provider failure, archive success, drill success',
    'provider skipped, archive cancelled, drill skipped',
    'provider success, archive success, drill failure',
    'provider success, archive success, drill skipped',
  ]) {
    const ill = await report(results, url);
    assert.notEqual(ill.code, 0);
    assert.deepEqual(beats(ill.calls), []);
    assert.equal(issueOf(ill.calls)?.title, 'The backup fails');
    assert.ok(issueOf(ill.calls)?.text.includes(results));
  }
});

test('the cost: red, and an issue with what was found or why nothing was', async () => {
  const guest = { cpu_kind: 'shared', cpus: 1, memory_mb: 256 };
  const machines = (count: number, memory_mb = 256) => ({
    stdout: JSON.stringify(
      Array.from({ length: count }, (_, at) => ({
        id: `d${at}`,
        state: 'started',
        region: 'iad',
        config: { guest: { ...guest, memory_mb } },
      })),
    ),
  });
  const watch = (app: Script[string][number], database: Script[string][number], name = 'catatlas-db') =>
    onStage(
      {
        gh: issues,
        flyctl: { 'machine list --app catatlas-api': [app], 'machine list --app catatlas-db': [database] },
      },
      async (stage) => {
        const env = { FLY_API_TOKEN: 'the token', APP: 'catatlas-api', DATABASE: name };
        const counted = await stage.runStep('cost.yml', 'watch', 'Count', env);
        const code = /^code=(.*)$/m.exec(counted.summary)?.[1] ?? '';
        if (counted.code !== 0)
          await stage.runStep('cost.yml', 'watch', 'Tell people', { GH_TOKEN: 'token', CODE: code });
        return { code: counted.code, said: code };
      },
    );
  for (const well of [await watch(machines(1), machines(1, 512)), await watch(machines(1), { code: 1 }, '')]) {
    assert.deepEqual([well.code, well.said, issueOf(well.calls)], [0, '0', undefined]);
  }
  for (const [more, text] of [
    [await watch(machines(2), machines(1, 512)), 'catatlas-api: 2 machines, 1 agreed'],
    [await watch(machines(1), machines(1, 1024)), 'catatlas-db: machine d0 has 1024 MB, agreed: 512'],
    [await watch(machines(2), { code: 1 }), 'catatlas-api: 2 machines, 1 agreed'],
  ] as const) {
    assert.equal(more.code, 1);
    const issue = issueOf(more.calls);
    assert.equal(issue?.title, 'Fly.io costs more than agreed');
    for (const part of [text, 'Exit code 1', run]) assert.ok(issue?.text.includes(part), issue?.text);
  }
  for (const unknown of [await watch({ code: 1 }, machines(1, 512)), await watch(machines(1), { code: 1 })]) {
    assert.equal(unknown.code, 4);
    const issue = issueOf(unknown.calls);
    assert.match(issue?.title ?? '', /not known/);
    assert.match(issue?.text ?? '', /Exit code 4.*flyctl machine list.*exit code 1/s);
  }
  // Nothing was counted: the token, the network, Bun.
  const { calls } = await onStage({ gh: issues }, (stage) =>
    stage.runStep('cost.yml', 'watch', 'Tell people', { GH_TOKEN: 'token', CODE: 'none' }),
  );
  assert.match(issueOf(calls)?.text ?? '', /not even counted/);
});

test('a token of going back that is no longer good is told before it is needed', async () => {
  const look = (step: Script[string][number]) =>
    onStage({ gh: issues, flyctl: { 'releases --app catatlas-api': [step] } }, async (stage) => {
      const env = { FLY_API_TOKEN: 'the token', APP: 'catatlas-api' };
      const { code } = await stage.runStep('way-back.yml', 'token', 'What it could go back to', env);
      if (code !== 0) await stage.runStep('way-back.yml', 'token', 'Tell people', { GH_TOKEN: 'token' });
      return { code };
    });
  const good = await look({});
  assert.deepEqual([good.code, issueOf(good.calls)], [0, undefined]);
  const expired = await look({ code: 1 });
  assert.equal(expired.code, 1);
  assert.equal(issueOf(expired.calls)?.title, 'Going back would fail');
  assert.ok(issueOf(expired.calls)?.text.includes(run));
});

test('a deployment looks whether there is a backup, and stops for none', async () => {
  const look = (step: Script[string][number]) =>
    onStage({ gh: { 'run list': [step] } }, (stage) =>
      stage.runStep('deploy.yml', 'ship', 'Is there a backup?', {
        GH_TOKEN: 'token',
        APP: '',
        URL: '',
        ORIGIN: '',
      }),
    );
  const daysAgo = (days: number) => `${new Date(Date.now() - days * 86_400_000).toISOString()}\n`;
  const fresh = await look({ stdout: daysAgo(7.9) });
  assert.equal(fresh.code, 0);
  assert.doesNotMatch(fresh.output + fresh.summary, /warning|ago/);
  assert.match(fresh.calls[0]?.args.join(' ') ?? '', /--workflow backup\.yml --status success --limit 1/);
  for (const [step, text] of [
    [{ stdout: daysAgo(8.1) }, /more than 8 days ago/],
    [{ stdout: '' }, /no proved backup/],
    [{ code: 1 }, /not known/],
  ] as const) {
    const { code, output, summary } = await look(step);
    assert.equal(code, 0);
    assert.match(output, /^::warning /m);
    assert.match(summary, text);
  }
});
