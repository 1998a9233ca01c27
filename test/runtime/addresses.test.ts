// What commands say of a database that cannot be used as its address asks: one sentence, the right exit code, no stack, no endless retry.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectPostgres } from '../../src/database/connect.ts';
import { makeCertificates } from '../harness/certificate.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { giveCertificate } from '../harness/server-certificate.ts';
import { openWorkshop, type Workshop } from './process.ts';

let workshop: Workshop;
let server: RunningPostgres;
const trusted = makeCertificates(['localhost']);

before(async () => {
  workshop = openWorkshop();
  server = await startPostgres({ version: 18 });
  writeFileSync(join(workshop.folder, 'authority.pem'), trusted.authority);
  writeFileSync(join(workshop.folder, 'stranger.pem'), makeCertificates(['localhost']).authority);
  writeFileSync(join(workshop.folder, 'garbage.pem'), 'no certificate');
  writeFileSync(join(workshop.folder, 'damaged.pem'), trusted.authority.replace(/\n[^-\n]{10}/, '\nAAAAAAAAAA'));
});
after(async () => {
  await server.stop();
  await workshop.close();
});

const addressOf = (query: string, host = 'localhost') =>
  `postgresql://postgres@${host}:${server.port}/postgres?${query}`;

/** Runs a command and expects one sentence with this exit code. */
async function expectSentence(
  args: string[],
  env: Record<string, string>,
  code: number,
  pattern: RegExp,
): Promise<void> {
  const ending = await workshop.run(args, { env: { DEBUG: 'True', ...env } });
  const written = `${ending.stdout}${ending.stderr}`;
  assert.equal(ending.code, code, `${args.join(' ')}: ${written}`);
  assert.match(written, pattern);
  assert.doesNotMatch(written, /unexpected|^\s+at /m, written);
}

describe('files of authorities', () => {
  for (const [title, query, pattern] of [
    ['is not there', 'sslmode=verify-full&sslrootcert=/nowhere.pem', /DATABASE_URL .*\/nowhere\.pem\) does not exist/],
    ['is a directory', 'sslmode=verify-ca&sslrootcert=/tmp', /DATABASE_URL .*is a directory/],
    ['has no certificate', 'sslmode=require&sslrootcert=garbage.pem', /DATABASE_URL .*has none in PEM/],
    ['is damaged', 'sslmode=verify-full&sslrootcert=damaged.pem', /DATABASE_URL .*damaged/],
    ['is asked for nothing', 'sslrootcert=garbage.pem', /DATABASE_URL .*sslrootcert with sslmode=prefer/],
    ['is of a client', 'sslcert=a&sslkey=b', /DATABASE_URL .*sslcert, .*no client certificate/s],
  ] as const)
    test(`one that ${title} ends config check, serve, migrate and doctor`, async () => {
      const env = { DATABASE_URL: addressOf(query) };
      for (const args of [['config', 'check'], ['serve'], ['migrate', 'status'], ['backup', 'create', 'x.tar']])
        await expectSentence(args, env, 2, pattern);
      await expectSentence(['doctor'], env, 1, pattern);
      // The target of a copy is such an address, too.
      const target = { DATABASE_URL: server.url, TARGET_DATABASE_URL: addressOf(query) };
      await expectSentence(
        ['copy'],
        target,
        2,
        new RegExp(pattern.source.replace('DATABASE_URL', 'TARGET_DATABASE_URL'), 's'),
      );
      await expectSentence(['copy', '--to', addressOf(query)], { DATABASE_URL: server.url }, 2, /--to .*ssl/);
    });
});

