// Every load script runs against the binary on PostgreSQL, for seconds: no request fails, and nothing is left behind.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import postgres from 'postgres';
import { freePort, type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { commandLine } from '../harness/target.ts';
import { eventually, openWorkshop, type Workshop } from '../runtime/process.ts';
import { answer500, type FakeServer, startFakeServer } from './fake-server.ts';
import { type Outcome, requireK6, runK6, startK6 } from './k6.ts';

const thresholdsCrossed = 99;
const interrupted = 105;
const scriptException = 107;

/** Sightings around the middle of Berlin, where the map scenario looks first. */
const mapEntries = 200;

let workshop: Workshop;
let server: RunningPostgres;
let sql: postgres.Sql;
let baseUrl: string;

before(async () => {
  requireK6();
  const program = commandLine([], 'binary');
  assert.ok(existsSync(program[0]), `no binary at ${program[0]}: run \`bun run build\``);
  workshop = openWorkshop();
  server = await startPostgres({ version: 18 });
  const databaseUrl = await server.createDatabase();
  sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  const env = { DATABASE_URL: databaseUrl, DEBUG: 'true', LOG_LEVEL: 'INFO' };
  baseUrl = await workshop.launch(['serve'], { program, env }).url();
});
after(async () => {
  await sql?.end({ timeout: 1 });
  await workshop?.close();
  await server?.stop();
});

const story = ({ stdout, stderr }: Outcome) => `${stdout}\n${stderr}`;
const load = (script: string, env: Record<string, string>) =>
  runK6(`loadtest/${script}.ts`, { BASE_URL: baseUrl, ...env });

/** Sightings that a load script made and did not delete. */
const entriesLeft = async () =>
  (await sql<[{ count: number }]>`select count(*)::int as count from entries where text = 'Load test entry'`)[0].count;

describe('load scripts', () => {
  // For so long that a percentile is not the duration of two requests.
  it('the load of the plan passes for a minute, without a failed request', async () => {
    const outcome = await load('load', { DURATION: '60s', RATE: '5' });
    assert.equal(outcome.code, 0, story(outcome));
    assert.match(outcome.stdout, /http_req_failed\{phase:measured\}: rate==0\s+0\s+ok/);
    assert.match(outcome.stdout, /POST \/entries +[1-9]\d* /);
    assert.equal(await entriesLeft(), 0);
  });

  // Whether this machine is quick enough is not the question here: only what is true of slow ones too is asserted.
  for (const script of ['stress', 'spike', 'soak', 'breakpoint'])
    it(`${script} runs, and leaves nothing behind`, async () => {
      const outcome = await load(script, { DURATION: '3s', RATE: '10' });
      assert.ok(outcome.code === 0 || outcome.code === thresholdsCrossed, story(outcome));
      assert.match(outcome.stdout, /iterations_finished: count>0\s+[1-9]\d*\s+ok/);
      assert.match(outcome.stdout, /iterations_broken: count==0\s+0\s+ok/);
      assert.match(outcome.stdout, /all that the run made is deleted +1 +0/);
      assert.equal(await entriesLeft(), 0);
    });

  it('failover writes, reads back, and lists every write', async () => {
    const outcome = await load('failover', { DURATION: '6s', RATE: '10' });
    assert.equal(outcome.code, 0, story(outcome));
    const listed = outcome.stderr.match(/msg="write 200 \d+ \d+ load test [^"]+"/g) ?? [];
    const [, mark] = /from entries where location = '([^']+)'/.exec(outcome.stderr) ?? [];
    const deleted = await sql`delete from entries where location = ${String(mark)}`;
    assert.ok(deleted.count >= 25 && listed.length === deleted.count, `${listed.length} of ${deleted.count}`);
  });

  it('map says what it wants when there is nothing on the map', async () => {
    const outcome = await load('map', { DURATION: '3s' });
    assert.equal(outcome.code, scriptException, story(outcome));
    assert.match(outcome.stderr, /catatlas seed/);
  });

  it('map reads areas, groups and sightings', async () => {
    await sql`insert into entries (text, created_at, location_lat, location_lon)
      select 'Grey cat ' || number, now(), 52.5042 + (number % 20 - 10) * 0.001, 13.4225 + (number / 20 - 5) * 0.001
      from generate_series(1, ${mapEntries}) as number`;
    const outcome = await load('map', { DURATION: '30s', RATE: '20' });
    assert.equal(outcome.code, 0, story(outcome));
    for (const endpoint of ['/entries/by-area', '/entries/by-area/suggested-groups', '/entries/:id'])
      assert.match(outcome.stdout, new RegExp(`GET ${endpoint} +[1-9]`), story(outcome));
    const [{ count }] = await sql<[{ count: number }]>`select count(*)::int as count from entries`;
    assert.equal(count, mapEntries);
    await sql`delete from entries`;
  });

  it('clears up when it is interrupted', async () => {
    const run = startK6('loadtest/load.ts', { BASE_URL: baseUrl, DURATION: '60s' });
    await eventually('sightings are made', async () => ((await entriesLeft()) > 20 ? true : undefined), 30_000);
    run.interrupt();
    const outcome = await run.ended;
    assert.equal(outcome.code, interrupted, story(outcome));
    assert.match(outcome.stdout, /all that the run made is deleted +1 +0/);
    assert.equal(await entriesLeft(), 0);
  });
});

