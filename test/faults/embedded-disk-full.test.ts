// The disk of the embedded database is full. In a file of its own, because it takes root on Linux to have a disk that may be filled.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Entry } from '../../src/entries/schemas.ts';
import { clientOf } from '../harness/client.ts';
import { mountSmallDisk, type SmallDisk } from '../harness/small-disk.ts';
import { commandLine } from '../harness/target.ts';
import { type FakeSentry, startFakeSentry } from '../runtime/fake-sentry.ts';
import { openWorkshop, type Workshop } from '../runtime/process.ts';
import { assertUnavailable } from './watch.ts';

let workshop: Workshop;
let disk: SmallDisk;
let sentry: FakeSentry;

before(async () => {
  workshop = openWorkshop();
  disk = await mountSmallDisk(90, undefined);
  sentry = await startFakeSentry();
});
after(async () => {
  await workshop.close();
  await sentry.close();
  await disk.close();
});

const serve = () =>
  workshop.launch(['serve'], {
    env: {
      DATA_DIR: join(disk.mountPoint, 'cats'),
      SENTRY_DSN: sentry.dsn,
      SENTRY_TRACES_SAMPLE_RATE: '0',
      SHUTDOWN_DRAIN_SECONDS: '8',
    },
    program: disk.within(commandLine([]), undefined),
  });

/** Takes a quarter of a page: as long as it is small enough, an edit of it finds its place in the page it is on. */
const text = (name: string) =>
  `${name} ${Array.from({ length: 50 }, () => crypto.randomUUID()).join('')}`.slice(0, 1700);

/** PostgreSQL keeps files of its log for later use: they have room for megabytes, which a full disk does not take away. */
function removeSpareLogFiles(): void {
  const folder = join(disk.path, 'cats', 'postgres', 'pg_wal');
  const modified = (name: string) => statSync(join(folder, name)).mtimeMs;
  const files = readdirSync(folder).filter((name) => /^[0-9A-F]{24}$/.test(name));
  const [current = ''] = files.toSorted((a, b) => modified(b) - modified(a));
  for (const name of files) if (name > current) rmSync(join(folder, name));
}

test('no room for the write-ahead log: the engine stops and the program ends; room again: it starts with all that was acknowledged', async () => {
  const program = serve();
  await program.logged('ready');
  const call = clientOf(await program.url());
  const acknowledged = new Map<number, string>();
  const make = async (given: string) => {
    const { body } = await call<Entry>('POST', '/entries', { json: { text: given } });
    acknowledged.set(body.id, given);
    return body.id;
  };
  const edited = await make(text('first'));
  for (let count = 0; count < 10; count += 1) await make(`sighting ${count}`);
  removeSpareLogFiles();
  disk.fill();
  let attempts = 0;
  let unanswered: string | undefined;
  while (!program.log.some((line) => line['level'] === 'ERROR')) {
    assert.ok(attempts < 20_000, 'the engine found room on a full disk');
    attempts += 1;
    unanswered = text('edit');
    const answer = await call<Record<string, unknown>>('PATCH', `/entries/${edited}`, { json: { text: unanswered } });
    if (answer.status === 200) acknowledged.set(edited, unanswered);
    else assertUnavailable(answer);
  }

  for (const path of ['/entries', `/entries/${edited}`, '/cats']) {
    const answer = await call<Record<string, unknown>>('GET', path);
    assertUnavailable(answer);
    assert.match(String(answer.body['message']), /^The database has stopped/);
  }
  const { status, body } = await call<{ checks: Record<string, { ok: boolean; message: string }> }>(
    'GET',
    '/health/ready',
  );
  assert.equal(status, 503);
  assert.deepEqual(body.checks['database'], { ok: false, message: 'has stopped: this server ends' });
  assert.equal(body.checks['accepting']?.ok, false);
  assert.equal((await call('GET', '/health')).status, 200);

  const { code, stderr } = await program.ended();
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^catatlas: The embedded database has stopped: .*No space left.*make room on that disk and restart the program/,
  );
  const errors = program.log.filter((line) => line['level'] === 'ERROR');
  assert.deepEqual(
    errors.map(({ message }) => message),
    ['the embedded database has stopped, ending'],
  );
  assert.equal(program.log.at(-1)?.message, 'stopped');
  assert.equal(sentry.of('event').length, 1);
  assert.match(JSON.stringify(sentry.of('event')), /The embedded database has stopped/);
  assert.equal(existsSync(join(disk.path, 'cats.lock')), false);

  disk.fill();
  const early = await serve().ended();
  assert.equal(early.code, 1);
  assert.match(early.stderr, /cannot be kept in .*: the disk is full/);
  assert.deepEqual(
    readdirSync(disk.path).filter((name) => name.includes('.lock')),
    [],
    'a start that finds no room leaves nothing behind',
  );

  disk.free();
  const again = serve();
  await again.logged('ready');
  const restarted = clientOf(await again.url());
  const kept = new Map((await restarted<Entry[]>('GET', '/entries')).body.map((entry) => [entry.id, entry.text]));
  // What was answered with 503 may have been done.
  if (kept.get(edited) === unanswered) acknowledged.set(edited, String(unanswered));
  assert.deepEqual(new Map([...kept].toSorted(([a], [b]) => a - b)), acknowledged);
  assert.equal((await restarted('POST', '/entries', { json: { text: 'room again' } })).status, 200);
  again.signal('SIGTERM');
  assert.equal((await again.ended()).code, 0);
});
