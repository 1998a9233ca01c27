// The way up from the embedded database, and back down.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ArchiveTargetError } from '../../src/archive/archive-error.ts';
import { askAsTheApi } from '../../src/archive/ask.ts';
import { copyDatabase } from '../../src/archive/copy.ts';
import { systemClock } from '../../src/clock.ts';
import { connectEmbedded, type Database } from '../../src/database/connect.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { startPostgres, testedVersions } from '../harness/postgres.ts';
import { eventually, openWorkshop } from '../runtime/process.ts';
import { connectUnlimited, contentOf, describeDatabase, fillDatabase, programVersion } from './sample.ts';

const slow = { timeout: 120_000 };
const copy = (source: Database, target: Database, replace = false) =>
  copyDatabase({ source, withTarget: (work) => work(target), replace, programVersion, clock: systemClock });

for (const version of testedVersions) {
  describe(`copying between the embedded database and PostgreSQL ${version}`, () => {
    it('moves everything and leaves the source as it was', slow, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'catatlas-copy-'));
      const server = await startPostgres({ version });
      const source = await connectEmbedded({ dataDir: join(directory, 'data') });
      const target = connectUnlimited(await server.createDatabase());
      const back = await openScratch();
      try {
        await fillDatabase(source, 5_000);
        const original = contentOf(await describeDatabase(source));
        const up = await copy(source, target);
        assert.deepEqual(contentOf(up), original);
        assert.deepEqual(await askAsTheApi(target.sql, up), []);
        const down = await copy(target, back);
        assert.deepEqual(contentOf(down), original);
        assert.deepEqual(await askAsTheApi(back.sql, down), []);
        for (const database of [source, target, back])
          assert.deepEqual(contentOf(await describeDatabase(database)), original);

        await target.sql`insert into cats (name, created_at) values ('newer', now())`;
        await assert.rejects(copy(source, target), ArchiveTargetError);
        await copy(source, target, true);
        assert.deepEqual(contentOf(await describeDatabase(target)), original);
      } finally {
        await Promise.all([source.close(), target.close(), back.close()]);
        await server.stop();
        rmSync(directory, { recursive: true, force: true });
      }
    });

    it('stops when told to, and has done nothing then', slow, async () => {
      const server = await startPostgres({ version });
      const source = connectUnlimited(await server.createDatabase());
      const target = connectUnlimited(await server.createDatabase());
      try {
        await fillDatabase(source, 2_000);
        const stop = new AbortController();
        const work = copyDatabase({
          source,
          withTarget: (into) => into(target),
          replace: false,
          programVersion,
          clock: systemClock,
          shutdown: stop.signal,
          onProgress({ what }) {
            if (what === 'entries') stop.abort();
          },
        });
        await assert.rejects(work, { name: 'AbortError' });
        const tables = await target.sql`select relname from pg_class where relnamespace = 'public'::regnamespace`;
        assert.equal(tables.length, 0);
        await copy(source, target);
      } finally {
        await Promise.all([source.close(), target.close()]);
        await server.stop();
      }
    });

    it('says what stands on tables that it is to replace', slow, async () => {
      const workshop = openWorkshop();
      const server = await startPostgres({ version });
      const [from, to] = [await server.createDatabase(), await server.createDatabase()];
      const [source, target] = [connectUnlimited(from), connectUnlimited(to)];
      try {
        await fillDatabase(source, 20);
        await fillDatabase(target, 20);
        await target.sql.unsafe('create view named_cats as select name from cats');
        const env = { DATABASE_URL: from, DEBUG: 'true' };
        const { code, stderr } = await workshop.run(['copy', '--to', to, '--replace'], { env });
        assert.equal(code, 1, stderr);
        assert.match(stderr, /view public.named_cats depends on table public.cats/);
        assert.doesNotMatch(stderr, /unexpected/);
      } finally {
        await Promise.all([source.close(), target.close()]);
        await workshop.close();
        await server.stop();
      }
    });

    it('kill -9 in the middle leaves the target as it was, and the next try succeeds', slow, async () => {
      const workshop = openWorkshop();
      const server = await startPostgres({ version });
      const [from, to] = [await server.createDatabase(), await server.createDatabase()];
      const [source, target] = [connectUnlimited(from), connectUnlimited(to)];
      const env = { DATABASE_URL: from, DEBUG: 'true' };
      try {
        await fillDatabase(source, 5_000);
        const original = contentOf(await describeDatabase(source));
        // Somebody reads the source's last table of all under a lock that the copy's snapshot has to wait for.
        const holder = await source.sql.reserve();
        await holder`begin`;
        await holder`lock table cat_comments in access exclusive mode`;
        const program = workshop.launch(['copy', '--to', to], { env });
        await eventually('rows are written into the target, and the rest is waited for', async () => {
          const [row] = await target.sql<[{ writing: boolean; waiting: boolean }]>`
            select exists (select 1 from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid() and backend_xid is not null) as writing,
              exists (select 1 from pg_stat_activity where wait_event_type = 'Lock') as waiting`;
          return row.writing && row.waiting ? true : undefined;
        });
        await program.kill();
        await holder`rollback`;
        holder.release();
        await eventually('the server has noticed', async () => {
          const rows =
            await target.sql`select 1 from pg_stat_activity where datname = current_database() and backend_xid is not null`;
          return rows.length === 0 ? true : undefined;
        });
        const tables = await target.sql`select relname from pg_class where relnamespace = 'public'::regnamespace`;
        assert.equal(tables.length, 0);
        assert.deepEqual(contentOf(await describeDatabase(source)), original);
        const again = await workshop.run(['copy', '--to', to], { env });
        assert.equal(again.code, 0, again.stderr);
        assert.deepEqual(contentOf(await describeDatabase(target)), original);
      } finally {
        await Promise.all([source.close(), target.close()]);
        await workshop.close();
        await server.stop();
      }
    });
  });
}
