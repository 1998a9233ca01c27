// The smoke test says yes to a good server, and no (a non-zero exit code) to each way of being bad, within bounded time.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import postgres from 'postgres';
import { canMeasure } from '../../scripts/deploy/smoke.ts';
import { freePort, type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { commandLine, root } from '../harness/target.ts';
import { openWorkshop, type Workshop } from '../runtime/process.ts';
import { answer500, type FakeServer, type Fault, fakeCommit, fakeOrigin, startFakeServer } from './fake-server.ts';
import { k6Path, type Outcome, requireK6, runK6 } from './k6.ts';

const thresholdsCrossed = 99;
const scriptException = 107;

let folder: string;

before(() => {
  requireK6();
  folder = mkdtempSync(join(tmpdir(), 'catatlas-k6-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const smoke = (baseUrl: string, env: Record<string, string> = {}) =>
  runK6('smoke/smoke.ts', { BASE_URL: baseUrl, ALLOWED_ORIGIN: fakeOrigin, WAKE_SECONDS: '20', ...env });

const story = ({ stdout, stderr }: Outcome) => `${stdout}\n${stderr}`;

/** Was this check false at least once, as the report says? */
function assertFalse(outcome: Outcome, check: string): void {
  const line = outcome.stdout.split('\n').find((one) => one.trim().startsWith(check));
  assert.match(line ?? '', /\s[1-9]\d*$/, `"${check}" was not false\n${story(outcome)}`);
}

it('can be asked beforehand whether it would run: settings are read, and no request is made', async () => {
  const { url, asked, close } = await startFakeServer();
  // The script of deployment looks for k6 on PATH.
  symlinkSync(k6Path(), join(folder, 'k6'));
  const path = process.env['PATH'];
  process.env['PATH'] = `${folder}:${path}`;
  try {
    const given = { url, origin: fakeOrigin, commit: fakeCommit, control: url, attempts: 1, pauseSeconds: 0 };
    assert.equal(await canMeasure(given), true);
    for (const wrong of [{ url: `${url}/api` }, { origin: `${fakeOrigin}/` }, { commit: 'main' }])
      assert.equal(await canMeasure({ ...given, ...wrong }), false, JSON.stringify(wrong));
    assert.deepEqual([...asked], []);
  } finally {
    process.env['PATH'] = path;
    await close();
  }
});

describe('smoke, against the binary on PostgreSQL', () => {
  let workshop: Workshop;
  let server: RunningPostgres;
  let sql: postgres.Sql;
  let baseUrl: string;

  before(async () => {
    const program = commandLine([], 'binary');
    assert.ok(existsSync(program[0]), `no binary at ${program[0]}: run \`bun run build\``);
    workshop = openWorkshop();
    server = await startPostgres({ version: 18 });
    const databaseUrl = await server.createDatabase();
    sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
    const env = { DATABASE_URL: databaseUrl, DEBUG: 'true', ALLOWED_ORIGINS: fakeOrigin };
    baseUrl = await workshop.launch(['serve'], { program, env }).url();
  });
  after(async () => {
    await sql?.end({ timeout: 1 });
    await workshop?.close();
    await server?.stop();
  });

  const entriesLeft = async () => (await sql<[{ count: number }]>`select count(*)::int as count from entries`)[0].count;

  it('passes, and leaves nothing behind', async () => {
    const outcome = await smoke(baseUrl);
    assert.equal(outcome.code, 0, story(outcome));
    assert.match(outcome.stdout, /^smoke passed/m);
    assert.equal(await entriesLeft(), 0);
    const [{ last }] = await sql<[{ last: number | null }]>`select max(id)::int as last from (
      select last_value as id from pg_sequences where schemaname = current_schema() and sequencename like 'entries%') as made`;
    assert.ok(last !== null && last >= 1, 'a sighting was made on the way');
  });

  it('fails when another commit answers, and still leaves nothing behind', async () => {
    const outcome = await smoke(baseUrl, { EXPECT_SHA: 'fffffff' });
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assertFalse(outcome, 'the expected commit answers');
    assert.match(outcome.stderr, /expected commit fffffff, found [0-9a-z]+/);
    assert.equal(await entriesLeft(), 0);
  });

  it('fails when the origin of the front end is not allowed', async () => {
    const outcome = await smoke(baseUrl, { ALLOWED_ORIGIN: 'https://elsewhere.example' });
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assertFalse(outcome, 'preflight: the allowed origin is named');
    assertFalse(outcome, 'POST /entries may be read by the allowed origin');
    assert.equal(await entriesLeft(), 0);
  });
});

describe('smoke, against a stand-in with one fault', () => {
  const servers: FakeServer[] = [];
  const start = async (fault?: Fault) => {
    const server = await startFakeServer(fault);
    servers.push(server);
    return server;
  };
  after(async () => {
    for (const server of servers) await server.close();
  });

  it('passes without a fault, with the commit in full or shortened', async () => {
    const { url, entries } = await start();
    for (const sha of [fakeCommit, fakeCommit.slice(0, 7)]) {
      const outcome = await smoke(url, { EXPECT_SHA: sha });
      assert.equal(outcome.code, 0, story(outcome));
    }
    assert.equal(entries.size, 0);
  });

  const checks: Record<string, string> = {
    'GET /health': 'GET /health is 200',
    'GET /version': 'GET /version is 200',
    'OPTIONS /entries': 'preflight: 200 for the allowed origin',
    'POST /entries': 'POST /entries is 200',
    'GET /entries/:id': 'the sighting can be read back',
    'GET /swagger': 'the documentation page is there',
    'GET /swagger/json': 'the OpenAPI document is there',
  };
  for (const [route, check] of Object.entries(checks))
    it(`fails when ${route} answers 500, and leaves nothing behind`, async () => {
      const { url, entries } = await start(answer500(route));
      const outcome = await smoke(url);
      assert.equal(outcome.code, thresholdsCrossed, story(outcome));
      assertFalse(outcome, check);
      assert.equal(entries.size, 0);
    });

  it('fails when DELETE answers 500', async () => {
    const outcome = await smoke((await start(answer500('DELETE /entries/:id'))).url);
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assertFalse(outcome, 'the sighting is deleted, or nobody may delete');
  });

  it('passes where nobody may delete, and says which sighting stays', async () => {
    const { url, entries } = await start(({ route, response }) => {
      if (route !== 'DELETE /entries/:id') return false;
      response.writeHead(403, { 'content-type': 'application/json' }).end('{"code":"EDITS_CLOSED"}');
      return true;
    });
    const outcome = await smoke(url);
    assert.equal(outcome.code, 0, story(outcome));
    assert.equal(entries.size, 1);
    assert.match(story(outcome), /sighting 1 stays/);
  });

  it('fails when something else refuses the deletion with 403', async () => {
    const { url } = await start(({ route, response }) => {
      if (route !== 'DELETE /entries/:id') return false;
      response.writeHead(403).end('Forbidden');
      return true;
    });
    const outcome = await smoke(url);
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assertFalse(outcome, 'the sighting is deleted, or nobody may delete');
  });

  it('fails when a connection breaks in the middle of an answer', async () => {
    const { url, entries } = await start(({ route, response }) => {
      if (route !== 'GET /version') return false;
      response.writeHead(200, { 'content-length': '100' });
      response.write('{', () => response.destroy());
      return true;
    });
    const outcome = await smoke(url);
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assertFalse(outcome, 'GET /version is 200');
    assert.equal(entries.size, 0);
  });

  it('fails when a body is not what it should be', async () => {
    const { url } = await start(({ route, response }) => {
      if (route !== 'GET /version') return false;
      response.end('<html>a proxy says hello</html>');
      return true;
    });
    const outcome = await smoke(url);
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assertFalse(outcome, 'GET /version names a commit');
  });

  it('fails when a foreign origin is allowed', async () => {
    const { url } = await start(({ route, response, work }) => {
      if (route !== 'OPTIONS /entries') return false;
      response.setHeader('access-control-allow-origin', '*');
      work();
      return true;
    });
    const outcome = await smoke(url);
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assertFalse(outcome, 'preflight: no foreign origin is allowed');
  });

  it('deletes a sighting whose answer was lost', async () => {
    const { url, entries, asked } = await start(({ route, response, work }) => {
      if (route !== 'POST /entries') return false;
      response.end = () => response.destroy();
      work();
      return true;
    });
    const outcome = await smoke(url);
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assert.equal(asked.get('POST /entries'), 1);
    assert.equal(asked.get('DELETE /entries/:id'), 1);
    assert.equal(entries.size, 0);
  });

  it('looks for nothing when the server refused to make it', async () => {
    const { url, asked } = await start(({ route, response }) => {
      if (route !== 'POST /entries') return false;
      response.writeHead(422, { 'content-type': 'application/json' }).end('{"detail":"no"}');
      return true;
    });
    const outcome = await smoke(url);
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assertFalse(outcome, 'POST /entries is 200');
    assert.equal(asked.get('GET /entries'), undefined);
  });

  it('leaves sightings of others alone', async () => {
    const { url, entries } = await start(({ route, response, work }) => {
      if (route !== 'POST /entries') return false;
      response.end = () => response.destroy();
      work();
      return true;
    });
    const others = [
      { id: 900, text: 'Production test entry', nickname: 'Tiger', location: null, createdAt: '2099-01-01T00:00:00Z' },
      { id: 901, text: 'Production test entry', nickname: 'Smokey', location: null, createdAt: '2020-01-01T00:00:00Z' },
    ];
    for (const other of others) entries.set(other.id, other);
    await smoke(url);
    assert.deepEqual([...entries.values()], others);
  });

  it('waits for a machine that wakes up', async () => {
    let refusals = 3;
    const { url } = await start(({ route, response }) => {
      if (route !== 'GET /health/ready' || refusals === 0) return false;
      refusals -= 1;
      response.writeHead(503).end('{}');
      return true;
    });
    const outcome = await smoke(url);
    assert.equal(outcome.code, 0, story(outcome));
    assert.equal(refusals, 0);
  });

  /** The first line of the report, which is the first of standard output. */
  const firstLine = ({ stdout }: Outcome) => stdout.split('\n')[0] ?? '';

  it('says that the connection is refused', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const outcome = await smoke(url, { WAKE_SECONDS: '1' });
    assert.match(firstLine(outcome), /^smoke FAILED: \S+, [\d.]+ s: no answer: dial: connection refused$/);
    for (const threshold of ['http_req_failed{phase:measured}: rate==0', 'name:GET /version}: max<5000']) {
      const line = outcome.stdout.split('\n').find((one) => one.includes(threshold));
      assert.match(line ?? '', / not measured$/, story(outcome));
    }
  });

  it('says that another server answers, with its status and its name', async () => {
    for (const [status, headers, said] of [
      [404, { server: 'nginx/1.28' }, 'GET /health/ready is 404, Server: nginx/1.28'],
      [200, {}, 'GET /health/ready is 200, Server: not named'],
      [
        301,
        { server: 'Fly', location: 'https://elsewhere.example/' },
        'GET /health/ready is 301, Server: Fly, Location: https://elsewhere.example/',
      ],
    ] as const) {
      const { url } = await start(({ response }) => {
        response.writeHead(status, headers).end('<html>hello</html>');
        return true;
      });
      const outcome = await smoke(url, { WAKE_SECONDS: '1' });
      assert.equal(outcome.code, thresholdsCrossed, story(outcome));
      assert.ok(firstLine(outcome).endsWith(`: not a CatAtlas server: ${said}`), story(outcome));
    }
  });

  it('says which check of readiness fails', async () => {
    const { url } = await start(({ route, response }) => {
      if (route !== 'GET /health/ready') return false;
      const checks = {
        database: { ok: false, message: 'connection refused' },
        schema: { ok: true, message: 'up to date' },
      };
      response.writeHead(503, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ status: 'not_ready', checks }));
      return true;
    });
    const outcome = await smoke(url, { WAKE_SECONDS: '1' });
    assert.ok(firstLine(outcome).endsWith(': not ready: database: connection refused'), story(outcome));
  });

  it('shows of a failed check the request, its status, code and id', async () => {
    const { url } = await start(({ route, response }) => {
      if (route !== 'GET /version') return false;
      response.writeHead(500, { 'content-type': 'application/json', 'x-request-id': 'request-12' });
      response.end('{"code":"INTERNAL_ERROR"}');
      return true;
    });
    const outcome = await smoke(url);
    const failure = 'GET /version is 200: GET /version: 500 INTERNAL_ERROR, request request-12';
    assert.ok(firstLine(outcome).endsWith(failure), story(outcome));
    assert.ok(outcome.stderr.includes(`failed: ${failure}`), story(outcome));
    assert.match(outcome.stdout, /GET \/version +500 +INTERNAL_ERROR +request-12$/m);
  });

  it('fails in bounded time when nobody answers', async () => {
    const outcome = await smoke(`http://127.0.0.1:${await freePort()}`, { WAKE_SECONDS: '3' });
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assertFalse(outcome, 'the server is ready in time');
    assert.match(outcome.stderr, /nothing was measured/);
    assert.ok(outcome.seconds < 15, `${outcome.seconds} s`);
  });

  it('fails in bounded time when no iteration finishes, and leaves nothing behind', async () => {
    const { url, entries, asked } = await start(({ route }) => route === 'GET /version' || route.includes('/swagger'));
    const outcome = await smoke(url);
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assert.match(outcome.stdout, /iterations_finished: count==1\s+0\s+CROSSED/);
    assert.ok(outcome.seconds < 45, `${outcome.seconds} s`);
    assert.equal(asked.get('POST /entries'), 1);
    assert.equal(entries.size, 0);
  });

  it('fails when an iteration throws, and leaves nothing behind', async () => {
    const { url, entries, asked } = await start();
    const script = join(folder, 'throws.ts');
    writeFileSync(
      script,
      `import { counted } from '${root}loadtest/lib/iterations.ts';
       export { options, setup, teardown, handleSummary } from '${root}smoke/smoke.ts';
       export default counted(() => { throw new Error('a mistake in the script'); });`,
    );
    const outcome = await runK6(script, { BASE_URL: url, ALLOWED_ORIGIN: fakeOrigin });
    assert.equal(outcome.code, thresholdsCrossed, story(outcome));
    assert.match(outcome.stdout, /iterations_broken: count==0\s+1\s+CROSSED/);
    assert.match(outcome.stderr, /a mistake in the script/);
    assert.equal(asked.get('POST /entries'), 1);
    assert.equal(entries.size, 0);
  });

  it('does not start with wrong settings, and names all of them', async () => {
    const outcome = await runK6('smoke/smoke.ts', { EXPECT_SHA: 'main' });
    assert.equal(outcome.code, scriptException, story(outcome));
    for (const name of ['BASE_URL', 'ALLOWED_ORIGIN', 'EXPECT_SHA']) assert.match(outcome.stderr, new RegExp(name));
  });
});
