// The way up from the embedded database, and back down.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { askAsTheApi } from '../../src/archive/ask.ts';
import { copyDatabase } from '../../src/archive/copy.ts';
import { ArchiveTargetError } from '../../src/archive/failure.ts';
import { systemClock } from '../../src/clock.ts';
import { connectEmbedded, type Database } from '../../src/database/connect.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { startPostgres, testedVersions } from '../harness/postgres.ts';
import { connectUnlimited, contentOf, describeDatabase, fillDatabase, programVersion } from './sample.ts';

const slow = { timeout: 120_000 };
const copy = (source: Database, target: Database, replace = false) =>
  copyDatabase({ source, target, replace, programVersion, clock: systemClock });

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
          target,
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
  });
}
