// Clusters are several servers in one folder: none of them may outlive the tests, however these end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { root } from '../harness/target.ts';
import { eventually } from '../runtime/process.ts';

test('servers of a killed test are ended, a frozen one too, and their folder is removed', async () => {
  // Stands for a test. The parents of its servers are its own; the one of a server that is a shell has a child.
  const script = `
    import { makeServerFolder, spawnServer } from '${root}test/harness/debian.ts';
    import { spawnGuard } from '${root}test/harness/postgres.ts';
    const { folder, owner } = makeServerFolder('guarded');
    const names = ['first', 'second', 'third'];
    spawnGuard(folder, ['absent.pid', ...names.map((name) => name + '.pid')], owner);
    const pids = names.map((name) =>
      spawnServer({ name, folder, owner, program: '/bin/sh', args: ['-c', 'sleep 600; true'] }).pid);
    process.kill(pids[1], 'SIGSTOP');
    console.log(JSON.stringify({ folder, pids }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const { folder, pids } = JSON.parse(line) as { folder: string; pids: number[] };
  for (const pid of pids) assert.ok(existsSync(`/proc/${pid}`));
  child.kill('SIGKILL');
  await eventually('the servers are gone', () => (pids.some((pid) => existsSync(`/proc/${pid}`)) ? undefined : true));
  await eventually('the folder is gone', () => (existsSync(folder) ? undefined : true));
});
