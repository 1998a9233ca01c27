// The shell scripts that workflows call, with a flyctl and a gh that write down how they were called.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../harness/postgres.ts';
import { commandLine, root } from '../harness/target.ts';
import { type Script, setStage } from './fakes.ts';

const recipient = 'age18vj0qnt7xmyvhd9gz0rmutjkx8hksv5arvygrxgxtmznluat4u0sw68pzz';

async function fetchArchive(fly: Script, env: Record<string, string> = {}) {
  const stage = await setStage({ flyctl: fly });
  try {
    Object.assign(stage.env, { APP: 'catatlas-api', URL: stage.url, RECIPIENTS: recipient, RETRY_DELAY: '0', ...env });
    const ended = await stage.run('fetch-archive.sh', 'archive');
    const files = ended.code === 0 ? readdirSync(join(stage.folder, 'archive')).sort() : [];
    const read = (name = '') => readFileSync(join(stage.folder, 'archive', name), 'latin1');
    return { ...ended, files, contents: files.map(read), calls: stage.calls() };
  } finally {
    await stage.close();
  }
}

test('an archive is made and encrypted on the machine of the app, and arrives byte for byte', async () => {
  const bytes = `age-encryption.org/v1\n${String.fromCharCode(0, 10, 13, 127)}`;
  const { code, output, files, contents, calls } = await fetchArchive({ ssh: [{ stdout: bytes }] });
  assert.equal(code, 0, output);
  assert.equal(files.length, 2);
  assert.match(files[1] ?? '', /^catatlas-\d{4}-\d\d-\d\dT\d{6}Z\.age$/);
  assert.equal(contents[1], bytes);
  assert.match(contents[0] ?? '', new RegExp(`^[0-9a-f]{64}  ${files[1]}\\n$`));
  assert.deepEqual(
    calls.map(({ args }) => args),
    [
      [
        'ssh',
        'console',
        '--app',
        'catatlas-api',
        '--quiet',
        '--command',
        `/app/catatlas backup create - --recipient ${recipient}`,
      ],
    ],
  );
});

test('recipients may stand with spaces and line breaks, as people write lists', async () => {
  const bytes = 'age-encryption.org/v1\n';
  for (const list of ['age1a, age1b', 'age1a age1b', ' age1a,\nage1b,\n']) {
    const { code, output, calls } = await fetchArchive({ ssh: [{ stdout: bytes }] }, { RECIPIENTS: list });
    assert.equal(code, 0, output);
    assert.match(calls[0]?.args.at(-1) ?? '', / --recipient age1a,age1b$/);
  }
});

test('no archive: the command fails, what comes is none, the app does not wake, nobody could open it', async () => {
  assert.notEqual((await fetchArchive({ ssh: [{ code: 1 }] })).code, 0);
  const words = await fetchArchive({ ssh: [{ stdout: 'Error: app catatlas-api has no started VMs.\n' }] });
  assert.equal(words.code, 1);
  assert.match(words.output, /not an encrypted archive.*\n.*no started VMs/);
  for (const wrong of ['', ' , ', 'AGE-SECRET-KEY-1QQQ', 'age1x; rm -rf /', 'nobody', `${recipient}, nobody`]) {
    const refused = await fetchArchive({ ssh: [{}] }, { RECIPIENTS: wrong });
    assert.notEqual(refused.code, 0, `RECIPIENTS=${wrong}`);
    assert.deepEqual(refused.calls, []);
  }
});

