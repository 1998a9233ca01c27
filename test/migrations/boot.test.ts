// What a server does about the schema when it starts: MIGRATE_ON_BOOT, DIRECT_DATABASE_URL, and databases not as expected.
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import postgres from 'postgres';
import { clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { lastVersion } from '../harness/variant.ts';
import { eventually, openWorkshop, type Workshop } from '../runtime/process.ts';

let server: RunningPostgres;
let workshop: Workshop;

before(async () => {
  workshop = openWorkshop();
  server = await startPostgres({ version: 15 });
});

after(async () => {
  await workshop.close();
  await server.stop();
});

const launch = (env: Record<string, string>) => workshop.launch(['serve'], { env: { DEBUG: 'true', ...env } });

async function tableCount(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const [row] = await sql<[{ count: number }]>`
      select count(*)::int as count from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`;
    return row.count;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

describe('MIGRATE_ON_BOOT', () => {
  test('require: refuses with exit code 4 and the command, and changes nothing', async () => {
    const url = await server.createDatabase();
    const { code, stderr } = await launch({ DATABASE_URL: url, MIGRATE_ON_BOOT: 'require' }).ended();
    assert.equal(code, 4, stderr);
    assert.match(stderr, /0001_schema\.sql.*catatlas migrate plan.*catatlas migrate up/s);
    assert.equal(await tableCount(url), 0);
  });

  test('require: serves when nothing is pending', async () => {
    const url = await server.createDatabase();
    assert.equal((await workshop.run(['migrate'], { env: { DATABASE_URL: url, DEBUG: 'true' } })).code, 0);
    const program = launch({ DATABASE_URL: url, MIGRATE_ON_BOOT: 'require' });
    await program.logged('ready');
    await program.kill();
  });

  test('off: lives, says what it waits for, and is ready once somebody else has migrated', async () => {
    const url = await server.createDatabase();
    const program = launch({ DATABASE_URL: url, MIGRATE_ON_BOOT: 'off' });
    const call = clientOf(await program.url());
    const waiting = await eventually('told what it waits for', async () => {
      const answer = await call<{ checks: { schema: { message: string } } }>('GET', '/health/ready');
      return /waiting for catatlas migrate/.test(answer.body.checks.schema.message) ? answer : undefined;
    });
    assert.equal(waiting.status, 503);
    assert.equal((await call('GET', '/health/live')).status, 200);
    assert.equal((await call('GET', '/entries')).status, 503);
    assert.equal(await tableCount(url), 0);
    assert.equal((await workshop.run(['migrate'], { env: { DATABASE_URL: url, DEBUG: 'true' } })).code, 0);
    await program.logged('ready');
    assert.equal((await call('GET', '/entries')).status, 200);
    program.signal('SIGTERM');
    assert.equal((await program.ended()).code, 0);
  });

  test('off: can be stopped while it waits', async () => {
    const program = launch({ DATABASE_URL: await server.createDatabase(), MIGRATE_ON_BOOT: 'off' });
    await program.logged(`the schema is at version 0 of ${lastVersion}, waiting for catatlas migrate`);
    program.signal('SIGTERM');
    assert.equal((await program.ended()).code, 0);
  });
});

test('DIRECT_DATABASE_URL of another database is found out', async () => {
  const [url, other] = [await server.createDatabase(), await server.createDatabase()];
  const { code, stderr } = await launch({ DATABASE_URL: url, DIRECT_DATABASE_URL: other }).ended();
  assert.equal(code, 1, stderr);
  assert.match(stderr, /DIRECT_DATABASE_URL must lead to the same database/);
});

test('DIRECT_DATABASE_URL is what migrations use, and is a secret', async () => {
  const url = await server.createDatabase();
  const env = { DATABASE_URL: 'postgres://nobody:canary-1@127.0.0.1:1/none', DIRECT_DATABASE_URL: url, DEBUG: 'true' };
  const { code, stdout, stderr } = await workshop.run(['migrate', 'up'], { env });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /the schema is at version/);
  const printed = await workshop.run(['config', 'print'], {
    env: { ...env, DIRECT_DATABASE_URL: 'postgres://u:canary-2@h/d' },
  });
  assert.equal(/canary/.test(`${printed.stdout}${printed.stderr}`), false, printed.stdout);
});

describe('the database of the first server', () => {
  const fixture = readFileSync(join(import.meta.dirname, 'prototype/05-comments.sql'), 'utf8');

  async function prototypeDatabase(): Promise<string> {
    const url = await server.createDatabase();
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await sql.unsafe(fixture);
    await sql.end();
    return url;
  }

  test('is taken over by migrate up, which a rehearsal shows first without changing anything', async () => {
    const url = await prototypeDatabase();
    const env = { DATABASE_URL: url, DEBUG: 'true' };
    const before = await tableCount(url);
    const rehearsed = await workshop.run(['migrate', 'up', '--dry-run'], { env });
    assert.equal(rehearsed.code, 0, rehearsed.stderr);
    assert.match(rehearsed.stdout, /taken over; counts and checksums agree:.*entries +\d+ rows.*rolled back/s);
    assert.equal(await tableCount(url), before);
    const up = await workshop.run(['migrate', 'up', '--json'], { env });
    assert.equal(up.code, 0, up.stderr);
    assert.equal(JSON.parse(up.stdout).adopted.tables.length, 5);
    const verified = await workshop.run(['migrate', 'verify'], { env });
    assert.equal(verified.code, 0, verified.stdout);
    assert.match((await workshop.run(['migrate', 'up'], { env })).stdout, /Nothing to do/);
  });

  test('is recognised by plan, status and doctor, which say that up will take it over, under which locks', async () => {
    const url = await prototypeDatabase();
    const env = { DATABASE_URL: url, DEBUG: 'true' };
    for (const action of ['plan', 'status']) {
      const { code, stdout } = await workshop.run(['migrate', action], { env });
      assert.equal(code, 0);
      assert.match(stdout, /those of the first server\. up will take them over/);
      assert.match(stdout, /locks entries \(ACCESS EXCLUSIVE\): blocks reads and writes/);
      assert.match(stdout, /migrate up --dry-run/);
      const json = await workshop.run(['migrate', action, '--json'], { env });
      const { kind, tables } = JSON.parse(json.stdout).existing;
      assert.deepEqual([kind, tables.length], ['adoption', 5]);
    }
    const doctor = await workshop.run(['doctor', '--json'], { env });
    const check = JSON.parse(doctor.stdout).checks.find(({ id }: { id: string }) => id === 'schema.migrations');
    assert.match(check.found, /those of the first server: cats, entries, analyses, cat_insights, cat_comments/);
    assert.match(check.advice, /migrate up --dry-run says how long/);
    const rehearsed = await workshop.run(['migrate', 'up', '--dry-run'], { env });
    assert.match(rehearsed.stdout, /They were locked for \d+ ms/);
  });

  test('with bad rows is taken over by migrate up --repair, which prints where the report is', async () => {
    const url = await prototypeDatabase();
    const env = { DATABASE_URL: url, DEBUG: 'true' };
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await sql`update cat_comments set content = '' where id = 1`;
    await sql.end();
    const refused = await workshop.run(['migrate', 'up'], { env });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /catatlas migrate up --repair/);
    const rehearsed = await workshop.run(['migrate', 'up', '--repair', '--dry-run', '--json'], { env });
    assert.equal(rehearsed.code, 0, rehearsed.stderr);
    const report = JSON.parse(rehearsed.stdout).report;
    assert.match(
      readFileSync(report, 'utf8'),
      /^\{"table" : "cat_comments", "id" : 1, .*"repaired" : \{ "content" : "\[no text\]" \}/,
    );
    rmSync(report);
    const { code, stdout, stderr } = await workshop.run(['migrate', 'up', '--repair'], { env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /cat_comments +2 rows, [0-9a-f]{64}, 1 repaired\n/);
    const [, path = ''] = /with its old values: (.*catatlas-repairs-\d+\.jsonl)\n/.exec(stdout) ?? [];
    rmSync(path);
    // Where nothing is taken over there is nothing to repair.
    const again = await workshop.run(['migrate', 'up', '--repair'], { env });
    assert.match(again.stdout, /Nothing to do/);
  });

  test('is taken over by a server that starts, and served as before', async () => {
    const program = launch({ DATABASE_URL: await prototypeDatabase() });
    await program.logged('ready');
    const call = clientOf(await program.url());
    const entries = await call<{ id: number; createdAt: string; cat_id: number | null }[]>('GET', '/entries');
    assert.equal(entries.status, 200);
    assert.ok(entries.body.length > 0);
    for (const { createdAt } of entries.body) assert.ok(fixture.includes(createdAt), createdAt);
    await program.kill();
  });
});

test('tables of somebody else with our names are refused, and left alone', async () => {
  const url = await server.createDatabase();
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql`create table entries (id uuid primary key, body text)`;
    const { code, stderr } = await launch({ DATABASE_URL: url }).ended();
    assert.equal(code, 1, stderr);
    assert.match(stderr, /tables with our names/);
    assert.match(stderr, /entries/);
    assert.equal(await tableCount(url), 1, 'not even a history');
    const plan = await workshop.run(['migrate', 'plan'], { env: { DATABASE_URL: url, DEBUG: 'true' } });
    assert.equal(plan.code, 1);
    assert.match(plan.stdout, /up will refuse it:\n {2}entries/);
  } finally {
    await sql.end({ timeout: 1 });
  }
});
