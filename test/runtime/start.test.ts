// What a server does before it is ready, what ends its start, and what it says meanwhile.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import postgres from 'postgres';
import type { Entry } from '../../src/entries/schemas.ts';
import type { ReadinessReport } from '../../src/health/schemas.ts';
import { boundMilliseconds, timed } from '../faults/watch.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { freePort, type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { type FaultProxy, startProxy } from '../harness/proxy.ts';
import { runtime } from '../harness/target.ts';
import { eventually, holdMigrationLock, openWorkshop, type Program, type Workshop } from './process.ts';
import { openWire } from './wire.ts';

const origin = 'http://localhost:5173';

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

const serve = (env: Record<string, string>) => workshop.launch(['serve'], { env: { DEBUG: 'true', ...env } });

const ready = (call: Client) => call<ReadinessReport>('GET', '/health/ready');

/** Asks /health/ready until it is 200. */
const becomesReady = (call: Client, withinMilliseconds?: number) =>
  eventually(
    '/health/ready is 200',
    async () => ((await ready(call)).status === 200 ? true : undefined),
    withinMilliseconds,
  );

/** Runs statements in a database from outside. */
async function outside(url: string, work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function currentDatabase(): Promise<string> {
  const url = await server.createDatabase();
  const { code, stderr } = await workshop.run(['migrate'], { env: { DATABASE_URL: url, DEBUG: 'true' } });
  assert.equal(code, 0, stderr);
  return url;
}

/** While the schema is not current: alive, not ready, and the API says so in words that clients understand. */
async function assertNotReady(call: Client): Promise<ReadinessReport> {
  const live = await call('GET', '/health/live');
  assert.deepEqual([live.status, live.body], [200, { status: 'ok' }]);
  assert.deepEqual((await call('GET', '/health')).body, { status: 'ok' });
  for (const [method, path] of [
    ['GET', '/entries'],
    ['POST', '/entries'],
    ['GET', '/cats/1/profile'],
    ['GET', '/no/such/path'],
  ] as const) {
    const answer = await call(method, path, { headers: { origin } });
    assert.equal(answer.status, 503, `${method} ${path}: ${answer.text}`);
    assert.equal(answer.body['code'], 'NOT_READY');
    assert.equal(answer.body['retryable'], true);
    assert.ok(Number(answer.headers.get('retry-after')) > 0);
    assert.equal(answer.headers.get('access-control-allow-origin'), origin);
    assert.equal(answer.headers.get('access-control-allow-credentials'), 'true');
    assert.match(answer.headers.get('vary') ?? '', /\borigin\b/i);
    assert.equal(answer.body['request_id'], answer.headers.get('x-request-id'));
  }
  // What needs no database answers.
  for (const path of ['/', '/version', '/swagger/json']) assert.equal((await call('GET', path)).status, 200, path);
  const answer = await ready(call);
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
  assert.equal(answer.body.status, 'not_ready');
  assert.deepEqual(Object.keys(answer.body.checks), ['database', 'schema', 'accepting']);
  assert.equal(answer.body.checks.schema.ok, false);
  assert.equal(answer.body.checks.accepting.ok, true);
  return answer.body;
}

describe('before the schema is current', () => {
  test('another process migrates: alive, not ready, then ready by itself', async () => {
    const url = await server.createDatabase();
    const lock = await holdMigrationLock(url);
    try {
      const program = serve({ DATABASE_URL: url });
      const call = clientOf(await program.url());
      const waiting = await program.logged('waiting for the migration lock');
      const holder = new RegExp(`pid ${lock.pid}, another-process`);
      assert.match(String(waiting['holder']), holder);
      const { checks } = await assertNotReady(call);
      assert.match(checks.schema.message, holder);
      assert.match(checks.schema.message, /^migrating for \d+ s: 0 of \d+ applied, waiting for another process/);
      assert.equal(checks.database.ok, true);
      await lock.release();
      await becomesReady(call);
      assert.equal((await call('GET', '/entries')).status, 200);
      await program.kill();
    } finally {
      await lock.release();
    }
  });

  test('another process migrates a database that has a schema: what is applied already is told', async () => {
    const url = await server.createDatabase();
    const env = { DATABASE_URL: url, DEBUG: 'true' };
    assert.equal((await workshop.run(['migrate', 'up', '--to', '1'], { env })).code, 0);
    const lock = await holdMigrationLock(url);
    try {
      const program = serve({ DATABASE_URL: url });
      const call = clientOf(await program.url());
      await program.logged('waiting for the migration lock');
      const { checks } = await assertNotReady(call);
      assert.match(checks.schema.message, /^migrating for \d+ s: 1 of \d+ applied, waiting for another process/);
      await program.kill();
    } finally {
      await lock.release();
    }
  });

  test('another process that never ends: exit code 7 after MIGRATION_LOCK_TIMEOUT_SECONDS, naming it', async () => {
    const url = await server.createDatabase();
    const lock = await holdMigrationLock(url);
    try {
      const env = { DATABASE_URL: url, MIGRATION_LOCK_TIMEOUT_SECONDS: '1' };
      const { code, stderr } = await serve(env).ended();
      assert.equal(code, 7, stderr);
      assert.match(
        stderr,
        new RegExp(`\\(pid ${lock.pid}, another-process, connected since .*did not finish within 1 s`),
      );
      assert.match(stderr, /MIGRATION_LOCK_TIMEOUT_SECONDS/);
    } finally {
      await lock.release();
    }
  });

  test('several servers that start at once on an empty database: one migrates, all become ready', async () => {
    const url = await server.createDatabase();
    const programs = Array.from({ length: 3 }, () => serve({ DATABASE_URL: url }));
    for (const program of programs) await program.logged('ready');
    const applied = programs.flatMap(({ log }) => log.filter(({ message }) => message === 'migration applied'));
    const files = applied.map((line) => line['file']);
    assert.ok(files.length >= 2);
    assert.deepEqual(files, [...new Set(files)]);
    for (const program of programs) await program.kill();
  });

  test('the database is down: alive, not ready; when it comes up, ready without a restart', async () => {
    const own = await startPostgres({ version: 15 });
    try {
      const url = await own.createDatabase();
      await own.kill();
      const program = serve({ DATABASE_URL: url });
      const call = clientOf(await program.url());
      const line = await program.logged('the database cannot be reached: trying again');
      assert.equal(line['level'], 'WARNING');
      const { checks } = await assertNotReady(call);
      assert.equal(checks.database.ok, false);
      assert.equal(checks.schema.message, 'the database cannot be reached');
      await own.restart();
      await becomesReady(call, 8000);
      const made = await call<Entry>('POST', '/entries', { json: { text: 'at last' } });
      assert.equal(made.status, 200, made.text);
      await program.kill();
    } finally {
      await own.stop();
    }
  });
});

describe('parameters of libpq in the address, as in those that providers hand out', () => {
  for (const version of testedVersions)
    test(`PostgreSQL ${version}: no obstacle, and those for the server reach it`, async () => {
      const own = version === 18 ? undefined : await startPostgres({ version });
      try {
        const plain = await (own ?? server).createDatabase();
        const query = 'channel_binding=prefer&connect_timeout=10&keepalives=1&application_name=theirs';
        const program = serve({ DATABASE_URL: `${plain}?${query}` });
        await program.logged('ready');
        await outside(plain, async (sql) => {
          const [row] = await sql`
            select count(*)::int as sessions from pg_stat_activity
            where datname = current_database() and application_name = 'theirs'`;
          assert.ok(row?.['sessions'] > 0);
        });
        await program.kill();
      } finally {
        await own?.stop();
      }
    });
});

describe('what waiting does not cure ends the start', () => {
  const canary = 'pa55-canary-3b1f';

  /** A start that fails, with what it said. Nothing of it may hold the password. */
  async function refused(env: Record<string, string>, code: number): Promise<string> {
    const ending = await serve(env).ended();
    assert.equal(ending.code, code, `${ending.stdout}${ending.stderr}`);
    assert.equal(`${ending.stdout}${ending.stderr}`.includes(canary), false);
    assert.match(ending.stderr, /^catatlas: /);
    assert.doesNotMatch(ending.stderr, /\n +at /, 'a stack says nothing to an operator');
    return ending.stderr;
  }

  test('a wrong password', async () => {
    const strict = await startPostgres({ version: 18 });
    try {
      await outside(strict.url, async (sql) => {
        await sql`create role somebody login password 'another one'`;
      });
      writeFileSync(join(strict.dataDirectory, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n');
      await strict.restart();
      const stderr = await refused(
        { DATABASE_URL: `postgres://somebody:${canary}@127.0.0.1:${strict.port}/postgres` },
        3,
      );
      assert.match(stderr, /password authentication failed for user "somebody": check the password in DATABASE_URL/);
      // The right one, where libpq takes it too.
      const query = `user=somebody&password=${encodeURIComponent('another one')}&channel_binding=prefer`;
      const url = `postgres://127.0.0.1:${strict.port}/postgres?${query}`;
      assert.match(await refused({ DATABASE_URL: url }, 1), /the user somebody may not create tables/);
    } finally {
      await strict.stop();
    }
  });

  test('a database that does not exist', async () => {
    const stderr = await refused({ DATABASE_URL: `postgres://postgres:${canary}@127.0.0.1:${server.port}/nowhere` }, 3);
    assert.match(stderr, /database "nowhere" does not exist: create it, or check the name in DATABASE_URL/);
  });

  test('a parameter of the address that the server does not know, whichever address it is', async () => {
    const url = await server.createDatabase();
    const wrong = new URL(`${url}?no_such_parameter=${canary}`);
    wrong.password = canary;
    for (const env of [
      { DATABASE_URL: wrong.href },
      { DATABASE_URL: url, DIRECT_DATABASE_URL: wrong.href },
      { DATABASE_URL: url, REPLICA_DATABASE_URL: wrong.href, FLY_REGION: 'fra', PRIMARY_REGION: 'iad' },
    ])
      assert.match(await refused(env, 2), /the server refuses the parameter no_such_parameter of the connection: /);
    const { code, stderr } = await workshop.run(['migrate'], { env: { DATABASE_URL: wrong.href, DEBUG: 'true' } });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^catatlas: the server refuses the parameter no_such_parameter/);
    assert.equal(stderr.includes(canary), false);
  });

  test('a parameter of libpq that cannot be honored, or is misspelt', async () => {
    const address = `postgres://postgres:${canary}@127.0.0.1:${server.port}/postgres`;
    const stderr = await refused({ DATABASE_URL: `${address}?passfile=${canary}&chanel_binding=${canary}` }, 2);
    assert.match(stderr, /DATABASE_URL.* has the parameter passfile, which cannot be honored/);
    assert.match(stderr, /chanel_binding.*\s+.*Did you mean channel_binding\?/);
  });

  test('a user who may not create tables', async () => {
    const url = new URL(await server.createDatabase());
    await outside(server.url, async (sql) => {
      await sql.unsafe(`create role reader login password '${canary}'`);
    });
    url.username = 'reader';
    url.password = canary;
    const stderr = await refused({ DATABASE_URL: url.href }, 1);
    assert.match(stderr, /the user reader may not create tables: grant create on schema public to reader/);
  });

  test('a migration that was edited after it was applied: exit code 6', async () => {
    const url = await currentDatabase();
    await outside(url, (sql) => sql`update catatlas_migrations set checksum = 'v1:0000' where version = 1`);
    const stderr = await refused({ DATABASE_URL: url }, 6);
    assert.match(
      stderr,
      /0001_schema\.sql was edited after it was applied by \S+ \(applied as v1:0000, now v1:[0-9a-f]{12}\)/,
    );
    assert.match(stderr, /Restore the files as they were applied/);
  });

  test('a database of a newer version: exit code 5', async () => {
    const url = await currentDatabase();
    await outside(
      url,
      (sql) => sql`insert into catatlas_migrations values (9999, 'from_the_future', 'v1:1', now(), 1, '9.9.9')`,
    );
    const stderr = await refused({ DATABASE_URL: url }, 5);
    assert.match(stderr, /newer than this binary.*9999 from_the_future \(contract, by 9\.9\.9\)/s);
    assert.match(stderr, /Run a binary of at least version 9\.9\.9/);
  });

  test('a port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const address = other.address();
      assert.ok(address !== null && typeof address === 'object');
      const env = { DATA_DIR: join(workshop.folder, 'never'), PORT: String(address.port) };
      const stderr = await refused(env, 1);
      assert.match(stderr, new RegExp(`port ${address.port} on 127\\.0\\.0\\.1 is in use by another process`));
      assert.match(stderr, /choose another with PORT or --port/);
    } finally {
      other.close();
    }
  });

  test('a data directory that is a file', async () => {
    const file = join(workshop.folder, 'a-file');
    writeFileSync(file, '');
    const stderr = await refused({ DATA_DIR: file }, 1);
    assert.match(stderr, /a-file: that, or a part of its path, is a file\. Set DATA_DIR to a directory/);
  });
});

