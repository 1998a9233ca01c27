// A backup, a copy and a restoration are of everything, or say why they cannot be: real roles, real servers.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ArchiveTargetError } from '../../src/archive/archive-error.ts';
import { copyDatabase } from '../../src/archive/copy.ts';
import { decodeArchive } from '../../src/archive/read.ts';
import { restore } from '../../src/archive/restore.ts';
import { systemClock } from '../../src/clock.ts';
import type { Database } from '../../src/database/connect.ts';
import { compareSchemas } from '../../src/migrator/drift.ts';
import { MigrationError } from '../../src/migrator/migration-error.ts';
import { readSchema } from '../../src/migrator/schema-snapshot.ts';
import { type Log, silentLog } from '../../src/observability/log.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import {
  backUp,
  connectUnlimited,
  contentOf,
  describeDatabase,
  fillDatabase,
  inChunks,
  programVersion,
} from './sample.ts';

const slow = { timeout: 120_000 };
const program = { programVersion, clock: systemClock };
const tables = ['cats', 'entries', 'analyses', 'cat_insights', 'cat_comments'];

const restoreBytes = (
  database: Database,
  bytes: Uint8Array,
  { replace = true, log }: { replace?: boolean; log?: Log } = {},
) => restore({ database, parts: decodeArchive(inChunks(bytes)), replace, ...program, ...(log ? { log } : {}) });

async function refusal(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => assert.fail('it was not refused'),
    (error: unknown) => {
      assert.ok(error instanceof ArchiveTargetError || error instanceof MigrationError, String((error as Error).stack));
      return error.message;
    },
  );
}

