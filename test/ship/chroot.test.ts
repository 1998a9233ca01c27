// The image without a container engine: what the Dockerfile builds, on a root that has only what its base has, read-only, as its user.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import openSql from 'postgres';
import { freePort, type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { buildImage, type Container, type Image, needsRoot, runContainer } from './container.ts';
import { readFlyConfig } from './fly-config.ts';

const commit = 'c'.repeat(40);
const fly = readFlyConfig('fly.toml');
const drainSeconds = 5;

/** Waits for what is true at some time, and says what the container wrote when it is not. */
async function until(container: Container, what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await holds().catch(() => false))) {
    if (container.process.exitCode !== null || Date.now() > end) assert.fail(`${what}: not so\n${container.output()}`);
    await pause(20);
  }
}

describe('the image', { skip: needsRoot && process.env['CI'] !== 'true' ? 'needs root on Linux' : false }, () => {
  let image: Image;
  let postgres: RunningPostgres;
  let databases = 0;
  const started: Container[] = [];

  before(
    async () => {
      [image, postgres] = await Promise.all([buildImage(commit), startPostgres({ version: 18 })]);
    },
    { timeout: 300_000 },
  );
  after(async () => {
    for (const container of started) container.process.kill('SIGKILL');
    await postgres?.stop();
    image?.remove();
  });

  const run = (command: readonly string[], env: Record<string, string>) => {
    const container = runContainer(image, command, env);
    started.push(container);
    return container;
  };
  /** What Fly.io would set: fly.toml, the secrets, and what `fly postgres attach --superuser=false` leaves, as docs/deploy-fly.md has it. */
  const environment = async () => {
    const name = `catatlas_api_${databases++}`;
    const url = new URL(await postgres.createDatabase(name));
    const sql = openSql(postgres.url, { max: 1, onnotice: () => {} });
    await sql.unsafe(`create user ${name} with login password 'secret'`);
    await sql.unsafe(`grant pg_read_all_data, pg_write_all_data to ${name}`);
    await sql.unsafe(`alter database ${name} owner to ${name}`);
    await sql.end();
    url.protocol = 'postgres:';
    url.username = name;
    url.password = 'secret';
    url.searchParams.set('sslmode', 'disable');
    return {
      ...fly.env,
      DATABASE_URL: url.href,
      JWT_SECRET: execFileSync('openssl', ['rand', '-hex', '32'], { encoding: 'utf8' }).trim(),
      ALLOWED_ORIGINS: 'https://catatlas.example',
      PORT: String(await freePort()),
      METRICS_PORT: String(await freePort()),
      SHUTDOWN_DRAIN_SECONDS: String(drainSeconds),
    };
  };

  test('the program needs no library that the base does not have', () => {
    // distroless base-nossl is Debian's libc6, ca-certificates, tzdata, netbase and base-files: no libstdc++, no libgcc.
    const glibc = ['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'librt.so.1', 'libresolv.so.2'];
    assert.deepEqual(
      image.libraries.filter((name) => !glibc.includes(name)),
      [],
    );
    assert.ok(image.libraries.includes('libc.so.6'));
  });

  test('the licences of what is compiled in lie beside the program', () => {
    const notice = readFileSync(join(image.directory, 'app/NOTICE'), 'utf8');
    for (const name of ['elysia', 'postgres', 'Bun', 'PostgreSQL']) assert.match(notice, new RegExp(name), name);
  });

  test('the commit is compiled in', async () => {
    const container = run([...image.entrypoint, 'version', '--json'], {});
    assert.equal(await container.exited, 0, container.output());
    assert.equal(JSON.parse(container.output()).commit, commit);
  });

  test('the settings of fly.toml are those of a production start, without a warning', async () => {
    const container = run([...image.entrypoint, 'config', 'check'], await environment());
    assert.equal(await container.exited, 0, container.output());
    assert.doesNotMatch(container.output(), /warning|did you mean/i);
  });

  test('release command, start, requests, health check, SIGTERM', async () => {
    const env = await environment();
    const release = run([...image.entrypoint, ...fly.deploy.release_command.split(' ')], env);
    assert.equal(await release.exited, 0, release.output());

    const nothing = run(image.healthcheck, env);
    assert.equal(await nothing.exited, 1, nothing.output());

    const server = run([...image.entrypoint, ...image.command], env);
    const url = `http://127.0.0.1:${env.PORT}`;
    const statusOf = async (path: string) => (await fetch(url + path)).status;
    await until(server, 'ready', async () => (await statusOf(fly.http_service.checks[0].path)) === 200);

    const status = readFileSync(`/proc/${server.pid()}/status`, 'utf8');
    assert.match(status, /^Uid:\s+65532\s+65532\s+65532\s+65532$/m);
    assert.match(status, /^Groups:\s+65532\s*$/m);
    assert.match(status, /^NSpid:\s+\d+\s+1$/m, 'process 1 has no default handlers for signals');
    assert.match(status, /^CapEff:\s+0+$/m);
    assert.match(status, /^NoNewPrivs:\s+1$/m);
    const mounts = readFileSync(`/proc/${server.pid()}/mountinfo`, 'utf8')
      .split('\n')
      .map((line) => line.split(' '));
    const rootMount = mounts.findLast(([, , , , mountPoint]) => mountPoint === '/');
    assert.ok(rootMount?.[5]?.split(',').includes('ro'), `the root can be written: ${rootMount}`);

    const healthcheck = run(image.healthcheck, env);
    assert.equal(await healthcheck.exited, 0, healthcheck.output());
    const made = await fetch(`${url}/entries`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'Production test entry', nickname: 'Smokey' }),
    });
    assert.equal(made.status, 200);
    const { id } = (await made.json()) as { id: number };
    assert.equal(await statusOf(`/entries/${id}`), 200);
    const metrics = await fetch(`http://127.0.0.1:${env.METRICS_PORT}${fly.metrics[0].path}`);
    assert.equal(metrics.status, 200);

    process.kill(server.pid(), fly.kill_signal);
    await until(server, 'taken out of rotation', async () => (await statusOf('/health/ready')) === 503);
    assert.equal(await statusOf('/health/live'), 200);
    assert.equal(await server.exited, 0, server.output());
  });

  test('a start without a release command migrates by itself', async () => {
    const env = await environment();
    const server = run([...image.entrypoint, ...image.command], env);
    await until(server, 'ready', async () => (await fetch(`http://127.0.0.1:${env.PORT}/health/ready`)).ok);
    process.kill(server.pid(), 'SIGTERM');
    assert.equal(await server.exited, 0, server.output());
  });

  test('a wrong setting ends the start with exit code 2 and the reason', async () => {
    const container = run([...image.entrypoint, ...image.command], {
      ...(await environment()),
      JWT_SECRET: 'changeme',
    });
    assert.equal(await container.exited, 2);
    assert.match(container.output(), /JWT_SECRET/);
  });
});
