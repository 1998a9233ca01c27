import { closest, editDistance } from './spelling.ts';

/** A parameter that libpq keeps to itself (PostgreSQL 18, 34.1.2). */
interface KeyWord {
  /** Values that change nothing here, or whose purpose is met by other means. */
  dropped?: RegExp;
  /** What to do about any other value. Without it the parameter is read by the parser of addresses. */
  fix?: string;
}

const read: KeyWord = {};
const ignored: KeyWord = { dropped: /^/s };
const noClientCertificate = 'Take it out: no client certificate is presented. Let the user in by password.';
const noRevocations =
  'Take it out: lists of revoked certificates are not read. Keep only trusted authorities in the file of sslrootcert.';
const noOauth = 'Take it out: OAuth is not spoken. Let the user in by password.';
const noScramKeys = 'Take it out, and write the password into the address.';
const noService = 'Write the host, the user and the database of the service into the address.';
const programSets = (value: string) => `Take it out: the program works with ${value}.`;

/**
 * What the driver would send to the server, which refuses the connection for any that it does not know. What is not here is a parameter
 * of the server, such as search_path.
 */
const keyWords: Record<string, KeyWord> = {
  host: read,
  hostaddr: read,
  port: read,
  dbname: read,
  user: read,
  password: read,
  sslmode: read,
  sslrootcert: read,
  sslnegotiation: read,
  channel_binding: read,
  target_session_attrs: read,
  connect_timeout: read,
  ssl: { fix: 'Write sslmode=require or sslmode=disable in its place.' },
  requiressl: { fix: 'Write sslmode=require or sslmode=prefer in its place.' },
  // The program has a name of its own for those that have none.
  fallback_application_name: ignored,
  keepalives: ignored,
  keepalives_idle: ignored,
  keepalives_interval: ignored,
  keepalives_count: ignored,
  tcp_user_timeout: ignored,
  client_encoding: { dropped: /^(auto|utf-?8|unicode)$/i, fix: 'Take it out: the connection is in UTF-8.' },
  // What TLS does anyway: no compression, the name of the host.
  sslcompression: ignored,
  sslsni: ignored,
  sslkeylogfile: ignored,
  ssl_min_protocol_version: {
    dropped: /^TLSv1(\.[12])?$/i,
    fix: 'Take it out, and set ssl_min_protocol_version of the server: here TLS 1.2 is the least.',
  },
  ssl_max_protocol_version: { dropped: /^TLSv1\.3$/i, fix: 'Take it out, and set it for the server.' },
  sslcert: { fix: noClientCertificate },
  sslkey: { fix: noClientCertificate },
  sslpassword: { fix: noClientCertificate },
  sslcertmode: { dropped: /^(disable|allow)$/, fix: noClientCertificate },
  sslcrl: { fix: noRevocations },
  sslcrldir: { fix: noRevocations },
  // Kerberos is not spoken, so what it is to be spoken with does not matter.
  gssencmode: { dropped: /^(disable|prefer)$/, fix: 'Take it out: connections are encrypted by TLS (sslmode).' },
  gssdelegation: ignored,
  gsslib: ignored,
  krbsrvname: ignored,
  require_auth: {
    fix: 'Take it out: any method that the server asks for is answered. sslmode=verify-full makes sure which server asks.',
  },
  requirepeer: { fix: 'Take it out: the owner of a socket is not looked at.' },
  oauth_issuer: { fix: noOauth },
  oauth_client_id: { fix: noOauth },
  oauth_client_secret: { fix: noOauth },
  oauth_scope: { fix: noOauth },
  scram_client_key: { fix: noScramKeys },
  scram_server_key: { fix: noScramKeys },
  passfile: {
    fix: 'Write the password into the address. DATABASE_URL_FILE names a file that holds the whole address.',
  },
  service: { fix: noService },
  servicefile: { fix: noService },
  load_balance_hosts: { dropped: /^disable$/, fix: 'Take it out: hosts are tried in their order.' },
  min_protocol_version: { dropped: /^3\.0$/, fix: 'Take it out: version 3.0 of the protocol is spoken.' },
  max_protocol_version: ignored,
  replication: { dropped: /^(false|off|no|0)$/i, fix: 'Take it out: this is no client of replication.' },
  // Not libpq's but Prisma's, in addresses that providers hand out. Poolers are noticed without it.
  pgbouncer: ignored,
};

/** Parameters of the server, in any case, that the program sets itself: with another value it would misread what the server sends. */
const ownParameters: Record<string, { taken: RegExp; fix: string }> = {
  timezone: { taken: /^(etc\/)?(utc|gmt)$/i, fix: programSets('TimeZone UTC') },
  datestyle: { taken: /^iso\b/i, fix: programSets('DateStyle ISO') },
  intervalstyle: { taken: /^iso_8601$/i, fix: programSets('IntervalStyle iso_8601') },
};

/** What is to become of a parameter: read by the parser, left out, sent to the server, or refused with this problem and remedy. */
export type Fate = 'read' | 'dropped' | 'sent' | { problem: string; fix: string };

/**
 * Decides about a parameter of an address. Names only words that are known or near to one, and no value: both may be part of a
 * secret. One that is set to nothing counts as not set.
 */
export function decideFate(name: string, value: string): Fate {
  const word = Object.hasOwn(keyWords, name) ? keyWords[name] : undefined;
  if (word === read) return 'read';
  if (word === undefined) {
    const meant = findMeant(name);
    if (meant !== undefined) return { problem: `has the unknown parameter ${name}`, fix: `Did you mean ${meant}?` };
    const own = name.toLowerCase();
    const rule = Object.hasOwn(ownParameters, own) ? ownParameters[own] : undefined;
    if (rule === undefined) return 'sent';
    return rule.taken.test(value)
      ? 'dropped'
      : { problem: `has a value of ${own} that cannot be honored`, fix: rule.fix };
  }
  if (word.fix === undefined || value === '' || word.dropped?.test(value)) return 'dropped';
  return {
    problem: word.dropped
      ? `has a value of ${name} that cannot be honored`
      : `has the parameter ${name}, which cannot be honored`,
    fix: word.fix,
  };
}

/** Is this a parameter that libpq or this program knows? Then a message may name it. */
export function isKeyWord(name: string): boolean {
  return Object.hasOwn(keyWords, name);
}

/** The key word that was meant. Guesses at long names only, and at few letters: there are many parameters of servers. */
function findMeant(name: string): string | undefined {
  if (name.length < 7 || name.includes('.')) return undefined;
  const meant = closest(name, Object.keys(keyWords));
  return meant !== undefined && meant.length >= 7 && editDistance(name.toLowerCase(), meant) <= 2 ? meant : undefined;
}
