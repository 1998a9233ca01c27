// The disk that outputs go to is full. In a file of its own, because it takes root on Linux to have a disk that may be filled.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { clientOf } from '../harness/client.ts';
import { freePort } from '../harness/postgres.ts';
import { mountSmallDisk, type SmallDisk } from '../harness/small-disk.ts';
import { commandLine } from '../harness/target.ts';
import { eventually, openWorkshop, type Workshop } from '../runtime/process.ts';
import { watchHealth } from './watch.ts';

let workshop: Workshop;
let disk: SmallDisk;

before(async () => {
  workshop = openWorkshop();
  disk = await mountSmallDisk(1, undefined);
});
after(async () => {
  await workshop.close();
  await disk.close();
});

test('no room for its log: a server goes on, and says so; room again: it says how much was lost', async () => {
  const port = await freePort();
  const into = ['sh', '-c', `exec "$@" > '${disk.mountPoint}/log'`, 'sh', ...commandLine([])];
  const program = workshop.launch(['serve'], {
    env: { DATA_DIR: join(workshop.folder, 'data'), PORT: String(port) },
    program: disk.within(into, undefined),
  });
  const call = clientOf(`http://127.0.0.1:${port}`);
  const get = async (path: string) => (await call('GET', path).catch(() => undefined))?.status;
  await eventually('it is ready', async () => (await get('/health/ready')) === 200 || undefined, 60_000);
  const health = watchHealth(call);

  disk.fill();
  await eventually('the log is full', async () => {
    // A line each.
    assert.equal(await get('/version'), 200);
    return program.output() !== '' || undefined;
  });
  for (let count = 0; count < 20; count += 1) assert.equal(await get('/version'), 200);
  assert.equal(program.output(), 'catatlas: standard output: the disk is full. What is written there is lost.\n');

  disk.free();
  assert.equal(await get('/version'), 200);
  await program.wrote(/^catatlas: standard output can be written again\. \d+ lines were lost\.$/m);
  assert.ok(Number(/(\d+) lines/.exec(program.output())?.[1]) > 20, program.output());
  await health.stop();
  program.signal('SIGTERM');
  const { code, stderr } = await program.ended();
  assert.equal(code, 1, 'some of its log is lost');
  assert.equal(stderr.split('\n').length, 3, stderr);
  const broken = readFileSync(join(disk.path, 'log'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !(line.startsWith('{"time"') && line.endsWith('}')));
  assert.ok(broken.length <= 1, `only the line that found no room is cut off: ${broken}`);
  assert.match(readFileSync(join(disk.path, 'log'), 'utf8'), /"message":"stopped"\}\n$/);
});

test('no room for an archive: a message, exit code 1, and nothing is left', async () => {
  const env = { DATA_DIR: join(workshop.folder, 'data') };
  const there = readdirSync(disk.path);
  disk.fill();
  const file = join(disk.mountPoint, 'cats.tar');
  const program = disk.within(commandLine([]), undefined);
  const { code, stdout, stderr } = await workshop.run(['backup', 'create', file], { env, program });
  assert.deepEqual({ code, stdout, stderr }, { code: 1, stdout: '', stderr: `catatlas: ${file}: the disk is full\n` });
  disk.free();
  assert.deepEqual(readdirSync(disk.path), there);
});
