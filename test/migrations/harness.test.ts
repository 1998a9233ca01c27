// The parts of the harness that only these tests use, tested by themselves: else a fault of theirs looks like one of ours.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import postgres from 'postgres';
import { startPgbouncer } from '../harness/pgbouncer.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { type Standby, startStandby } from '../harness/standby.ts';
import { lastVersion, laterFile, makeVariant, migrationFileNames } from '../harness/variant.ts';
import { openWorkshop, type Workshop } from '../runtime/process.ts';
import { addColour } from './files.ts';

const connect = (url: string) => postgres(url, { max: 1, prepare: false, onnotice: () => {} });

describe('variants', () => {
  let workshop: Workshop;
  before(() => {
    workshop = openWorkshop();
  });
  after(() => workshop.close());

  test('have a version and migrations of their own; equal ones are made once', async () => {
    const options = {
      version: '9.8.7',
      migrations: { [laterFile('add_colour')]: addColour },
    };
    const [one, same] = await Promise.all([makeVariant(options), makeVariant(options)]);
    assert.deepEqual(one.program, same.program);
    const { stdout } = await workshop.run(['version', '--json'], { program: one.program });
    assert.equal((JSON.parse(stdout) as { version: string }).version, '9.8.7');
    same.dispose();

    const env = { DATA_DIR: `${workshop.folder}/data` };
    const migrated = await workshop.run(['migrate', '--json'], { env, program: one.program });
    assert.equal(migrated.code, 0, migrated.stderr);
    assert.match(migrated.stdout, new RegExp(`${laterFile('add_colour')}`));
    const program = one.program.find((part) => part.includes('catatlas-variant')) ?? '';
    assert.ok(existsSync(program));
    one.dispose();
    assert.equal(existsSync(program), false);
  });

  test('can leave files out and edit them; one that is not there is a mistake', async () => {
    const [first = '', ...others] = migrationFileNames;
    const variant = await makeVariant({
      version: '9.8.6',
      removed: others,
      edited: { [first]: (sql) => `${sql}\ncreate table of_the_variant ();\n` },
    });
    const env = { DATA_DIR: `${workshop.folder}/edited` };
    const { code, stdout, stderr } = await workshop.run(['migrate', '--json'], { env, program: variant.program });
    assert.equal(code, 0, stderr);
    assert.equal((JSON.parse(stdout) as { version: number }).version, 1);
    variant.dispose();
    await assert.rejects(makeVariant({ version: '9.8.5', removed: ['0001_nothing.sql'] }), /no 0001_nothing\.sql/);
    assert.ok(lastVersion >= 2);
  });

  test('one that cannot be built says why', async () => {
    await assert.rejects(
      makeVariant({ version: '9.8.4', migrations: { [laterFile('nonsense')]: 'create tabel cats;\n' } }),
      /scripts\/\w+\.ts failed[\s\S]*nonsense\.sql/,
    );
  });
});

for (const version of testedVersions) {
  describe(`PgBouncer in front of PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    before(async () => {
      server = await startPostgres({ version });
    });
    after(() => server.stop());

    test('transaction mode: more clients than connections, and what a session sets goes to another', async () => {
      const pooler = await startPgbouncer({ server, mode: 'transaction', poolSize: 2 });
      const clients = Array.from({ length: 6 }, () => connect(pooler.url(server.url)));
      try {
        const pids = new Set<number>();
        for (const rows of await Promise.all(clients.map((sql) => sql`select pg_backend_pid() as pid, pg_sleep(0.02)`)))
          for (const row of rows) pids.add(row['pid']);
        assert.ok(pids.size <= 2, `${pids.size} connections to the server`);
      } finally {
        await Promise.all(clients.map((sql) => sql.end({ timeout: 1 })));
        await pooler.stop();
      }
    });

    test('session mode keeps one connection; parameters that it does not know are refused or dropped', async () => {
      const plain = await startPgbouncer({ server, mode: 'session' });
      const sql = connect(plain.url(server.url));
      await sql`set work_mem = '77kB'`;
      assert.deepEqual([...(await sql`show work_mem`)], [{ work_mem: '77kB' }]);
      const url = `${plain.url(server.url)}?lock_timeout=1234`;
      const refused = connect(url);
      await assert.rejects(async () => await refused`select 1`, /unsupported startup parameter: lock_timeout/);
      await Promise.all([sql, refused].map((one) => one.end({ timeout: 1 })));
      await plain.stop();

      const lenient = await startPgbouncer({ server, mode: 'session', ignoreStartupParameters: ['lock_timeout'] });
      const dropped = connect(`${lenient.url(server.url)}?lock_timeout=1234`);
      assert.deepEqual([...(await dropped`show lock_timeout`)], [{ lock_timeout: '0' }]);
      await dropped.end({ timeout: 1 });
      await lenient.stop();
    });
  });

  describe(`a standby of PostgreSQL ${version}`, () => {
    let primary: RunningPostgres;
    let standby: Standby | undefined;
    before(async () => {
      primary = await startPostgres({ version });
    });
    after(async () => {
      await standby?.stop();
      await primary.stop();
    });

    test('replays what the primary writes, refuses writes, and takes them once it is promoted', async () => {
      const url = await primary.createDatabase();
      const writer = connect(url);
      await writer`create table notes (text text)`;
      await writer`insert into notes values ('before')`;
      const copy = await startStandby(primary);
      standby = copy;
      const reader = connect(copy.url(url));
      await copy.caughtUp();
      assert.deepEqual([...(await reader`select text from notes`)], [{ text: 'before' }]);
      for (let round = 1; round <= 10; round += 1) {
        await writer`insert into notes values (${String(round)})`;
        await copy.caughtUp();
        assert.deepEqual([...(await reader`select count(*)::int as count from notes`)], [{ count: round + 1 }]);
      }
      assert.deepEqual([...(await reader`select pg_is_in_recovery() as standby`)], [{ standby: true }]);
      await assert.rejects(async () => await reader`insert into notes values ('no')`, { code: '25006' });
      await copy.promote();
      await reader`insert into notes values ('yes')`;
      assert.deepEqual([...(await reader`select pg_is_in_recovery() as standby`)], [{ standby: false }]);
      await Promise.all([writer, reader].map((sql) => sql.end({ timeout: 1 })));
    });
  });
}
