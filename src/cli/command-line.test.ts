import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commands } from '../commands/help.ts';
import { SettingsError } from '../config/settings.ts';
import { type Command, CommandFailure, type CommandIO, type ParsedArguments } from './command.ts';
import { runCommandLine } from './command-line.ts';
import { ExitCode } from './exit-codes.ts';

/** Runs a command line inside this process. `entries` replaces the commands. */
async function run(argv: readonly string[], env: CommandIO['env'] = {}, entries = commands) {
  let [stdout, stderr] = ['', ''];
  const io: CommandIO = {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    env: { HOME: '/home/cat', ...env },
    isTerminal: false,
    shutdown: new AbortController().signal,
  };
  const code = await runCommandLine(argv, io, entries);
  return { code, stdout, stderr };
}

/** The commands, with `serve` replaced by one that does this. */
function withServe(act: (args: ParsedArguments) => ExitCode) {
  const command: Command = {
    description: '',
    options: [{ name: 'port', value: 'PORT', purpose: '', setting: 'PORT' }],
    exitCodes: [],
    examples: [],
    run: async (args) => act(args),
  };
  return commands.map((entry) => (entry.name === 'serve' ? { ...entry, load: async () => command } : entry));
}

describe('finding the command', () => {
  test('serve is the default', async () => {
    for (const argv of [[], ['serve']])
      assert.equal(
        (
          await run(
            argv,
            {},
            withServe(() => 5),
          )
        ).code,
        5,
      );
    for (const argv of [
      ['--port', '9000'],
      ['serve', '--port=9000'],
    ]) {
      const seen: unknown[] = [];
      const entries = withServe((args) => {
        seen.push(args.settings);
        return 0;
      });
      assert.equal((await run(argv, {}, entries)).code, ExitCode.ok);
      assert.deepEqual(seen, [{ PORT: '9000' }]);
    }
  });

  test('an unknown command is wrong usage, with a guess', async () => {
    for (const [word, meant] of [
      ['serv', 'serve'],
      ['Serve', 'serve'],
      ['start', 'serve'],
      ['migrat', 'migrate'],
      ['helthcheck', 'healthcheck'],
      ['conf', 'config'],
      ['env', 'config'],
      ['swagger', 'openapi'],
    ] as const) {
      const { code, stdout, stderr } = await run([word]);
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
      assert.equal(stderr, `catatlas: unknown command "${word}"\nDid you mean ${meant}?\nFor help: catatlas help\n`);
    }
    assert.equal(
      (await run(['banana-split'])).stderr,
      'catatlas: unknown command "banana-split"\nFor help: catatlas help\n',
    );
    assert.equal((await run(['nope', '--help'])).code, ExitCode.usage);
  });

  test('options before the command are explained', async () => {
    const { code, stderr } = await run(
      ['--port', '9000', 'config'],
      {},
      withServe(() => 0),
    );
    assert.equal(code, ExitCode.usage);
    assert.match(stderr, /The command comes first: catatlas config …/);
  });

  test('a wrong argument points to the help of the command', async () => {
    const { code, stdout, stderr } = await run(['version', '--jsn']);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.equal(stderr, 'catatlas: unknown option --jsn\nDid you mean --json?\nFor help: catatlas help version\n');
  });
});

describe('errors of a command', () => {
  const failWith = (error: unknown) =>
    withServe(() => {
      throw error;
    });

  test('become messages and exit codes', async () => {
    const unreachable = new CommandFailure(
      ExitCode.databaseUnreachable,
      'db.example does not answer: check DATABASE_URL',
    );
    assert.deepEqual(await run([], {}, failWith(unreachable)), {
      code: 3,
      stdout: '',
      stderr: 'catatlas: db.example does not answer: check DATABASE_URL\n',
    });
    const problem = { name: 'PORT', source: 'environment variable', problem: 'is odd', fix: 'Take 8000.' };
    const { code, stderr } = await run([], {}, failWith(new SettingsError([problem], [])));
    assert.equal(code, ExitCode.usage);
    assert.match(stderr, /a setting is wrong:\n\n {2}PORT \(environment variable\) is odd\.\n {4}Take 8000\.\n/);
  });

  test('unexpected ones are thrown on', async () => {
    await assert.rejects(run([], {}, failWith(new TypeError('boom'))), /boom/);
  });
});

