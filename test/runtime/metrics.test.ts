// What Prometheus gets to see, and that looking costs and endangers nothing.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import postgres from 'postgres';
import { makeEmptyArchive } from '../../src/archive/empty-archive.fixture.ts';
import type { Entry } from '../../src/entries/schemas.ts';
import { clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { startProxy } from '../harness/proxy.ts';
import { root, runtime } from '../harness/target.ts';
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

const serve = (env: Record<string, string>) =>
  workshop.launch(['serve'], { env: { DEBUG: 'true', METRICS_PORT: '0', ...env } });

async function ready(env: Record<string, string>) {
  const program = serve(env);
  await program.logged('ready');
  return { program, call: clientOf(await program.url()), metrics: await metricsUrl(program) };
}

test('off unless METRICS_PORT says otherwise, and never on the port of the API', async () => {
  const program = serve({ DATABASE_URL: await server.createDatabase(), METRICS_PORT: '' });
  await program.logged('ready');
  assert.equal(
    program.log.some(({ message }) => message === 'metrics'),
    false,
  );
  assert.equal((await clientOf(await program.url())('GET', '/metrics')).status, 404);
  await program.kill();
});

test('a port that is in use ends the start, and says which setting it is', async () => {
  const port = String(server.port);
  const { code, stderr } = await serve({ DATABASE_URL: server.url, METRICS_PORT: port }).ended();
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`cannot listen for Prometheus on 127\\.0\\.0\\.1 port ${port} .*METRICS_PORT`));
});