describe('TLS that cannot be had', () => {
  const ends = async (query: string, pattern: RegExp, host?: string) => {
    const env = { DATABASE_URL: addressOf(query, host) };
    for (const args of [['serve'], ['migrate', 'status'], ['backup', 'create', 'x.tar'], ['seed', '--entries', '1']])
      await expectSentence(args, env, 3, pattern);
    await expectSentence(['doctor'], env, 1, pattern);
  };

  test('a server without TLS', () => ends('sslmode=require', /the server does not speak TLS/));

  test('an authority that is not trusted, a name that differs, and the default file', async () => {
    await giveCertificate(server, trusted);
    await ends('sslmode=verify-full&sslrootcert=stranger.pem', /signed by no authority that is trusted/);
    await ends('sslmode=verify-full&sslrootcert=system', /signed by no authority that is trusted/);
    await ends('sslmode=verify-full&sslrootcert=authority.pem', /for another name than the host/, '127.0.0.1');
    const status = async (query: string) =>
      (await workshop.run(['migrate', 'status'], { env: { DATABASE_URL: addressOf(query), DEBUG: 'True' } })).code;
    assert.equal(await status('sslmode=verify-full&sslrootcert=authority.pem'), 0);
    assert.equal(await status('sslmode=verify-full'), 3);
    // As libpq: ~/.postgresql/root.crt is used when no other is named, and then by sslmode=require as well.
    mkdirSync(join(workshop.folder, '.postgresql'));
    writeFileSync(join(workshop.folder, '.postgresql/root.crt'), trusted.authority);
    assert.equal(await status('sslmode=verify-full'), 0);
    writeFileSync(join(workshop.folder, '.postgresql/root.crt'), makeCertificates(['localhost']).authority);
    assert.equal(await status('sslmode=require'), 3);
    assert.equal(await status('sslmode=prefer'), 0);
    writeFileSync(join(workshop.folder, '.postgresql/root.crl'), '');
    await expectSentence(['migrate', 'status'], { DATABASE_URL: addressOf('sslmode=require') }, 2, /revoked/);
  });

  test('a certificate that has expired', async () => {
    const expired = makeCertificates(['localhost'], { expired: true });
    writeFileSync(join(workshop.folder, 'old.pem'), expired.authority);
    await giveCertificate(server, expired);
    // Deno does not say why a certificate is not valid.
    const { HOME } = { HOME: join(workshop.folder, 'nobody') };
    const env = { DATABASE_URL: addressOf('sslmode=verify-full&sslrootcert=old.pem'), HOME };
    await expectSentence(['migrate', 'status'], env, 3, /has expired|is not valid/);
  });
});

test('a Unix socket', async () => {
  const socket = `postgresql://postgres@${encodeURIComponent(join(server.dataDirectory, '..'))}:${server.port}/postgres`;
  const { code, stderr } = await workshop.run(['migrate', 'status'], { env: { DATABASE_URL: socket, DEBUG: 'True' } });
  assert.equal(code, 0, stderr);
  const none = { DATABASE_URL: 'postgresql://postgres@/postgres?host=/nowhere' };
  await expectSentence(['migrate', 'status'], none, 3, /cannot be reached .*\/nowhere/);
  await expectSentence(['backup', 'create', 'x.tar'], none, 3, /cannot be reached .*\/nowhere/);
  await expectSentence(['doctor'], none, 1, /no connection: .*\/nowhere/);
});

test('transaction_timeout of the role does not end commands', { timeout: 120_000 }, async () => {
  const source = await server.createDatabase();
  const target = await server.createDatabase();
  const admin = connectPostgres({ url: server.url, applicationName: 'test', maxConnections: 1 });
  await admin.sql.unsafe(`create role hasty superuser login; alter role hasty set transaction_timeout = '40ms'`);
  const as = (url: string) => url.replace('postgres@', 'hasty@');
  const env = { DATABASE_URL: as(source), TARGET_DATABASE_URL: as(target), DEBUG: 'True' };
  try {
    for (const args of [
      ['migrate', 'up'],
      ['seed', '--entries', '20000'],
      ['backup', 'create', 'hasty.tar'],
      ['backup', 'restore', 'hasty.tar', '--replace'],
      ['copy'],
    ]) {
      const { code, stderr } = await workshop.run(args, { env });
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    }
  } finally {
    await admin.close();
  }
});

test('a password on the command line is warned of, and a variable or a file takes its place', {
  timeout: 120_000,
}, async () => {
  const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'True' };
  assert.equal((await workshop.run(['migrate', 'up'], { env })).code, 0);
  assert.equal((await workshop.run(['backup', 'create', 'target.tar'], { env })).code, 0);
  const withPassword = async () => (await server.createDatabase()).replace('postgres@', 'postgres:canary@');
  for (const args of [['copy'], ['backup', 'verify', 'target.tar']]) {
    const given = await workshop.run([...args, '--to', await withPassword()], { env });
    assert.equal(given.code, 0, given.stderr);
    assert.match(given.stderr, /a warning: --to has a password.*TARGET_DATABASE_URL_FILE/);
    assert.doesNotMatch(`${given.stdout}${given.stderr}`, /canary/);
    const plain = await workshop.run([...args, '--to', await server.createDatabase()], { env });
    assert.doesNotMatch(plain.stderr, /warning/);
    const file = join(workshop.folder, 'target');
    writeFileSync(file, `${await withPassword()}\n`);
    for (const variable of [{ TARGET_DATABASE_URL: await withPassword() }, { TARGET_DATABASE_URL_FILE: file }]) {
      const quiet = await workshop.run(args, { env: { ...env, ...variable } });
      assert.equal(quiet.code, 0, quiet.stderr);
      assert.doesNotMatch(quiet.stderr, /warning/);
    }
  }
});