describe('help', () => {
  test('is asked for in every usual way', async () => {
    const overview = await run(['help']);
    assert.equal(overview.code, ExitCode.ok);
    for (const argv of [['--help'], ['-h'], ['--port', '1', '-h'], ['--help', '--version']])
      assert.deepEqual(await run(argv), overview, argv.join(' '));
    const config = await run(['help', 'config']);
    for (const argv of [
      ['config', '--help'],
      ['config', '-h'],
      ['config', 'print', '--nope', '-h'],
      ['help', 'config', '-h'],
    ])
      assert.deepEqual(await run(argv), config, argv.join(' '));
    assert.notEqual(config.stdout, overview.stdout);
  });

  test('names every command, and fits on a terminal', async () => {
    const { stdout } = await run(['help']);
    for (const { name, summary } of commands)
      assert.match(stdout, new RegExp(`^  ${name} +${summary.slice(0, 20)}`, 'm'));
    for (const topic of ['', 'settings', 'exit-codes', ...commands.map(({ name }) => name)]) {
      const { code, stdout: text, stderr } = await run(topic === '' ? ['help'] : ['help', topic]);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      for (const each of text.split('\n')) {
        assert.ok(each.length < 100, `${topic}: ${each}`);
        assert.equal(each, each.trimEnd());
      }
      assert.ok(text.endsWith('\n') && !text.endsWith('\n\n'), topic);
      assert.doesNotMatch(text, /undefined|\[object/);
    }
  });

  test('explains each command: usage, options, exit codes, examples', async () => {
    for (const entry of commands) {
      const { stdout } = await run(['help', entry.name]);
      assert.match(stdout, new RegExp(`\nUsage: catatlas ${entry.name}`));
      for (const part of ['Options\n', 'Exit codes\n', 'Examples\n  '])
        assert.ok(stdout.includes(part), `${entry.name}: ${part}`);
      const command = await entry.load();
      for (const { name } of command.options ?? []) assert.ok(stdout.includes(`  --${name}`), name);
    }
    assert.match((await run(['help', 'config'])).stdout, /Usage: catatlas config check\|print \[--json\]\n/);
  });

  test('an unknown topic is wrong usage', async () => {
    const { code, stderr } = await run(['help', 'setings']);
    assert.equal(code, ExitCode.usage);
    assert.match(stderr, /Did you mean settings\?/);
    assert.equal((await run(['help', 'config', 'more'])).code, ExitCode.usage);
  });
});

describe('version', () => {
  test('is printed for people and for programs', async () => {
    const { stdout } = await run(['version']);
    assert.match(stdout, /^catatlas \d+\.\d+\.\d+ \(.*(bun|deno) \d+\.\d+\.\d+.*\)\n$/);
    for (const argv of [['--version'], ['-V'], ['serve', '--version']]) assert.equal((await run(argv)).stdout, stdout);
    const facts = JSON.parse((await run(['version', '--json'])).stdout);
    assert.deepEqual(Object.keys(facts), ['name', 'version', 'commit', 'builtAt', 'runtime', 'platform']);
    assert.ok(stdout.includes(facts.version) && stdout.includes(facts.runtime));
  });

  test('does not follow APP_VERSION', async () => {
    assert.doesNotMatch((await run(['version'], { APP_VERSION: '99.0.0' })).stdout, /99/);
  });
});

test('secret makes a new key each time, good for production', async () => {
  const { findSecretWeakness } = await import('../config/production.ts');
  const made = await Promise.all([run(['secret']), run(['secret'])]);
  for (const { code, stdout } of made) {
    assert.equal(code, ExitCode.ok);
    assert.match(stdout, /^[0-9a-f]{64}\n$/);
    assert.equal(findSecretWeakness(stdout.trim(), 'HS512'), undefined);
  }
  assert.notEqual(made[0]?.stdout, made[1]?.stdout);
});

describe('config', () => {
  const production = {
    DATABASE_URL: 'postgresql://cats:canary@db.example/catatlas?password=canary',
    JWT_SECRET: 'canary-T9qW2zL7mK4vX8pN1cR6hJ3sD5fG0bV',
    ALLOWED_ORIGINS: 'https://catatlas.com',
    SENTRY_DSN: 'https://canary@sentry.example/1',
  };

  test('print shows values and sources, and no secret', async () => {
    const { code, stdout, stderr } = await run(['config', 'print'], production);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /^PORT +8000 +default$/m);
    assert.match(stdout, /^ALLOWED_ORIGINS +https:\/\/catatlas\.com +environment variable$/m);
    assert.match(stdout, /^JWT_SECRET +set \(hidden\) +environment variable$/m);
    assert.match(stdout, /^Without effect, .*: JWT_SECRET, .*RATE_LIMIT_PER_MINUTE/m);
    assert.match(
      stdout,
      /^DATABASE_URL +postgresql:\/\/cats:\*\*\*@db\.example\/catatlas\?password=\*\*\* +environment variable$/m,
    );
    assert.doesNotMatch(stdout, /canary/);
  });

  test('print --json says the same to programs', async () => {
    const { code, stdout } = await run(['config', 'print', '--json'], { ...production, PORT: '9000' });
    assert.equal(code, ExitCode.ok);
    const { ok, environment, settings } = JSON.parse(stdout);
    assert.deepEqual([ok, environment], [true, 'production']);
    assert.deepEqual(settings.PORT, {
      value: 9000,
      source: 'environment variable',
      secret: false,
      set: true,
      valid: true,
    });
    assert.deepEqual(settings.JWT_SECRET, {
      value: 'set (hidden)',
      source: 'environment variable',
      secret: true,
      set: true,
      valid: true,
    });
    assert.doesNotMatch(stdout, /canary/);
  });

  test('print shows what it can when something is wrong', async () => {
    const { code, stdout, stderr } = await run(['config', 'print'], { PORT: 'x', JWT_SECRET_FILE: '/nowhere/at/all' });
    assert.equal(code, ExitCode.usage);
    assert.match(stdout, /^PORT +WRONG +environment variable$/m);
    assert.match(stdout, /^JWT_SECRET +WRONG +file named by JWT_SECRET_FILE$/m);
    assert.match(stdout, /^HOST +127\.0\.0\.1 +default$/m);
    assert.match(stderr, /2 settings are wrong/);
  });

  test('check says that all is right', async () => {
    const { code, stdout, stderr } = await run(['config', 'check'], production);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /right, for production on postgresql:\/\/cats:\*\*\*@db\.example/);
    assert.match(
      (await run(['config', 'check'])).stdout,
      /right, for development on the embedded database in \/home\/cat/,
    );
  });

  test('check reports every problem and warning', async () => {
    const env = { ...production, DATABASE_URL: 'sqlite:///canary.db', JWT_SECRET: 'canary', LOGLEVEL: 'canary' };
    const { code, stdout, stderr } = await run(['config', 'check'], env);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    for (const part of ['2 settings are wrong', 'DATABASE_URL', 'JWT_SECRET', 'a warning', 'LOGLEVEL', 'LOG_LEVEL'])
      assert.ok(stderr.includes(part), part);
    assert.doesNotMatch(stderr, /canary/);
    const json = JSON.parse((await run(['config', 'check', '--json'], env)).stdout);
    assert.equal(json.ok, false);
    assert.deepEqual([json.problems.length, json.warnings.length], [2, 1]);
  });

  test('a warning alone is no failure', async () => {
    const { code, stderr } = await run(['config', 'check'], { DATABSE_URL: 'x' });
    assert.equal(code, ExitCode.ok);
    assert.match(stderr, /DATABSE_URL .*\n +Did you mean DATABASE_URL\?/);
  });
});