describe('a server at work', () => {
  let started: Awaited<ReturnType<typeof ready>>;
  before(async () => {
    const backups = join(workshop.folder, 'backups');
    mkdirSync(backups);
    const archive = await makeEmptyArchive();
    for (const [name, seconds] of [
      ['old.tar.age', 1_700_000_000],
      ['new.tar.age', 1_750_000_000],
      // Under way, and hidden: neither is a backup.
      ['newer.tar.age.part-17', 1_760_000_000],
      ['.lock', 1_760_000_000],
    ] as const) {
      writeFileSync(join(backups, name), archive);
      utimesSync(join(backups, name), seconds, seconds);
    }
    // Written a minute ago, by a job that failed: neither makes the last backup look new.
    for (const name of ['empty.tar.age', 'backup.log'])
      writeFileSync(join(backups, name), name === 'backup.log' ? 'failed\n' : '');
    started = await ready({ DATABASE_URL: await server.createDatabase(), BACKUP_DIR: backups });
  });

  test('counts requests by method, route pattern and status, and how long they took', async () => {
    const { call, metrics } = started;
    const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: 'counted' } });
    for (let count = 0; count < 3; count += 1) await call('GET', `/entries/${entry.id}`);
    await call('GET', '/entries/987654');
    const { samples, types } = await scrape(metrics);
    const requests = (labels: string) => samples.get(`catatlas_http_requests_total{${labels}}`);
    assert.equal(requests('method="POST",route="/entries",status="200"'), 1);
    assert.equal(requests('method="GET",route="/entries/:entry_id",status="200"'), 3);
    assert.equal(requests('method="GET",route="/entries/:entry_id",status="404"'), 1);
    const duration = 'catatlas_http_request_duration_seconds';
    assert.equal(types.get(duration), 'histogram');
    const labels = 'method="GET",route="/entries/:entry_id"';
    assert.equal(samples.get(`${duration}_count{${labels}}`), 4);
    assert.equal(samples.get(`${duration}_bucket{${labels},le="+Inf"}`), 4);
    const sum = samples.get(`${duration}_sum{${labels}}`) ?? 0;
    assert.ok(sum > 0 && sum < 10, `${sum}`);
    assert.equal(samples.get('catatlas_http_requests_in_flight'), 0);
  });

  test('what people make up makes no series of its own', async () => {
    const { call, metrics } = started;
    const before = await scrape(metrics);
    for (let count = 0; count < 100; count += 1) await call('GET', `/made/up/${count}?q=${count}`);
    await call('PROPFIND', '/entries');
    await call('OPTIONS', '/entries', {
      headers: { origin: 'http://localhost:5173', 'access-control-request-method': 'POST' },
    });
    const { samples } = await scrape(metrics);
    const added = [...samples.keys()].filter((key) => !before.samples.has(key) && key.includes('_total{'));
    assert.ok(added.length <= 3, added.join('\n'));
    assert.equal(samples.get('catatlas_http_requests_total{method="GET",route="unmatched",status="404"}'), 100);
    assert.ok(![...samples.keys()].some((key) => key.includes('made') || key.includes('PROPFIND')));
  });

  test('what it is made of, what it uses, what it works on', async () => {
    const { samples } = await eventually('the backups have been looked at', async () => {
      const one = await scrape(started.metrics);
      return one.samples.has('catatlas_backup_newest_timestamp_seconds') ? one : undefined;
    });
    const value = (name: string) => samples.get(name) ?? Number.NaN;
    const expected = value('catatlas_schema_version_expected');
    assert.ok(expected >= 2);
    assert.equal(value('catatlas_schema_version'), expected);
    for (const name of ['catatlas_schema_current', 'catatlas_accepting', 'catatlas_database_up'])
      assert.equal(value(name), 1, name);
    assert.equal(value('catatlas_database_connections_max'), 15);
    assert.equal(value('catatlas_backup_newest_timestamp_seconds'), 1_750_000_000);
    assert.ok(value('process_resident_memory_bytes') > 10e6);
    // Deno may not ask for the memory of the machine unless it is allowed to.
    if (runtime !== 'deno') assert.ok(value('catatlas_memory_available_bytes') > 10e6);
    assert.ok(value('process_cpu_seconds_total') > 0);
    assert.ok(Math.abs(value('process_start_time_seconds') - Date.now() / 1000) < 300);
    const statements = value('catatlas_database_statement_duration_seconds_count');
    assert.ok(statements >= 5, `${statements}`);
    const [info] = [...samples].filter(([key]) => key.startsWith('catatlas_build_info'));
    assert.match(
      info?.[0] ?? '',
      /^catatlas_build_info\{version="\d+\.\d+\.\d+",commit="\S+",runtime="(bun|deno) \S+"\}$/,
    );
    await eventually('the event loop has been measured', async () => {
      const one = await scrape(started.metrics);
      return (one.samples.get('catatlas_event_loop_lag_seconds_count') ?? 0) > 2 || undefined;
    });
  });

  test('GET /metrics and nothing else', async () => {
    const { origin } = new URL(started.metrics);
    for (const path of ['/', '/metrics/', '/entries', '/health'])
      assert.equal((await fetch(origin + path)).status, 404, path);
    const post = await fetch(started.metrics, { method: 'POST', body: 'x' });
    assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET']);
  });

  test('while it stops it says so, until the end', async () => {
    const { program, metrics } = await ready({
      DATABASE_URL: await server.createDatabase(),
      SHUTDOWN_DRAIN_SECONDS: '4',
    });
    program.signal('SIGTERM');
    await program.logged('shutting down');
    assert.equal((await scrape(metrics)).samples.get('catatlas_accepting'), 0);
    assert.equal((await program.ended()).code, 0);
  });
});

