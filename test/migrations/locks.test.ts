// What the build says a statement locks, beside what PostgreSQL locks. Statements that run in a transaction are run in one that
// is rolled back, and pg_locks is read from inside. Those that refuse to are made to wait for a lock that another session
// holds, and what they wait for is read.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import postgres, { type ISql, type Sql } from 'postgres';
import { sameForAll } from '../../scripts/migrations/lint.ts';
import { findLocks } from '../../scripts/migrations/locks.ts';
import { applyToSchema, emptySchema, type Schema } from '../../scripts/migrations/schema.ts';
import { parseStatements } from '../../scripts/migrations/statements.ts';
import { type LockMode, lockModes, locksConflict, strongerLock } from '../../src/migrator/lock-modes.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';

const setting = `
  create table cats (id bigint primary key, name text not null, weight int default 1);
  create table owners (id bigint primary key, name text);
  create table entries (
    id bigint primary key,
    cat_id bigint constraint entries_cat_fkey references cats (id) on delete set null,
    owner_id bigint references owners,
    body varchar(20),
    place point,
    constraint entries_body_check check (body is not null)
  );
  create index entries_by_cat on entries (cat_id);
  create unique index entries_by_body on entries (body);
  create unique index owners_by_name on owners (name);
  create view seen_cats as select cats.id, cats.name from cats;
  create materialized view counted as select cat_id, count(*) as number from entries group by cat_id;
  create unique index counted_key on counted (cat_id);
  create sequence numbers;
  create type mood as enum ('fine');
  create domain word as text;
  create function nothing() returns trigger language plpgsql as 'begin return new; end';
  create trigger watch before update on cats for each row execute function nothing();
  create rule quiet as on delete to owners do also select 1;
  create policy everybody on owners;
  create statistics cats_statistics on name, weight from cats;
  create table parted (id bigint, day date) partition by range (day);
  create table parted_one partition of parted for values from ('2020-01-01') to ('2021-01-01');
  create schema other;
  create table loose (id bigint, day date);
  create table parent (id bigint);
  create table child () inherits (parent);
  alter table entries add constraint entries_positive check (id > 0) not valid;
  alter table loose add constraint loose_cat_fkey foreign key (id) references cats (id) not valid;
  insert into cats (id, name) values (1, 'Miu'), (3, 'Mo');
  insert into owners (id) values (1), (2);
  insert into entries (id, cat_id, body) values (1, 1, 'seen');
`;

