// The commands as scripts see them: output and exit codes.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { clientOf } from '../harness/client.ts';
import { freePort, type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { commandLine, runtime } from '../harness/target.ts';
import { type Ending, holdMigrationLock, openWorkshop, type Workshop } from './process.ts';

let workshop: Workshop;
let server: RunningPostgres;

before(async () => {
  workshop = openWorkshop();
  server = await startPostgres({ version: 15 });
});
after(async () => {
  await workshop.close();
  await server.stop();
});

/** Runs a command with just this environment; its PORT is the default of the program. */
const run = (line: string, env: Record<string, string> = {}) =>
  workshop.run(line.split(' '), { env: { PORT: '', HOST: '', LOG_FORMAT: '', ...env } });

function assertOk({ code, stderr, stdout }: Ending): string {
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, stdout);
  return stdout;
}

describe('version, help, secret', () => {
  test('version says what was built', async () => {
    const facts = JSON.parse(assertOk(await run('version --json')));
    assert.deepEqual(Object.keys(facts), ['name', 'version', 'commit', 'builtAt', 'runtime', 'platform']);
    assert.equal(facts.name, 'catatlas');
    assert.match(facts.version, /^\d+\.\d+\.\d+/);
    assert.match(facts.runtime, runtime === 'deno' ? /^deno 2\./ : /^bun 1\./);
    if (runtime === 'binary') {
      assert.match(facts.commit, /^[0-9a-f]{40}(-dirty)?$/);
      assert.match(facts.builtAt, /^\d{4}-\d\d-\d\dT/);
    } else assert.deepEqual([facts.commit, facts.builtAt], ['source', null]);
    const text = assertOk(await run('--version'));
    assert.equal(text.startsWith(`catatlas ${facts.version} (`), true);
  });

  test('help lists every command, and every command has help of its own', async () => {
    const text = assertOk(await run('--help'));
    const names = [
      ...['serve', 'migrate', 'backup', 'copy', 'import', 'seed', 'config', 'doctor', 'selftest', 'healthcheck'],
      ...['secret', 'openapi', 'version'],
    ];
    for (const name of names) assert.match(text, new RegExp(`^ +${name} `, 'm'));
    const pages = await Promise.all(names.map((name) => run(`${name} --help`)));
    for (const [index, page] of pages.entries()) {
      assert.match(assertOk(page), new RegExp(`catatlas ${names[index]}`));
      assert.match(page.stdout, /Exit codes/i);
    }
  });

  test('secret makes another one each time, good for production', async () => {
    const [first, second] = await Promise.all([run('secret'), run('secret')]);
    assert.match(assertOk(first), /^[0-9a-f]{64}\n$/);
    assert.notEqual(first.stdout, second.stdout);
    const env = { DATABASE_URL: 'postgres://u:p@db.example/cats', JWT_SECRET: first.stdout.trim() };
    assert.equal((await run('config check', { ...env, ALLOWED_ORIGINS: 'https://catatlas.com' })).code, 0);
  });
});

describe('an output', { skip: process.platform === 'win32' }, () => {
  /** Runs a command with what a shell makes of its outputs. */
  const runInto = (line: string, redirected: string, env: Record<string, string> = {}) =>
    workshop.run(line.split(' '), { env, program: ['sh', '-c', redirected, 'sh', ...commandLine([])] });

  test('that has no room for the answer: exit code 1, and a line on the other one', {
    skip: process.platform !== 'linux',
  }, async () => {
    for (const line of ['secret', 'version', 'openapi', 'config print', 'backup key']) {
      const { code, stderr } = await runInto(line, 'exec "$@" > /dev/full');
      const said = 'catatlas: standard output: the disk is full. What is written there is lost.\n';
      assert.deepEqual({ code, stderr }, { code: 1, stderr: said }, line);
    }
    const mute = await runInto('version', 'exec "$@" > /dev/full 2>&1');
    assert.deepEqual({ code: mute.code, stderr: mute.stderr }, { code: 1, stderr: '' });
  });

  test('whose reader has gone: exit code 1, and not a word', async () => {
    const env = { DATA_DIR: join(workshop.folder, 'unread') };
    // The document is more than a pipe holds, and the log of a start goes on: both still write when their reader goes.
    for (const line of ['openapi', 'serve']) {
      const { stderr } = await runInto(line, '{ "$@"; echo "ended with $?" >&2; } | head -n 1', env);
      assert.equal(stderr, 'ended with 1\n', line);
    }
  });

  test('that does not take an archive: exit code 1, and why', async () => {
    const env = { DATA_DIR: join(workshop.folder, 'archived') };
    assert.equal((await run('migrate', env)).code, 0);
    const pipe = join(workshop.folder, 'pipe');
    // Opened for both ends first, because opening one waits for the other (fifo(7)).
    const unread = `mkfifo '${pipe}' && exec 3<> '${pipe}' 4> '${pipe}' 3>&- && exec "$@" >&4 4>&-`;
    const gone = await runInto('backup create -', unread, env);
    assert.deepEqual(
      { code: gone.code, stderr: gone.stderr },
      { code: 1, stderr: 'catatlas: standard output: its reader has gone\n' },
    );
    if (process.platform !== 'linux') return;
    const full = await runInto('backup create -', 'exec "$@" > /dev/full', env);
    assert.deepEqual(
      { code: full.code, stderr: full.stderr },
      { code: 1, stderr: 'catatlas: standard output: the disk is full\n' },
    );
  });
});