describe('the log', () => {
  let program: Program;
  let call: Client;
  const secrets = {
    password: 'canary-of-the-password-51c0',
    jwt: 'canary9d2f7c41e6b08a35f1d0c7e29b64a85370e1f2d3c4b5a69788',
  };
  let proxy: FaultProxy;

  before(async () => {
    await outside(server.url, async (sql) => {
      await sql.unsafe(`create role keeper login superuser password '${secrets.password}'`);
    });
    proxy = await startProxy(server.port);
    const url = new URL(await server.createDatabase());
    url.username = 'keeper';
    url.password = secrets.password;
    url.port = String(proxy.port);
    program = serve({
      DATABASE_URL: url.href,
      JWT_SECRET: secrets.jwt,
      LOG_LEVEL: 'DEBUG',
      APP_NAME: 'Cats',
      APP_VERSION: '7.8',
    });
    await program.logged('ready');
    call = clientOf(await program.url());
  });
  after(() => proxy.close());

  test('two start lines: name and version, environment', () => {
    const [first, second] = program.log;
    assert.equal(first?.message, 'Starting Cats v7.8');
    assert.equal(second?.message, 'Environment: development');
    for (const line of program.log) {
      assert.match(String(line['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
      assert.match(String(line['level']), /^(DEBUG|INFO|WARNING|ERROR)$/);
    }
  });

  test('in production they are those that the deployment plan looks for', async () => {
    const deployed = workshop.launch(['serve'], {
      env: { DATABASE_URL: await server.createDatabase(), JWT_SECRET: secrets.jwt, ALLOWED_ORIGINS: origin },
    });
    await deployed.logged('ready');
    const [first, second] = deployed.log.map(({ message }) => message);
    assert.match(first ?? '', /^Starting CatAtlas API v\d+\.\d+\.\d+$/);
    assert.equal(second, 'Environment: production');
    await deployed.kill();
  });

  test('one line a request: id, method, route, status, duration', async () => {
    const made = await call<Entry>('POST', '/entries', {
      json: { text: 'private words' },
      headers: { 'x-request-id': 'mine-1' },
    });
    await call('GET', `/entries/${made.body.id}?token=private-query`, { headers: { 'x-request-id': 'mine-2' } });
    await call('GET', '/entries/999999', { headers: { 'x-request-id': 'mine-3' } });
    await call('PUT', '/entries', { headers: { 'x-request-id': 'mine-4' } });
    await call('GET', '/nowhere/at/all', { headers: { 'x-request-id': 'mine-5' } });
    await call('POST', '/entries', { raw: '{', headers: { 'x-request-id': 'mine-6' } });
    await call('OPTIONS', '/entries', {
      headers: { 'x-request-id': 'mine-7', origin, 'access-control-request-method': 'POST' },
    });
    const lines = await eventually('a line for each', () => {
      const found = program.log.filter((line) => /^mine-/.test(String(line['request_id'])));
      return found.length >= 7 ? found : undefined;
    });
    assert.deepEqual(
      lines.map((line) => [line.message, line['request_id'], line['method'], line['route'], line['status']]),
      [
        ['request', 'mine-1', 'POST', '/entries', 200],
        ['request', 'mine-2', 'GET', '/entries/:entry_id', 422],
        ['request', 'mine-3', 'GET', '/entries/:entry_id', 404],
        ['request', 'mine-4', 'PUT', null, 405],
        ['request', 'mine-5', 'GET', null, 404],
        ['request', 'mine-6', 'POST', '/entries', 422],
        ['request', 'mine-7', 'OPTIONS', null, 200],
      ],
    );
    for (const line of lines) {
      assert.equal(typeof line['duration_ms'], 'number');
      assert.ok(Number(line['duration_ms']) >= 0 && Number(line['duration_ms']) < 10_000);
    }
    assert.equal(lines[4]?.['path'], '/nowhere/at/all');
    assert.equal(program.output().includes('private'), false, 'neither texts nor queries are logged');
  });

  test('no secret, whatever goes wrong', async () => {
    proxy.resetAll();
    await proxy.refuse();
    const { answer, milliseconds } = await timed(call('GET', '/entries'));
    assert.equal(answer.status, 503);
    assert.ok(milliseconds < boundMilliseconds, `${milliseconds} ms`);
    const readiness = await timed(ready(call));
    assert.equal(readiness.answer.status, 503);
    assert.ok(readiness.milliseconds < boundMilliseconds, `${readiness.milliseconds} ms`);
    program.signal('SIGTERM');
    assert.equal((await program.ended()).code, 0);
    for (const secret of Object.values(secrets)) assert.equal(program.output().includes(secret), false);
  });

  test('a server that is refused its start shows no secret either', async () => {
    const url = `postgres://keeper:${secrets.password}@127.0.0.1:${await freePort()}/x`;
    const program = serve({ DATABASE_URL: url, JWT_SECRET: secrets.jwt, LOG_LEVEL: 'DEBUG', JWT_ALGORITHM: 'HS1' });
    const { code, stdout, stderr } = await program.ended();
    assert.equal(code, 2);
    assert.match(stderr, /JWT_ALGORITHM/);
    for (const secret of Object.values(secrets)) assert.equal(`${stdout}${stderr}`.includes(secret), false);
  });
});

describe('the name that clients use', () => {
  test('may be as short as names of containers are', async () => {
    const program = serve({ DATA_DIR: join(workshop.folder, 'named') });
    await program.logged('ready');
    const wire = await openWire(await program.url());
    for (const host of ['a', 'db', 'api', 'api:80', 'catatlas'])
      for (const path of ['/entries', '/health', '/health/ready', '/version'])
        assert.deepEqual([(await wire.get(path, host)).status, host, path], [200, host, path]);
    wire.destroy();
    await program.kill();
  });
});

describe('the working directory', () => {
  test('.env, bunfig.toml, package.json, deno.json and tsconfig.json in it change nothing', async () => {
    const folder = join(workshop.folder, 'hostile');
    mkdirSync(folder);
    const marker = 'process.env.PORT = "1"; console.log("loaded from the working directory");';
    writeFileSync(join(folder, 'preload.js'), marker);
    for (const name of ['.env', '.env.local', '.env.production', '.env.development'])
      writeFileSync(join(folder, name), 'PORT=1\nHOST=203.0.113.1\nDEBUG=nonsense\nAPP_NAME=Hijacked\n');
    writeFileSync(join(folder, 'package.json'), '{"name":"hostile","type":"commonjs","imports":{"#x":"./preload.js"}}');
    writeFileSync(join(folder, 'deno.json'), '{"imports":{"elysia":"./preload.js"},"tasks":{"start":"false"}}');
    // Where Bun runs the source, it reads these two before a line of ours: `bun run start` is for the repository.
    if (runtime !== 'bun') {
      writeFileSync(join(folder, 'bunfig.toml'), 'preload = ["./preload.js"]\n[run]\npreload = ["./preload.js"]\n');
      writeFileSync(join(folder, 'tsconfig.json'), '{"compilerOptions":{"paths":{"*":["./preload.js"]}}}');
    }
    const env = { DATA_DIR: join(workshop.folder, 'data') };
    const program = workshop.launch(['serve'], { env, cwd: folder });
    await program.logged('ready');
    const { port, hostname } = new URL(await program.url());
    assert.notEqual(port, '1');
    assert.equal(hostname, '127.0.0.1');
    assert.equal(program.log[0]?.message.startsWith('Starting CatAtlas API v'), true);
    assert.equal(program.output().includes('loaded from the working directory'), false);
    program.signal('SIGTERM');
    assert.equal((await program.ended()).code, 0);
  });
});
