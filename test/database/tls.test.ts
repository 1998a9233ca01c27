// Every sslmode against a server with a certificate made here. PostgreSQL documentation, "SSL Mode Descriptions".
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectPostgres } from '../../src/database/connect.ts';
import { makeCertificates } from '../harness/certificate.ts';
import { freePort, type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { giveCertificate } from '../harness/server-certificate.ts';

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
      await giveCertificate(server, trusted);
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
        ['sslmode=verify-full&sslrootcert=system', 'refused', 'localhost'],
        ['sslrootcert=system', 'refused', 'localhost'],
      ];
      for (const [parameters, expected, host] of cases) {
        const title = `${parameters.replace(folder, '') || 'no sslmode'} ${host ?? ''}`;
        if (expected === 'refused') await assert.rejects(isEncrypted(parameters, host), /certificate/i, title);
        else assert.equal(await isEncrypted(parameters, host), expected === 'encrypted', title);
      }
    });

    test('verify-full compares the name of the host that answers, of several', async () => {
      await giveCertificate(server, trusted);
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
      await giveCertificate(server, misnamed);
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
    (error: Error) => error.message.includes('unknown sslmode') && !error.message.includes('secret'),
  );
});
