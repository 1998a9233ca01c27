import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScratch } from '../database/scratch.ts';
import { loadCatalog } from '../migrator/migration-catalog.ts';
import { readSessionState, servedTables } from './queries.ts';

test('readSessionState() looks at every table of the schema, sees those that are missing, and a session that takes no writes', {
  timeout: 60_000,
}, async () => {
  const database = await openScratch();
  const { sql } = database;
  try {
    assert.deepEqual(await readSessionState(sql), { readOnly: false, missing: [...servedTables], closed: [] });
    for (const migration of loadCatalog()) await sql.unsafe(migration.sql);
    const tables = await sql<{ name: string }[]>`
      select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
        and relname <> 'catatlas_migrations' order by relname`;
    // A migration that adds a table has to say here that requests use it.
    assert.deepEqual(
      tables.map(({ name }) => name),
      [...servedTables],
    );
    assert.deepEqual(await readSessionState(sql), { readOnly: false, missing: [], closed: [] });
    await sql`create role guest`;
    await sql`grant select on all tables in schema public to guest`;
    await sql`revoke select on cats from guest`;
    const asGuest = (readOnly: boolean) =>
      sql.begin(readOnly ? 'read only' : '', async (tx) => {
        await tx`set local role guest`;
        return await readSessionState(tx);
      });
    assert.deepEqual(await asGuest(false), { readOnly: false, missing: [], closed: [...servedTables] });
    assert.deepEqual(await asGuest(true), { readOnly: true, missing: [], closed: ['cats'] });
  } finally {
    await database.close();
  }
});
