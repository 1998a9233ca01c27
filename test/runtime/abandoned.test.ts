// Work for somebody who has left.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import postgres from 'postgres';
import { clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { eventually, openWorkshop, type Workshop } from './process.ts';
import { metricsUrl, scrape } from './scrape.ts';

let workshop: Workshop;
let server: RunningPostgres;
before(async () => {
  workshop = openWorkshop();
  server = await startPostgres({ version: 18 });
});
after(async () => {
  await workshop.close();
  await server.stop();
});

test('matches are looked for only while their client waits', async () => {
  const databaseUrl = await server.createDatabase();
  const program = workshop.launch(['serve'], { env: { DATABASE_URL: databaseUrl, DEBUG: 'true', METRICS_PORT: '0' } });
  await program.logged('ready');
  const url = await program.url();
  const metrics = await metricsUrl(program);
  const statements = async () =>
    (await scrape(metrics)).samples.get('catatlas_database_statement_duration_seconds_count') ?? 0;
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  // Many seconds of work, so that somebody else on this machine may hold up the leaving for a few.
  const batches = 600;
  await sql`
    insert into entries (text, created_at)
    select 'grey tabby ' || n, now() from generate_series(1, ${batches * 500}::int) as n`;
  await sql.end();

  const before = await statements();
  const leaving = new AbortController();
  const gone = fetch(`${url}/entries/1/matches`, { signal: leaving.signal }).then(
    () => assert.fail('it was answered before its client left'),
    () => {},
  );
  await eventually('the first batches are read', async () => (await statements()) > before + 3 || undefined);
  leaving.abort();
  await gone;
  // Quiet for a while that many batches would have fitted into.
  let last = -1;
  await eventually(
    'the reading ends',
    async () => {
      const now = await statements();
      const quiet = now === last;
      last = now;
      if (!quiet) await new Promise((resolve) => setTimeout(resolve, 500));
      return quiet || undefined;
    },
    60_000,
  );
  assert.ok(last - before < batches * 0.8, `${last - before} of ${batches} batches`);
  const { status } = await clientOf(url)('GET', '/entries/1');
  assert.equal(status, 200);
});