test('people are told once: an issue that is open gets a comment', async () => {
  const tell = async (list: string) => {
    const stage = await setStage({
      gh: { 'issue list': [{ stdout: list }], 'issue create': [{}], 'issue comment': [{}] },
    });
    try {
      stage.env['GITHUB_REPOSITORY'] = 'o/r';
      const { code } = await stage.run('open-issue.sh', 'The "backup" fails', 'drill failure');
      return { code, calls: stage.calls().map(({ args }) => args) };
    } finally {
      await stage.close();
    }
  };
  const first = await tell('');
  assert.equal(first.code, 0);
  const list = JSON.stringify([
    { number: 7, title: 'The backup fails' },
    { number: 42, title: 'The "backup" fails' },
  ]);
  // What gh does with its option --jq.
  const pick = (input: string) =>
    execFileSync('jq', ['--raw-output', first.calls[0]?.at(-1) ?? ''], { input, encoding: 'utf8' });
  assert.deepEqual([pick(list), pick('[]')], ['42\n', '']);
  assert.deepEqual(first.calls[1]?.slice(0, 2), ['issue', 'create']);
  const again = await tell('42\n');
  assert.deepEqual(again.calls[1]?.slice(0, 3), ['issue', 'comment', '42']);
});

test('the executable does what a release is tried with', async () => {
  const [binary] = commandLine([], 'binary');
  const env = { ...process.env, PORT: String(await freePort()) };
  const output = execFileSync(join(root, 'scripts/deploy/try-binary.sh'), [binary], { encoding: 'utf8', env });
  assert.match(output, /"nickname":"Smokey"/);
  assert.match(output, /works$/m);
  assert.throws(() =>
    execFileSync(join(root, 'scripts/deploy/try-binary.sh'), [binary, 'f'.repeat(40)], { stdio: 'pipe' }),
  );
});

test('tidying up after the executable decides nothing: neither a folder that stays nor a server that does not end by itself', async () => {
  const [binary] = commandLine([], 'binary');
  const folder = mkdtempSync(join(tmpdir(), 'catatlas-tidy-'));
  try {
    // As on Windows: nothing is sent a signal, and a file in use cannot be removed.
    for (const [name, text] of [
      ['uname', 'echo MINGW64_NT-10.0'],
      ['rm', 'echo "rm: Device or resource busy" >&2; exit 1'],
    ] as const)
      writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    const output = execFileSync(join(root, 'scripts/deploy/try-binary.sh'), [binary], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${folder}:${process.env['PATH']}`, TMPDIR: folder, PORT: String(await freePort()) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    assert.match(output, /works$/m);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('.ci/install installs what is missing, and nothing else', async () => {
  const script = readFileSync(join(root, '.ci/install'), 'utf8');
  // Up to where it would install something on this machine.
  const part = /^packages=\(\)$.*?^(?=if )/ms.exec(script)?.[0] ?? assert.fail('where are the packages?');
  const needs = [...part.matchAll(/^need ([\w-]+) (\S+)$/gm)].map(([, command = '', name = '']) => ({ command, name }));
  const commands = needs.map(({ command }) => command);
  assert.ok(commands.length >= 5);
  /** What is to be installed on a machine that has these commands and no others. PostgreSQL is looked for among the files of this one. */
  const missing = async (there: readonly string[], env: Record<string, string> = {}) => {
    const stage = await setStage(Object.fromEntries(there.map((name) => [name, {}])));
    try {
      const output = execFileSync('/bin/bash', ['-c', `set -euo pipefail\n${part}\necho "$CHROMIUM \${packages[*]}"`], {
        env: { PATH: stage.bin, ...env },
        encoding: 'utf8',
      });
      const [browser = '', ...packages] = output.trim().split(' ');
      return { browser: browser.split('/').at(-1), packages: packages.filter((name) => name !== 'postgresql') };
    } finally {
      await stage.close();
    }
  };
  assert.deepEqual(await missing([...commands, 'chromium']), { browser: 'chromium', packages: [] });
  assert.deepEqual(await missing([...commands, 'google-chrome']), { browser: 'google-chrome', packages: [] });
  assert.deepEqual((await missing(commands.filter((name) => name !== 'jq').concat('chromium'))).packages, ['jq']);
  assert.deepEqual((await missing([], { CHROMIUM: '/nowhere/chromium' })).packages, [
    ...needs.map(({ name }) => name),
    'chromium',
  ]);
});
