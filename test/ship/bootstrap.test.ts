// From an empty account to a running app, with a flyctl that writes down how it was called: which commands, in which order, and where
// secrets go.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Call, type Script, type Step, setStage } from './fakes.ts';

const origin = 'https://catatlas.example';
const password = 'canary0password1';
const administrator = `postgres://postgres:${password}@catatlas-db.flycast:5432`;
const address = `postgres://catatlas_api:${password}@catatlas-db.flycast:5432/catatlas_api?sslmode=disable`;
const pooled = `postgresql://fly-user:${password}@pgbouncer.z23750v1.flympg.net/fly-db`;

const list = (...rows: object[]): Step => ({ stdout: JSON.stringify(rows) });
const named = (...names: string[]) => list(...names.map((Name) => ({ Name })));
const machine = (memory_mb: number) => list({ id: 'd8901', state: 'started', config: { guest: { memory_mb } } });

/** flyctl and an account without anything, as it answers (flyctl internal/command: postgres/attach.go, flypg/launcher.go, mpg/v2). */
const empty: Script = {
  'apps list --json': [named('somebody-else')],
  'apps create': [{ stdout: 'New app created: catatlas-api\n' }],
  'secrets list --app catatlas-api --json': [{ stdout: 'null' }],
  'secrets set': [{}],
  'postgres create': [
    {
      stdout: `Postgres cluster catatlas-db created\n  Username:    postgres\n  Password:    ${password}\n  Connection string: ${administrator}\n`,
    },
  ],
  'machine list --app catatlas-db --json': [machine(256)],
  'scale memory': [{}],
  'postgres attach': [{ stdout: `The following secret was added to catatlas-api:\n  DATABASE_URL=${address}\n` }],
  'ssh console': [{ stdout: 'ALTER DATABASE\n' }],
  'mpg list': [
    { stdout: 'No managed postgres clusters found in organization personal\n' },
    list({ id: 'z23750v1', name: 'catatlas-db' }),
  ],
  'mpg create': [{ stdout: `  ID: z23750v1\n  Connection string: ${pooled}\n` }],
  'mpg attach': [{ stdout: `The following secret was added to catatlas-api:\n  DATABASE_URL=${pooled}\n` }],
  deploy: [{}],
};

interface Options {
  fly?: Script;
  args?: string[];
  /** In the file of secrets before. */
  kept?: string;
  /** Instead of the site, which serves the commit of the checkout. */
  url?: string;
}

async function bootstrap({ fly = {}, args = ['--run'], kept, url }: Options = {}) {
  const stage = await setStage({ flyctl: { ...empty, ...fly } });
  try {
    writeFileSync(join(stage.folder, 'fly.toml'), 'app = "catatlas-api"\nprimary_region = "iad"\n');
    const file = join(stage.folder, '..', 'catatlas-api.secrets');
    if (kept !== undefined) writeFileSync(file, kept, { mode: 0o644 });
    const options = ['--origin', origin, '--url', url ?? stage.url, '--wake', '0'];
    const { code, output } = await stage.run('bootstrap.ts', ...options, ...args);
    const secrets = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (existsSync(file)) assert.equal(statSync(file).mode & 0o777, 0o600);
    const calls = stage.calls();
    assertSecretive(output, secrets, calls);
    return { code, output, secrets, calls, changes: calls.map(lineOf).filter((line) => !/ list /.test(`${line} `)) };
  } finally {
    await stage.close();
  }
}

const lineOf = ({ args }: Call) => args.join(' ');
const inputOf = (calls: Call[], end: string) => calls.find((call) => lineOf(call).endsWith(end))?.input;

/** No secret is in an argument or in what is printed, whatever happened. */
function assertSecretive(output: string, secrets: string, calls: Call[]): void {
  const values = secrets.split('\n').flatMap((line) => (line === '' ? [] : [line.slice(line.indexOf('=') + 1)]));
  for (const value of [password, ...values]) {
    assert.equal(output.includes(value), false, output);
    for (const call of calls) assert.equal(lineOf(call).includes(value), false, lineOf(call));
  }
}

const owner = 'ssh console --app catatlas-db --command psql --username postgres --port 5433 --set ON_ERROR_STOP=1';
const fewer = { 'apps list --json': [named('catatlas-api', 'catatlas-db')] };

test('an empty account: app, database, rights, secrets, deployment, and the app answers', async () => {
  const { code, output, secrets, calls, changes } = await bootstrap();
  assert.equal(code, 0, output);
  const commit = calls
    .at(-1)
    ?.args.at(-1)
    ?.replace(/^BUILD_COMMIT=/, '');
  assert.match(commit ?? '', /^[0-9a-f]{40}$/);
  assert.deepEqual(changes, [
    'apps create catatlas-api --org personal',
    'postgres create --name catatlas-db --org personal --region iad --vm-size shared-cpu-1x --initial-cluster-size 1 --volume-size 3 --enable-backups',
    'scale memory 512 --app catatlas-db',
    'postgres attach catatlas-db --app catatlas-api --superuser=false --yes',
    owner,
    'secrets set --app catatlas-api --stage JWT_SECRET=-',
    `secrets set --app catatlas-api --stage ALLOWED_ORIGINS=${origin}`,
    `deploy --app catatlas-api --config fly.toml --ha=false --yes --build-arg BUILD_COMMIT=${commit}`,
  ]);
  assert.equal(inputOf(calls, owner), 'alter database catatlas_api owner to catatlas_api;\n');
  const key = inputOf(calls, 'JWT_SECRET=-') ?? '';
  assert.match(key, /^[0-9a-f]{64}$/);
  assert.equal(secrets, `DATABASE_ADMINISTRATOR_URL=${administrator}\nDATABASE_URL=${address}\nJWT_SECRET=${key}\n`);
  assert.match(output, /Password: {4}…\n/);
  assert.match(output, new RegExp(`serves commit ${commit}`));
});

