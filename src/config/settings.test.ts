import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  defaultTextOf,
  describeProblem,
  flagOf,
  loadSettings,
  readSettings,
  rowOf,
  SettingsError,
  type SettingsInput,
  secretNames,
  settingNames,
  showValue,
} from './settings.ts';

const strong = randomBytes(32).toString('hex');
const url = 'postgresql://cats:pass@db.example:5432/catatlas';
const production = { DATABASE_URL: url, JWT_SECRET: strong, ALLOWED_ORIGINS: 'https://catatlas.com' };

type Env = SettingsInput['env'];

function inputOf(env: Env, more: Partial<SettingsInput> = {}): SettingsInput {
  return {
    env: { HOME: '/home/cat', ...env },
    platform: 'linux',
    hasIpv6: () => true,
    version: '9.9.9',
    readFile: noFile,
    ...more,
  };
}

function noFile(path: string): string {
  throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
}

function load(env: Env = {}, more: Partial<SettingsInput> = {}) {
  return loadSettings(inputOf(env, more));
}

/** The problems of an environment as `NAME source problem. fix`. */
function problemsOf(env: Env, more: Partial<SettingsInput> = {}): string[] {
  return readSettings(inputOf(env, more)).problems.map(
    ({ name, source, problem, fix }) => `${name} ${source} ${problem}. ${fix}`,
  );
}

function refuses(env: Env, ...patterns: RegExp[]): void {
  const problems = problemsOf(env);
  assert.equal(problems.length, patterns.length, problems.join('\n'));
  for (const [index, pattern] of patterns.entries()) assert.match(problems[index] ?? '', pattern);
  assert.throws(() => load(env), SettingsError);
}