describe('backup', () => {
  test('a directory in place of an archive: exit code 1, and what is needed', async () => {
    const directory = join(workshop.folder, 'directory');
    mkdirSync(directory);
    for (const action of ['verify', 'restore']) {
      const { code, stdout, stderr } = await run(`backup ${action} ${directory}`);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' }, stderr);
      assert.equal(stderr, `catatlas: ${directory}: is a directory, and a file is needed\n`);
    }
  });

  test('list shows every file, also one that this user may not read', {
    skip: process.platform !== 'linux',
  }, async () => {
    const directory = join(workshop.folder, 'archives');
    mkdirSync(directory);
    for (const name of ['closed.tar', 'other.tar']) writeFileSync(join(directory, name), 'no archive');
    chmodSync(join(directory, 'closed.tar'), 0);
    // Root reads everything, unless it is told not to.
    const asUser =
      process.getuid?.() === 0 ? (['setpriv', '--bounding-set=-dac_override,-dac_read_search'] as const) : [];
    const [first, ...rest] = [...asUser, ...commandLine([])] as [string, ...string[]];
    const { code, stdout, stderr } = await workshop.run(['backup', 'list', directory, '--json'], {
      program: [first, ...rest],
    });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const listed = JSON.parse(stdout) as { file: string; problem: string }[];
    assert.deepEqual(
      listed.map(({ file }) => file),
      ['closed.tar', 'other.tar'],
    );
    assert.equal(listed[0]?.problem, 'this user may not use it');
    assert.equal(listed[1]?.problem, 'it is not a CatAtlas archive');
  });
});

describe('wrong usage', () => {
  test('exit code 2, nothing on standard output, and what was probably meant', async () => {
    const mistakes = [
      ['servee', /unknown command "servee"[\s\S]*Did you mean serve\?/],
      ['start', /Did you mean serve\?/],
      ['serve --prot 1', /--prot[\s\S]*[Dd]id you mean --port/],
      ['migrate sttaus', /sttaus[\s\S]*[Dd]id you mean status/],
      ['config', /ACTION|check|print/],
      ['version now', /now/],
      ['serve --port', /--port/],
    ] as const;
    const endings = await Promise.all(mistakes.map(([line]) => run(line)));
    for (const [index, [line, said]] of mistakes.entries()) {
      const { code, stdout, stderr } = endings[index] ?? {};
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, `${line}: ${stderr}`);
      assert.match(stderr ?? '', said, line);
      assert.match(stderr ?? '', /For help: catatlas help/, line);
    }
  });
});

describe('openapi', () => {
  test('is the document that a running server has at /swagger/json', async () => {
    const program = workshop.launch(['serve'], { env: { DATA_DIR: join(workshop.folder, 'data') } });
    const url = await program.url();
    const [printed, served] = await Promise.all([run('openapi'), clientOf(url)('GET', '/swagger/json')]);
    // The command in the introduction is for the address that was asked.
    const expected = assertOk(printed).replace('http://127.0.0.1:8000', url);
    assert.deepEqual(served.body, JSON.parse(expected));
    // More than a pipe holds: the end must not be cut off.
    assert.ok(printed.stdout.length > 65_536);
    assert.match(String(served.body['openapi']), /^3\.1\./);
    await program.kill();
  });
});