describe('one action', () => {
  test('is explained by help, in whichever way that is asked', async () => {
    for (const argv of [
      ['help', 'migrate', 'plan'],
      ['migrate', 'plan', '--help'],
      ['help', 'migrate', 'plan', '--help'],
    ]) {
      const { code, stdout } = await run(argv);
      assert.equal(code, ExitCode.ok);
      assert.match(stdout, /^Show what up would run/);
      assert.match(stdout, /^Usage: catatlas migrate plan \[--to N\]/m);
      assert.doesNotMatch(stdout, /--dry-run\b.*rehearsal/);
    }
    for (const { name, load } of commands)
      for (const action of (await load()).actions ?? []) {
        const { code, stdout } = await run(['help', name, action.name]);
        assert.equal(code, ExitCode.ok);
        assert.ok(stdout.includes(`Usage: catatlas ${name} ${action.name}`), `${name} ${action.name}`);
        for (const option of action.options ?? []) assert.ok(stdout.includes(`--${option.name}`), option.name);
      }
    assert.equal((await run(['help', 'config', 'check'])).code, ExitCode.ok);
  });

  test('that does not exist is a wrong usage, with what was probably meant', async () => {
    const wrong = await run(['help', 'migrate', 'paln']);
    assert.deepEqual([wrong.code, /Did you mean plan\?/.test(wrong.stderr)], [ExitCode.usage, true]);
    assert.match((await run(['help', 'serve', 'x'])).stderr, /serve has no actions/);
    assert.equal((await run(['help', 'settings', 'x'])).code, ExitCode.usage);
  });
});

