// Migrations and servers through a real PgBouncer, which may give every transaction another connection.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Entry } from '../../src/entries/schemas.ts';
import { clientOf } from '../harness/client.ts';
import { type RunningPgbouncer, startPgbouncer } from '../harness/pgbouncer.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { laterFile, makeVariant, migrationFileNames, type Variant } from '../harness/variant.ts';
import { eventually, openWorkshop, type Workshop } from '../runtime/process.ts';
import { indexTexts, sleepWhenHeld } from './files.ts';
import {
  assertEveryIndexIsValid,
  assertNoLockIsLeft,
  doneOf,
  historyOf,
  inDatabase,
  insertEntries,
} from './inspection.ts';

const processes = 8;
const rows = 50_000;

const index = laterFile('index_of_texts', 1);
const slow = laterFile('add_colour', 2);

let workshop: Workshop;
let variant: Variant;
before(async () => {
  workshop = openWorkshop();
  variant = await makeVariant({
    version: '1.1.0',
    migrations: {
      [index]: indexTexts,
      [slow]: `-- compat: expand

alter table entries add column colour text;

${sleepWhenHeld}
-- down:
alter table entries drop column colour;
`,
    },
  });
});
after(async () => {
  await workshop.close();
  variant.dispose();
});

/** What a server sends when it connects directly, and PgBouncer does not know. */
const sentParameters = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'IntervalStyle'];

/**
 * Connections to the server for each database: few, so that not every process gets one. In session mode each connection of a
 * client needs one of its own for as long as it is open, so for servers there must be enough, as there must be in production.
 */
const fewConnections = 4;
const enoughConnections = 60;

const kinds = [
  { title: 'transaction mode', mode: 'transaction', ignoreStartupParameters: [] },
  { title: 'transaction mode, parameters dropped', mode: 'transaction', ignoreStartupParameters: sentParameters },
  { title: 'session mode', mode: 'session', ignoreStartupParameters: [] },
  { title: 'session mode, parameters dropped', mode: 'session', ignoreStartupParameters: sentParameters },
] as const;

const environment = (url: string, direct?: string): Record<string, string> => ({
  DATABASE_URL: url,
  DEBUG: 'true',
  ...(direct === undefined ? {} : { DIRECT_DATABASE_URL: direct }),
});

/** Runs this many `migrate up` at once: one applies these files, the others none. Returns what they logged. */
async function migrate(
  count: number,
  env: Record<string, string>,
  files: readonly string[],
  program?: Variant['program'],
) {
  const endings = await Promise.all(
    Array.from({ length: count }, () => workshop.run(['migrate', 'up', '--json'], { env, program })),
  );
  const applied = endings.map(({ code, stdout, stderr }) => {
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as { applied: string[] }).applied;
  });
  assert.deepEqual(
    applied.filter((list) => list.length > 0),
    [files],
  );
  return endings.map(({ stderr }) => stderr).join('\n');
}

const pooledWarning = /reached through a pooler/;

