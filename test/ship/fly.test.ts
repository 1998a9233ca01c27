// Rules that span fly.toml, the Dockerfile, the settings and the budget: each of them was somebody's outage.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readSettings, settingsTable } from '../../src/config/settings.ts';
import { root } from '../harness/target.ts';
import { execForm, isIgnored, parseDockerfile, textOf } from './dockerfile.ts';
import { readFlyConfig } from './fly-config.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const [buildStage, finalStage] = parseDockerfile(read('Dockerfile'));
if (!buildStage || !finalStage) throw new Error('the Dockerfile has not two stages');
const secrets = {
  DATABASE_URL: 'postgres://catatlas:secret@catatlas-db.flycast:5432/catatlas?sslmode=disable',
  JWT_SECRET: '9f1c0d6e5b7a48327c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b',
  ALLOWED_ORIGINS: 'https://catatlas.example',
};

/** Seconds of a duration such as 40s or 5m. */
function seconds(text: string): number {
  const [, amount, unit] = /^(\d+)(s|m)$/.exec(text) ?? assert.fail(`${text} is not a duration`);
  return Number(amount) * (unit === 'm' ? 60 : 1);
}

for (const path of ['fly.toml', 'deploy/fly.idle.toml']) {
  const config = readFlyConfig(path);

  describe(path, () => {
    test('every variable is a setting, none is secret, and all of them are right for production', () => {
      for (const [name, value] of Object.entries(config.env)) {
        const setting = Object.entries(settingsTable).find(([key]) => key === name)?.[1];
        assert.ok(setting, `${name} is no setting`);
        assert.ok(!('secret' in setting), `${name} is secret: fly secrets set ${name}=-`);
        assert.equal(typeof value, 'string', `${name} must be a string`);
      }
      const { problems, warnings, production } = readSettings({ env: { ...config.env, ...secrets } });
      assert.deepEqual([problems, warnings], [[], []]);
      assert.equal(production, true);
    });

    test('the platform waits longer than the server takes to stop, and no longer than it can', () => {
      const stopping = Number(config.env['SHUTDOWN_DRAIN_SECONDS']) + Number(config.env['SHUTDOWN_TIMEOUT_SECONDS']);
      // Closing the database and reporting what is left takes a few seconds more.
      assert.ok(
        stopping + 5 <= seconds(config.kill_timeout),
        `${stopping} s and some, killed after ${config.kill_timeout}`,
      );
      // https://fly.io/docs/reference/configuration/: at most 5 minutes.
      assert.ok(seconds(config.kill_timeout) <= 300);
      assert.equal(config.kill_signal, textOf(finalStage, 'STOPSIGNAL'));
      // The proxy keeps connections for about 4 s.
      assert.ok(Number(config.env['SHUTDOWN_DRAIN_SECONDS']) > 4);
    });

    test('ports: the one that serves, the one for metrics, and what the image exposes are the same everywhere', () => {
      const { PORT, METRICS_PORT } = config.env;
      assert.equal(config.http_service.internal_port, Number(PORT));
      assert.ok(Object.values(config.checks).every(({ port }) => port === Number(PORT)));
      assert.deepEqual(
        config.metrics.map(({ port, path: at }) => `${port}${at}`),
        [`${METRICS_PORT}/metrics`],
      );
      assert.deepEqual(textOf(finalStage, 'EXPOSE').split(' '), [PORT, METRICS_PORT]);
      assert.notEqual(PORT, METRICS_PORT);
    });

    test('what strategy bluegreen and the checks need', () => {
      assert.equal(config.deploy.strategy, 'bluegreen');
      assert.ok(!('mounts' in config), 'bluegreen works without volumes only');
      const [check] = config.http_service.checks;
      assert.equal(check.path, '/health/ready');
      assert.ok(seconds(check.timeout) < seconds(check.interval));
      assert.ok(seconds(check.interval) >= 2 && seconds(check.timeout) <= 60, 'limits of Fly.io');
      assert.ok(seconds(config.deploy.wait_timeout) > seconds(check.grace_period));
    });

    test('the release command is one of the program, because the ENTRYPOINT stays', () => {
      assert.deepEqual(execForm(finalStage, 'ENTRYPOINT'), ['/app/catatlas']);
      assert.equal(config.deploy.release_command, 'migrate up');
      // A migration may wait that long for a lock before it says who is in the way.
      const lockTimeout =
        config.env['MIGRATION_LOCK_TIMEOUT_SECONDS'] ?? settingsTable.MIGRATION_LOCK_TIMEOUT_SECONDS.default;
      assert.ok(seconds(config.deploy.release_command_timeout) > Number(lockTimeout));
    });

    test('limits: requests are spread before they are held back', () => {
      const { type, soft_limit, hard_limit } = config.http_service.concurrency;
      assert.equal(type, 'requests');
      assert.ok(soft_limit < hard_limit);
      assert.equal(config.http_service.auto_start_machines, config.http_service.auto_stop_machines !== 'off');
    });

    test('what is rented is what was agreed', () => {
      const { app } = JSON.parse(read('deploy/budget.json')) as {
        app: { machines: number; regions: string[]; size: string; memoryMegabytes: number };
      };
      const [vm] = config.vm;
      assert.equal(vm.size, app.size);
      assert.equal(vm.memory, `${app.memoryMegabytes}mb`);
      assert.ok(app.regions.includes(config.primary_region));
      assert.ok(config.http_service.min_machines_running <= app.machines);
    });
  });
}

