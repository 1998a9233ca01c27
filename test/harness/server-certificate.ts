import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectPostgres } from '../../src/database/connect.ts';
import { eventually } from '../runtime/process.ts';
import type { Certificates } from './certificate.ts';
import type { RunningPostgres } from './postgres.ts';

/** Gives a running server this certificate, and switches TLS on. Resolves once new connections are encrypted with it. */
export async function giveCertificate(
  server: RunningPostgres,
  { certificate, key }: Omit<Certificates, 'authority'>,
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
    return (row?.file === `${serial}.crt` && (await isEncrypted(server))) || undefined;
  };
  await eventually('the server has its certificate', hasRead, 30_000);
  await admin.close();
}

async function isEncrypted({ url }: RunningPostgres): Promise<boolean | undefined> {
  const database = connectPostgres({ url, applicationName: 'tls test', maxConnections: 1 });
  try {
    const [row] = await database.sql<{ ssl: boolean }[]>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`;
    return row?.ssl;
  } finally {
    await database.close();
  }
}