describe('config', () => {
  test('check: 0 when right, 2 with every problem at once', async () => {
    const right = assertOk(await run('config check'));
    assert.match(right, /The settings are right, for development on the embedded database in /);
    const wrong = await run('config check --json', { PORT: '99999', DEBUG: 'maybe', LOG_LEVEL: 'loud' });
    assert.equal(wrong.code, 2);
    const report = JSON.parse(wrong.stdout);
    assert.equal(report.ok, false);
    assert.deepEqual(report.problems.map(({ name }: { name: string }) => name).sort(), ['DEBUG', 'LOG_LEVEL', 'PORT']);
    for (const problem of report.problems) assert.ok(problem.problem.length > 5 && problem.fix.length > 5);
  });

  test('print: value and source of each, secrets hidden', async () => {
    const secretFile = join(workshop.folder, 'jwt');
    const secret = '0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978';
    writeFileSync(secretFile, `${secret}\n`);
    const env = {
      DATABASE_URL: 'postgresql://keeper:canary-password@db.example:5433/cats',
      DEBUG: 'true',
      JWT_SECRET_FILE: secretFile,
      PORT: '8123',
    };
    for (const line of ['config print', 'config print --json']) {
      const { code, stdout, stderr } = await run(line, env);
      assert.equal(code, 0, stderr);
      assert.equal(`${stdout}${stderr}`.includes('canary-password'), false, line);
      assert.equal(`${stdout}${stderr}`.includes(secret), false, line);
      assert.match(stdout, /db\.example:5433/, 'where it is is no secret');
    }
    const { settings } = JSON.parse((await run('config print --json', env)).stdout);
    assert.deepEqual(
      [settings.PORT.value, settings.PORT.source, settings.LOG_LEVEL.value, settings.LOG_LEVEL.source],
      [8123, 'environment variable', 'INFO', 'default'],
    );
    assert.deepEqual([settings.JWT_SECRET.set, settings.JWT_SECRET.secret], [true, true]);
    assert.match(settings.JWT_SECRET.source, /JWT_SECRET_FILE/);
    assert.equal((await run('config print', { PORT: 'x' })).code, 2);
  });

  test('a near miss is reported and does not stop anything', async () => {
    const { code, stderr } = await run('config check', {
      DATABSE_URL: 'postgres://x/y',
      ALOWED_ORIGINS: 'https://a.example',
    });
    assert.equal(code, 0);
    assert.match(stderr, /DATABSE_URL[\s\S]*DATABASE_URL/);
    assert.match(stderr, /ALOWED_ORIGINS[\s\S]*ALLOWED_ORIGINS/);
  });

  test('production refuses, with all reasons at once, and starts nothing', async () => {
    const env = {
      DEBUG: 'False',
      DATABASE_TYPE: 'sqlite',
      JWT_SECRET: 'change-me',
      ALLOWED_ORIGINS: '*',
      PORT: '0',
      DATA_DIR: join(workshop.folder, 'never-made'),
    };
    const [check, serve] = await Promise.all([run('config check', env), run('serve', env)]);
    for (const { code, stderr, stdout } of [check, serve]) {
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /4 settings are wrong/);
      for (const name of ['DATABASE_URL', 'DATABASE_TYPE', 'JWT_SECRET', 'ALLOWED_ORIGINS'])
        assert.match(stderr, new RegExp(`^  ${name} \\(.*\\) .+\\.\\n    .+$`, 'm'));
      assert.equal(stderr.includes('change-me'), false, 'not even a bad secret is repeated');
    }
    assert.equal(readdirSync(workshop.folder).includes('never-made'), false);
    const missing = await run('serve', { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x', PORT: '0' });
    assert.equal(missing.code, 2, 'with DATABASE_URL, production is the default');
    assert.match(missing.stderr, /JWT_SECRET \(not set\) is missing/);
  });
});

describe('healthcheck', () => {
  test('0 for a server that lives, 1 for none; --ready asks for more', async () => {
    const url = await server.createDatabase();
    const lock = await holdMigrationLock(url);
    try {
      const program = workshop.launch(['serve'], { env: { DATABASE_URL: url, DEBUG: 'true' } });
      const { port } = new URL(await program.url());
      await program.logged('waiting for the migration lock');
      const [live, notReady, free] = await Promise.all([
        run('healthcheck', { PORT: port }),
        run('healthcheck --ready', { PORT: port }),
        freePort(),
      ]);
      assert.match(assertOk(live), /^healthy: http:\/\/127\.0\.0\.1:\d+\/health\/live answered 200 in \d+ ms\n$/);
      assert.equal(notReady.code, 1);
      assert.match(notReady.stderr, /^unhealthy: .*\/health\/ready answered 503/);
      await lock.release();
      await program.logged('ready');
      const [ready, byUrl, dead] = await Promise.all([
        run('healthcheck --ready', { PORT: port }),
        run(`healthcheck --url http://127.0.0.1:${port}`),
        run('healthcheck', { PORT: String(free) }),
      ]);
      assertOk(ready);
      assertOk(byUrl);
      assert.equal(dead.code, 1);
      assert.match(dead.stderr, /^unhealthy: /);
      await program.kill();
    } finally {
      await lock.release();
    }
  });
});

describe('migrate', () => {
  const places = [
    ['PostgreSQL', async () => ({ DATABASE_URL: await server.createDatabase(), DEBUG: 'true' })],
    ['the embedded engine', async () => ({ DATA_DIR: join(workshop.folder, 'migrated') })],
  ] as const;
  for (const [name, place] of places) {
    test(`on ${name}: status 4 while pending, up, 0 after, up again does nothing`, async () => {
      const env: Record<string, string> = await place();
      const pending = await run('migrate status --exit-code', env);
      assert.equal(pending.code, 4, pending.stderr);
      assert.match(pending.stdout, /^0001_schema\.sql +pending\b/m);
      assert.match(
        pending.stdout,
        /The schema is at version 0 of \d+; \d+ migrations are pending\. To apply: catatlas migrate/,
      );
      assert.equal((await run('migrate status', env)).code, 0, 'without --exit-code, looking is a success');

      const up = await run('migrate --json', env);
      assert.equal(up.code, 0, up.stderr);
      const { version, applied } = JSON.parse(up.stdout);
      assert.equal(applied.length, version);
      assert.equal(applied[0], '0001_schema.sql');

      const again = await run('migrate up', env);
      assert.equal(again.code, 0, again.stderr);
      assert.equal(again.stdout, `Nothing to do: the schema is at version ${version}.\n`);
      const status = await run('migrate status --exit-code --json', env);
      assert.equal(status.code, 0, status.stderr);
      const report = JSON.parse(status.stdout);
      assert.deepEqual(
        [report.current, report.target, report.pending, report.contradictions],
        [version, version, [], []],
      );
      const [first] = report.files;
      assert.deepEqual([first.file, first.state, first.checksum], ['0001_schema.sql', 'applied', 'ok']);
    });
  }

  test('a database that cannot be reached: exit code 3, and what to do', async () => {
    const url = `postgres://u:canary-password@127.0.0.1:${await freePort()}/x`;
    for (const line of ['migrate', 'migrate status']) {
      const { code, stdout, stderr } = await run(line, { DATABASE_URL: url, DEBUG: 'true' });
      assert.deepEqual({ code, stdout }, { code: 3, stdout: '' }, stderr);
      assert.match(
        stderr,
        /the database cannot be reached .*see that it runs and that DATABASE_URL names the right host and port/,
      );
      assert.equal(stderr.includes('canary-password'), false);
    }
  });

  test('told to stop while another process migrates: exit code 1 at once, nothing changed', async () => {
    const url = await server.createDatabase();
    const lock = await holdMigrationLock(url);
    try {
      const program = workshop.launch(['migrate'], { env: { DATABASE_URL: url, DEBUG: 'true' } });
      await program.wrote(/waiting for the migration lock/);
      program.signal('SIGTERM');
      const { code, stderr } = await program.ended();
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        /catatlas: told to stop while another process is migrating this database \(pid \d+, another-process/,
      );
    } finally {
      await lock.release();
    }
  });
});

describe('--to', () => {
  test('is what advice is about when what it names cannot be used', async () => {
    const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'true' };
    for (const line of ['seed --entries 5', 'backup create to.tar']) {
      const { code, stderr } = await run(line, env);
      assert.equal(code, 0, stderr);
    }
    const nowhere = new URL(env.DATABASE_URL);
    nowhere.pathname = '/nodb';
    const cases = [
      [`backup verify to.tar --to ${nowhere}`, 3, /"nodb" does not exist: create it, or check the name in --to$/m],
      [
        'copy --to postgres://postgres@127.0.0.1:1/y',
        3,
        /see that it runs and that --to names the right host and port/,
      ],
      ['copy --to ./to.tar', 1, /to\.tar: that, or a part of its path, is a file\. Set --to to a directory\.$/m],
      [
        `backup verify to.tar --to ${env.DATABASE_URL}`,
        1,
        /has data: .* Take an empty database; backup restore and copy /,
      ],
    ] as const;
    for (const [line, code, said] of cases) {
      const ending = await run(line, env);
      assert.deepEqual([ending.code, ending.stdout], [code, ''], `${line}: ${ending.stderr}`);
      assert.match(ending.stderr, said);
      assert.doesNotMatch(ending.stderr, /DATABASE_URL|DATA_DIR/);
    }
    const direct = await run('migrate status', { ...env, DIRECT_DATABASE_URL: nowhere.href });
    assert.match(direct.stderr, /check the name in DIRECT_DATABASE_URL$/m);
  });

  test('makes nothing for a source that cannot be copied', async () => {
    const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'true' };
    const { code, stderr } = await run('copy --to ./never-copied', env);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /has no schema/);
    assert.equal(readdirSync(workshop.folder).includes('never-copied'), false);
  });
});
