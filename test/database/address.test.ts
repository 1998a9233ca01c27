// What an address means to psql it means to this program, or it is refused before anything is connected. The witness is a real psql.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { AddressError, connectPostgres } from '../../src/database/connect.ts';
import { findSystemUser } from '../../src/database/system-user.ts';
import { makeCertificates } from '../harness/certificate.ts';
import { freePort, startPostgres } from '../harness/postgres.ts';
import { giveCertificate } from '../harness/server-certificate.ts';
import { type Arrival, startRecorder } from '../harness/startup-recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'catatlas-address-'));
const servers: Server[] = [];
const arrivals: Arrival[] = [];
const places: Record<string, string> = { DIR: encodeURIComponent(folder), RAW: folder };

before(async () => {
  const [one, two, dead] = [await freePort(), await freePort(), await freePort()];
  Object.assign(places, { ONE: String(one), TWO: String(two), DEAD: String(dead) });
  servers.push(
    await startRecorder('one', { port: one, host: '127.0.0.1' }, arrivals),
    await startRecorder('six', { port: one, host: '::1' }, arrivals),
    await startRecorder('two', { port: two, host: '127.0.0.1' }, arrivals),
    await startRecorder('socket', { path: join(folder, `.s.PGSQL.${one}`) }, arrivals),
    await startRecorder('default socket', { path: join(folder, '.s.PGSQL.5432') }, arrivals),
  );
});
after(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * `same`: we say to the same server what psql says. A pattern: we refuse, naming that. `ours`: psql refuses and we do not, or it sends in
 * clear text what we would encrypt; docs/settings.md lists these.
 */
type Expected = 'same' | 'refused by both' | 'ours' | RegExp;

const cases: [string, Expected][] = [
  // Who, whom, what.
  ['postgres://u:p@127.0.0.1:ONE/d', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d', 'same'],
  ['postgresql://u@127.0.0.1:ONE/d', 'same'],
  ['postgresql://127.0.0.1:ONE/d', 'same'],
  ['postgresql://:p@127.0.0.1:ONE/d', 'same'],
  ['postgresql://u:@127.0.0.1:ONE/d', 'same'],
  ['postgresql://u:p:q@127.0.0.1:ONE/d', 'same'],
  ['postgresql://u:p?q@127.0.0.1:ONE/d', 'same'],
  ['postgresql://127.0.0.1?password=p@127.0.0.1:ONE/d', /\? before an @/],
  ['postgresql://u%40x:p%3A%2F%3F%23%25@127.0.0.1:ONE/d', 'same'],
  ['postgresql://u:a+b@127.0.0.1:ONE/d', 'same'],
  ['postgresql://u:a%2Bb%20c@127.0.0.1:ONE/d', 'same'],
  ['postgresql://u:%C3%A4%F0%9F%90%88@127.0.0.1:ONE/d', 'same'],
  ['postgresql://u:ä@127.0.0.1:ONE/d', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/my%20db', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/a%2Fb', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/a+b', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d.sqlite', 'same'],
  ['postgresql://u:p%zz@127.0.0.1:ONE/d', 'refused by both'],
  ['postgresql://u:p%@127.0.0.1:ONE/d', 'refused by both'],
  ['postgresql://u:p%00@127.0.0.1:ONE/d', 'refused by both'],
  ['postgresql://u:p%ff@127.0.0.1:ONE/d', /% in the user name or password/],
  ['postgresql://u:p#q@127.0.0.1:ONE/d', /# in it/],
  ['postgresql://u:p@127.0.0.1:ONE/d#x', /# in it/],
  ['postgresql://u:p q@127.0.0.1:ONE/d', /white space/],
  ['postgresql://u:p@q@127.0.0.1:ONE/d', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d/e', /more than the name of a database/],
  ['postgresql://u:p@127.0.0.1:ONE', /names no database/],
  ['postgresql://u:p@127.0.0.1:ONE/', /names no database/],
  ['POSTGRES://u:p@127.0.0.1:ONE/d', 'refused by both'],
  ['host=127.0.0.1 port=ONE user=u password=p dbname=d', /list of key words/],
  // Behind the question mark; the last one counts.
  ['postgresql://u:p@127.0.0.1:ONE/d?password=q', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?password=a?b', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?password=a+b', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?password=a%2Bb%26c%3Dd', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?password=a@b', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?password=', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?password=a=b', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?password', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?user=w', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?user=w&user=v', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?dbname=e', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE?dbname=e', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?dbname=', /names no database/],
  ['postgresql://u:p@127.0.0.1:ONE/d?', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?user=w&', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?&user=w', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?us%65r=w', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?application_name=a?b', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?application_name=a%20b&application_name=c', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?options=-c%20geqo%3Doff', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?options=-c+geqo%3Doff', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?options=-c%20geqo=off', 'refused by both'],
  ['postgresql://127.0.0.1:ONE?user=u&password=p&dbname=d', 'same'],
  // Hosts and ports.
  ['postgresql://u:p@localhost:ONE/d', 'same'],
  ['postgresql://u:p@[::1]:ONE/d', 'same'],
  ['postgresql://u:p@[::1:ONE/d', 'refused by both'],
  ['postgresql://u:p@[]:ONE/d', 'refused by both'],
  ['postgresql://u:p@/d?host=::1&port=ONE', 'same'],
  ['postgresql://u:p@127.0.0.1/d?port=ONE', 'same'],
  ['postgresql://u:p@127.0.0.1:TWO/d?port=ONE', 'same'],
  ['postgresql://u:p@10.0.0.1:ONE/d?host=127.0.0.1', 'same'],
  ['postgresql:///d?host=127.0.0.1&port=ONE&user=u&password=p', 'same'],
  ['postgresql://u:p@127.0.0.1:DEAD,127.0.0.1:TWO/d', 'same'],
  ['postgresql://u:p@127.0.0.1:TWO,127.0.0.1:ONE/d', 'same'],
  ['postgresql://u:p@127.0.0.1,127.0.0.1/d?port=DEAD,ONE', 'same'],
  ['postgresql://u:p@127.0.0.1,localhost/d?port=TWO', 'same'],
  ['postgresql://u:p@/d?host=127.0.0.1,127.0.0.1&port=DEAD,TWO', 'same'],
  ['postgresql://u:p@127.0.0.1%2C127.0.0.1:DEAD,TWO/d', 'refused by both'],
  ['postgresql://u:p@127.0.0.1,127.0.0.1/d?port=ONE,TWO,ONE', 'refused by both'],
  ['postgresql://u:p@[::1]:DEAD,[::1]:ONE/d', 'same'],
  ['postgresql://u:p@127.0.0.1:0/d', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:99999/d', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONEx/d', 'refused by both'],
  ['postgresql://u:p@/d', /names no host/],
  ['postgresql:///d', /names no host/],
  ['postgresql://u:p@127.0.0.1:ONE,/d', /names no host/],
  ['postgresql://u:p@/d?hostaddr=127.0.0.1&port=ONE', 'same'],
  ['postgresql://u:p@/d?hostaddr=localhost&port=ONE', 'refused by both'],
  ['postgresql://u:p@nowhere.invalid/d?hostaddr=127.0.0.1&port=ONE', /hostaddr beside a host/],
  // Unix sockets.
  ['postgresql://u:p@DIR:ONE/d', 'same'],
  ['postgresql://u:p@DIR/d', 'same'],
  ['postgresql://u:p@/d?host=RAW&port=ONE', 'same'],
  ['postgresql://u:p@/d?host=DIR', 'same'],
  ['postgresql:///d?host=RAW&user=u&port=ONE', 'same'],
  ['postgresql://u:p@DIR:ONE/d?sslmode=require', 'same'],
  ['postgresql://u:p@DIR:ONE/d?sslmode=verify-full', 'same'],
  ['postgresql://u:p@DIR:DEAD,127.0.0.1:ONE/d', /directory of sockets beside other hosts/],
  ['postgresql://u:p@%40abstract/d', 'refused by both'],
  // TLS, of a server that has none.
  ['postgresql://u:p@127.0.0.1:ONE/d?sslmode=disable', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?sslmode=prefer', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?sslmode=', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?sslmode=allow', 'ours'],
  ['postgresql://u:p@127.0.0.1:ONE/d?sslmode=require', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?ssl=true', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?ssl=true&sslmode=disable', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?sslmode=disable&ssl=true', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?ssl=on', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?requiressl=1', /requiressl/],
  ['postgresql://u:p@127.0.0.1:ONE/d?sslmode=yes', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?sslmode=REQUIRE', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?SSLMODE=verify-full', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?sslmode=disable&sslmode=require', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?sslmode=require&sslmode=disable', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?application_name=a?b&sslmode=require', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?channel_binding=require', /channel_binding=require/],
  ['postgresql://u:p@127.0.0.1:ONE/d?channel_binding=disable', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?channel_binding=no', 'refused by both'],
  // The rest.
  ['postgresql://u:p@127.0.0.1:ONE/d?connect_timeout=5', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?connect_timeout=0', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?connect_timeout=-1', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?target_session_attrs=', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?connect_timeout=x', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?target_session_attrs=any', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?target_session_attrs=master', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?keepalives=1&keepalives_idle=30&gssencmode=prefer', 'same'],
  ['postgresql://u:p@127.0.0.1:ONE/d?gssencmode=require', 'refused by both'],
  ['postgresql://u:p@127.0.0.1:ONE/d?service=cats', 'refused by both'],
  ['postgresql://u@127.0.0.1:ONE/d?passfile=/nowhere', /passfile/],
  ['postgresql://u:p@127.0.0.1:ONE/d?pgbouncer=true', 'ours'],
  ['postgresql://u:p@127.0.0.1:ONE/d?search_path=cats', 'ours'],
];

test('every address means what it means to psql, or is refused by name', async () => {
  assert.ok(cases.length > 60);
  const wrong: string[] = [];
  for (const [template, expected] of cases) {
    const address = template.replace(/ONE|TWO|DEAD|DIR|RAW/g, (word) => places[word] ?? word);
    const theirs = await observe(() => askPsql(address));
    const ours = await observe(() => askOurselves(address));
    const found = judge(ours, theirs);
    const fits =
      expected instanceof RegExp
        ? found.startsWith('refused') && expected.test(ours.refused ?? '')
        : found === expected;
    if (!fits) wrong.push(`${template}: ${found}, not ${expected}: ${JSON.stringify({ ours, theirs })}`);
  }
  assert.deepEqual(wrong, []);
});

/** One that has no server to answer is refused only when we say so before we connect: psql has no other word for it. */
function judge(ours: Observed, theirs: Observed): Exclude<Expected, RegExp> | 'refused' | 'connected and refused' {
  if (ours.refused !== undefined && ours.arrivals > 0) return 'connected and refused';
  if (ours.refused !== undefined) return theirs.said === undefined ? 'refused by both' : 'refused';
  return JSON.stringify(ours.said) === JSON.stringify(theirs.said) ? 'same' : 'ours';
}

test('TLS is what it is to psql, with and without ~/.postgresql/root.crt', { timeout: 120_000 }, async () => {
  const [trusted, stranger] = [makeCertificates(['localhost']), makeCertificates(['localhost'])];
  const server = await startPostgres({ version: 15 });
  const home = process.env['HOME'];
  process.env['HOME'] = folder;
  const usual = join(folder, '.postgresql');
  try {
    await giveCertificate(server, trusted);
    writeFileSync(join(folder, 'authority.pem'), trusted.authority);
    writeFileSync(join(folder, 'stranger.pem'), stranger.authority);
    const outcomes: string[] = [];
    for (const kept of [undefined, trusted, stranger]) {
      rmSync(usual, { recursive: true, force: true });
      if (kept) {
        mkdirSync(usual);
        writeFileSync(join(usual, 'root.crt'), kept.authority);
      }
      for (const [host, query] of [
        ['localhost', 'sslmode=disable'],
        ['localhost', 'sslmode=require'],
        ['localhost', `sslmode=require&sslrootcert=${folder}/stranger.pem`],
        ['localhost', `sslmode=verify-ca&sslrootcert=${folder}/authority.pem`],
        ['127.0.0.1', `sslmode=verify-ca&sslrootcert=${folder}/authority.pem`],
        ['localhost', `sslmode=verify-ca&sslrootcert=${folder}/stranger.pem`],
        ['localhost', `sslmode=verify-full&sslrootcert=${folder}/authority.pem`],
        ['127.0.0.1', `sslmode=verify-full&sslrootcert=${folder}/authority.pem`],
        ['localhost', `sslmode=verify-full&sslrootcert=${folder}/stranger.pem`],
        ['localhost', `sslmode=verify-full&sslrootcert=${folder}/nowhere.pem`],
        ['localhost', 'sslmode=verify-ca'],
        ['localhost', 'sslmode=verify-full'],
        ['127.0.0.1', 'sslmode=verify-full'],
        ['localhost', `sslmode=disable&sslmode=verify-full`],
        ['localhost', `application_name=a?b&sslmode=verify-full`],
      ]) {
        const url = `postgresql://postgres@${host}:${server.port}/postgres?${query}`;
        const ours = await sayTls(() => isEncrypted(url));
        assert.equal(ours, await sayTls(() => isEncryptedToPsql(url)), `${kept ? 'with' : 'without'} a file: ${url}`);
        outcomes.push(ours);
      }
    }
    assert.deepEqual([...new Set(outcomes)].sort(), ['encrypted', 'in clear text', 'refused']);
  } finally {
    process.env['HOME'] = home;
    await server.stop();
  }
});

async function sayTls(ask: () => Promise<boolean>): Promise<string> {
  return await ask().then(
    (encrypted) => (encrypted ? 'encrypted' : 'in clear text'),
    () => 'refused',
  );
}

const question = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()';

async function isEncrypted(url: string): Promise<boolean> {
  const database = connectPostgres({ url, applicationName: 'catatlas/test', maxConnections: 1 });
  try {
    const [row] = await database.sql.unsafe<[{ ssl: boolean }]>(question);
    return row.ssl;
  } finally {
    await database.close();
  }
}

async function isEncryptedToPsql(address: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)('psql', ['-X', '-w', '-A', '-t', '-c', question, address], {
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, LC_ALL: 'C', PGCONNECT_TIMEOUT: '5' },
  });
  return stdout.trim() === 't';
}

test('variables of libpq change nothing', async () => {
  const variables = {
    PGPASSWORD: 'x',
    PGUSER: 'x',
    PGHOST: 'x',
    PGPORT: '1',
    PGDATABASE: 'x',
    PGTARGETSESSIONATTRS: 'standby',
  };
  Object.assign(process.env, variables);
  try {
    const { said } = await observe(() => askOurselves(`postgresql://127.0.0.1:${places['ONE']}/d`));
    assert.deepEqual(said, { server: 'one', asksForTls: true, user: findSystemUser(), database: 'd', password: '' });
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
});

interface Observed {
  /** What the server heard that was asked for a session. A connection to one that has no TLS, where that is wanted, is not one. */
  said: Record<string, unknown> | undefined;
  /** The words of a refusal before anything was connected. */
  refused: string | undefined;
  arrivals: number;
}

async function observe(connect: () => Promise<string | undefined>): Promise<Observed> {
  arrivals.length = 0;
  const refused = await connect();
  const heard = arrivals.find(({ parameters }) => parameters !== undefined);
  const { user, database, options, application_name: name } = heard?.parameters ?? {};
  const said = heard && {
    server: heard.server,
    asksForTls: heard.asksForTls,
    user,
    database,
    password: heard.password ?? '',
    ...(options === undefined ? {} : { options }),
    // Each has a name for itself when the address gives none.
    ...(name === 'psql' || name === 'catatlas/test' ? {} : { name }),
  };
  return { said, refused, arrivals: arrivals.length };
}

async function askOurselves(url: string): Promise<string | undefined> {
  try {
    const database = connectPostgres({ url, applicationName: 'catatlas/test', connectTimeout: 5, maxConnections: 1 });
    await database.sql`select 1`.catch(() => {});
    await database.close();
    return undefined;
  } catch (error) {
    if (error instanceof AddressError) return error.message;
    throw error;
  }
}

async function askPsql(address: string): Promise<undefined> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, LC_ALL: 'C', PGCONNECT_TIMEOUT: '5' };
  const child = spawn('psql', ['-X', '-w', '-c', 'select 1', address], { env, stdio: 'ignore' });
  await once(child, 'exit');
}
