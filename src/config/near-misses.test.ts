import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findNearMisses } from './near-misses.ts';
import { secretNames, settingNames } from './settings.ts';

function missesOf(env: Record<string, string>, platform = 'linux') {
  return findNearMisses(env, settingNames, secretNames, platform);
}

test('finds misspelled settings', () => {
  for (const [name, meant] of [
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['DATABASEURL', 'DATABASE_URL'],
    ['database_url', 'DATABASE_URL'],
    ['DatabaseUrl', 'DATABASE_URL'],
    ['DATBASE_URLS', 'DATABASE_URL'],
    ['CATATLAS_DATABASE_URL', 'DATABASE_URL'],
    ['DATABASE_URL_FIEL', 'DATABASE_URL_FILE'],
    ['ALLOWED_ORIGIN', 'ALLOWED_ORIGINS'],
    ['ALOWED_ORIGINS', 'ALLOWED_ORIGINS'],
    ['ALLOWED_ORGINS', 'ALLOWED_ORIGINS'],
    ['JWT_SECRETS', 'JWT_SECRET'],
    ['JWT_SERCET', 'JWT_SECRET'],
    ['JWTSECRET', 'JWT_SECRET'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['LOG_LEVLE', 'LOG_LEVEL'],
    ['SENTRY_DNS', 'SENTRY_DSN'],
    ['RATE_LIMIT_PER_MINUTES', 'RATE_LIMIT_PER_MINUTE'],
    ['RATE_LIMITS_PER_MINUT', 'RATE_LIMIT_PER_MINUTE'],
    ['ACCESS_TOKEN_EXPIRES_MINUTES', 'ACCESS_TOKEN_EXPIRE_MINUTES'],
    ['ENABLE_REGISTRATON', 'ENABLE_REGISTRATION'],
    ['Port', 'PORT'],
    ['port', 'PORT'],
    ['debug', 'DEBUG'],
    ['Host', 'HOST'],
    ['CATATLAS_PORT', 'PORT'],
    ['DATA-DIR', 'DATA_DIR'],
  ] as const) {
    const [warning, ...more] = missesOf({ [name]: 'canary' });
    assert.equal(warning?.name, name);
    assert.equal(warning?.fix, `Did you mean ${meant}?`, name);
    assert.deepEqual(more, []);
    assert.doesNotMatch(JSON.stringify(warning), /canary/);
  }
});

test('leaves correct names alone, and what is set to nothing', () => {
  const ours = [...settingNames, ...secretNames.map((name) => `${name}_FILE`)];
  assert.deepEqual(missesOf(Object.fromEntries(ours.map((name) => [name, 'x']))), []);
  assert.deepEqual(missesOf({ DATABSE_URL: '' }), []);
});

test('explains variables of the first server, and files for what is no secret', () => {
  for (const name of ['CATATLAS_DB_PATH', 'DATABASE_PATH'])
    assert.match(missesOf({ [name]: '/data/cats.db' })[0]?.problem ?? '', /SQLite file/);
  assert.match(missesOf({ ALLOWED_ORIGINS_FILE: '/run/x' })[0]?.problem ?? '', /only secrets/);
});

test('tells no case apart on Windows', () => {
  assert.deepEqual(missesOf({ Port: '8000', Debug: '1' }, 'win32'), []);
  assert.equal(missesOf({ DATABSE_URL: 'x' }, 'win32').length, 1);
});

test('takes no foreign variable for ours', () => {
  const environments: Record<string, string> = {
    shell:
      'HOME HOSTNAME HOSTTYPE HOSTS PORTS POST LOGNAME USER SHELL PATH PWD OLDPWD TERM LANG LC_ALL EDITOR PAGER DISPLAY XDG_DATA_HOME XDG_DATA_DIRS XDG_CONFIG_DIRS XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS SSH_AUTH_SOCK SSH_CLIENT DEBUGINFOD_URLS DEBUGGER LS_COLORS TMPDIR MAIL COLORTERM WSL_DISTRO_NAME INVOCATION_ID JOURNAL_STREAM',
    tools:
      'NODE_ENV NODE_VERSION NODE_OPTIONS NPM_VERSION PHP_VERSION GPG_KEY PIP_VERSION BUN_INSTALL BUN_VERSION DENO_DIR DENO_VERSION JAVA_HOME JAVA_VERSION GO_VERSION PYTHON_VERSION CARGO_HOME RUST_LOG RUST_BACKTRACE LOG LOGS LOG_FILE LOG_DIR LOG_PATH DATABASE DATABASE_HOST DATABASE_PORT DATABASE_USER DATABASE_NAME DATABASE_SSL DATABASE_PASSWORD DATABASE_DSN DATABASE_POOL DATABASE_MODE DATABASE_KEY DIRECT_DATABASE_URL SHADOW_DATABASE_URL POSTGRES_URL POSTGRES_PASSWORD PGDATA PGHOST PGPORT PGUSER PGDATABASE REDIS_URL DB_URL SECRET_KEY JWT_KEY JWT_SECRET_KEY JWT_ISSUER SENTRY_ENVIRONMENT SENTRY_RELEASE SENTRY_ORG APP_ENV APP_URL APP_KEY APP_PORT APP_REGION APP_HOME CPP_VERSION APK_NAME ALLOWED_HOSTS CORS_ORIGINS RATE_LIMIT BUNNY_API_KEY BUNNY_STORAGE_ZONE MAX_UPLOAD_SIZE_MB ALLOWED_IMAGE_TYPES VITE_API_BASE',
    actions:
      'CI GITHUB_ACTIONS GITHUB_ACTION GITHUB_ACTOR GITHUB_API_URL GITHUB_BASE_REF GITHUB_ENV GITHUB_EVENT_NAME GITHUB_EVENT_PATH GITHUB_HEAD_REF GITHUB_JOB GITHUB_OUTPUT GITHUB_PATH GITHUB_REF GITHUB_REPOSITORY GITHUB_RUN_ID GITHUB_SERVER_URL GITHUB_SHA GITHUB_STEP_SUMMARY GITHUB_TOKEN GITHUB_WORKFLOW GITHUB_WORKSPACE RUNNER_ARCH RUNNER_DEBUG RUNNER_NAME RUNNER_OS RUNNER_TEMP RUNNER_TOOL_CACHE ImageOS ImageVersion ACTIONS_STEP_DEBUG ACTIONS_RUNNER_DEBUG AGENT_TOOLSDIRECTORY ANDROID_HOME CHROME_BIN CONDA DOTNET_NOLOGO GOROOT_1_22_X64 JAVA_HOME_17_X64 SWIFT_PATH VCPKG_INSTALLATION_ROOT',
    fly: 'FLY_ALLOC_ID FLY_APP_NAME FLY_IMAGE_REF FLY_MACHINE_ID FLY_MACHINE_VERSION FLY_PRIVATE_IP FLY_PROCESS_GROUP FLY_PUBLIC_IP FLY_REGION FLY_RELEASE_VERSION FLY_SSH FLY_VM_MEMORY_MB PRIMARY_REGION METRICS_PORT MIGRATE_ON_BOOT TRUST_PROXY',
    platforms:
      'RAILWAY_ENVIRONMENT RAILWAY_PRIVATE_DOMAIN RENDER RENDER_SERVICE_NAME RENDER_EXTERNAL_URL DYNO K_SERVICE K_REVISION K_CONFIGURATION VERCEL_URL container DOCKER_HOST COMPOSE_PROJECT_NAME HEALTHCHECK',
  };
  for (const [where, names] of Object.entries(environments)) {
    const found = missesOf(Object.fromEntries(names.split(' ').map((name) => [name, 'x'])));
    assert.deepEqual(found, [], where);
  }
  const services = ['CATATLAS', 'CATATLAS_API', 'DATABASE', 'POSTGRES', 'KUBERNETES', 'DATA', 'APP'];
  const injected = services.flatMap((service) => [
    [`${service}_SERVICE_HOST`, '10.0.0.1'],
    [`${service}_SERVICE_PORT`, '8000'],
    [`${service}_SERVICE_PORT_HTTP`, '8000'],
    [`${service}_PORT`, 'tcp://10.0.0.1:8000'],
    [`${service}_PORT_8000_TCP`, 'tcp://10.0.0.1:8000'],
    [`${service}_PORT_8000_TCP_ADDR`, '10.0.0.1'],
    [`${service}_PORT_8000_TCP_PORT`, '8000'],
    [`${service}_PORT_8000_TCP_PROTO`, 'tcp'],
  ]);
  assert.deepEqual(missesOf(Object.fromEntries(injected)), [], 'kubernetes');
  assert.deepEqual(
    findNearMisses(process.env, settingNames, secretNames, process.platform),
    [],
    'where this test runs',
  );
});
