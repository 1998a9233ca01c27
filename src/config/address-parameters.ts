import { type Reading, type Wrong, wrong } from './kinds.ts';
import { closest, editDistance } from './spelling.ts';

interface KeyWord {
  /** Values that change nothing here, or whose purpose is met by other means. */
  dropped?: RegExp;
  /** What to do about any other value. Without it the parameter is read where the connection is made. */
  fix?: string;
}

const read: KeyWord = {};
const ignored: KeyWord = { dropped: /^/ };
const partOfAddress: KeyWord = {
  fix: 'Write it where it belongs: postgresql://USER:PASSWORD@HOST:5432/DATABASE; a directory of sockets is a host with %2F for /.',
};
const noClientCertificate = 'Take it out: no client certificate is presented. Let the user in by password.';
const noRevocations =
  'Take it out: lists of revoked certificates are not read. Keep only trusted authorities in the file of sslrootcert.';
const noOauth = 'Take it out: OAuth is not spoken. Let the user in by password.';
const noScramKeys = 'Take it out, and write the password into the address.';
const noService = 'Write the host, the user and the database of the service into the address.';

/**
 * The parameters that libpq keeps to itself (PostgreSQL 18, 34.1.2). The driver would send them to the server, which refuses the
 * connection for any that it does not know. What is not here is a parameter of the server, such as search_path.
 */
const keyWords: Record<string, KeyWord> = {
  sslmode: read,
  sslrootcert: read,
  target_session_attrs: read,
  user: read,
  password: read,
  // As libpq: JDBC's way to say sslmode=require.
  ssl: { dropped: /^true$/, fix: 'Write sslmode=require or sslmode=disable in its place.' },
  host: partOfAddress,
  hostaddr: partOfAddress,
  port: partOfAddress,
  dbname: partOfAddress,
  // The driver's SCRAM has none, and no server insists on it. What it is for, sslmode=verify-full gives.
  channel_binding: {
    dropped: /^(disable|prefer|require)$/,
    fix: 'channel_binding must be disable, prefer or require.',
  },
  // Settings and constants of this program decide.
  connect_timeout: ignored,
  fallback_application_name: ignored,
  keepalives: ignored,
  keepalives_idle: ignored,
  keepalives_interval: ignored,
  keepalives_count: ignored,
  tcp_user_timeout: ignored,
  client_encoding: { dropped: /^(auto|utf-?8|unicode)$/i, fix: 'Take it out: the connection is in UTF-8.' },
  // What TLS does anyway: no compression, the name of the host, a negotiation that every server knows.
  sslcompression: ignored,
  sslsni: ignored,
  sslnegotiation: ignored,
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

/**
 * The parameters of an address without those that are not for the server, or what is wrong with them. Names only words that are
 * known or near to one, and no value: both may be part of a secret.
 */
export function readParameters(query: string): Reading<URLSearchParams> {
  const given = new URLSearchParams(query);
  const kept = new URLSearchParams(given);
  const faults: Wrong[] = [];
  for (const [name, value] of given) {
    const word = Object.hasOwn(keyWords, name) ? keyWords[name] : undefined;
    if (word === undefined) {
      const meant = findMeant(name);
      if (meant !== undefined)
        faults.push({ problem: `has the unknown parameter ${name}`, fix: `Did you mean ${meant}?` });
    } else if (word !== read) {
      kept.delete(name);
      if (word.fix !== undefined && value !== '' && !word.dropped?.test(value))
        faults.push({
          problem: word.dropped
            ? `has a value of ${name} that cannot be honored`
            : `has the parameter ${name}, which cannot be honored`,
          fix: word.fix,
        });
    }
  }
  if (faults.length > 0) return { wrong: faults };
  if (given.get('ssl') === 'true' && !given.has('sslmode')) kept.set('sslmode', 'require');
  if (given.get('channel_binding') === 'require' && given.get('sslmode') === 'disable')
    return wrong('has channel_binding=require with sslmode=disable', 'Only TLS has channels to bind to: change one.');
  return { value: kept };
}

/** The key word that was meant. Guesses at long names only, and at few letters: there are many parameters of servers. */
function findMeant(name: string): string | undefined {
  if (name.length < 7 || name.includes('.')) return undefined;
  const meant = closest(name, Object.keys(keyWords));
  return meant !== undefined && meant.length >= 7 && editDistance(name.toLowerCase(), meant) <= 2 ? meant : undefined;
}
