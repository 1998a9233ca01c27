// `kill -9` at every step of a migration, then another try: right every time, as if nothing had happened.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import postgres from 'postgres';
import { type MessageGate, startMessageGate } from '../harness/message-gate.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { repetitions } from '../harness/proof.ts';
import { lastVersion, laterFile, makeVariant, migrationFileNames, type Variant } from '../harness/variant.ts';
import { eventually, holdMigrationLock, openWorkshop, type Program, type Workshop } from '../runtime/process.ts';
import { indexTexts, sleepWhenHeld } from './files.ts';
import {
  assertEveryIndexIsValid,
  assertNoLockIsLeft,
  copyDatabase,
  doneOf,
  historyOf,
  inDatabase,
  insertEntries,
  stateOfIndex,
} from './inspection.ts';

/** How soon the server has to notice that its client is gone: it looks once a second. */
const goneWithinMilliseconds = 5000;

const inTransaction = laterFile('mark_once', 1);
const alone = laterFile('index_of_texts', 2);
const afterwards = laterFile('mark_twice', 3);
const allFiles = [...migrationFileNames, inTransaction, alone, afterwards];

/** Three files: in a transaction, outside of one, in one again. What they do can be told from doing it twice, or in part. */
const migrations = {
  [inTransaction]: `-- compat: expand
-- down: irreversible

create table marks (text text not null);

insert into marks values ('once');

alter table cats add column colour text;

${sleepWhenHeld}`,
  [alone]: indexTexts,
  [afterwards]: `-- compat: expand
-- down: irreversible

insert into marks values ('twice');
`,
};

let workshop: Workshop;
let variant: Variant;
before(async () => {
  workshop = openWorkshop();
  variant = await makeVariant({ version: '1.1.0', migrations });
});
after(async () => {
  await workshop.close();
  variant.dispose();
});

const environment = (url: string) => ({ DATABASE_URL: url, DEBUG: 'true' });

const launch = (args: readonly string[], url: string) =>
  workshop.launch(args, { env: environment(url), program: variant.program });

async function migrate(args: readonly string[], url: string): Promise<void> {
  const { code, stderr } = await launch(['migrate', ...args], url).ended();
  assert.equal(code, 0, stderr);
}

/** Everything that the files have made: columns, constraints, indexes, and the marks. */
async function describeSchema(url: string): Promise<string[]> {
  return await inDatabase(url, async (sql) => {
    const rows = await sql<{ line: string }[]>`
      select format('%s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod)) as line
      from pg_attribute join pg_class on pg_class.oid = attrelid
      where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
      union all
      select pg_get_indexdef(indexrelid) || ' ' || indisvalid from pg_index join pg_class on pg_class.oid = indexrelid
      where relnamespace = 'public'::regnamespace
      union all
      select conname || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace
      union all
      select 'mark ' || text from marks
      order by 1`;
    return rows.map(({ line }) => line);
  });
}

async function assertWhole(url: string, expected: readonly string[]): Promise<void> {
  assert.deepEqual(await historyOf(url), doneOf(allFiles));
  assert.deepEqual(await describeSchema(url), expected);
  await assertEveryIndexIsValid(url);
  await assertNoLockIsLeft(url);
}

