// Work for somebody who has left.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import postgres from 'postgres';
import type { Entry } from '../../src/entries/schemas.ts';
import { clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { runtime } from '../harness/target.ts';
import { eventually, openWorkshop, type Workshop } from './process.ts';
import { metricsUrl, scrape } from './scrape.ts';
import { openWire, type Wire } from './wire.ts';

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
  const batches = 1200;
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

/** A server with a database of its own. */
async function serve() {
  const program = workshop.launch(['serve'], {
    env: { DATABASE_URL: await server.createDatabase(), DEBUG: 'true' },
  });
  await program.logged('ready');
  const url = await program.url();
  return { program, url, call: clientOf(url) };
}

const head = 'POST /entries HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\n';

test('a client that leaves in the middle of its body has itself to thank: no error of the server', async () => {
  const { program, url, call } = await serve();
  const leave: [string, (wire: Wire) => void][] = [
    ['Content-Length: 40\r\n\r\n{"text":"half', ({ socket }) => socket.end()],
    ['Content-Length: 40\r\n\r\n{"text":"half', ({ socket }) => socket.resetAndDestroy()],
    ['Transfer-Encoding: chunked\r\n\r\n20\r\n{"text":"half', ({ socket }) => socket.resetAndDestroy()],
  ];
  for (const [index, [half, go]] of leave.entries()) {
    const wire = await openWire(url);
    wire.send(`${head}X-Request-Id: half-${index}\r\n${half}`);
    // The head and the beginning of the body have arrived by then: it is the next request that is answered.
    assert.equal((await call('GET', '/health')).status, 200);
    go(wire);
  }
  const lines = await eventually('a line for each', () => {
    const found = program.log.filter((line) => /^half-/.test(String(line['request_id'])));
    return found.length >= leave.length ? found : undefined;
  });
  assert.deepEqual(
    new Set(lines.map((line) => `${line['level']} ${line.message} ${line['status']}`)),
    new Set(['INFO request 400']),
  );
  assert.equal((await call('GET', '/entries')).text, '[]');
});

test('a body with fields behind it is taken, or refused and nothing done', async () => {
  const { program, url, call } = await serve();
  const wire = await openWire(url);
  wire.send(`${head}Transfer-Encoding: chunked\r\n\r\nd\r\n{"text":"tr"}\r\n0\r\nX-Sum: 1\r\n\r\n`);
  // Bun's own answer has neither length nor chunks.
  const [line = ''] = String(await once(wire.socket, 'data')).split('\r\n');
  const status = Number(line.split(' ')[1]);
  wire.destroy();
  assert.equal(status, runtime === 'deno' ? 200 : 400);
  const made = (await call<Entry[]>('GET', '/entries')).body.length;
  assert.equal(made, status === 200 ? 1 : 0);
  program.signal('SIGTERM');
  // Deno has something to say to whoever asks a request for its signal, unless deno.json says otherwise.
  assert.equal((await program.ended()).stderr, '');
});