describe('errors with --json', () => {
  test('are an object on standard output, and still a message on standard error', async () => {
    for (const { name, load } of commands) {
      const { options = [], actions = [] } = await load();
      if (!options.some((option) => option.name === 'json')) continue;
      const { code, stdout, stderr } = await run([
        name,
        ...actions.slice(0, 1).map((one) => one.name),
        '--json',
        '--no-such-option',
      ]);
      const { ok, error } = JSON.parse(stdout);
      assert.deepEqual([ok, error.exit_code, code], [false, ExitCode.usage, ExitCode.usage], name);
      assert.match(error.message, /unknown option --no-such-option/);
      assert.ok(stderr.startsWith(`catatlas: ${error.message}`), stderr);
    }
  });

  test('of the settings and of the work, too; what stands there already is not followed by a second object', async () => {
    const failing = (answers: boolean): Command => ({
      description: '',
      options: [{ name: 'json', purpose: '' }],
      exitCodes: [],
      examples: [],
      run: async (_args, io) => {
        if (answers) io.stdout('{"answer":1}\n');
        throw new CommandFailure(ExitCode.lockTimeout, 'somebody is in the way');
      },
    });
    const entries = (answers: boolean) =>
      commands.map((entry) => (entry.name === 'serve' ? { ...entry, load: async () => failing(answers) } : entry));
    const bare = await run(['serve', '--json'], {}, entries(false));
    assert.deepEqual(JSON.parse(bare.stdout), {
      ok: false,
      error: { message: 'somebody is in the way', hint: null, exit_code: ExitCode.lockTimeout },
    });
    assert.equal((await run(['serve', '--json'], {}, entries(true))).stdout, '{"answer":1}\n');
    assert.equal((await run(['serve'], {}, entries(false))).stdout, '');
    const settings = await run(['migrate', '--json'], { DATABASE_URL: 'mysql://x' });
    assert.equal(JSON.parse(settings.stdout).error.exit_code, ExitCode.usage);
  });
});