describe('defaults', () => {
  test('of a development start', () => {
    const { warnings, database, withoutEffect, ...settings } = load();
    assert.deepEqual(withoutEffect, []);
    assert.deepEqual(settings, {
      APP_NAME: 'CatAtlas API',
      APP_VERSION: '9.9.9',
      DEBUG: true,
      HOST: '127.0.0.1',
      PORT: 8000,
      KEEP_ALIVE_SECONDS: 240,
      REQUEST_TIMEOUT_SECONDS: 25,
      SHUTDOWN_DRAIN_SECONDS: 0,
      SHUTDOWN_TIMEOUT_SECONDS: 25,
      FLY_REGION: undefined,
      PRIMARY_REGION: undefined,
      DATABASE_URL: undefined,
      DIRECT_DATABASE_URL: undefined,
      REPLICA_DATABASE_URL: undefined,
      TARGET_DATABASE_URL: undefined,
      DATABASE_TYPE: 'postgresql',
      DATA_DIR: '/home/cat/.local/share/catatlas',
      DATABASE_POOL_SIZE: 5,
      DATABASE_POOL_OVERFLOW: 10,
      DATABASE_CONNECT_TIMEOUT_SECONDS: 5,
      DATABASE_STATEMENT_TIMEOUT_SECONDS: 5,
      DATABASE_IDLE_TIMEOUT_SECONDS: 300,
      DATABASE_MAX_LIFETIME_SECONDS: 600,
      MIGRATE_ON_BOOT: 'auto',
      MIGRATION_LOCK_TIMEOUT_SECONDS: 300,
      BACKUP_IDENTITY: undefined,
      JWT_SECRET: undefined,
      JWT_ALGORITHM: 'HS256',
      ACCESS_TOKEN_EXPIRE_MINUTES: 30,
      REFRESH_TOKEN_EXPIRE_DAYS: 7,
      ENABLE_REGISTRATION: true,
      ALLOWED_ORIGINS: ['http://localhost:5173'],
      ALLOW_ANONYMOUS_EDITS: true,
      RATE_LIMIT_PER_MINUTE: 100,
      AUTH_RATE_LIMIT_PER_MINUTE: 5,
      LOG_LEVEL: 'INFO',
      LOG_FORMAT: 'auto',
      SENTRY_DSN: undefined,
      SENTRY_TRACES_SAMPLE_RATE: 0.1,
      SENTRY_ENVIRONMENT: 'development',
      METRICS_PORT: undefined,
      METRICS_HOST: '127.0.0.1',
      SLOW_QUERY_MILLISECONDS: 1000,
      BACKUP_DIR: undefined,
      production: false,
      primaryElsewhere: undefined,
    });
    assert.deepEqual(database, { kind: 'embedded', directory: '/home/cat/.local/share/catatlas' });
    assert.deepEqual(warnings, []);
  });

  test('with DATABASE_URL it is production, on every address', () => {
    const settings = load(production);
    assert.equal(settings.DEBUG, false);
    assert.equal(settings.production, true);
    assert.equal(settings.HOST, '::');
    // Metrics are for this machine, and on Fly.io for its private network.
    assert.equal(settings.METRICS_HOST, '127.0.0.1');
    const fly = { FLY_PRIVATE_IP: 'fdaa:0:1:a7b:1::2' };
    assert.equal(load({ ...production, ...fly }).METRICS_HOST, 'fdaa:0:1:a7b:1::2');
    assert.equal(load({ ...production, ...fly, METRICS_HOST: '::' }).METRICS_HOST, '::');
    assert.equal(load({ ...production, FLY_PRIVATE_IP: 'nonsense' }).METRICS_HOST, '127.0.0.1');
    assert.equal(load(fly).METRICS_HOST, '127.0.0.1');
    assert.equal(settings.SENTRY_ENVIRONMENT, 'production');
    assert.deepEqual(settings.database, { kind: 'postgresql', url });
    assert.deepEqual(settings.warnings, []);
    // A kernel without IPv6 cannot listen on ::
    assert.equal(load(production, { hasIpv6: () => false }).HOST, '0.0.0.0');
  });

  test('the primary is elsewhere only for a machine that knows two different regions', () => {
    const elsewhere = (env: Env) => load({ ...production, ...env }).primaryElsewhere;
    assert.equal(elsewhere({ FLY_REGION: 'fra', PRIMARY_REGION: 'iad' }), 'iad');
    assert.equal(elsewhere({ FLY_REGION: ' iad', PRIMARY_REGION: 'iad' }), undefined);
    assert.equal(elsewhere({ FLY_REGION: 'fra' }), undefined);
    assert.equal(elsewhere({ PRIMARY_REGION: 'iad' }), undefined);
    // Its value is sent in a header.
    refuses({ ...production, PRIMARY_REGION: 'iad;app=evil' }, /PRIMARY_REGION .*iad;app=evil.* is not the code/);
  });

  test('DEBUG decides when it is set', () => {
    const settings = load({ DATABASE_URL: url, DEBUG: 'True' });
    assert.equal(settings.production, false);
    assert.equal(settings.HOST, '127.0.0.1');
    assert.deepEqual(settings.database, { kind: 'postgresql', url });
    assert.equal(load({ DEBUG: 'True' }).production, false);
    assert.ok(problemsOf({ DEBUG: 'False' }).length > 0);
  });

  test('an empty variable counts as not set', () => {
    const empty = Object.fromEntries(settingNames.map((name) => [name, '']));
    assert.deepEqual(load(empty), load());
    assert.equal(load({ ...production, DEBUG: '' }).production, true);
    assert.equal(load({ DATABASE_URL: '', JWT_SECRET_FILE: '' }).production, false);
  });

  test('the data directory follows the conventions of the system', () => {
    for (const [env, platform, expected] of [
      [{ HOME: '/home/cat', XDG_DATA_HOME: '/data' }, 'linux', '/data/catatlas'],
      [{ HOME: '/home/cat', XDG_DATA_HOME: 'relative' }, 'linux', '/home/cat/.local/share/catatlas'],
      [{ HOME: '/Users/cat' }, 'darwin', '/Users/cat/.local/share/catatlas'],
      [{ LOCALAPPDATA: 'C:\\Users\\cat\\AppData\\Local' }, 'win32', 'C:\\Users\\cat\\AppData\\Local\\catatlas'],
      [{ USERPROFILE: 'C:\\Users\\cat' }, 'win32', 'C:\\Users\\cat\\AppData\\Local\\catatlas'],
    ] as const)
      assert.equal(loadSettings({ env, platform }).DATA_DIR, expected);
  });

  test('without a home directory the embedded database has no place', () => {
    for (const env of [{}, { HOME: '' }, { HOME: 'relative' }, { XDG_DATA_HOME: 'relative' }]) {
      const { problems } = readSettings({ env, platform: 'linux' });
      assert.deepEqual(
        problems.map(({ name }) => name),
        ['DATA_DIR'],
      );
    }
    assert.equal(loadSettings({ env: production, platform: 'linux' }).DATA_DIR, undefined);
    assert.equal(loadSettings({ env: { DATA_DIR: '/srv/cats' }, platform: 'linux' }).DATA_DIR, '/srv/cats');
  });
});

