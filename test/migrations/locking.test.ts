// A migration beside people who use the tables: whoever is in the way is waited for, and nobody waits for that.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import postgres from 'postgres';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { laterFile, makeVariant, migrationFileNames, type Variant } from '../harness/variant.ts';
import { eventually, openWorkshop, type Workshop } from '../runtime/process.ts';
import { addColour, indexTexts } from './files.ts';
import { doneOf, historyOf, inDatabase, insertEntries, stateOfIndex } from './inspection.ts';

/** How long somebody reads in one transaction, and how long anybody else may wait for a lock meanwhile, in milliseconds. */
const readMilliseconds = 4000;
const longestWait = 1000;

const column = laterFile('add_colour');
const index = laterFile('index_of_texts');

let workshop: Workshop;
let withColumn: Variant;
let withIndex: Variant;
before(async () => {
  workshop = openWorkshop();
  withColumn = await makeVariant({
    version: '1.1.0',
    migrations: {
      [column]: addColour,
    },
  });
  withIndex = await makeVariant({
    version: '1.1.0',
    migrations: {
      [index]: indexTexts,
    },
  });
});
after(async () => {
  await workshop.close();
  withColumn.dispose();
  withIndex.dispose();
});

const environment = (url: string) => ({ DATABASE_URL: url, DEBUG: 'true' });

/** Somebody who has read the entries and keeps the transaction open. */
interface Reader {
  pid: number;
  /** Ends the transaction. */
  leave(): Promise<void>;
}

const query = 'select count(*) from entries -- what a report might ask';

async function readSlowly(url: string): Promise<Reader> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: 'slow-reader' } });
  const [row] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`;
  await sql.unsafe('begin isolation level repeatable read');
  await sql.unsafe(query);
  return { pid: row.pid, leave: () => sql.end({ timeout: 1 }) };
}

/**
 * Reads and writes entries all the time, on connections of their own. Rejects when one has to wait for a lock longer than it may: the
 * server measures that, because here it would be a measure of this process as well.
 */
function useEntries(url: string): { stop(): Promise<{ queries: number; longest: number }> } {
  let stopped = false;
  let queries = 0;
  let longest = 0;
  const uses = [
    (sql: postgres.Sql) => sql`select id, text from entries order by id desc limit 5`,
    (sql: postgres.Sql) => sql`update entries set is_favorite = not is_favorite where id = 3`,
    (sql: postgres.Sql) => sql`insert into entries (text, created_at) values ('meanwhile', now())`,
  ];
  const work = Promise.all(
    uses.map(async (use) => {
      const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { lock_timeout: longestWait } });
      await sql`select 1`;
      while (!stopped) {
        const began = performance.now();
        await use(sql);
        longest = Math.max(longest, performance.now() - began);
        queries += 1;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await sql.end({ timeout: 1 });
    }),
  );
  return {
    async stop() {
      stopped = true;
      await work;
      return { queries, longest };
    },
  };
}

for (const version of testedVersions) {
  describe(`a transaction that reads for ${readMilliseconds} ms on PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    before(async () => {
      server = await startPostgres({ version });
    });
    after(() => server.stop());

    async function openDatabase(): Promise<string> {
      const url = await server.createDatabase();
      const { code, stderr } = await workshop.run(['migrate'], { env: environment(url) });
      assert.equal(code, 0, stderr);
      await insertEntries(url, 100);
      return url;
    }

    const columnsOf = (url: string) =>
      inDatabase(url, async (sql) => {
        const rows = await sql<{ name: string }[]>`
          select attname as name from pg_attribute where attrelid = 'entries'::regclass and attname = 'colour'`;
        return rows.length;
      });

    const indexIsBuilt = (url: string) =>
      eventually('the index is being built', () =>
        inDatabase(url, async (sql) => {
          const rows = await sql`select 1 from pg_stat_progress_create_index where datname = current_database()`;
          return rows.length > 0 || undefined;
        }),
      );

    for (const [title, variant, file] of [
      ['ALTER TABLE', () => withColumn, column],
      ['CREATE INDEX CONCURRENTLY', () => withIndex, index],
    ] as const) {
      test(`beside ${title}: nobody else waits for longer than ${longestWait} ms, and it is applied afterwards`, {
        timeout: 60_000,
      }, async () => {
        const url = await openDatabase();
        const reader = await readSlowly(url);
        const use = useEntries(url);
        const began = performance.now();
        const program = workshop.launch(['migrate', 'up'], { env: environment(url), program: variant().program });
        const ended = program.ended();
        // Not before it meets the reader, or there would be nothing to wait for.
        await (file === index ? indexIsBuilt(url) : program.wrote(/a table is in use/));
        await new Promise((resolve) => setTimeout(resolve, readMilliseconds));
        assert.equal(program.over(), false, 'it did not wait');
        await reader.leave();
        const { code, stderr } = await ended;
        const spent = performance.now() - began;
        const { queries, longest } = await use.stop();
        assert.equal(code, 0, stderr);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, file]));
        console.log(
          `${title} beside a reader on PostgreSQL ${version}: ${queries} queries meanwhile, the longest took ` +
            `${Math.round(longest)} ms; applied after ${Math.round(spent)} ms`,
        );
        assert.ok(queries > 100, `only ${queries} queries`);
        if (file === index) assert.equal(await stateOfIndex(url, 'entries_by_text'), 'valid');
        else {
          assert.equal(await columnsOf(url), 1);
          // Who is in the way: process, program, what it does and since when, and its query.
          assert.match(
            stderr,
            new RegExp(
              `pid ${reader.pid}, slow-reader, idle in transaction for \\d+ s: select count\\(\\*\\) from entries`,
            ),
          );
        }
      });
    }

    test('that outlasts MIGRATION_LOCK_TIMEOUT_SECONDS: exit code 7, naming it, and nothing has changed', async () => {
      const url = await openDatabase();
      const reader = await readSlowly(url);
      try {
        const env = { ...environment(url), MIGRATION_LOCK_TIMEOUT_SECONDS: '2' };
        const began = performance.now();
        const { code, stderr } = await workshop.run(['migrate', 'up'], { env, program: withColumn.program });
        assert.equal(code, 7, stderr);
        assert.ok(performance.now() - began < 12_000);
        const last = stderr.slice(stderr.lastIndexOf(`migrations/${column}`));
        assert.match(last, /in use for 2 s/);
        assert.match(last, new RegExp(`pid ${reader.pid}, slow-reader, idle in transaction`));
        assert.match(last, /pg_terminate_backend/);
        assert.equal(await columnsOf(url), 0);
        assert.deepEqual(await historyOf(url), doneOf(migrationFileNames));
      } finally {
        await reader.leave();
      }
    });
  });
}