const inTransaction = [
  'create table visits (id bigint primary key, cat_id bigint references cats, foreign key (id) references owners (id))',
  'create table copies (like cats including all)',
  'create table older () inherits (cats)',
  "create table parted_two partition of parted for values from ('2021-01-01') to ('2022-01-01')",
  'create table copied as select cats.name from cats join entries on entries.cat_id = cats.id',
  'select cats.name into copied from cats',
  'create schema stock create table shelves (id bigint references public.cats)',
  'create unlogged table scratch (id bigint)',

  'alter table cats add column nick text',
  'alter table loose add column cat_id bigint references cats',
  'alter table cats drop column weight',
  'alter table entries drop column owner_id',
  'alter table entries drop column place, add column area box',
  "alter table cats alter column name set default 'x'",
  'alter table cats alter column name drop not null',
  'alter table entries alter column body set not null',
  'alter table cats alter column name set statistics 100',
  'alter table cats alter column name set storage external',
  'alter table cats alter column name set compression pglz',
  'alter table cats alter column name set (n_distinct = 5)',
  'alter table cats alter column name reset (n_distinct)',
  'alter table cats alter column weight type bigint',
  'alter table entries alter column owner_id type int',
  'alter table entries alter column body type text',
  'alter table owners alter column id add generated always as identity',
  'alter table cats add constraint cats_heavy check (weight > 0)',
  'alter table cats add constraint cats_heavy check (weight > 0) not valid',
  'alter table cats add constraint cats_names unique (name)',
  'alter table owners add constraint owners_names unique using index owners_by_name',
  'alter table loose add primary key (id)',
  'alter table loose add constraint loose_owner foreign key (id) references owners (id)',
  'alter table loose add constraint loose_owner foreign key (id) references owners (id) not valid',
  'alter table loose validate constraint loose_cat_fkey',
  'alter table entries validate constraint entries_positive',
  'alter table entries drop constraint entries_cat_fkey',
  'alter table entries drop constraint entries_owner_id_fkey',
  'alter table entries drop constraint entries_body_check',
  'alter table entries alter constraint entries_cat_fkey deferrable',
  'alter table cats set (fillfactor = 70)',
  'alter table cats set (autovacuum_enabled = off, parallel_workers = 2)',
  'alter table cats set (user_catalog_table = true)',
  'alter table cats reset (fillfactor)',
  'alter table cats disable trigger watch',
  'alter table cats enable always trigger watch',
  'alter table cats disable trigger user',
  'alter table owners disable rule quiet',
  'alter table cats enable row level security',
  'alter table cats force row level security',
  'alter table cats replica identity full',
  'alter table cats cluster on cats_pkey',
  'alter table cats set without cluster',
  'alter table loose set unlogged',
  'alter table cats owner to current_user',
  'alter table cats set tablespace pg_default',
  'alter table loose inherit parent',
  'alter table child no inherit parent',
  "alter table parted attach partition loose for values from ('2021-01-01') to ('2022-01-01')",
  'alter table parted detach partition parted_one',
  'alter table only cats rename to felines',
  'alter table cats rename column name to title',
  'alter table entries rename constraint entries_body_check to body_present',
  'alter table cats set schema other',
  'alter index entries_by_cat rename to entries_of_cat',
  'alter table entries_by_cat rename to entries_of_cat',
  'alter index entries_by_cat set (fillfactor = 70)',
  'alter view seen_cats rename to known_cats',
  'alter view seen_cats alter column name set default 1',
  'alter view seen_cats set (security_barrier = true)',
  'alter materialized view counted rename to tallied',
  'alter materialized view counted set (fillfactor = 70)',
  'alter sequence numbers restart',
  'alter sequence numbers owned by cats.id',
  'alter sequence numbers rename to figures',
  'alter trigger watch on cats rename to look',
  'alter policy everybody on owners using (exists (select 1 from cats))',
  'alter policy everybody on owners rename to all_of_them',
  'alter rule quiet on owners rename to silent',
  "alter type mood add value 'cross'",
  "alter type mood rename value 'fine' to 'well'",
  "alter domain word set default 'x'",
  "alter domain word add constraint filled check (value <> '') not valid",
  'alter statistics cats_statistics set statistics 10',
  'alter function nothing() rename to something',

  'create index cats_by_name on cats (name)',
  'create unique index cats_by_name on cats (name) where weight > 0',
  'drop index entries_by_cat',
  'drop index counted_key',
  'reindex index entries_by_cat',
  'reindex table cats',
  'create statistics more on id, name from cats',
  'drop statistics cats_statistics',

  'drop table loose',
  'drop table entries cascade',
  'drop table cats, entries, loose cascade',
  'drop view seen_cats',
  'drop materialized view counted',
  'drop sequence numbers',
  'drop trigger watch on cats',
  'drop rule quiet on owners',
  'drop policy everybody on owners',
  'drop type mood',
  'drop function if exists missing()',
  'drop table parted_one',

  'create view named as select name from seen_cats',
  'create or replace view seen_cats as select cats.id, cats.name from cats where weight > 0',
  'create materialized view weights as select weight from cats',
  'refresh materialized view counted',
  'refresh materialized view concurrently counted',
  'create sequence more owned by cats.id',
  'create trigger look after insert on entries for each row execute function nothing()',
  'create constraint trigger look after insert on entries from cats for each row execute function nothing()',
  'create rule loud as on insert to cats do also insert into loose (id) values (new.id)',
  'create policy theirs on owners using (id in (select owner_id from entries))',
  'create function counting() returns bigint begin atomic select count(*) from cats; end',
  "create function counting() returns bigint language sql as 'select count(*) from cats'",
  "create type color as enum ('red')",
  'create type pair as (one int, two int)',
  "create domain letter as text check (value <> '')",
  'create publication everything for table cats, entries',

  "comment on table cats is 'x'",
  "comment on column cats.name is 'x'",
  "comment on index entries_by_cat is 'x'",
  "comment on view seen_cats is 'x'",
  "comment on constraint entries_body_check on entries is 'x'",
  "comment on trigger watch on cats is 'x'",
  "comment on policy everybody on owners is 'x'",
  "comment on rule quiet on owners is 'x'",
  "comment on function nothing() is 'x'",
  "comment on type mood is 'x'",
  'grant select on cats to public',
  'revoke select on cats from public',
  'grant usage on schema public to public',
  'alter default privileges grant select on tables to public',

  "insert into cats (id, name) values (2, 'Mau')",
  "insert into entries (id, cat_id, owner_id, body) values (2, 1, 1, 'x')",
  'insert into loose (id) select id from entries where exists (select 1 from owners)',
  "insert into cats (id, name) values (1, 'x') on conflict (id) do update set name = excluded.name",
  "update cats set name = 'x'",
  'update entries set cat_id = 3, owner_id = 2 from owners where owners.id = 1',
  'update entries set owner_id = 2',
  'delete from entries using cats where cats.id = entries.cat_id',
  'delete from cats where id = 1',
  'with gone as (delete from entries returning id) insert into parent select id from gone',
  'with cats as (select name from owners) select name from cats',
  'with recursive entries as (select 1 as n union all select n + 1 from entries where n < 3) select n from entries',
  'merge into loose using cats on cats.id = loose.id when not matched then insert values (cats.id)',
  'select id from cats where id in (select cat_id from entries) for update',
  'select 1 from cats as c join owners as o on true for share of o',
  'select name from seen_cats',
  'select 1',
  "copy (select name from cats) to program 'cat > /dev/null'",
  "copy cats (id, name) from program 'true'",
  "copy cats to program 'cat > /dev/null'",
  'truncate entries',
  'truncate entries, cats, loose',
  'truncate cats cascade',
  ...lockModes.map((mode) => `lock table cats, owners in ${mode.toLowerCase()} mode`),
  'lock table cats',
  'explain analyze delete from entries',
  'declare names cursor for select name from cats',
  'cluster cats using cats_pkey',
  'analyze cats',
  'set constraints all deferred',
  'set local search_path = public',
  'show search_path',
];