describe('sources', () => {
  test('a flag wins over the environment', () => {
    const input = inputOf({ PORT: '1000', HOST: '0.0.0.0' }, { flags: { PORT: '2000' } });
    const { values, sources } = readSettings(input);
    assert.equal(values.PORT, 2000);
    assert.equal(values.HOST, '0.0.0.0');
    assert.equal(sources.PORT, '--port');
    assert.equal(sources.HOST, 'environment variable');
    assert.equal(sources.LOG_LEVEL, 'default');
  });

  test('a tool needs only the rules about the database', () => {
    const env = { DATABASE_URL: url };
    assert.notEqual(problemsOf(env).length, 0);
    assert.deepEqual(problemsOf(env, { rules: 'tool' }), []);
    assert.notEqual(problemsOf({ DEBUG: 'False' }, { rules: 'tool' }).length, 0);
  });

  test('a wrong flag is reported by its name, and an empty one is no default', () => {
    assert.match(problemsOf({ PORT: '1' }, { flags: { PORT: 'x' } })[0] ?? '', /^PORT --port "x"/);
    assert.match(problemsOf({}, { flags: { PORT: '' } })[0] ?? '', /^PORT --port ""/);
    assert.equal(flagOf('DATA_DIR'), '--data-dir');
  });

  test('every secret can come from a file, without one line break at its end', () => {
    assert.deepEqual([...secretNames].sort(), [
      'BACKUP_IDENTITY',
      'DATABASE_URL',
      'DIRECT_DATABASE_URL',
      'JWT_SECRET',
      'REPLICA_DATABASE_URL',
      'SENTRY_DSN',
      'TARGET_DATABASE_URL',
    ]);
    const files: Record<string, string> = {
      '/run/url': `${url}\n`,
      '/run/jwt': ` ${strong} \r\n`,
      '/run/dsn': 'https://key@sentry.example/1',
    };
    const readFile = (path: string) => files[path] ?? noFile(path);
    const env = { DATABASE_URL_FILE: '/run/url', JWT_SECRET_FILE: '/run/jwt', SENTRY_DSN_FILE: '/run/dsn' };
    const settings = load(env, { readFile });
    assert.equal(settings.DATABASE_URL, url);
    assert.equal(settings.JWT_SECRET, ` ${strong} `);
    assert.equal(settings.SENTRY_DSN, 'https://key@sentry.example/1');
    assert.equal(settings.production, true);
    const { sources } = readSettings(inputOf(env, { readFile }));
    assert.equal(sources.JWT_SECRET, 'file named by JWT_SECRET_FILE');
    files['/run/jwt'] = `${strong}\n\n`;
    assert.equal(load(env, { readFile }).JWT_SECRET, `${strong}\n`);
  });

  test('both a variable and a file is a problem', () => {
    refuses(
      { ...production, JWT_SECRET_FILE: '/run/jwt' },
      /^JWT_SECRET environment variable and JWT_SECRET_FILE are both set\. Keep one/,
    );
  });

  test('a file that cannot be read is a problem that names it', () => {
    const fail = (code: string) => () => {
      throw Object.assign(new Error('canary'), { code });
    };
    for (const [readFile, pattern] of [
      [noFile, /JWT_SECRET file named by JWT_SECRET_FILE cannot be read: \/run\/jwt does not exist/],
      [fail('EACCES'), /\/run\/jwt may not be read by this user/],
      [fail('EISDIR'), /\/run\/jwt is a directory/],
      [fail('EIO'), /\/run\/jwt gave EIO/],
      [() => '', /is empty: \/run\/jwt/],
      [() => '\n', /is empty: \/run\/jwt/],
      [() => ' \n\n', /is empty: \/run\/jwt/],
    ] as const) {
      const problems = problemsOf({ JWT_SECRET_FILE: '/run/jwt' }, { readFile });
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', pattern);
    }
  });

  test('a DATABASE_URL_FILE that cannot be read is still meant for production', () => {
    const { production: strict, problems } = readSettings(
      inputOf({ DATABASE_URL_FILE: '/run/url', JWT_SECRET: strong }),
    );
    assert.equal(strict, true);
    assert.deepEqual(
      problems.map(({ name }) => name),
      ['DATABASE_URL'],
    );
  });

  test('reads files from the file system by default', () => {
    const { values } = readSettings({
      env: { JWT_SECRET_FILE: new URL('../../package.json', import.meta.url).pathname },
    });
    assert.match(values.JWT_SECRET ?? '', /"name": "catatlas"/);
  });
});

