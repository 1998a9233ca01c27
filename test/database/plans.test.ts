// Every query that can grow finds its rows by an index. bench/plans.ts is the same at a million rows.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connectPostgres, type Database } from '../../src/database/connect.ts';
import { growingQueries, insertManySightings, sequentialReads } from '../harness/many-sightings.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { makeSchema } from '../harness/schema.ts';

/** Enough that reading a table from one end to the other would be the worse plan. */
const rows = 50_000;

for (const version of testedVersions)
  describe(`PostgreSQL ${version}, ${rows} sightings`, () => {
    let server: RunningPostgres;
    let database: Database;
    before(async () => {
      server = await startPostgres({ version });
      database = connectPostgres({
        url: await server.createDatabase(),
        applicationName: 'catatlas test',
        // Statistics are kept by each connection, and flushed by it when asked.
        maxConnections: 1,
        statementTimeout: 60,
      });
      await makeSchema(database);
      await insertManySightings(database.sql, rows);
    });
    after(async () => {
      await database?.close();
      await server.stop();
    });

    test('the count of rows read without an index does count', async () => {
      const { sql } = database;
      const earlier = await sequentialReads(sql);
      await sql`select count(*) from entries where nickname = 'nobody'`;
      assert.equal((await sequentialReads(sql)) - earlier, rows);
    });

    // The names alone: the queries need a handle, which there is only later.
    for (const name of Object.keys(growingQueries({} as Database['sql'], rows)))
      test(name, async () => {
        const { sql } = database;
        const run = growingQueries(sql, rows)[name];
        assert.ok(run);
        const earlier = await sequentialReads(sql);
        await run();
        assert.equal((await sequentialReads(sql)) - earlier, 0, 'rows read from one end to the other');
      });
  });
