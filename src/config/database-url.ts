import { readParameters } from './address-parameters.ts';
import { type Kind, kindOf, type Reading, wrong } from './kinds.ts';

const example = 'postgresql://USER:PASSWORD@HOST:5432/DATABASE';
const tlsModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];
const sessionAttributes = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'];

/** Other databases and things that people put here by mistake. A scheme outside this list might be part of a secret. */
const knownSchemes = [
  'mysql',
  'mariadb',
  'mongodb',
  'mongodb+srv',
  'redis',
  'rediss',
  'http',
  'https',
  'jdbc',
  'mssql',
  'sqlserver',
  'tcp',
];

/**
 * The address of a PostgreSQL database. It carries a password, and that may stand anywhere when the address is malformed:
 * no message repeats any part of it but a well-known scheme.
 */
export const databaseUrl: Kind<string> = kindOf('postgres:// or postgresql:// address', (text) =>
  readDatabaseUrl(text.trim()),
);

function readDatabaseUrl(text: string): Reading<string> {
  if (isSqlite(text))
    return wrong(
      'is a SQLite database, and production must use PostgreSQL, not SQLite: this server keeps its data in PostgreSQL only',
      `Set it to ${example}; to try the server out on the embedded database, leave it out.`,
    );
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme?.startsWith('postgres') && scheme.includes('+'))
    return wrong(
      `has the scheme of a Python driver (${scheme.startsWith('postgresql') ? 'postgresql' : 'postgres'}+…)`,
      `Begin it with postgresql://, as in ${example}`,
    );
  if (!/^postgres(ql)?:\/\//i.test(text)) {
    const what =
      scheme !== undefined && knownSchemes.includes(scheme)
        ? `begins with ${scheme}:`
        : 'does not begin with postgres:// or postgresql://';
    const quoted = /^["']/.test(text) ? ' Remove the quotes around it.' : '';
    return wrong(what, `Set it to ${example}.${quoted}`);
  }
  const encode =
    'In the user name and the password write @ as %40, # as %23, / as %2F, ? as %3F, : as %3A and % as %25.';
  const { authority, tail } = split(text);
  if (text.includes('#')) return wrong('has a # in it', encode);
  if (/\s/.test(text)) return wrong('has white space in it', 'Remove it; in a password write a space as %20.');
  if (authority.split('@').length > 2 || split2(tail, '?')[0].includes('@'))
    return wrong('has an @ that does not stand in front of the host', encode);
  const [credentials, hosts] = authority.includes('@') ? split2(authority, '@') : ['', authority];
  if (!decodes(credentials)) return wrong('has a % in the user name or password that encodes nothing', encode);
  if (hosts.split(',').some((host) => host.replace(/:\d*$/, '') === ''))
    return wrong('names no host', `Set it to ${example}.`);
  const first = `postgresql://${authority.replace(hosts, hosts.split(',')[0] ?? '')}${tail}`;
  if (!URL.canParse(first) || hosts.split(',').some((host) => !URL.canParse(`postgresql://${host}/`)))
    return wrong('is not a valid address', `Set it to ${example}. ${encode}`);
  const url = new URL(first);
  const name = url.pathname.slice(1);
  if (name === '') return wrong('names no database', `Add it after the host: ${example}`);
  if (name.includes('/'))
    return wrong('has more than the name of a database in its path', `Set it to ${example}. ${encode}`);
  const tls = url.searchParams.get('sslmode');
  if (tls !== null && !tlsModes.includes(tls))
    return wrong('has an unknown sslmode', `sslmode must be one of ${tlsModes.join(', ')}.`);
  const wanted = url.searchParams.get('target_session_attrs');
  if (wanted !== null && !sessionAttributes.includes(wanted))
    return wrong(
      'has unknown target_session_attrs',
      `target_session_attrs must be one of ${sessionAttributes.join(', ')}.`,
    );
  const parameters = readParameters(url.search);
  return 'wrong' in parameters ? parameters : { value: text };
}

/** Is this the address or the file of a SQLite database? */
export function isSqlite(text: string): boolean {
  return (
    /^(sqlite|file)[\w+]*:/i.test(text) ||
    (!/^[a-z]\w*:\/\//i.test(text) && /\.(db|sqlite3?|db3)$/i.test(text)) ||
    text === ':memory:'
  );
}

/** The address as it may be shown: password and query values but those of two harmless words replaced by stars. */
export function maskDatabaseUrl(text: string): string {
  const { scheme, authority, tail } = split(text);
  const [credentials, hosts] = authority.includes('@') ? split2(authority, '@') : ['', authority];
  const user = credentials.split(':')[0] ?? '';
  const shownUser = credentials === '' ? '' : credentials.includes(':') ? `${user}:***@` : `${user}@`;
  const [path, query] = split2(tail, '?');
  const shownQuery = query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => (/^(sslmode|target_session_attrs)=[a-z-]+$/.test(pair) ? pair : `${pair.split('=')[0]}=***`))
    .join('&');
  return `${scheme}://${shownUser}${hosts}${path}${shownQuery === '' ? '' : `?${shownQuery}`}`;
}

function split(text: string): { scheme: string; authority: string; tail: string } {
  const [scheme, rest] = split2(text, '://');
  const end = rest.search(/[/?#]/);
  return end < 0
    ? { scheme, authority: rest, tail: '' }
    : { scheme, authority: rest.slice(0, end), tail: rest.slice(end) };
}

function split2(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + separator.length)];
}

function decodes(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