describe('production', () => {
  test('refuses everything at once, in the order of the table', () => {
    refuses(
      { DEBUG: 'False', DATABASE_TYPE: 'sqlite', ALLOWED_ORIGINS: '*', PORT: '80a', LOG_LEVEL: 'loud' },
      /^PORT environment variable "80a"/,
      /^DATABASE_URL not set is missing/,
      /^DATABASE_TYPE environment variable is sqlite/,
      /^JWT_SECRET not set is missing.*catatlas secret/,
      /^ALLOWED_ORIGINS environment variable "\*"/,
      /^LOG_LEVEL environment variable "loud"/,
    );
  });

  test('refuses each on its own', () => {
    const { DATABASE_URL: _, ...withoutDatabase } = production;
    refuses({ ...withoutDatabase, DEBUG: 'False' }, /^DATABASE_URL not set is missing/);
    for (const sqlite of ['sqlite:///learninglog.db', 'learninglog.db', 'file:x.db'])
      refuses(
        { ...production, DATABASE_URL: sqlite },
        /^DATABASE_URL environment variable is a SQLite database.*PostgreSQL, not SQLite/,
      );
    refuses({ ...production, DATABASE_TYPE: 'sqlite' }, /^DATABASE_TYPE environment variable is sqlite/);
    refuses({ ...production, JWT_SECRET: '' }, /^JWT_SECRET not set is missing/);
    refuses({ ...production, JWT_SECRET: '<GENERATE_WITH_COMMAND_BELOW>' }, /^JWT_SECRET .* placeholder/);
    refuses({ ...production, JWT_SECRET: strong.slice(0, 31) }, /^JWT_SECRET .* shorter than 32/);
    refuses({ ...production, JWT_SECRET: strong.slice(0, 40), JWT_ALGORITHM: 'HS512' }, /shorter than 64/);
    refuses({ ...production, ALLOWED_ORIGINS: 'https://a.example,*' }, /^ALLOWED_ORIGINS .*\*/);
    refuses({ ...production, ALLOWED_ORIGINS: 'https://a.example/app' }, /^ALLOWED_ORIGINS .*https:\/\/a\.example$/);
  });

  test('is strict when DEBUG is not readable but a database is given', () => {
    refuses({ DATABASE_URL: url, DEBUG: 'maybe' }, /^DEBUG .*"maybe"/, /^JWT_SECRET not set is missing/);
    refuses({ DEBUG: 'maybe' }, /^DEBUG .*"maybe"/);
  });

  test('takes the deployment plan as it is written, with its blanks filled in', () => {
    const settings = load({
      APP_NAME: 'CatAtlas API',
      APP_VERSION: '1.0.0',
      DEBUG: 'False',
      DATABASE_URL: 'postgresql://user:pass@host:5432/catatlas',
      DATABASE_TYPE: 'postgresql',
      JWT_SECRET: strong,
      JWT_ALGORITHM: 'HS256',
      ACCESS_TOKEN_EXPIRE_MINUTES: '30',
      REFRESH_TOKEN_EXPIRE_DAYS: '7',
      ALLOWED_ORIGINS: 'https://florianhoeppner.github.io,https://catatlas.com',
      RATE_LIMIT_PER_MINUTE: '100',
      AUTH_RATE_LIMIT_PER_MINUTE: '5',
      SENTRY_DSN: 'https://0123456789abcdef@o1.ingest.sentry.io/42',
      LOG_LEVEL: 'INFO',
      ENABLE_REGISTRATION: 'True',
    });
    assert.equal(settings.production, true);
    assert.deepEqual(settings.ALLOWED_ORIGINS, ['https://florianhoeppner.github.io', 'https://catatlas.com']);
    assert.deepEqual(settings.warnings, []);
  });

  test('warns when no frontend is named', () => {
    const { warnings } = load({ DATABASE_URL: url, JWT_SECRET: strong });
    assert.deepEqual(
      warnings.map(({ name }) => name),
      ['ALLOWED_ORIGINS'],
    );
  });
});

