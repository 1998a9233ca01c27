import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasEnded } from '../../test/harness/postgres.ts';
import { eventually } from '../../test/runtime/process.ts';
import { lastOf, runCommand, withoutPassed } from './command.ts';

const shell = (script: string, env: Record<string, string> = {}) => ({
  name: 'test',
  command: ['/bin/sh', '-c', script] as const,
  env,
  seconds: 1,
  load: 1,
});

/** What wrote its process id has been killed; the kernel takes a moment. */
async function assertEnds(output: string): Promise<void> {
  const pid = Number(/pid (\d+)/.exec(output)?.[1] ?? assert.fail(output));
  await eventually(`process ${pid} has ended`, () => (hasEnded(pid) ? true : undefined));
}

test('a command that ends well has its output of both kinds, and its environment', async () => {
  const { passed, output } = await runCommand(shell('echo "$WORD"; echo there >&2', { WORD: 'here' }));
  assert.deepEqual([passed, output.split('\n').filter(Boolean).sort()], [true, ['here', 'there']]);
});

test('a command that ends badly, is killed or cannot be started has failed, and the output says how', async () => {
  const outcomes = await Promise.all([
    runCommand(shell('exit 3')),
    runCommand(shell('kill -TERM $$')),
    runCommand({ ...shell(''), command: ['/nowhere/program'] }),
  ]);
  assert.deepEqual(
    outcomes.map(({ passed }) => passed),
    [false, false, false],
  );
  assert.match(outcomes[0].output, /exit code 3/);
  assert.match(outcomes[1].output, /SIGTERM/);
  assert.match(outcomes[2].output, /cannot be started/);
});

test('a command that does not end is killed with everything it has started', async () => {
  const { passed, output } = await runCommand(shell('sleep 600 & echo "pid $!"; wait'), 3000);
  assert.equal(passed, false);
  assert.match(output, /did not end within/);
  await assertEnds(output);
});

test('what a command leaves running is ended, and does not hold it up', async () => {
  const { passed, output, seconds } = await runCommand(shell('sleep 600 & echo "pid $!"'));
  assert.equal(passed, true);
  assert.ok(seconds < 60);
  await assertEnds(output);
});

test('a command has nothing to read', async () => {
  assert.equal((await runCommand(shell('! read line'))).passed, true);
});

test('processor time is that of the command and of all that it has waited for', async () => {
  const { processorSeconds } = await runCommand(
    shell('( n=0; while [ "$n" -lt 200000 ]; do n=$((n + 1)); done ); sleep 0.1'),
  );
  assert.ok(processorSeconds > 0.01, `${processorSeconds}`);
});

test('of the output of a test runner the lines of tests that passed are left out', () => {
  const output =
    'a.test.ts:\n(pass) one [1.00ms]\n\u001b[31m(fail) two [1.00ms]\u001b[0m\nthree ... ok (3ms)\n 1 fail\n';
  assert.equal(withoutPassed(output), 'a.test.ts:\n(fail) two [1.00ms]\n 1 fail');
  const many = Array.from({ length: 200 }, (_, line) => `line ${line}`).join('\n');
  assert.match(lastOf(many), /^line 140\n[\s\S]*line 199$/);
});