/** The server processes of the program in this database. */
async function backendsOf(url: string): Promise<number[]> {
  return await inDatabase(url, async (sql) => {
    const rows = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity
      where datname = current_database() and application_name like 'catatlas/%' order by pid`;
    return rows.map(({ pid }) => pid);
  });
}

const sleeps = (url: string) => () =>
  eventually(
    'the server sleeps where it was told to',
    () =>
      inDatabase(url, async (sql) => {
        const [row] = await sql`
          select 1 from pg_stat_activity
          where datname = current_database() and wait_event = 'PgSleep' and application_name like 'catatlas/%'`;
        return row ? true : undefined;
      }),
    20_000,
  );

const builds = (url: string, phase: string) => () =>
  eventually(
    `the index is ${phase}`,
    () =>
      inDatabase(url, async (sql) => {
        const [row] = await sql`
          select 1 from pg_stat_progress_create_index where datname = current_database() and phase = ${phase}`;
        return row ? true : undefined;
      }),
    20_000,
  );

/** What keeps a migration at a step: `reached` resolves when it is there, `release` lets the next try pass. */
interface Hold {
  reached(program: Program): Promise<unknown>;
  release(): Promise<void>;
}

/** A transaction that stays open on a connection of its own. */
async function holdTransaction(url: string, isolation: string, statement: string): Promise<() => Promise<void>> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: 'somebody-else' } });
  await sql.unsafe(`begin isolation level ${isolation}; ${statement}`);
  return () => sql.end({ timeout: 1 });
}

/** Makes the history table sleep: `event` is `before insert`, `after insert` … of the row of `file`. */
async function holdHistory(url: string, event: string, file: string, deferred = false): Promise<Hold> {
  await inDatabase(url, async (sql) => {
    await sql.unsafe(`
      create function hold() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return new; end $$;
      create ${deferred ? 'constraint ' : ''}trigger hold ${event} on catatlas_migrations
        ${deferred ? 'deferrable initially deferred' : ''}
        for each row when (new.version = ${Number(file.slice(0, 4))}) execute function hold()`);
  });
  return {
    reached: sleeps(url),
    release: () => inDatabase(url, async (sql) => void (await sql.unsafe('drop function hold() cascade'))),
  };
}

interface Phase {
  title: string;
  hold(url: string): Promise<Hold>;
  /** What is in the history after the kill, beyond the base. */
  left: readonly string[];
  index?: 'absent' | 'invalid' | 'valid';
}

const started = `${alone.replace('.sql', '')} started`;

const phases: readonly Phase[] = [
  {
    title: 'while it waits for another process',
    async hold(url) {
      const { release } = await holdMigrationLock(url);
      return { reached: (program) => program.wrote(/waiting for the migration lock/), release };
    },
    left: [],
  },
  {
    title: 'while it waits for a table',
    async hold(url) {
      const release = await holdTransaction(url, 'read committed', 'select count(*) from cats');
      return { reached: (program) => program.wrote(/a table is in use/), release };
    },
    left: [],
  },
  {
    title: 'in a statement',
    async hold(url) {
      await inDatabase(url, async (sql) => void (await sql`create table hold_statement ()`));
      return {
        reached: sleeps(url),
        release: () => inDatabase(url, async (sql) => void (await sql`drop table hold_statement`)),
      };
    },
    left: [],
  },
  {
    title: 'after the statements, while the history is written',
    hold: (url) => holdHistory(url, 'after insert', inTransaction),
    left: [],
  },
  {
    title: 'at the commit, in a deferred constraint',
    hold: (url) => holdHistory(url, 'after insert', inTransaction, true),
    left: [],
  },
  {
    title: 'between two files, while the second is recorded as started',
    hold: (url) => holdHistory(url, 'before insert', alone),
    left: doneOf([inTransaction]),
  },
  {
    title: 'while CREATE INDEX CONCURRENTLY waits for a writer',
    async hold(url) {
      const release = await holdTransaction(url, 'read committed', "update entries set nickname = 'held' where id = 1");
      return { reached: builds(url, 'waiting for writers before build'), release };
    },
    left: [...doneOf([inTransaction]), started],
    index: 'invalid',
  },
  {
    title: 'while CREATE INDEX CONCURRENTLY waits for an old transaction',
    async hold(url) {
      const release = await holdTransaction(url, 'repeatable read', 'select 1');
      return { reached: builds(url, 'waiting for old snapshots'), release };
    },
    left: [...doneOf([inTransaction]), started],
    index: 'invalid',
  },
  {
    title: 'after the index is whole, before it is recorded as done',
    hold: (url) => holdHistory(url, 'before update', alone),
    left: [...doneOf([inTransaction]), started],
    index: 'valid',
  },
];

for (const version of testedVersions) {
  describe(`kill -9 on PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    let gate: MessageGate;
    /** Current for the tree under test, with some entries; copied for each try. */
    let base: string;
    let whole: string[];
    let copies = 0;
    const copy = () => {
      copies += 1;
      return copyDatabase(base, `copy_${copies}`);
    };

    before(async () => {
      server = await startPostgres({ version });
      gate = await startMessageGate(server.port);
      base = await server.createDatabase();
      await migrate(['up', '--to', String(lastVersion)], base);
      await insertEntries(base, 100);
      const control = await copy();
      await migrate(['up'], control);
      whole = await describeSchema(control);
    });
    after(async () => {
      await gate.stop();
      await server.stop();
    });

    for (const { title, hold, left, index = 'absent' } of phases) {
      test(title, { timeout: 120_000 }, async () => {
        const url = await copy();
        const { reached, release } = await hold(url);
        const doomed = launch(['migrate', 'up'], url);
        await reached(doomed);
        const backends = await backendsOf(url);
        assert.ok(backends.length > 0);
        await doomed.kill();
        await eventually(
          'the server processes of the killed one are gone',
          async () => {
            const remaining = await backendsOf(url);
            return remaining.some((pid) => backends.includes(pid)) ? undefined : true;
          },
          goneWithinMilliseconds,
        );
        assert.deepEqual(await historyOf(url), [...doneOf(migrationFileNames), ...left]);
        assert.equal(await stateOfIndex(url, 'entries_by_text'), index);
        await release();

        const next = launch(['serve'], url);
        await next.logged('ready');
        await next.kill();
        await assertWhole(url, whole);
      });
    }

    /**
     * Kills a `migrate up` in front of every message it sends, one try for each, until one comes to its end. On every push each version
     * has every other message, the odd ones or the even ones. Returns the number of kills.
     */
    async function sweep(empty: boolean): Promise<number> {
      const stride = repetitions({ ci: 2, nightly: 1 });
      let kills = 0;
      for (let message = version % stride === 0 ? stride : 1; ; message += stride) {
        const url = empty ? await server.createDatabase() : await copy();
        gate.open();
        const held = gate.closeAt(message);
        const doomed = launch(['migrate', 'up'], gate.url(url));
        const ending = await Promise.race([held, doomed.ended()]);
        if (ending) {
          assert.equal(ending.code, 0, ending.stderr);
          await assertWhole(url, whole);
          return kills;
        }
        await doomed.kill();
        kills += 1;
        gate.open();
        await migrate(['up'], url).catch((error: unknown) => {
          throw new Error(`after a kill in front of message ${message}`, { cause: error });
        });
        await assertWhole(url, whole);
      }
    }

    test('in front of each message to the server, on a database with pending files', { timeout: 300_000 }, async () => {
      const kills = await sweep(false);
      console.log(`kill -9 on PostgreSQL ${version}: ${kills} kills with files pending, right after each`);
      assert.ok(kills > 10, `only ${kills} kills`);
    });

    test('in front of each message to the server, on an empty database', { timeout: 300_000 }, async () => {
      const kills = await sweep(true);
      console.log(`kill -9 on PostgreSQL ${version}: ${kills} kills on an empty database, right after each`);
      assert.ok(kills > 10, `only ${kills} kills`);
    });
  });
}