describe('load scripts, refused or disappointed', () => {
  const servers: FakeServer[] = [];
  after(async () => {
    for (const one of servers) await one.close();
  });

  it('do not touch another host unless told', async () => {
    const fake = await startFakeServer();
    servers.push(fake);
    // Another name for this machine: it could be reached, and is not.
    const outcome = await load('load', { BASE_URL: fake.url.replace('127.0.0.1', '0.0.0.0'), DURATION: '2s' });
    assert.equal(outcome.code, scriptException, story(outcome));
    assert.match(outcome.stderr, /ALLOW_REMOTE=yes/);
    assert.equal(fake.asked.size, 0);
  });

  it('say in the first line why they could not begin', async () => {
    const outcome = await load('load', { BASE_URL: `http://127.0.0.1:${await freePort()}`, WAKE_SECONDS: '1' });
    assert.equal(outcome.code, scriptException, story(outcome));
    assert.match(outcome.stdout, /^load FAILED: \S+, [\d.]+ s: no answer: dial: connection refused\n/);
    assert.match(outcome.stdout, /POST \/entries\}: p\(95\)<500 +not measured$/m);
  });

  it('show a request of each check that failed, and no more than five', async () => {
    const fake = await startFakeServer(({ route, response }) => {
      if (route !== 'POST /entries') return false;
      response.writeHead(503, { 'content-type': 'application/json', 'x-request-id': 'request-7' });
      response.end('{"code":"DATABASE_UNAVAILABLE"}');
      return true;
    });
    servers.push(fake);
    const outcome = await load('load', { BASE_URL: fake.url, DURATION: '3s', RATE: '50' });
    assert.match(
      outcome.stdout,
      /^load FAILED: .*: POST \/entries (is 200|returns the sighting): POST \/entries: 503 DATABASE_UNAVAILABLE, request request-7\n/,
    );
    const shown = outcome.stdout.match(
      /^ +POST \/entries is 200 +POST \/entries +503 +DATABASE_UNAVAILABLE +request-7$/gm,
    );
    assert.ok(shown !== null && shown.length >= 1 && shown.length <= 5, story(outcome));
    assert.match(outcome.stdout, /commit that answered +0123456789abcdef/);
    assert.match(outcome.stdout, /DURATION +3s$/m);
  });

  it('fail when requests fail', async () => {
    const fake = await startFakeServer(answer500('POST /entries'));
    servers.push(fake);
    const outcome = await load('load', { BASE_URL: fake.url, DURATION: '3s' });
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assert.match(outcome.stdout, /http_req_failed\{phase:measured\}: rate==0\s+0\.\d+\s+CROSSED/);
  });

  it('fail when what they made cannot be deleted, and tell how to find it', async () => {
    const fake = await startFakeServer(answer500('DELETE /entries/:id'));
    servers.push(fake);
    const outcome = await load('load', { BASE_URL: fake.url, DURATION: '3s' });
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    const [, mark] = /their location is \\?"([^"\\]+)/.exec(outcome.stderr) ?? [];
    assert.ok(mark !== undefined, story(outcome));
    assert.ok(fake.entries.size > 0);
    assert.deepEqual([...new Set([...fake.entries.values()].map(({ location }) => location))], [mark]);
  });

  it('failover: a sighting that was acknowledged and is gone is a failure, a refused one is not', async () => {
    for (const [lost, status, code] of [
      ['GET /entries/:id', 404, thresholdsCrossed],
      ['GET /entries/:id', 503, 0],
      ['POST /entries', 500, thresholdsCrossed],
    ] as const) {
      const fake = await startFakeServer(({ route, response }) => {
        if (route === lost) response.writeHead(status).end();
        return route === lost;
      });
      servers.push(fake);
      const outcome = await load('failover', { BASE_URL: fake.url, DURATION: '2s', RATE: '5' });
      assert.equal(outcome.code, code, story(outcome));
    }
  });

  it('measure nothing when nobody answers', async () => {
    const outcome = await load('load', { BASE_URL: `http://127.0.0.1:${await freePort()}`, WAKE_SECONDS: '2' });
    assert.equal(outcome.code, scriptException, story(outcome));
    assert.match(outcome.stderr, /was not 200 within 2 s/);
    assert.ok(outcome.seconds < 15, `${outcome.seconds} s`);
  });
});