describe('development', () => {
  test('needs no secret, and any origin may be allowed', () => {
    const settings = load({ DATABASE_URL: url, DEBUG: '1', ALLOWED_ORIGINS: '*', JWT_SECRET: 'secret' });
    assert.deepEqual(settings.ALLOWED_ORIGINS, ['*']);
    assert.equal(settings.JWT_SECRET, 'secret');
  });

  test('checks the database address too', () => {
    refuses({ DEBUG: 'True', DATABASE_URL: 'sqlite:///learninglog.db' }, /^DATABASE_URL .*SQLite/);
    refuses({ DEBUG: 'True', DATABASE_URL: 'postgresql://host' }, /^DATABASE_URL .*no database/);
  });

  test('says that SQLite is not used', () => {
    assert.deepEqual(
      load({ DATABASE_TYPE: 'sqlite' }).warnings.map(({ name }) => name),
      ['DATABASE_TYPE'],
    );
    refuses({ DATABASE_TYPE: 'sqlite', DATABASE_URL: url, DEBUG: 'True' }, /^DATABASE_TYPE .*DATABASE_URL is set/);
    assert.match(load({ CATATLAS_DB_PATH: '/data/cats.db' }).warnings[0]?.problem ?? '', /SQLite file/);
  });

  test('warns of misspelled variables and starts', () => {
    const { warnings } = load({ DATABSE_URL: url, PORTS: '1' });
    assert.deepEqual(
      warnings.map(({ name, fix }) => [name, fix]),
      [['DATABSE_URL', 'Did you mean DATABASE_URL?']],
    );
  });
});