test('the variant for idle times differs in one thing', () => {
  const usual = readFlyConfig('fly.toml');
  const idle = readFlyConfig('deploy/fly.idle.toml');
  assert.equal(usual.http_service.min_machines_running, 1);
  assert.equal(idle.http_service.min_machines_running, 0);
  idle.http_service.min_machines_running = 1;
  assert.deepEqual(idle, usual);
});

describe('Dockerfile', () => {
  test('bases are pinned by digest, and the one that runs has no shell and no root', () => {
    for (const { base } of [buildStage, finalStage]) assert.match(base, /:[\w.-]+@sha256:[0-9a-f]{64}$/);
    assert.match(finalStage.base, /^gcr\.io\/distroless\/base-nossl-debian13:nonroot@/);
    assert.equal(textOf(finalStage, 'USER'), '65532:65532');
    assert.deepEqual(
      finalStage.instructions.filter(({ name }) => name === 'RUN'),
      [],
    );
  });

  test('it builds with the Bun that package.json names', () => {
    const { packageManager } = JSON.parse(read('package.json')) as { packageManager: string };
    const versions = [...read('Dockerfile').matchAll(/\bbun@\d+\.\d+\.\d+/g)].map(([version]) => version);
    assert.deepEqual([...new Set(versions)], [packageManager]);
  });

  test('the health check asks the program, and gives it less time than Docker gives the check', () => {
    assert.deepEqual(execForm(finalStage, 'HEALTHCHECK'), ['/app/catatlas', 'healthcheck']);
    const timeout = /--timeout=(\S+)/.exec(textOf(finalStage, 'HEALTHCHECK'))?.[1] ?? '';
    assert.ok(seconds(timeout) > 3, 'catatlas healthcheck waits 3 s');
  });

  test('.dockerignore lets through what is copied, and nothing that may hold a secret', () => {
    const dockerignore = read('.dockerignore');
    const copied = buildStage.instructions.flatMap(({ name, text }) =>
      name === 'COPY' ? text.split(' ').slice(0, -1) : [],
    );
    for (const path of copied) assert.equal(isIgnored(path, dockerignore), false, path);
    for (const path of [
      '.env',
      '.git/config',
      'node_modules/zod/index.js',
      'dist/catatlas',
      'backup.key',
      'data/pg',
      'src/a.test.ts',
    ])
      assert.equal(isIgnored(path, dockerignore), true, path);
  });
});
