// `catatlas doctor` on what is healthy and on what is broken: it names what is wrong, changes nothing, and tells no secret.
import assert from 'node:assert/strict';
import type { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import postgres from 'postgres';
import { makeEmptyArchive } from '../../src/archive/empty-archive.fixture.ts';
import { makeCertificates } from '../harness/certificate.ts';
import { freePort, type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { startProxy } from '../harness/proxy.ts';
import { type Ending, eventually, openWorkshop, type Program, type Workshop } from './process.ts';

interface Check {
  id: string;
  title: string;
  verdict: 'pass' | 'fail' | 'warn' | 'unknown' | 'unasked';
  found: string;
  advice: string | null;
}

interface Report extends Ending {
  checks: Check[];
  of(id: string): Check;
}

const secrets = {
  password: 'canary-password-8c1f',
  jwt: '9f3b61c2d84e7a05b6c93d1e2f7a8450c1b2d3e4f5a69788',
  sentry: 'canarysentrykey77',
};
const origin = 'https://catatlas.example';

let workshop: Workshop;
let server: RunningPostgres;
/** A database with a schema, and its server, both as in production. */
let url: string;
let program: Program;
let api: string;

before(async () => {
  workshop = openWorkshop();
  server = await startPostgres({
    version: 18,
    // As a server for production is; and nobody but the test writes.
    settings: { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on', autovacuum: 'off' },
  });
  url = await createOwnDatabase();
  program = workshop.launch(['serve'], { env: production(url) });
  api = await program.url();
  await program.logged('ready');
});
after(async () => {
  await workshop.close();
  await server.stop();
});

/** A database of a role that is no superuser. */
async function createOwnDatabase(): Promise<string> {
  const address = new URL(await server.createDatabase());
  await inDatabase(server.url, async (sql) => {
    const [row] = await sql`select 1 from pg_roles where rolname = 'keeper'`;
    if (!row) await sql.unsafe(`create role keeper login password '${secrets.password}'`);
    await sql.unsafe(`alter database "${address.pathname.slice(1)}" owner to keeper`);
  });
  address.username = 'keeper';
  address.password = secrets.password;
  return address.href;
}

function production(databaseUrl: string, more: Record<string, string> = {}): Record<string, string> {
  return { DATABASE_URL: databaseUrl, JWT_SECRET: secrets.jwt, ALLOWED_ORIGINS: origin, ...more };
}

async function inDatabase<T>(databaseUrl: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Runs it both ways, for programs and for people: they say the same, and neither tells a secret. */
async function examine(args: readonly string[], env: Record<string, string>): Promise<Report> {
  const [json, text] = await Promise.all([
    workshop.run(['doctor', '--json', ...args], { env }),
    workshop.run(['doctor', ...args], { env }),
  ]);
  for (const output of [json.stdout, json.stderr, text.stdout, text.stderr])
    for (const secret of Object.values(secrets)) assert.equal(output.includes(secret), false, output);
  const { checks, ok, summary } = JSON.parse(json.stdout) as {
    checks: Check[];
    ok: boolean;
    summary: Record<string, number>;
  };
  assert.equal(json.stderr, '');
  const failed = checks.filter(({ verdict }) => verdict === 'fail');
  assert.equal(summary['fail'], failed.length);
  const unasked = checks.filter(({ verdict }) => verdict === 'unasked');
  assert.equal(summary['unasked'], unasked.length);
  assert.deepEqual([ok, json.code, text.code], failed.length + unasked.length === 0 ? [true, 0, 0] : [false, 1, 1]);
  for (const { title, advice } of failed) {
    assert.ok(advice !== null && advice.length > 5, title);
    assert.match(text.stdout, new RegExp(`FAIL .*${title.replace(/[()]/g, '.')}`));
  }
  // Each of the plan's 14, by number, in its order.
  const numbers = [...text.stdout.matchAll(/^ {2}\w+ +(\d+)\. /gm)].map((match) => Number(match[1]));
  assert.deepEqual(
    numbers,
    Array.from({ length: 14 }, (_, index) => index + 1),
  );
  return {
    ...json,
    checks,
    of(id) {
      const check = checks.find((one) => one.id === id);
      assert.ok(check, `${id} is not among ${checks.map((one) => one.id).join(', ')}`);
      return check;
    },
  };
}

function assertVerdict({ verdict, found, id }: Check, expected: Check['verdict'], said?: RegExp): void {
  assert.equal(verdict, expected, `${id}: ${found}`);
  if (said) assert.match(found, said);
}

describe('a healthy deployment', () => {
  test('passes in everything that can be measured, and is not changed', async () => {
    const backups = join(workshop.folder, 'backups');
    mkdirSync(backups);
    writeFileSync(join(backups, 'cats.tar'), await makeEmptyArchive());
    const env = production(url, {
      SENTRY_DSN: `https://${secrets.sentry}@o0.ingest.sentry.io/1`,
      BACKUP_DIR: backups,
    });
    const lastChange = () =>
      inDatabase(server.url, async (sql) => {
        // Whoever changes anything is given a number.
        const [row] = await sql`select pg_snapshot_xmax(pg_current_snapshot())::text as next`;
        return row?.['next'];
      });
    const before = await lastChange();
    const expected = [
      'warn configuration.effect',
      // No TLS, and an address of this machine: the others need somebody else's word.
      'unknown server.certificate',
      'unknown server.redirect',
      ...[1, 3, 4, 9, 14].map((number) => `unknown criteria.${number}`),
    ];
    const openIn = ({ checks }: Report) =>
      checks
        .filter(({ verdict }) => verdict !== 'pass')
        .map(({ id, verdict }) => `${verdict} ${id}`)
        .filter((line) => !/^unknown (server\.version|disk\.)/.test(line));
    let report = await examine(['--url', api], env);
    // That this machine was busy for a moment is no fault of the deployment.
    const beyond = openIn(report).filter((line) => !expected.includes(line));
    if (beyond.join() === 'warn server.time') report = await examine(['--url', api], env);
    assert.equal(await lastChange(), before);
    assert.equal(report.code, 0);
    assert.deepEqual(openIn(report), expected);
    assertVerdict(report.of('database.version'), 'pass', /^PostgreSQL 18\./);
    assertVerdict(report.of('server.docs'), 'pass', /OpenAPI 3\.1\.\d with \d\d paths/);
    assertVerdict(report.of('criteria.13'), 'pass', /0 hours old/);
    assertVerdict(report.of('server.time'), 'pass', /median [\d.]+ ms of 7 requests/);
    // The server itself has said so at its start.
    const said = program.log.find(({ message }) => message?.startsWith('settings without effect'));
    assert.deepEqual(said?.['settings'], ['JWT_SECRET']);
    const methods = () => {
      const lines = program.log.filter(({ message }) => message === 'request');
      return [...new Set(lines.map((line) => line['method']))].sort();
    };
    // The log of requests comes a moment after the answers.
    await eventually('both kinds of requests are in the log', () => methods().length >= 2 || undefined);
    assert.deepEqual(methods(), ['GET', 'OPTIONS']);
  });

  test('what its front end may do depends on where that is', async () => {
    const stranger = await examine(['--url', api, '--origin', 'https://elsewhere.example'], production(url));
    assertVerdict(stranger.of('server.cors'), 'fail', /elsewhere\.example: the preflight is refused with 400/);
    assertVerdict(stranger.of('criteria.2'), 'fail');
    assertVerdict(stranger.of('criteria.5'), 'fail');
    assertVerdict(stranger.of('server.foreign'), 'pass', /https:\/\/elsewhere\.example\.catatlas-doctor\.invalid/);
    const open = workshop.launch(['serve'], { env: { ...production(url), DEBUG: 'True', ALLOWED_ORIGINS: '*' } });
    const report = await examine(['--url', await open.url(), '--origin', origin], production(url));
    assertVerdict(report.of('server.foreign'), 'fail', /allowed: https:\/\/catatlas-doctor\.invalid/);
    await open.kill();
  });
});

describe('a table that somebody has locked', () => {
  test('has its blocker named: who, since when, doing what, without the values of its statement', async () => {
    const own = await createOwnDatabase();
    assert.equal((await workshop.run(['migrate'], { env: production(own) })).code, 0);
    const quiet = await examine([], production(own));
    assertVerdict(quiet.of('database.locks'), 'pass');
    const holder = postgres(own, { max: 1, onnotice: () => {}, connection: { application_name: 'a long evening' } });
    const waiter = postgres(own, { max: 1, onnotice: () => {}, connection: { application_name: 'waits' } });
    try {
      const [row] = await holder`select pg_backend_pid() as pid`;
      await holder.unsafe('begin');
      await holder.unsafe('lock table entries in access exclusive mode');
      await holder.unsafe(`select 'canary-value', 4711`);
      const waiting = waiter`select count(*) from entries`.catch((error: unknown) => error);
      await eventually('somebody waits', () =>
        inDatabase(own, async (sql) => {
          const [found] =
            await sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'waits'`;
          return found;
        }),
      );
      const report = await examine([], production(own));
      const locks = report.of('database.locks');
      assert.ok(locks.verdict === 'warn' || locks.verdict === 'fail', locks.found);
      assertVerdict(report.of('schema.drift'), 'unasked', /pid \d+ has locked entries/);
      assert.ok(
        locks.found.startsWith(
          `pid ${row?.['pid']} of keeper (a long evening), idle in transaction, in a transaction for `,
        ),
      );
      assert.match(
        locks.found,
        /has locked entries \(AccessExclusiveLock\), 1 session waits for it, up to \d+ s, its last statement: select \?, \?$/,
      );
      assert.match(locks.advice ?? '', /pg_terminate_backend/);
      assert.doesNotMatch(report.stdout, /canary-value|4711/);
      await holder.unsafe('rollback');
      await waiting;
    } finally {
      await holder.end({ timeout: 1 });
      await waiter.end({ timeout: 1 });
    }
  });
});

describe('settings', () => {
  test('every problem, and what is suspicious; the database is looked at all the same', async () => {
    const report = await examine([], production(url, { JWT_SECRET: 'changeme', PORT: '99999', LOGLEVEL: 'INFO' }));
    assertVerdict(
      report.of('configuration.settings'),
      'fail',
      /2 problems: PORT .*JWT_SECRET is a well-known placeholder/,
    );
    assertVerdict(report.of('configuration.warnings'), 'warn', /LOGLEVEL/);
    assertVerdict(report.of('configuration.effect'), 'warn', /^JWT_SECRET: checked, but this version has no accounts/);
    assertVerdict(report.of('database.reachable'), 'pass');
    assertVerdict(report.of('schema.drift'), 'pass');
    assertVerdict(report.of('criteria.7'), 'fail', /PORT, JWT_SECRET/);
    assertVerdict(report.of('criteria.12'), 'fail');
    // It is optional, so nothing has failed.
    assertVerdict(report.of('criteria.8'), 'warn', /SENTRY_DSN is not set/);
    assertVerdict(report.of('criteria.13'), 'unknown', /BACKUP_DIR is not set/);
  });

  test('DEBUG=True is allowed at home, and found beside a database that is elsewhere', async () => {
    const home = await examine([], { ...production(url), DEBUG: 'True' });
    assertVerdict(home.of('criteria.11'), 'unknown');
    const closed = `postgres://keeper:${secrets.password}@db.invalid:5432/cats`;
    const away = await examine([], { ...production(closed), DEBUG: 'True' });
    assertVerdict(away.of('criteria.11'), 'fail', /DEBUG is True/);
    assertVerdict(away.of('database.reachable'), 'fail', /no connection/);
  });
});

describe('a database that cannot be asked', () => {
  test('a wrong password', async () => {
    const strict = await startPostgres({ version: 15 });
    await inDatabase(strict.url, async (sql) => {
      await sql.unsafe(`create role keeper login password 'another one'`);
      writeFileSync(join(strict.dataDirectory, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n');
      await sql`select pg_reload_conf()`;
    });
    const report = await examine(
      [],
      production(`postgres://keeper:${secrets.password}@127.0.0.1:${strict.port}/postgres`),
    );
    assertVerdict(
      report.of('database.reachable'),
      'fail',
      /password authentication failed for user "keeper" \(28P01\)/,
    );
    assert.match(report.of('database.reachable').advice ?? '', /password in DATABASE_URL/);
    assertVerdict(report.of('database.version'), 'unasked');
    assertVerdict(report.of('configuration.settings'), 'pass');
    await strict.stop();
  });

  test('a parameter that the server does not know', async () => {
    const report = await examine([], production(`${url}?no_such_parameter=1`));
    const reachable = report.of('database.reachable');
    assertVerdict(reachable, 'fail', /the server refuses the parameter no_such_parameter of the connection \(42704\)/);
    assert.match(reachable.advice ?? '', /^Correct it in DATABASE_URL/);
  });

  test('nobody listens, neither there nor at --url', async () => {
    const port = await freePort();
    const report = await examine(
      ['--url', `http://127.0.0.1:${port}`],
      production(`postgres://keeper:${secrets.password}@127.0.0.1:${port}/cats`),
    );
    assertVerdict(report.of('database.reachable'), 'fail', /ECONNREFUSED/);
    assertVerdict(report.of('server.health'), 'fail', /nothing listens there/);
    assertVerdict(report.of('server.time'), 'unasked', /^not asked, because \/health of .* nothing listens there$/);
    assertVerdict(report.of('schema.drift'), 'unasked');
    const rest = report.checks.filter(({ id }) => /^(server|database|schema)\./.test(id));
    // Only what needs no answer can be right: the address is one of this network.
    assert.deepEqual(
      rest.filter(({ verdict }) => verdict === 'pass').map(({ id }) => id),
      ['server.address'],
    );
    assertVerdict(report.of('criteria.2'), 'unasked');
    assertVerdict(report.of('criteria.10'), 'fail');
  });

  test('a name that nobody has', async () => {
    // RFC 6761, 6.4: every name service says that there is none.
    const report = await examine(['--url', 'https://cats.invalid'], production(url));
    assertVerdict(report.of('server.address'), 'fail', /cats\.invalid has no address/);
    assertVerdict(report.of('server.health'), 'fail', /no such host/);
    assertVerdict(report.of('criteria.1'), 'fail', /cats\.invalid has no address/);
  });

  test('a black hole costs seconds', async () => {
    const [database, web] = await Promise.all([startProxy(server.port), startProxy(Number(new URL(api).port))]);
    database.blackhole();
    web.blackhole();
    const hole = new URL(url);
    hole.port = String(database.port);
    const began = performance.now();
    const report = await examine(['--url', `http://127.0.0.1:${web.port}`], production(hole.href));
    const seconds = (performance.now() - began) / 1000;
    assertVerdict(report.of('database.reachable'), 'fail', /CONNECT_TIMEOUT|no answer/);
    assertVerdict(report.of('server.health'), 'fail', /no answer within 5 s/);
    assert.ok(seconds < 20, `${seconds} s`);
    await Promise.all([database.close(), web.close()]);
  });
});

describe('a schema that is not right', () => {
  test('drift and INVALID indexes are named', async () => {
    const drifted = await createOwnDatabase();
    assert.equal((await workshop.run(['migrate'], { env: production(drifted) })).code, 0);
    await inDatabase(drifted, async (sql) => {
      await sql`drop index entries_by_place`;
      await sql`insert into cats (name, created_at) values ('Twin', now()), ('Twin', now())`;
      await sql`create unique index concurrently cats_by_name on cats (name)`.catch(() => {});
    });
    const report = await examine([], production(drifted));
    assertVerdict(report.of('schema.migrations'), 'pass', /current at version/);
    assertVerdict(report.of('schema.drift'), 'fail', /unexpected index cats_by_name; missing index entries_by_place/);
    assertVerdict(report.of('schema.indexes'), 'fail', /INVALID: cats_by_name/);
  });

  test('pending migrations, and a database without any', async () => {
    const behind = await createOwnDatabase();
    const none = await examine([], production(behind));
    assertVerdict(none.of('schema.migrations'), 'fail', /^version 0 of \d+; pending: 0001_/);
    assertVerdict(none.of('schema.drift'), 'unknown', /no schema/);
    await workshop.run(['migrate', 'up', '--to', '1'], { env: production(behind) });
    const some = await examine([], production(behind));
    assertVerdict(some.of('schema.migrations'), 'fail', /^version 1 of \d+; pending: 0002_/);
    assert.match(some.of('schema.migrations').advice ?? '', /catatlas migrate/);
    assertVerdict(some.of('schema.drift'), 'pass');
  });
});

test('what a role may not do, and what the server does to its sessions', async () => {
  const own = new URL(await createOwnDatabase());
  assert.equal((await workshop.run(['migrate'], { env: production(own.href) })).code, 0);
  const name = own.pathname.slice(1);
  await inDatabase(server.url, (sql) =>
    sql.unsafe(
      `create role reader login; alter role reader set default_transaction_read_only = on; alter role reader set idle_session_timeout = '30s'; alter role reader connection limit 4`,
    ),
  );
  await inDatabase(own.href, (sql) => sql`grant select on all tables in schema public to reader`);
  own.username = 'reader';
  const open = postgres(server.url.replace(/postgres$/, name), { max: 1 });
  const report = await examine([], production(own.href));
  assertVerdict(report.of('database.privileges'), 'fail', /reader may not read and write analyses, .*entries/);
  assertVerdict(report.of('database.writable'), 'fail', /default_transaction_read_only/);
  assertVerdict(report.of('database.timeouts'), 'warn', /idle_session_timeout is 30000 ms/);
  assertVerdict(report.of('database.connections'), 'fail', /4 allowed/);
  await open.end();
});

describe('TLS', () => {
  test('a certificate that nobody has signed and that ends soon: the rest is looked at all the same', async () => {
    const { certificate, key } = makeCertificates(['localhost', '127.0.0.1']);
    let scheme = 'https';
    const front = createTlsServer({ cert: certificate, key }, (client) => {
      const onwards = connect(Number(new URL(api).port), '127.0.0.1');
      client.on('error', () => onwards.destroy()).on('end', () => onwards.end());
      onwards.on('error', () => client.destroy());
      // Says where a request came in, as a proxy does. Each comes in one piece: they have no bodies.
      client.on('data', (request: Buffer) =>
        onwards.write(request.toString('latin1').replace('\r\n', `\r\nX-Forwarded-Proto: ${scheme}\r\n`), 'latin1'),
      );
      onwards.pipe(client);
    });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const address = front.address();
    assert.ok(address !== null && typeof address === 'object');
    const report = await examine(['--url', `https://127.0.0.1:${address.port}`], production(url));
    const shown = report.of('server.certificate');
    assertVerdict(
      shown,
      'fail',
      /^0 days left; for (?:127\.0\.0\.1, localhost|localhost, 127\.0\.0\.1); by CatAtlas test authority; TLSv1\.3; not trusted: /,
    );
    assert.match(shown.advice ?? '', /public authority.*renew/);
    assertVerdict(report.of('criteria.4'), 'fail');
    assertVerdict(report.of('server.health'), 'pass');
    assertVerdict(report.of('server.cors'), 'pass');
    assertVerdict(report.of('server.headers'), 'pass', /strict-transport-security/);
    // Port 80 of this machine is none of its business.
    assertVerdict(report.of('server.redirect'), 'unknown');

    scheme = 'http';
    const silent = await examine(['--url', `https://127.0.0.1:${address.port}`], production(url));
    assertVerdict(silent.of('server.headers'), 'warn', /^no strict-transport-security$/);
    front.close();
  });

  test('another service at that address is not taken for ours', async () => {
    const other = createServer((_request, response) => response.end('hello'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    assert.ok(address !== null && typeof address === 'object');
    const report = await examine(['--url', `http://127.0.0.1:${address.port}`], production(url));
    for (const id of ['health', 'read', 'version', 'docs', 'cors', 'headers'].map((name) => `server.${name}`))
      assertVerdict(report.of(id), 'fail');
    other.closeAllConnections();
    other.close();
  });
});

describe('the embedded database', () => {
  test('is not made by looking for it', async () => {
    const directory = join(workshop.folder, 'nothing');
    const report = await examine([], { DATA_DIR: directory });
    assert.equal(report.code, 0);
    assertVerdict(report.of('database.reachable'), 'unknown', /no embedded database in .*nothing yet/);
    assert.equal(existsSync(directory), false);
    assert.equal(existsSync(`${directory}.lock`), false);
  });

  test('while a server has it open, the process is named and asked instead; afterwards it is looked at', async () => {
    const env = { DATA_DIR: join(workshop.folder, 'cats') };
    const holder = workshop.launch(['serve'], { env });
    await holder.logged('ready');
    const busy = await examine(['--url', await holder.url()], env);
    assertVerdict(
      busy.of('database.reachable'),
      'unknown',
      new RegExp(`process ${holder.pid} has the embedded database`),
    );
    assertVerdict(busy.of('server.ready'), 'pass', /schema: current at version/);
    assert.equal(busy.code, 0);
    holder.signal('SIGTERM');
    await holder.ended();

    const free = await workshop.run(['doctor', '--json'], { env });
    const { checks } = JSON.parse(free.stdout) as { checks: Check[] };
    assert.equal(free.code, 0, free.stdout);
    const judged = checks.filter(({ id }) => /^(database|schema)\./.test(id));
    assert.deepEqual(
      judged.filter(({ verdict }) => verdict !== 'pass').map(({ id, found }) => `${id}: ${found}`),
      [],
    );
  });
});

test('wrong usage', async () => {
  for (const [args, said] of [
    [['--url', 'ftp://example.com'], /--url is not an http or https address/],
    [['--url', `https://me:${secrets.password}@example.com`], /--url has a user name or password/],
    [['--origin', 'https://catatlas.example/'], /slash at the end[\s\S]*Write it as https:\/\/catatlas\.example/],
    [['--origin', '*'], /--origin/],
  ] as const) {
    const { code, stdout, stderr } = await workshop.run(['doctor', ...args]);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, stderr);
    assert.match(stderr, said);
    assert.equal(stderr.includes(secrets.password), false);
  }
});
