// A server on a hot standby made with streaming replication: it never migrates, it reads, and it may be promoted.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Entry } from '../../src/entries/schemas.ts';
import type { ReadinessReport } from '../../src/health/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { type Standby, startStandby } from '../harness/standby.ts';
import { lastVersion, laterFile, makeVariant, migrationFileNames, type Variant } from '../harness/variant.ts';
import { eventually, openWorkshop, type Program, type Workshop } from '../runtime/process.ts';
import { addColour } from './files.ts';
import { doneOf, historyOf } from './inspection.ts';

const column = laterFile('add_colour');

let workshop: Workshop;
let newer: Variant;
before(async () => {
  workshop = openWorkshop();
  newer = await makeVariant({
    version: '1.1.0',
    migrations: {
      [column]: addColour,
    },
  });
});
after(async () => {
  await workshop.close();
  newer.dispose();
});

const environment = (url: string) => ({ DATABASE_URL: url, DEBUG: 'true' });

async function assertWritesAreRefused(call: Client): Promise<void> {
  const answer = await call('POST', '/entries', { json: { text: 'on a replica' } });
  assert.equal(answer.status, 503, answer.text);
  assert.equal(answer.body['code'], 'DATABASE_READ_ONLY');
  assert.equal(answer.body['retryable'], true);
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
}

const readiness = (call: Client) => call<ReadinessReport>('GET', '/health/ready');

const becomesReady = (call: Client) =>
  eventually('/health/ready is 200', async () => ((await readiness(call)).status === 200 ? true : undefined));

const textsOf = async (call: Client) => (await call<Entry[]>('GET', '/entries')).body.map(({ text }) => text);

function assertNeverMigrated(program: Program): void {
  assert.deepEqual(
    program.log.filter(({ message }) => message === 'migration applied'),
    [],
  );
}

for (const version of testedVersions) {
  describe(`a standby of PostgreSQL ${version}`, () => {
    let primary: RunningPostgres;
    let standby: Standby;
    /** The database on the primary. */
    let url: string;
    before(async () => {
      primary = await startPostgres({ version });
      standby = await startStandby(primary);
      url = await primary.createDatabase();
      await standby.caughtUp();
    });
    after(async () => {
      await standby?.stop();
      await primary.stop();
    });

    const serve = (databaseUrl: string, program?: Variant['program'], more: Record<string, string> = {}) =>
      workshop.launch(['serve'], { env: { ...environment(databaseUrl), ...more }, program });

    const migrate = async (databaseUrl: string, program?: Variant['program']) =>
      await workshop.run(['migrate', 'up'], { env: environment(databaseUrl), program });

    async function assertWaits(program: Program, waits: RegExp): Promise<Client> {
      const call = clientOf(await program.url());
      await eventually('it says what it waits for', async () => {
        const { status, body } = await readiness(call);
        assert.equal(status, 503);
        return waits.test(body.checks.schema.message) ? true : undefined;
      });
      const answer = await call('GET', '/entries');
      assert.deepEqual([answer.status, answer.body['code']], [503, 'NOT_READY']);
      assert.equal((await call('GET', '/health/live')).status, 200);
      return call;
    }

    test('that is empty: the server waits for the primary to be migrated, then serves reads', async () => {
      const program = serve(standby.url(url));
      const call = await assertWaits(program, new RegExp(`version 0 of ${lastVersion}, waiting for the primary`));
      const { code, stderr } = await migrate(url);
      assert.equal(code, 0, stderr);
      await becomesReady(call);
      assert.deepEqual(await textsOf(call), []);
      await assertWritesAreRefused(call);
      assertNeverMigrated(program);
      await program.kill();
    });

    test('that is current: ready at once, reads what the primary writes, writes are 503', async () => {
      const writer = serve(url);
      await writer.logged('ready');
      const write = clientOf(await writer.url());
      const { body: entry } = await write<Entry>('POST', '/entries', { json: { text: 'on the primary' } });
      await standby.caughtUp();

      const program = serve(standby.url(url));
      await program.logged('ready');
      const call = clientOf(await program.url());
      assert.equal((await readiness(call)).status, 200);
      assert.deepEqual(await textsOf(call), ['on the primary']);
      await assertWritesAreRefused(call);
      const edited = await call('PATCH', `/entries/${entry.id}`, { json: { text: 'edited' } });
      assert.deepEqual([edited.status, edited.body['code']], [503, 'DATABASE_READ_ONLY']);
      assert.equal((await readiness(call)).status, 200, 'refused writes are no reason to send nobody any more');

      await write('POST', '/entries', { json: { text: 'one more' } });
      await standby.caughtUp();
      assert.deepEqual(await textsOf(call), ['one more', 'on the primary']);
      assertNeverMigrated(program);
      await Promise.all([program.kill(), writer.kill()]);
    });

    test('migrate up on it is refused, with the reason', async () => {
      const { code, stderr } = await migrate(standby.url(url), newer.program);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /replica[\s\S]*migrate the primary/);
      const status = await workshop.run(['migrate', 'status', '--exit-code'], {
        env: environment(standby.url(url)),
        program: newer.program,
      });
      assert.equal(status.code, 4, status.stderr);
    });

    test('with migrations pending: not ready before the primary has been migrated', async () => {
      const program = serve(standby.url(url), newer.program);
      const call = await assertWaits(
        program,
        new RegExp(`version ${lastVersion} of ${lastVersion + 1}, waiting for the primary`),
      );
      const { code, stderr } = await migrate(url, newer.program);
      assert.equal(code, 0, stderr);
      await becomesReady(call);
      assert.deepEqual(await textsOf(call), ['one more', 'on the primary']);
      await assertWritesAreRefused(call);
      assertNeverMigrated(program);
      await standby.caughtUp();
      assert.deepEqual(await historyOf(standby.url(url)), doneOf([...migrationFileNames, column]));
      await program.kill();
    });

    test('with MIGRATE_ON_BOOT=require and off: as anywhere else', async () => {
      const database = await primary.createDatabase();
      await standby.caughtUp();
      const { code, stderr } = await serve(standby.url(database), undefined, { MIGRATE_ON_BOOT: 'require' }).ended();
      assert.equal(code, 4, stderr);
      const program = serve(standby.url(database), undefined, { MIGRATE_ON_BOOT: 'off' });
      await assertWaits(program, /waiting for/);
      await program.kill();
    });

    test('that is promoted: the server that runs on it takes writes without a restart', async () => {
      const program = serve(standby.url(url), newer.program);
      await program.logged('ready');
      const call = clientOf(await program.url());
      await assertWritesAreRefused(call);
      await standby.promote();
      const { status, body, text } = await call<Entry>('POST', '/entries', { json: { text: 'after the promotion' } });
      assert.equal(status, 200, text);
      assert.equal((await call<Entry>('GET', `/entries/${body.id}`)).body.text, 'after the promotion');
      const { code, stderr } = await migrate(standby.url(url), newer.program);
      assert.equal(code, 0, stderr);
      await program.kill();
    });
  });
}
