// Every version of the schema that was ever released becomes the current one with all its rows, on both servers.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import postgres from 'postgres';
import { loadCatalog } from '../../src/migrator/migration-catalog.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { openWorkshop } from '../runtime/process.ts';

const versions = loadCatalog().map(({ version }) => version);
const tables = ['cats', 'entries', 'analyses', 'cat_insights', 'cat_comments'];

for (const engine of testedVersions) {
  describe(`PostgreSQL ${engine}`, () => {
    let server: Promise<RunningPostgres> | undefined;
    const workshop = openWorkshop();
    after(async () => {
      await workshop.close();
      await (await server)?.stop();
    });

    for (const version of versions) {
      test(`schema version ${version} comes forward`, async () => {
        server ??= startPostgres({ version: engine });
        const url = await (await server).createDatabase();
        const env = { DATABASE_URL: url, DEBUG: 'true' };
        const sql = postgres(url, { max: 1, onnotice: () => {}, types: {} });
        try {
          // A version without its dump was never frozen: bun test/upgrade/freeze.ts
          await sql.unsafe(readFileSync(`${import.meta.dirname}/schema-${version}.sql`, 'utf8'));
          const before = await readRows(sql);
          assert.ok(before['entries']?.length === 4 && before['cat_comments']?.length === 1);

          const status = await workshop.run(['migrate', 'status', '--json'], { env });
          assert.equal(JSON.parse(status.stdout).current, version, status.stderr);
          const up = await workshop.run(['migrate', 'up', '--json'], { env });
          assert.equal(up.code, 0, up.stderr);
          assert.equal(JSON.parse(up.stdout).applied.length, versions.length - version);
          const verified = await workshop.run(['migrate', 'verify'], { env });
          assert.equal(verified.code, 0, `${verified.stdout}${verified.stderr}`);
          assert.deepEqual(await readRows(sql), before);

          const program = workshop.launch(['serve'], { env });
          const at = await program.url();
          await program.logged('ready');
          const entry = await (await fetch(`${at}/entries/1`)).json();
          assert.deepEqual(
            [entry.nickname, entry.createdAt, entry.location_lat, entry.isFavorite],
            ['Minka', '2025-12-27T22:06:09.468148Z', 52.4862, true],
          );
          const made = await fetch(`${at}/entries`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ text: 'after the upgrade' }),
          });
          assert.equal((await made.json()).id, 31, 'the sequence goes on');
          await program.kill();
        } finally {
          await sql.end({ timeout: 1 });
        }
      });
    }
  });
}

/** All rows as text, in the order of their keys. */
async function readRows(sql: postgres.Sql): Promise<Record<string, string[]>> {
  await sql`set timezone = 'UTC'`;
  const rows: Record<string, string[]> = {};
  for (const table of tables) {
    const found = await sql<
      { row: string }[]
    >`select row_to_json(each)::text as row from ${sql(table)} as each order by 1`;
    rows[table] = found.map(({ row }) => row);
  }
  return rows;
}