test('the pool: what is in use, what waits', async () => {
  const url = await server.createDatabase();
  const { program, call, metrics } = await ready({
    DATABASE_URL: url,
    DATABASE_POOL_SIZE: '1',
    DATABASE_POOL_OVERFLOW: '1',
    DATABASE_STATEMENT_TIMEOUT_SECONDS: '30',
  });
  const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: 'wanted' } });
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const held = await sql.reserve();
  await held`begin`;
  await held`select id from entries where id = ${entry.id} for update`;
  // Each waits for the row: one in a transaction, one with a statement alone. Then no connection is left.
  const under = [
    call('PATCH', `/entries/${entry.id}`, { json: { nickname: 'Nobody' } }),
    call('POST', `/entries/${entry.id}/favorite`),
  ];
  let waitingReads = 0;
  const read = (path: string) => {
    waitingReads += 1;
    const answer = call('GET', path);
    under.push(answer.finally(() => (waitingReads -= 1)));
  };
  // Before the second connection is open, there may be two that wait as well.
  const full = await eventually('two connections are in use, and two statements wait', async () => {
    // They are refused after three seconds, which a busy machine may let pass before it is looked at.
    if (waitingReads === 0) for (const path of ['/entries', '/cats']) read(path);
    const { samples, milliseconds } = await scrape(metrics);
    const [inUse, waiting] = ['connections_in_use', 'statements_waiting'].map((name) =>
      samples.get(`catatlas_database_${name}`),
    );
    return inUse === 2 && waiting === 2 ? { samples, milliseconds } : undefined;
  });
  assert.equal(full.samples.get('catatlas_database_connections_max'), 2);
  assert.equal(full.samples.get('catatlas_http_requests_in_flight'), 4);
  assert.ok(full.milliseconds < 1000, `a scrape waited for the pool: ${full.milliseconds} ms`);
  await held`rollback`;
  held.release();
  for (const answer of await Promise.all(under)) assert.ok([200, 503].includes(answer.status), answer.text);
  const { samples } = await scrape(metrics);
  assert.equal(samples.get('catatlas_database_connections_in_use'), 0);
  assert.equal(samples.get('catatlas_database_statements_waiting'), 0);
  await sql.end({ timeout: 1 });
  await program.kill();
});

test('a database that is silent: a scrape does not wait for it, and soon says that it is down; back again, it is up', async () => {
  const proxy = await startProxy(server.port);
  const url = new URL(await server.createDatabase());
  url.port = String(proxy.port);
  const { program, metrics } = await ready({ DATABASE_URL: url.href, DATABASE_STATEMENT_TIMEOUT_SECONDS: '1' });
  const says = (value: number) =>
    eventually(`up is ${value}`, async () => {
      const { samples, milliseconds } = await scrape(metrics);
      assert.ok(milliseconds < 1000, `${milliseconds} ms`);
      return samples.get('catatlas_database_up') === value || undefined;
    });
  await says(1);
  proxy.blackhole();
  await says(0);
  proxy.resume();
  await says(1);
  await program.kill();
  await proxy.close();
});

test('before there is a database: not up, the schema not current, its version not known', async () => {
  const program = serve({ DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' });
  await program.logged('the database cannot be reached: trying again');
  const metrics = await metricsUrl(program);
  const { samples } = await scrape(metrics);
  assert.equal(samples.get('catatlas_schema_current'), 0);
  assert.equal(samples.has('catatlas_schema_version'), false);
  assert.equal(samples.get('catatlas_database_up'), 0);
  await program.kill();
});

test('what the dashboard, the alerts and the guide name is what a server has', async () => {
  const { program, metrics } = await ready({ DATABASE_URL: await server.createDatabase() });
  const { types } = await scrape(metrics);
  await program.kill();
  for (const file of ['deploy/grafana/catatlas.json', 'deploy/prometheus/alerts.yml']) {
    const text = readFileSync(join(root, file), 'utf8');
    const named = new Set([...text.matchAll(/\b(?:catatlas|process)_[a-z_]+/g)].map(([name]) => name));
    assert.ok(named.size > 8, `${file} names ${[...named].join(', ')}`);
    for (const name of named) {
      const base = name.replace(/_(?:bucket|sum|count)$/, '');
      assert.ok(types.has(name) || types.get(base) === 'histogram', `${file} names ${name}, which does not exist`);
    }
  }
  const guide = readFileSync(join(root, 'docs/observability.md'), 'utf8');
  const explained = [...guide.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  assert.deepEqual(explained.sort(), [...types.keys()].sort());
});
