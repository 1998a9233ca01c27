// Many processes that want to migrate one database at once: one does, all go on.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { repetitions } from '../harness/proof.ts';
import { runtime } from '../harness/target.ts';
import { laterFile, makeVariant, migrationFileNames, type Variant } from '../harness/variant.ts';
import { openWorkshop, type Program, type Workshop } from '../runtime/process.ts';
import { indexTexts } from './files.ts';
import {
  assertEveryIndexIsValid,
  assertNoLockIsLeft,
  doneOf,
  historyOf,
  inDatabase,
  insertEntries,
  stateOfIndex,
} from './inspection.ts';

const processes = 8;
const rounds = runtime === 'binary' ? repetitions({ ci: 10, nightly: 50 }) : 4;
/** In every so many rounds the processes are servers. */
const serverRound = runtime === 'binary' ? repetitions({ ci: 5, nightly: 10 }) : 4;
const rows = 200_000;

let workshop: Workshop;
before(() => {
  workshop = openWorkshop();
});
after(() => workshop.close());

/** What each of several processes has applied, once all have come as far as they can. */
type Applied = string[][];

const environment = (url: string) => ({ DATABASE_URL: url, DEBUG: 'true' });

async function migrate(count: number, url: string, program?: Variant['program']): Promise<Applied> {
  const endings = await Promise.all(
    Array.from({ length: count }, () => workshop.run(['migrate', 'up', '--json'], { env: environment(url), program })),
  );
  return endings.map(({ code, stdout, stderr }) => {
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as { applied: string[] }).applied;
  });
}

async function serve(count: number, url: string, program?: Variant['program']): Promise<Applied> {
  const servers = Array.from({ length: count }, () => workshop.launch(['serve'], { env: environment(url), program }));
  await Promise.all(servers.map((server) => server.logged('ready')));
  const applied = servers.map(appliedBy);
  await Promise.all(servers.map((server) => server.kill()));
  return applied;
}

function appliedBy({ log }: Program): string[] {
  return log.filter(({ message }) => message === 'migration applied').map((line) => String(line['file']));
}

/** One of them applied all of these files in order, the others none. */
function assertOneApplied(applied: Applied, files: readonly string[]): void {
  assert.deepEqual(
    applied.filter((list) => list.length > 0),
    [files],
  );
}

/** How often the server had to end a statement because of a deadlock, since it was started. */
async function countDeadlocks(url: string): Promise<number> {
  return await inDatabase(url, async (sql) => {
    // Counts of others are published when they end, at the latest.
    await sql`select pg_stat_clear_snapshot()`;
    const [row] = await sql<[{ deadlocks: number }]>`
      select deadlocks::int from pg_stat_database where datname = current_database()`;
    return row.deadlocks;
  });
}

for (const version of testedVersions) {
  describe(`${processes} processes on PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    before(async () => {
      server = await startPostgres({ version, settings: { max_connections: '300' } });
    });
    after(() => server.stop());

    test(`on an empty database, ${rounds} times: one applies everything, all succeed`, {
      timeout: 600_000,
    }, async () => {
      for (let round = 1; round <= rounds; round += 1) {
        const url = await server.createDatabase();
        const applied = await (round % serverRound === 0 ? serve : migrate)(processes, url);
        assertOneApplied(applied, migrationFileNames);
        assert.deepEqual(await historyOf(url), doneOf(migrationFileNames));
        await assertNoLockIsLeft(url);
      }
    });

    test(`with CREATE INDEX CONCURRENTLY pending on ${rows} rows: no deadlock, one builds it, it is valid`, {
      timeout: 120_000,
    }, async () => {
      const index = laterFile('index_of_texts');
      const variant = await makeVariant({
        version: '1.1.0',
        migrations: {
          [index]: indexTexts,
        },
      });
      try {
        const url = await server.createDatabase();
        await migrate(1, url);
        await insertEntries(url, rows);
        const half = processes / 2;
        const [commands, servers] = await Promise.all([
          migrate(half, url, variant.program),
          serve(half, url, variant.program),
        ]);
        assertOneApplied([...commands, ...servers], [index]);
        assert.equal(await stateOfIndex(url, 'entries_by_text'), 'valid');
        await assertEveryIndexIsValid(url);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, index]));
        assert.equal(await countDeadlocks(url), 0);
        await assertNoLockIsLeft(url);
      } finally {
        variant.dispose();
      }
    });
  });
}