/** They lock nothing before PostgreSQL 18; what is said is what the newest does. */
const lighterBefore18: readonly string[] = ['grant select on cats to public', 'revoke select on cats from public'];

/** They refuse to run in a transaction. */
const alone = [
  'create index concurrently cats_by_name on cats (name)',
  'create unique index concurrently if not exists cats_by_name on cats (name)',
  'drop index concurrently entries_by_cat',
  'reindex index concurrently entries_by_cat',
  'reindex (concurrently) table entries',
  'vacuum cats',
  'vacuum full cats',
  'vacuum analyze entries',
  'alter table parted detach partition parted_one concurrently',
];

interface Held {
  relation: string;
  mode: LockMode;
}

for (const version of testedVersions) {
  describe(`table locks on PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    let sql: Sql;
    let schema: Schema;
    before(async () => {
      server = await startPostgres({ version });
      sql = postgres(server.url, { max: 4, onnotice: () => {} });
      await sql.unsafe(setting);
      schema = emptySchema();
      for (const { tree } of await parseStatements(setting)) applyToSchema(schema, tree);
    });
    after(async () => {
      await sql.end({ timeout: 1 });
      await server.stop();
    });

    const predict = async (statement: string): Promise<Held[]> => {
      const [parsed] = await parseStatements(statement);
      assert.ok(parsed, statement);
      return findLocks(parsed.tree, schema, new Set())
        .filter(({ creates, assumed }) => !creates && assumed === undefined)
        .map(({ relation, mode }) => ({ relation, mode }));
    };

    for (const statement of inTransaction) {
      test(statement, async () => {
        const predicted = await predict(statement);
        const observed = await observe(sql, statement);
        const expected = version < 18 && lighterBefore18.includes(statement) ? [] : predicted;
        assert.deepEqual(sorted(observed.filter((held) => isTold(held, predicted))), sorted(expected));
      });
    }

    for (const statement of alone) {
      test(statement, async () => {
        const [awaited, ...others] = await observeAwaited(sql, statement);
        assert.ok(awaited && others.length === 0, `${others.length} locks are waited for beside ${awaited?.relation}`);
        const predicted = await predict(statement);
        assert.ok(
          predicted.some(({ relation, mode }) => relation === awaited.relation && mode === awaited.mode),
          `it waits for ${sorted([awaited])}, said was ${sorted(predicted)}`,
        );
      });
    }

    test('functions that are taken to give every row the same value are not volatile', async () => {
      const names = [...sameForAll];
      const rows = await sql<{ name: string; volatile: boolean }[]>`
        select proname::text as name, bool_or(provolatile = 'v') as volatile from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace and proname = any(${names}) group by proname`;
      assert.deepEqual(
        rows.filter(({ volatile }) => volatile).map(({ name }) => name),
        [],
      );
      assert.deepEqual(rows.map(({ name }) => name).sort(), names.sort());
    });

    test('which modes conflict', async () => {
      for (const held of lockModes) {
        await sql.begin(async (tx) => {
          await tx.unsafe(`lock table cats in ${held} mode`);
          for (const wanted of lockModes) {
            const refused = await sql
              .begin((other) => other.unsafe(`lock table cats in ${wanted} mode nowait`))
              .then(
                () => false,
                (error: unknown) => (error as { code?: string }).code === '55P03' || Promise.reject(error),
              );
            assert.equal(locksConflict(held, wanted), refused, `${held} and ${wanted}`);
          }
        });
      }
    });
  });
}

/** What a statement waits for while another session holds a lock of its own kind on every table. It is cancelled then. */
async function observeAwaited(sql: Sql, statement: string): Promise<Held[]> {
  const runner = await sql.reserve();
  try {
    const [backend] = await runner<{ pid: number }[]>`select pg_backend_pid() as pid`;
    assert.ok(backend);
    return await sql.begin(async (holder) => {
      const tables = (await relationsOf(sql)).filter(({ kind }) => ['r', 'p'].includes(kind)).map(({ name }) => name);
      await holder.unsafe(`lock table ${tables.join(', ')} in share update exclusive mode`);
      const outcome = runner.unsafe(statement).then(
        () => 'done',
        (error: unknown) => String(error),
      );
      try {
        for (const began = performance.now(); performance.now() - began < 5000; ) {
          const rows = await sql<{ relation: string; mode: string }[]>`
            select relation::regclass::text as relation, mode from pg_locks
            where pid = ${backend.pid} and locktype = 'relation' and not granted`;
          if (rows.length > 0) return rows.map(({ relation, mode }) => ({ relation, mode: modeNamed(mode) }));
        }
        throw new Error(`${statement} waits for nothing`);
      } finally {
        await sql`select pg_cancel_backend(${backend.pid})`;
        assert.match(await outcome, /canceling statement due to user request/);
      }
    });
  } finally {
    runner.release();
  }
}

/** What the statement holds of the relations that were there before it, the strongest lock on each. */
async function observe(sql: Sql, statement: string): Promise<(Held & { kind: string })[]> {
  const undone = new Error('undone');
  let held: (Held & { kind: string })[] = [];
  await sql
    .begin(async (tx) => {
      const relations = new Map((await relationsOf(tx)).map(({ oid, ...relation }) => [oid, relation]));
      await tx.unsafe(statement);
      const rows = await tx<{ oid: number; mode: string }[]>`
        select relation::int as oid, mode from pg_locks where pid = pg_backend_pid() and locktype = 'relation' and granted`;
      const strongest = new Map<number, LockMode>();
      for (const { oid, mode } of rows) {
        const name = modeNamed(mode);
        const before = strongest.get(oid);
        strongest.set(oid, before === undefined ? name : strongerLock(before, name));
      }
      held = [...strongest].flatMap(([oid, mode]) => {
        const relation = relations.get(oid);
        return relation ? [{ relation: relation.name, kind: relation.kind, mode }] : [];
      });
      throw undone;
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  return held;
}

async function relationsOf(sql: ISql): Promise<{ oid: number; name: string; kind: string }[]> {
  return sql<{ oid: number; name: string; kind: string }[]>`
    select oid::int as oid, relname as name, relkind as kind from pg_class where relnamespace = 'public'::regnamespace`;
}

/** Indexes and sequences count only where the statement is about them. */
function isTold({ relation, kind }: Held & { kind: string }, predicted: readonly Held[]): boolean {
  return !['i', 'S', 'I'].includes(kind) || predicted.some((one) => one.relation === relation);
}

/** `ShareRowExclusiveLock` -> `SHARE ROW EXCLUSIVE` */
function modeNamed(mode: string): LockMode {
  const name = mode
    .replace(/Lock$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase();
  const known = lockModes.find((one) => one === name);
  assert.ok(known, mode);
  return known;
}

function sorted(held: readonly Held[]): string[] {
  return held.map(({ relation, mode }) => `${relation}: ${mode}`).sort();
}