for (const version of testedVersions) {
  for (const { title, mode, ignoreStartupParameters } of kinds) {
    describe(`PostgreSQL ${version} behind PgBouncer in ${title}`, () => {
      let server: RunningPostgres;
      let pooler: RunningPgbouncer;
      before(async () => {
        server = await startPostgres({ version });
        pooler = await startPgbouncer({ server, mode, ignoreStartupParameters, poolSize: fewConnections });
      });
      after(async () => {
        await pooler?.stop();
        await server.stop();
      });

      test('migrate up, and again: it says that there is a pooler, and leaves no lock', async () => {
        const url = await server.createDatabase();
        const env = environment(pooler.url(url));
        assert.match(await migrate(1, env, migrationFileNames), pooledWarning);
        assert.deepEqual(await historyOf(url), doneOf(migrationFileNames));
        await assertNoLockIsLeft(url);
        const { code, stdout, stderr } = await workshop.run(['migrate', 'up', '--json'], { env });
        assert.equal(code, 0, stderr);
        assert.deepEqual((JSON.parse(stdout) as { applied: string[] }).applied, []);
        assert.equal((await workshop.run(['migrate', 'status', '--exit-code'], { env })).code, 0);
        await assertNoLockIsLeft(url);
      });

      test(`${processes} at once on an empty database: one applies everything, all succeed`, {
        timeout: 120_000,
      }, async () => {
        for (let round = 1; round <= 3; round += 1) {
          const url = await server.createDatabase();
          await migrate(processes, environment(pooler.url(url)), migrationFileNames);
          assert.deepEqual(await historyOf(url), doneOf(migrationFileNames));
          await assertNoLockIsLeft(url);
        }
      });

      test(`${processes} at once with CREATE INDEX CONCURRENTLY pending on ${rows} rows`, {
        timeout: 120_000,
      }, async () => {
        const url = await server.createDatabase();
        const env = environment(pooler.url(url));
        await migrate(1, env, migrationFileNames);
        await insertEntries(url, rows);
        await migrate(processes, env, [index, slow], variant.program);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, index, slow]));
        await assertEveryIndexIsValid(url);
        await assertNoLockIsLeft(url);
      });

      test('servers migrate when they start, and answer', { timeout: 120_000 }, async () => {
        const poolSize = mode === 'session' ? enoughConnections : fewConnections;
        const roomy = await startPgbouncer({ server, mode, ignoreStartupParameters, poolSize });
        const url = await server.createDatabase();
        const servers = Array.from({ length: 3 }, () =>
          workshop.launch(['serve'], { env: environment(roomy.url(url)) }),
        );
        await Promise.all(servers.map((one) => one.logged('ready')));
        await assertNoLockIsLeft(url);
        const calls = await Promise.all(servers.map(async (one) => clientOf(await one.url())));
        await Promise.all(
          calls.flatMap((call, which) =>
            Array.from({ length: 10 }, async (_, number) => {
              const text = `sighting ${number} through server ${which}`;
              const made = await call<Entry>('POST', '/entries', { json: { text } });
              assert.equal(made.status, 200, made.text);
              assert.equal(made.body.text, text);
              assert.match(made.body.createdAt, /Z$/, 'the time zone of the session is ours');
              const edited = await call<Entry>('PATCH', `/entries/${made.body.id}`, { json: { text: `${text}!` } });
              assert.equal(edited.status, 200, edited.text);
              const read = await call<Entry>('GET', `/entries/${made.body.id}`);
              assert.deepEqual([read.status, read.body.text], [200, `${text}!`]);
            }),
          ),
        );
        for (const call of calls) assert.equal((await call<Entry[]>('GET', '/entries')).body.length, 30);
        await Promise.all(servers.map((one) => one.kill()));
        await assertNoLockIsLeft(url);
        await roomy.stop();
      });

      test('with DIRECT_DATABASE_URL nothing of a migration goes through the pooler', async () => {
        const url = await server.createDatabase();
        const output = await migrate(4, environment(pooler.url(url), url), migrationFileNames);
        assert.doesNotMatch(output, pooledWarning);
        assert.deepEqual(await historyOf(url), doneOf(migrationFileNames));
        const program = workshop.launch(['serve'], {
          env: environment(pooler.url(url), url),
          program: variant.program,
        });
        await program.logged('ready');
        assert.doesNotMatch(program.output(), /migrations work, but a direct connection is safer/);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, index, slow]));
        const { status } = await clientOf(await program.url())('GET', '/entries');
        assert.equal(status, 200);
        await program.kill();
        await assertNoLockIsLeft(url);
      });

      test('kill -9 in a statement: neither lock nor statement stays behind, and the next try succeeds', {
        timeout: 120_000,
      }, async () => {
        const url = await server.createDatabase();
        const env = environment(pooler.url(url));
        await migrate(1, env, migrationFileNames);
        await inDatabase(url, async (sql) => void (await sql`create table hold_statement ()`));
        const doomed = workshop.launch(['migrate', 'up'], { env, program: variant.program });
        const sleepers = () =>
          inDatabase(url, async (sql) => {
            const found = await sql<{ pid: number }[]>`
              select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`;
            return found.length;
          });
        await eventually('the statement runs', async () => ((await sleepers()) === 1 ? true : undefined), 20_000);
        await doomed.kill();
        await eventually('the statement has ended', async () => ((await sleepers()) === 0 ? true : undefined), 10_000);
        await assertNoLockIsLeft(url);
        await inDatabase(url, async (sql) => void (await sql`drop table hold_statement`));
        await migrate(1, env, [slow], variant.program);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, index, slow]));
      });
    });
  }
}