test('Managed Postgres: attached by its ID, and migrations go past PgBouncer', async () => {
  const { code, output, secrets, calls, changes } = await bootstrap({ args: ['--run', '--kind', 'managed'] });
  assert.equal(code, 0, output);
  assert.deepEqual(changes.slice(1, 4), [
    'mpg create --name catatlas-db --org personal --region iad --plan basic --volume-size 10 --pg-major-version 17',
    'mpg attach z23750v1 --app catatlas-api',
    'secrets set --app catatlas-api --stage DIRECT_DATABASE_URL=-',
  ]);
  const direct = pooled.replace('pgbouncer', 'direct');
  assert.equal(inputOf(calls, 'DIRECT_DATABASE_URL=-'), direct);
  assert.ok(secrets.startsWith(`DATABASE_URL=${pooled}\nDIRECT_DATABASE_URL=${direct}\nJWT_SECRET=`), secrets);
});

test('what is there already is left alone', async () => {
  const fly = {
    ...fewer,
    'secrets list --app catatlas-api --json': [
      list({ name: 'DATABASE_URL' }, { name: 'JWT_SECRET' }, { name: 'ALLOWED_ORIGINS' }),
    ],
    'machine list --app catatlas-db --json': [machine(512)],
  };
  const { code, output, secrets, changes } = await bootstrap({ fly });
  assert.equal(code, 0, output);
  assert.deepEqual(
    changes.map((line) => line.split(' ', 2).join(' ')),
    ['ssh console', 'deploy --app'],
  );
  assert.equal(secrets, '');
  assert.equal(output.match(/# Nothing to do/g)?.length, 6);
});

test('after a run that ended in the middle, the next takes what was kept from the file', async () => {
  const managed = {
    ...fewer,
    'mpg list': [list({ id: 'z23750v1', name: 'catatlas-db' })],
    'secrets list --app catatlas-api --json': [named('DATABASE_URL')],
  };
  const args = ['--run', '--kind', 'managed'];
  const known = await bootstrap({ fly: managed, args, kept: `DATABASE_URL=old\nDATABASE_URL=${pooled}\n` });
  assert.equal(known.code, 0, known.output);
  assert.equal(inputOf(known.calls, 'DIRECT_DATABASE_URL=-'), pooled.replace('pgbouncer', 'direct'));
  // Not an empty secret.
  const unknown = await bootstrap({ fly: managed, args });
  assert.equal(unknown.code, 1);
  assert.match(unknown.output, /past PgBouncer is not known\nThe dashboard has it/);
  assert.deepEqual(unknown.changes, []);
});

test('the first failure ends it, with what to do, and nothing is done after it', async () => {
  const failing: [string, RegExp][] = [
    ['apps list --json', /flyctl apps list: exit code 1\nSign in: flyctl auth login/],
    ['apps create', /Names are unique.*fly\.toml/],
    ['postgres create', /flyctl apps destroy catatlas-db/],
    ['machine list --app catatlas-db --json', /flyctl machine list.*exit code 1\nThen run this again/],
    ['postgres attach', /set DATABASE_URL by hand \(docs\/troubleshooting\.md/],
    ['ssh console', /flyctl postgres connect --app catatlas-db: alter database catatlas_api owner to catatlas_api;/],
    ['deploy', /flyctl logs --app catatlas-api/],
  ];
  for (const [command, said] of failing) {
    const { code, output, calls } = await bootstrap({ fly: { [command]: [{ code: 1 }] } });
    assert.equal(code, 1, command);
    assert.match(output, /\nStopped: /, command);
    assert.match(output, said, command);
    assert.ok(lineOf(calls.at(-1) as Call).startsWith(command), command);
  }
});

test('deployed, and nobody answers: not called running', async () => {
  const { code, output } = await bootstrap({ url: 'http://127.0.0.1:1' });
  assert.equal(code, 1);
  assert.match(output, /Stopped: http:\/\/127\.0\.0\.1:1 does not answer/);
});

test('without --run the same commands are printed, none is run and nothing is kept', async () => {
  for (const kind of ['unmanaged', 'managed']) {
    const printed = await bootstrap({ args: ['--kind', kind] });
    assert.equal(printed.code, 0, printed.output);
    assert.deepEqual([printed.calls, printed.secrets], [[], '']);
    const { changes } = await bootstrap({ args: ['--run', '--kind', kind] });
    const lines = [...printed.output.matchAll(/^(?:[^#\n]* \| )?flyctl (.*)$/gm)].map(([, line = '']) =>
      line.replaceAll("'", ''),
    );
    assert.deepEqual(
      lines.map((line) => line.replace(' ID ', ' z23750v1 ').replace(/[0-9a-f]{40}$/, '')),
      changes.map((line) => line.replace(/[0-9a-f]{40}$/, '')),
    );
  }
});

test('wrong options', async () => {
  for (const [args, said] of [
    [['--kind', 'sqlite'], /--kind sqlite: expected unmanaged or managed/],
    [['--origin', 'https://catatlas.example/'], /--origin .*: expected scheme and host/],
    [['--run', '--orgin', 'x'], /unknown option --orgin/],
  ] as const) {
    const { code, output, calls } = await bootstrap({ args: [...args] });
    assert.equal(code, 2, output);
    assert.match(output, said);
    assert.deepEqual(calls, []);
  }
});
