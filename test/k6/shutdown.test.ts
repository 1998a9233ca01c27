// A deployment under load: every server is replaced, one after the other, and no client notices.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import postgres from 'postgres';
import type { Entry } from '../../src/entries/schemas.ts';
import { type Balancer, startBalancer } from '../harness/balancer.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { commandLine } from '../harness/target.ts';
import { eventually, openWorkshop, type Program, type Workshop } from '../runtime/process.ts';
import { requireK6, startK6 } from './k6.ts';

let workshop: Workshop;
let server: RunningPostgres;
let databaseUrl: string;
let balancer: Balancer;

before(async () => {
  requireK6();
  const [binary] = commandLine([], 'binary');
  assert.ok(existsSync(binary), `no binary at ${binary}: run \`bun run build\``);
  workshop = openWorkshop();
  server = await startPostgres({ version: 18 });
  databaseUrl = await server.createDatabase();
});
after(async () => {
  await balancer?.close();
  await workshop?.close();
  await server?.stop();
});

async function serve(): Promise<{ program: Program; url: string }> {
  const program = workshop.launch(['serve'], {
    program: commandLine([], 'binary'),
    // Longer than the balancer takes to look, as fly.toml has it for Fly.io's.
    env: { DATABASE_URL: databaseUrl, DEBUG: 'true', SHUTDOWN_DRAIN_SECONDS: '5' },
  });
  return { program, url: await program.url() };
}

test('SIGTERM under load, and a successor, twice: no request fails, what was acknowledged is there', async () => {
  const first = await serve();
  const second = await serve();
  balancer = await startBalancer([first.url, second.url]);
  const load = startK6('test/k6/arrivals.fixture.ts', { BASE_URL: balancer.url, RATE: '60', DURATION: '60s' });
  let over = false;
  void load.ended.then(() => (over = true));
  /** Takes requests, and more of them than one by chance. */
  const works = (url: string) =>
    eventually('the server takes requests', () => balancer.answers(url) > 60 || undefined, 20_000);
  await Promise.all([works(first.url), works(second.url)]);

  const successors: string[] = [];
  for (const { program, url } of [first, second]) {
    program.signal('SIGTERM');
    const successor = await serve();
    successors.push(successor.url);
    balancer.add(successor.url);
    const { code, stderr } = await program.ended();
    assert.deepEqual([code, stderr], [0, ''], url);
    await works(successor.url);
  }
  assert.equal(over, false, 'the load ended before the last server was replaced');

  const { code, stdout, stderr } = await load.ended;
  const story = `${stdout}\n${stderr}`;
  assert.equal(code, 0, story);
  assert.match(stdout, /http_req_failed\{phase:measured\}: rate==0\s+0\s+ok/, story);
  assert.match(stdout, /checks: rate==1\s+1\s+ok/, story);

  const acknowledged = balancer.made.map((body) => (JSON.parse(body) as Entry).id).sort((one, other) => one - other);
  assert.ok(acknowledged.length > 300, `${acknowledged.length} sightings were made`);
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  const rows = await sql<{ id: number }[]>`select id from entries order by id`;
  await sql.end({ timeout: 1 });
  assert.deepEqual(
    rows.map(({ id }) => Number(id)),
    acknowledged,
    'neither lost nor done twice',
  );
  const shares = [first.url, second.url, ...successors].map((url) => balancer.answers(url));
  console.log(`shutdown: ${acknowledged.length} sightings, answers by server ${shares.join(', ')}`);
});