describe('the table', () => {
  test('every example is valid, except the secrets that nobody may copy', () => {
    const examples = Object.fromEntries(settingNames.map((name) => [name, rowOf(name).example]));
    assert.deepEqual(
      problemsOf(examples).map((text) => text.split(' ')[0]),
      ['BACKUP_IDENTITY', 'JWT_SECRET'],
    );
  });

  test('every number says where an address of Kubernetes comes from', () => {
    const numbers = settingNames.filter((name) => /number/.test(rowOf(name).kind.type));
    assert.ok(numbers.length > 15);
    for (const name of numbers)
      assert.match(problemsOf({ [name]: 'tcp://10.0.0.1:9091' })[0] ?? '', /enableServiceLinks: false/, name);
  });

  test('every row can be explained', () => {
    for (const name of settingNames) {
      assert.match(rowOf(name).purpose, /\.$/, name);
      assert.notEqual(defaultTextOf(name), '', name);
    }
  });

  test('values are shown as they would be written, and secrets are not', () => {
    const dsn = 'https://canary@sentry.example/1';
    for (const [name, value, shown] of [
      ['DEBUG', true, 'True'],
      ['PORT', 8000, '8000'],
      ['ALLOWED_ORIGINS', ['https://a.example', 'https://b.example'], 'https://a.example,https://b.example'],
      ['JWT_SECRET', 'canary', 'set (hidden)'],
      ['JWT_SECRET', undefined, 'not set'],
      ['SENTRY_DSN', dsn, 'set (hidden)'],
      ['DATABASE_URL', 'postgresql://u:canary@h/d', 'postgresql://u:***@h/d'],
      ['DATA_DIR', '/tmp/\u001b[31m', '"/tmp/\\u001b[31m"'],
    ] as const)
      assert.equal(showValue(name, value), shown);
  });
});

test('an error lists every problem with name, source and remedy', () => {
  try {
    load({ PORT: 'x', LOG_FORMAT: 'xml' });
    assert.fail('it was accepted');
  } catch (error) {
    assert.ok(error instanceof SettingsError);
    assert.match(
      error.message,
      /^2 settings are wrong:\n\n {2}PORT \(environment variable\) "x" is not a whole number/,
    );
    for (const problem of error.problems) assert.ok(error.message.includes(describeProblem(problem)));
  }
  assert.throws(() => load({ PORT: 'x' }), /^SettingsError: a setting is wrong:/);
});

test('no message repeats a secret, however malformed', () => {
  const canary = 'cAnArY7';
  const shapes = [
    canary,
    `"${canary}"`,
    ` ${canary} `,
    `${canary}\n${canary}`,
    `sqlite:///${canary}`,
    `${canary}.db`,
    `${canary}://${canary}`,
    `${canary}:${canary}@${canary}/${canary}`,
    `mysql://${canary}:${canary}@${canary}/${canary}`,
    `postgres+${canary}://${canary}`,
    `https://${canary}@${canary}/${canary}`,
    `https://sentry.example/${canary}`,
    `<${canary}>`,
    `change-me-${canary}`,
    canary.repeat(10),
    ...['', ':', '@', '/', '#', '?', '%', '%zz', '[', ' ', ',', '?sslmode=', '?password='].flatMap((part) => [
      `postgresql://${canary}${part}${canary}@host/db`,
      `postgresql://user:${canary}${part}${canary}@host/db`,
      `postgresql://user:${canary}@host${part}${canary}`,
      `postgresql://user:${canary}@host/db${part}${canary}`,
    ]),
  ];
  let refused = 0;
  for (const shape of shapes)
    for (const name of secretNames)
      for (const debug of ['True', 'False'])
        for (const env of [{ [name]: shape }, { [`${name}_FILE`]: '/run/secret' }]) {
          const input = inputOf({ DEBUG: debug, ...env }, { readFile: () => shape });
          const { values, ...report } = readSettings(input);
          if (report.problems.length > 0) refused++;
          const said = [JSON.stringify(report), ...report.problems.map(describeProblem)];
          // Of a valid database address everything but the password may be shown, so only that is looked for.
          const passwords = [`user:${canary}`, `=${canary}`];
          const shown = Object.entries(values).map(([key, value]) => showValue(key as 'PORT', value));
          assert.ok(!said.join('\n').includes(canary), `${name}=${shape}\n${said.join('\n')}`);
          for (const password of passwords)
            assert.ok(!shown.join('\n').includes(password), `${name}=${shape}\n${shown.join('\n')}`);
        }
  assert.ok(refused > 100);
});
