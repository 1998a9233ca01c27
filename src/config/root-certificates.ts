import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseAddress } from './database-address.ts';
import { type Reading, wrong } from './kinds.ts';

/** Who vouches for a server. */
export interface Trust {
  /** `none`: any certificate will do. `authority`: one that an authority has signed. `name`: one for this host, too. */
  checks: 'none' | 'authority' | 'name';
  /** The authorities, in PEM. Undefined: those that the runtime knows. */
  authorities: string | undefined;
}

/** What is read besides the address. */
interface Surroundings {
  readFile(path: string): string;
  exists(path: string): boolean;
  /** Where libpq keeps its files: ~/.postgresql. */
  directory: string;
}

const fileSystem: Surroundings = {
  readFile: (path) => readFileSync(path, 'utf8'),
  exists: existsSync,
  // An environment without a home has none of these files.
  get directory() {
    return process.platform === 'win32'
      ? join(process.env['APPDATA'] ?? '', 'postgresql')
      : join(process.env['HOME'] || homedir(), '.postgresql');
  },
};

const needs =
  'Let sslrootcert name a readable file in PEM with the certificate of the authority, or write sslrootcert=system.';

/**
 * Whose word counts for the certificate of the server, and reads that file: the one that sslrootcert names, else
 * ~/.postgresql/root.crt. Without any, the authorities of the runtime are asked where psql refuses. sslmode=require asks an authority
 * when there is a file, as libpq does. The problem names the file: a path is no secret.
 */
export function readTrust(
  { tls, rootFile, hosts }: DatabaseAddress,
  { readFile, exists, directory }: Surroundings = fileSystem,
): Reading<Trust> {
  if (tls === 'disable' || tls === 'allow' || tls === 'prefer' || hosts[0]?.host.startsWith('/'))
    return { value: { checks: 'none', authorities: undefined } };
  const usual = join(directory, 'root.crt');
  const path = rootFile === 'system' ? undefined : (rootFile ?? (exists(usual) ? usual : undefined));
  if (path === undefined && tls === 'require') return { value: { checks: 'none', authorities: undefined } };
  const checks = tls === 'verify-full' ? 'name' : 'authority';
  const revoked = join(directory, 'root.crl');
  if (exists(revoked))
    return wrong(
      `asks for a certificate to be checked, and lists of revoked ones are not read (${revoked})`,
      'Keep only trusted authorities in the file of sslrootcert, and remove the list.',
    );
  if (path === undefined) return { value: { checks, authorities: undefined } };
  const file = `the file of sslrootcert (${path})`;
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    return wrong(`asks for certificates that cannot be read: ${file} ${faults[code] ?? `gave ${code}`}`, needs);
  }
  const found = text.match(/-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----[\s\S]*?-----END \1-----/g) ?? [];
  if (found.length === 0) return wrong(`asks for certificates that are not there: ${file} has none in PEM`, needs);
  if (!found.every(isCertificate))
    return wrong(`asks for certificates that are damaged: ${file} has such a one`, needs);
  return { value: { checks, authorities: text } };
}

const faults: Record<string, string> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a directory',
  ENOTDIR: 'lies below something that is not a directory',
};

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
