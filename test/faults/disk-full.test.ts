// The disk of the database is full. In a file of its own, because it takes root on Linux to have a disk that may be filled.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import postgres from 'postgres';
import type { Entry } from '../../src/entries/schemas.ts';
import { type Answer, type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, serverUser, startPostgres } from '../harness/postgres.ts';
import { mountSmallDisk, type SmallDisk } from '../harness/small-disk.ts';
import { eventually, openWorkshop, type Program, type Workshop } from '../runtime/process.ts';
import { assertUnavailable, timed, watchHealth } from './watch.ts';

let workshop: Workshop;
let disk: SmallDisk;
let server: RunningPostgres;
let outside: postgres.Sql;
let program: Program;
let call: Client;
let health: ReturnType<typeof watchHealth> | undefined;

before(async () => {
  workshop = openWorkshop();
  disk = await mountSmallDisk(160, serverUser());
  // No stock of files of the write-ahead log: each new one takes 16 MB. And what is acknowledged is in it.
  server = await startPostgres({ version: 18, disk, settings: { wal_recycle: 'off', synchronous_commit: 'on' } });
  outside = postgres(server.url, { max: 1, onnotice: () => {} });
  const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'true' };
  program = workshop.launch(['serve'], { env });
  await program.logged('ready');
  call = clientOf(await program.url());
  assert.equal((await write()).status, 200);
});
afterEach(async () => {
  await health?.stop();
});
after(async () => {
  await workshop.close();
  await outside.end({ timeout: 1 });
  await server.stop();
  await disk.close();
});

/** A sighting that takes a page of its own: a small one may find room in a page that is there. */
const write = () => {
  const text = Array.from({ length: 200 }, () => crypto.randomUUID().slice(0, 24)).join('');
  return call<Record<string, unknown>>('POST', '/entries', { json: { text } });
};
const read = () => call<Entry[]>('GET', '/entries');

/** The next thing that is written begins a new file of the write-ahead log. */
const endLogFile = () => outside`select pg_switch_wal()`;

async function heals(): Promise<void> {
  await eventually('writes work', async () => (await write()).status === 200 || undefined);
  for (const { status, text } of await Promise.all(
    Array.from({ length: 20 }, (_, index) => (index % 2 ? write() : read())),
  ))
    assert.equal(status, 200, text);
  assert.equal((await call('GET', '/health/ready')).status, 200);
  assert.equal(program.over(), false);
}

const causes = () =>
  program.log
    .filter(({ message }) => message === 'request could not be served')
    .map((line) => (line['cause'] as { code?: string }).code);

test('no room for data: writes are 503, reads go on; room again: writes work', async () => {
  await endLogFile();
  assert.equal((await write()).status, 200);
  health = watchHealth(call);
  disk.fill();
  const acknowledged: number[] = [];
  let refused: Answer<Record<string, unknown>> | undefined;
  // The first ones may fit into what the table has left.
  for (let count = 0; count < 50 && refused === undefined; count += 1) {
    const answer = await write();
    if (answer.status === 200) acknowledged.push(Number(answer.body['id']));
    else refused = answer;
  }
  assert.ok(refused, 'fifty sightings found room on a full disk');
  assertUnavailable(refused);
  for (const answer of await Promise.all(Array.from({ length: 10 }, write))) assertUnavailable(answer);
  const logged = await eventually('each refusal is in the log', () => (causes().length >= 11 ? causes() : undefined));
  assert.deepEqual([...new Set(logged)], ['53100']);
  const { body } = await read();
  for (const id of acknowledged) assert.ok(body.some((entry) => entry.id === id));
  assert.equal((await call('GET', '/health/ready')).status, 200);
  disk.free();
  await heals();
});

test('no room for the write-ahead log: PostgreSQL itself goes down; room again: all works', async () => {
  health = watchHealth(call);
  const { length } = (await read()).body;
  disk.fill();
  const acknowledged: number[] = [];
  await endLogFile();
  await eventually('PostgreSQL goes down', async () => {
    const { answer, milliseconds } = await timed(write());
    assert.ok(milliseconds < 2000, `${milliseconds} ms`);
    if (answer.status === 200) acknowledged.push(Number(answer.body['id']));
    else assertUnavailable(answer);
    return server.over() || undefined;
  });
  for (const work of [write(), read()]) {
    const { answer, milliseconds } = await timed<unknown>(work);
    assertUnavailable(answer as Answer<Record<string, unknown>>);
    assert.ok(milliseconds < 2000, `${milliseconds} ms`);
  }
  disk.free();
  await server.restart();
  await heals();
  const { body } = await read();
  assert.ok(body.length > length);
  for (const id of acknowledged)
    assert.ok(
      body.some((entry) => entry.id === id),
      `the sighting ${id} was acknowledged`,
    );
});
