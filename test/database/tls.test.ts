// Every sslmode against a server with a certificate made here. PostgreSQL documentation, "SSL Mode Descriptions".
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectPostgres } from '../../src/database/connect.ts';
import { makeCertificates } from '../harness/certificate.ts';
import { freePort, type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { eventually } from '../runtime/process.ts';

const trusted = makeCertificates(['localhost', '127.0.0.1']);
const stranger = makeCertificates(['localhost', '127.0.0.1']);

for (const version of testedVersions) {
  describe(`TLS to PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    const folder = mkdtempSync(join(tmpdir(), 'catatlas-tls-'));
    const authority = join(folder, 'authority.pem');
    const foreign = join(folder, 'foreign.pem');

    before(async () => {
      server = await startPostgres({ version });
      writeFileSync(authority, trusted.authority);
      writeFileSync(foreign, stranger.authority);
    });
    after(async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    /** Connects with these URL parameters and says whether the connection is encrypted. */
    async function isEncrypted(parameters: string, host = '127.0.0.1'): Promise<boolean | undefined> {
      const database = connectPostgres({
        url: `postgresql://postgres@${host}:${server.port}/postgres?${parameters}`,
        applicationName: 'tls test',
        connectTimeout: 5,
      });
      try {
        const [row] = await database.sql<{ ssl: boolean; large: string }[]>`
          select ssl, repeat('x', 1000000) as large from pg_stat_ssl where pid = pg_backend_pid()`;
        assert.equal(row?.large.length, 1_000_000);
        return row?.ssl;
      } finally {
        await database.close();
      }
    }

    test('without TLS on the server, prefer goes on without and require does not', async () => {
      assert.equal(await isEncrypted('sslmode=prefer'), false);
      await assert.rejects(isEncrypted('sslmode=require'));
    });

    test('with TLS on the server', async () => {
      await switchOn(server, trusted, isEncrypted);
      const cases: [string, 'encrypted' | 'open' | 'refused', string?][] = [
        ['sslmode=disable', 'open'],
        ['', 'encrypted'],
        ['sslmode=prefer', 'encrypted'],
        ['sslmode=require', 'encrypted'],
        [`sslmode=require&sslrootcert=${foreign}`, 'refused'],
        [`sslmode=verify-ca&sslrootcert=${authority}`, 'encrypted'],
        [`sslmode=verify-ca&sslrootcert=${foreign}`, 'refused'],
        [`sslmode=verify-full&sslrootcert=${authority}`, 'encrypted'],
        [`sslmode=verify-full&sslrootcert=${authority}`, 'encrypted', 'localhost'],
        [`sslmode=verify-full&sslrootcert=${foreign}`, 'refused', 'localhost'],
        ['sslmode=verify-full', 'refused', 'localhost'],
      ];
      for (const [parameters, expected, host] of cases) {
        const title = `${parameters.replace(folder, '') || 'no sslmode'} ${host ?? ''}`;
        if (expected === 'refused') await assert.rejects(isEncrypted(parameters, host), /certificate/i, title);
        else assert.equal(await isEncrypted(parameters, host), expected === 'encrypted', title);
      }
    });

    test('verify-full compares the name of the host that answers, of several', async () => {
      await switchOn(server, trusted, isEncrypted);
      const parameters = `sslrootcert=${authority}&sslmode=verify-full`;
      const dead = await freePort();
      for (const [refusing, answering] of [
        ['127.0.0.1', 'localhost'],
        ['localhost', '127.0.0.1'],
      ])
        assert.equal(await isEncrypted(parameters, `${refusing}:${dead},${answering}`), true, answering);
    });

    test('verify-full wants the right name, also for an address', async () => {
      const misnamed = makeCertificates(['other.example']);
      writeFileSync(authority, misnamed.authority);
      await switchOn(server, misnamed, isEncrypted);
      const parameters = `sslrootcert=${authority}&sslmode=`;
      await assert.rejects(isEncrypted(`${parameters}verify-full`, 'localhost'), /localhost.*altnames/);
      await assert.rejects(isEncrypted(`${parameters}verify-full`), /127\.0\.0\.1/);
      const dead = await freePort();
      await assert.rejects(isEncrypted(`${parameters}verify-full`, `localhost:${dead},127.0.0.1`), /127\.0\.0\.1/);
      assert.equal(await isEncrypted(`${parameters}verify-ca`), true);
    });
  });
}

test('an sslmode that does not exist is named, without the password', () => {
  assert.throws(
    () => connectPostgres({ url: 'postgres://user:secret@host/name?sslmode=yes', applicationName: 'tls test' }),
    (error: Error) => error.message.includes('sslmode=yes') && !error.message.includes('secret'),
  );
});

/** Gives the running server this certificate. */
async function switchOn(
  server: RunningPostgres,
  { certificate, key }: { certificate: string; key: string },
  isEncrypted: (parameters: string) => Promise<boolean | undefined>,
): Promise<void> {
  const { uid, gid } = statSync(server.dataDirectory);
  const serial = `${Date.now()}`;
  for (const [name, content] of [
    [`${serial}.crt`, certificate],
    [`${serial}.key`, key],
  ] as const) {
    const file = join(server.dataDirectory, name);
    writeFileSync(file, content);
    chmodSync(file, 0o600);
    chownSync(file, uid, gid);
  }
  const admin = connectPostgres({
    url: `${server.url}?sslmode=disable`,
    applicationName: 'tls test',
    maxConnections: 1,
  });
  await admin.sql.unsafe(`alter system set ssl_cert_file = '${serial}.crt'`);
  await admin.sql.unsafe(`alter system set ssl_key_file = '${serial}.key'`);
  await admin.sql.unsafe('alter system set ssl = on');
  await admin.sql`select pg_reload_conf()`;
  // The server reads its files again in its own time; a session that has, says so.
  const hasRead = async () => {
    const [row] = await admin.sql<{ file: string }[]>`select current_setting('ssl_cert_file') as file`;
    return (row?.file === `${serial}.crt` && (await isEncrypted('sslmode=prefer'))) || undefined;
  };
  await eventually('the server has its certificate', hasRead, 30_000);
  await admin.close();
}