for (const version of testedVersions) {
  describe(`on PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    const open: Database[] = [];
    const connect = (url: string) => {
      const database = connectUnlimited(url);
      open.push(database);
      return database;
    };
    /** A database of `owner` with rows in it, and the address for another role. */
    const newSite = async (owner = 'keeper') => {
      const url = await server.createDatabase();
      const admin = connect(url);
      await admin.sql.unsafe(
        `alter database "${admin.sql.options.database}" owner to "${owner}"; alter schema public owner to "${owner}"`,
      );
      const as = (role: string) => connect(url.replace('postgres@', `${encodeURIComponent(role)}@`));
      return { url, admin, as, keeper: as(owner) };
    };

    before(async () => {
      server = await startPostgres({ version });
      const admin = connect(server.url);
      await admin.sql.unsafe(`
        create role keeper login; create role reader login in role pg_read_all_data; create role anon login;
        create role app login; create role auditor; create role "CatAtlas" login; create role catatlas login`);
    }, slow);

    after(async () => {
      for (const database of open) await database.close();
      await server.stop();
    }, slow);

    describe('row security', () => {
      const closeTables = (force = false) =>
        tables
          .map((name) => `alter table ${name} enable row level security${force ? `, force row level security` : ''}`)
          .join(';');

      it('that hides rows from the role stops a backup and a copy, with role, table and what to do', slow, async () => {
        const { admin, as, keeper } = await newSite();
        await fillDatabase(keeper, 50);
        const whole = contentOf(await describeDatabase(keeper));
        await admin.sql.unsafe(closeTables());
        const reader = as('reader');
        const target = connect(await server.createDatabase());
        for (const attempt of [
          () => backUp(reader),
          () => copyDatabase({ source: reader, withTarget: (work) => work(target), replace: false, ...program }),
        ]) {
          const message = await refusal(attempt());
          assert.match(message, /role reader.*public\.analyses, public\.cat_comments.*owner of the tables/);
          assert.match(message, /alter role "reader" bypassrls/);
        }
        assert.deepEqual(contentOf(await describeDatabase(keeper)), whole);
        await admin.sql.unsafe('alter role reader bypassrls');
        assert.deepEqual(contentOf(await describeDatabase(reader)), whole);
        await admin.sql.unsafe('alter role reader nobypassrls');
      });

      it(
        'that is forced upon the owner stops it, too, and so does the look whether a database is empty',
        slow,
        async () => {
          const { admin, keeper } = await newSite();
          await fillDatabase(keeper, 50);
          const bytes = await backUp(keeper);
          await admin.sql.unsafe(closeTables(true));
          const message = await refusal(backUp(keeper));
          assert.match(message, /role keeper/);
          assert.match(message, /alter table public\.entries no force row level security/);
          assert.doesNotMatch(message, /run it as the owner/i);
          assert.match(await refusal(restoreBytes(keeper, bytes, { replace: false })), /row security hides rows/);
        },
      );

      it('is kept by a restoration: what was closed stays closed', slow, async () => {
        const { admin, as, keeper } = await newSite();
        await fillDatabase(keeper, 50);
        const bytes = await backUp(keeper);
        await admin.sql.unsafe(`
          ${closeTables()};
          alter table cats force row level security;
          grant select, insert, update, delete on ${tables.join(', ')} to anon;
          create policy "the first" on entries as permissive for select to anon, app using (id in (select entry_id from analyses where entry_id < 10));
          create policy writers on entries as restrictive for insert to public with check (length(text) > 2);
          create policy readers on analyses for select using (true);
          comment on policy writers on entries is 'no ''short'' ones'`);
        const anon = as('anon');
        const seen = async () => {
          const counts: Record<string, number> = {};
          for (const name of tables) {
            const [row] = await anon.sql.unsafe<[{ count: number }]>(`select count(*) as count from ${name}`);
            counts[name] = row.count;
          }
          return counts;
        };
        const policies = async () => {
          const rows = await admin.sql`
            select pg_policies.*, obj_description(pg_policy.oid, 'pg_policy') as comment from pg_policies
            join pg_policy on polname = policyname and polrelid = format('%I.%I', schemaname, tablename)::regclass
            order by tablename, policyname`;
          return rows.map((row) => ({ ...row }));
        };
        const [before, expected] = [await seen(), await policies()];
        assert.deepEqual(before, { cats: 0, entries: 3, analyses: 17, cat_insights: 0, cat_comments: 0 });
        assert.equal(expected.length, 3);
        await restoreBytes(keeper, bytes);
        assert.deepEqual(await seen(), before);
        assert.deepEqual(await policies(), expected);
        await assert.rejects(
          anon.sql`insert into entries (text, created_at) values ('long enough', now())`,
          /row-level security/,
        );
        assert.equal((await anon.sql`delete from entries`).count, 0);
        const forced = await admin.sql`select relname from pg_class where relforcerowsecurity`;
        assert.deepEqual(
          forced.map((row) => row['relname']),
          ['cats'],
        );
      });
    });

    describe('a restoration that replaces tables', () => {
      it(
        'keeps privileges exactly, whatever defaults the role has: of tables, columns and sequences',
        slow,
        async () => {
          const { admin, as, keeper } = await newSite();
          await fillDatabase(keeper, 50);
          const bytes = await backUp(keeper);
          await keeper.sql.unsafe(`
          grant select (id, name), update (name) on cats to anon;
          grant usage on sequence entries_id_seq to app;
          grant insert, select on entries to app with grant option;
          grant select on catatlas_migrations to auditor;
          revoke delete on cat_comments from keeper;
          -- From now on new tables are open to all: those that are put in the place of closed ones must not be.
          alter default privileges grant select, delete on tables to anon;
          alter default privileges grant usage on sequences to anon;
          alter default privileges in schema public grant select on tables to anon`);
          const rights = async () => {
            const rows = await admin.sql`
            select relname, attname, pg_get_userbyid(relowner) as owner, acl.privilege_type, acl.grantee::regrole::text as grantee, acl.is_grantable
            from (
              select oid, relname, relowner, null as attname, coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)) as acl
              from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'S')
              union all select pg_class.oid, relname, relowner, attname, attacl from pg_class join pg_attribute on attrelid = pg_class.oid
              where relnamespace = 'public'::regnamespace and attacl is not null
            ) as objects, aclexplode(objects.acl) as acl order by 1, 2, 4, 5`;
            return rows.map((row) => ({ ...row }));
          };
          const expected = await rights();
          await restoreBytes(keeper, bytes);
          assert.deepEqual(await rights(), expected);
          const anon = as('anon');
          await anon.sql`select id, name from cats`;
          await assert.rejects(anon.sql`select created_at from cats`, /permission denied/);
          await assert.rejects(anon.sql`select 1 from entries`, /permission denied/);
        },
      );

      it('gives new tables what the role grants on new ones in that schema', slow, async () => {
        const { as, keeper } = await newSite();
        const { keeper: other } = await newSite();
        await fillDatabase(other, 20);
        await keeper.sql.unsafe(`
          alter default privileges in schema public grant select on tables to app;
          alter default privileges in schema public grant usage on sequences to app`);
        await restoreBytes(keeper, await backUp(other), { replace: false });
        const app = as('app');
        const [row] = await app.sql<[{ count: number }]>`select count(*) as count from cats`;
        assert.equal(row.count, 1);
        await app.sql`select nextval('entries_id_seq')`;
      });

      it('keeps comments, storage parameters, replica identity, clustering and options of columns', slow, async () => {
        const { admin, keeper } = await newSite();
        await fillDatabase(keeper, 50);
        const bytes = await backUp(keeper);
        await keeper.sql.unsafe(`
          comment on table cats is 'it''s ours'; comment on column cats.name is 'as called';
          comment on index entries_by_cat is 'for profiles'; comment on constraint cats_pkey on cats is 'by number';
          comment on sequence cats_id_seq is 'never again';
          alter table entries set (autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_enabled = false);
          alter table cats replica identity full; alter table entries cluster on entries_by_creation;
          alter table analyses replica identity using index analyses_pkey;
          alter table entries alter column text set statistics 500, alter column text set (n_distinct = -0.5),
            alter column text set storage external, alter column nickname set compression pglz`);
        const state = async () => {
          const rows = await admin.sql`
            select relname as name, relreplident::text as identity, array_to_string(reloptions, ',') as options,
              (select array_to_string(toast.reloptions, ',') from pg_class toast where toast.oid = pg_class.reltoastrelid) as toast,
              (select string_agg(indexrelid::regclass::text, ',') from pg_index where indrelid = pg_class.oid and (indisclustered or indisreplident)) as marked,
              (select string_agg(format('%s %s %s %s %s', attname, coalesce(attstattarget, -1), attoptions, attstorage, attcompression), ',' order by attname)
                from pg_attribute where attrelid = pg_class.oid and attnum > 0) as columns
            from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
            union all
            select pg_describe_object(classoid, objoid, objsubid), description, null, null, null, null from pg_description
            where pg_describe_object(classoid, objoid, objsubid) ~ 'cats|entries' order by 1`;
          return rows.map((row) => ({ ...row }));
        };
        const expected = await state();
        assert.equal(expected.filter(({ name }) => / /.test(name)).length, 5);
        await restoreBytes(keeper, bytes);
        assert.deepEqual(await state(), expected);
      });

      it('is refused with the whole list of what would be lost, and changes nothing', slow, async () => {
        const { admin, keeper } = await newSite();
        await fillDatabase(keeper, 50);
        const whole = contentOf(await describeDatabase(keeper));
        const bytes = await backUp(keeper);
        await admin.sql.unsafe(`
          create index entries_by_mood on entries (nickname); alter table cats add constraint named check (name <> 'x');
          alter table cats add column colour text default 'grey';
          create function noted() returns trigger language plpgsql as 'begin return new; end';
          create trigger note before insert on cats for each row execute function noted();
          create trigger watch before insert on catatlas_migrations for each row execute function noted();
          create rule quiet as on delete to cat_comments do instead nothing;
          create statistics together on location_city, location_zip from entries;
          create publication outward for table entries;
          create publication everything for all tables`);
        await keeper.sql`create sequence tickets owned by cats.name`;
        const before = await readSchema(admin.sql);
        const message = await refusal(restoreBytes(admin, bytes));
        for (const line of [
          /index entries_by_mood: /,
          /constraint named on cats: CHECK/,
          /column cats\.colour: type text/,
          /trigger note on cats: /,
          /trigger watch on public\.catatlas_migrations/,
          /rule quiet on cat_comments: /,
          /CREATE STATISTICS public\.together/,
          /publication outward has the table public\.entries/,
          /publication everything has every table/,
          /sequence tickets/,
        ])
          assert.match(message, line);
        assert.deepEqual(compareSchemas(before, await readSchema(admin.sql)), { differences: [], unmanaged: [] });
        await admin.sql.unsafe(`
          drop publication outward, everything; drop statistics together; drop rule quiet on cat_comments; drop trigger watch on catatlas_migrations;
          drop trigger note on cats; alter table cats drop colour; alter table cats drop constraint named; drop index entries_by_mood; drop sequence tickets`);
        await restoreBytes(admin, bytes);
        assert.deepEqual(contentOf(await describeDatabase(admin)), whole);
      });

      it('is refused where tables of our names are those of another program', slow, async () => {
        const { admin, keeper } = await newSite();
        const { keeper: other } = await newSite();
        await fillDatabase(other, 20);
        await admin.sql.unsafe(
          "create table entries (id integer primary key, title text); insert into entries values (1, 'a blog')",
        );
        assert.match(
          await refusal(restoreBytes(keeper, await backUp(other))),
          /neither this program nor the first server made/,
        );
        const [row] = await admin.sql<[{ title: string }]>`select title from entries`;
        assert.equal(row.title, 'a blog');
      });
    });

    describe('the schema', () => {
      it(
        'is the one with the history; where new tables would go elsewhere, writing is refused and reading goes on',
        slow,
        async () => {
          const { admin, as, keeper } = await newSite('catatlas');
          await fillDatabase(keeper, 50);
          const bytes = await backUp(keeper);
          const whole = contentOf(await describeDatabase(keeper));
          await admin.sql.unsafe('create schema authorization catatlas');
          const again = as('catatlas');
          assert.deepEqual(contentOf(await describeDatabase(again)), whole);
          for (const replace of [false, true]) {
            const message = await refusal(restoreBytes(again, bytes, { replace }));
            assert.match(message, /in the schema public, but new ones would go to the schema catatlas/);
            assert.match(message, /alter role "catatlas" in database "\w+" set search_path = "public"/);
          }
          const left = await admin.sql`select 1 from pg_class where relnamespace = 'catatlas'::regnamespace`;
          assert.equal(left.length, 0);
        },
      );

      it('may have a name that folds or needs quotes, beside one that looks alike', slow, async () => {
        for (const name of ['CatAtlas', 'Cat "Atlas".']) {
          const { admin, url } = await newSite();
          const quoted = `"${name.replaceAll('"', '""')}"`;
          const database = admin.sql.options.database;
          await admin.sql.unsafe(`
            create schema ${quoted}; create schema catatlas; create table catatlas.entries (id integer);
            grant select on catatlas.entries to anon;
            alter database "${database}" set search_path = ${quoted}`);
          const here = connect(url);
          await fillDatabase(here, 50);
          await here.sql.unsafe('grant select on cats to app');
          const bytes = await backUp(here);
          await restoreBytes(here, bytes);
          const rights = await admin.sql`
            select nspname, relname, grantee::regrole::text as grantee from pg_class join pg_namespace on pg_namespace.oid = relnamespace,
              aclexplode(relacl) where grantee <> relowner and nspname in (${name}, 'catatlas') order by 1`;
          assert.deepEqual(
            rights.map((row) => ({ ...row })).toSorted((a, b) => (a['nspname'] < b['nspname'] ? -1 : 1)),
            [
              { nspname: name, relname: 'cats', grantee: 'app' },
              { nspname: 'catatlas', relname: 'entries', grantee: 'anon' },
            ],
          );
          const target = connect(await server.createDatabase());
          await copyDatabase({ source: here, withTarget: (work) => work(target), replace: false, ...program });
        }
      });

      it(
        'may have a sequence of somebody else under the name of ours, which steps aside; other names are refused',
        slow,
        async () => {
          const { keeper: other } = await newSite();
          await fillDatabase(other, 20);
          const bytes = await backUp(other);
          const { keeper } = await newSite();
          await keeper.sql.unsafe('create sequence entries_id_seq start 77; create sequence entries_id_seq1');
          await restoreBytes(keeper, bytes, { replace: false });
          const [entry] = await keeper.sql<
            [{ id: number }]
          >`insert into entries (text, created_at) values ('new', now()) returning id`;
          assert.equal(entry.id, 1022);
          const [foreign] = await keeper.sql<[{ last_value: number }]>`select last_value from entries_id_seq`;
          assert.equal(foreign.last_value, 77);

          const { keeper: third } = await newSite();
          await third.sql.unsafe(
            'create table notes (entries_by_cat text); create index entries_by_cat on notes (entries_by_cat); create type cats as enum ()',
          );
          const message = await refusal(restoreBytes(third, bytes, { replace: false }));
          assert.match(message, /index public\.entries_by_cat\n/);
          assert.match(message, /type public\.cats\n/);
        },
      );

      it('with the tables of the first server further behind is not passed over', slow, async () => {
        const { keeper: other } = await newSite();
        await fillDatabase(other, 20);
        const { admin, as } = await newSite('catatlas');
        await admin.sql.unsafe(`
          set role catatlas;
          create table entries (id serial primary key, text text not null, createdat text not null, isfavorite integer not null default 0);
          insert into entries (text, createdat) values ('old', '2026-01-01T00:00:00Z');
          reset role;
          create schema authorization catatlas`);
        const bytes = await backUp(other);
        const message = await refusal(restoreBytes(as('catatlas'), bytes, { replace: false }));
        assert.match(message, /tables of the first server are in the schema public/);
        assert.match(message, /set search_path = "public"/);
        // Where they are not hidden, they are replaced only when told.
        await admin.sql`drop schema catatlas`;
        const here = as('catatlas');
        assert.match(await refusal(restoreBytes(here, bytes, { replace: false })), /has data: entries \(1 rows\)/);
        await restoreBytes(here, bytes);
        assert.deepEqual(contentOf(await describeDatabase(here)), contentOf(await describeDatabase(other)));
      });
    });

    describe('a sequence that is behind its table', () => {
      it(
        'is ahead of it again in every archive and every copy, and after the restoration of an old archive',
        slow,
        async () => {
          const { keeper } = await newSite();
          await fillDatabase(keeper, 50);
          await keeper.sql`select setval('entries_id_seq', 4), setval('cats_id_seq', 1, false)`;
          const bytes = await backUp(keeper);
          const copied = connect(await server.createDatabase());
          await copyDatabase({ source: keeper, withTarget: (work) => work(copied), replace: false, ...program });
          const restored = connect(await server.createDatabase());
          await restoreBytes(restored, bytes, { replace: false });
          // As an archive of an older version says it.
          const old = connect(await server.createDatabase());
          const warnings: unknown[] = [];
          const parts = async function* () {
            for await (const part of decodeArchive(inChunks(bytes))) {
              if (part.kind !== 'manifest') yield part;
              else
                yield {
                  ...part,
                  manifest: {
                    ...part.manifest,
                    sequences: part.manifest.sequences.map((one) =>
                      one.table === 'entries' ? { ...one, lastValue: 4 } : one,
                    ),
                  },
                };
            }
          };
          const log = {
            ...silentLog,
            warn: (message: string, more?: object) => void warnings.push({ message, ...more }),
          };
          await restore({ database: old, parts: parts(), replace: false, log, ...program });
          assert.deepEqual(warnings, [
            {
              message: 'the sequence of the archive is behind its rows: it goes on behind the highest number',
              table: 'entries',
              next: 5,
              highest: 1051,
            },
          ]);
          for (const database of [copied, restored, old]) {
            const [entry] = await database.sql<
              [{ id: number }]
            >`insert into entries (text, created_at) values ('new', now()) returning id`;
            assert.equal(entry.id, 1052);
            await database.sql`insert into cats (created_at) values (now())`;
          }
        },
      );
    });
  });
}
