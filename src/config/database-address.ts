import { isIP } from 'node:net';
import { decideFate, isKeyWord } from './address-words.ts';
import { type Kind, kindOf, type Reading, type Wrong, wrong } from './kinds.ts';

/** What an address of a PostgreSQL database means, as psql has it. */
export interface DatabaseAddress {
  /** In the order in which they are tried. A host that begins with / is the directory of a Unix socket, and then the only one. */
  hosts: readonly { host: string; port: number }[];
  /** Undefined: the user of the operating system. */
  user: string | undefined;
  password: string | undefined;
  database: string;
  tls: TlsMode;
  /** Begin with TLS at once (PostgreSQL 17), instead of asking for it. */
  directTls: boolean;
  /** The file with the authorities to trust, or `system`. Undefined: ~/.postgresql/root.crt. */
  rootFile: string | undefined;
  target: SessionTarget;
  /** How long connecting to a host may take, in seconds. */
  connectSeconds: number | undefined;
  /** Parameters for the server, such as application_name and options. */
  parameters: Readonly<Record<string, string>>;
}

const tlsModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type TlsMode = (typeof tlsModes)[number];
const sessionTargets = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type SessionTarget = (typeof sessionTargets)[number];

const example = 'postgresql://USER:PASSWORD@HOST:5432/DATABASE';
const encode = 'In the user name and the password write @ as %40, # as %23, / as %2F, ? as %3F, : as %3A and % as %25.';

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
 * no message repeats any part of it but well-known words. The value is the text: {@link readDatabaseAddress} says what it means.
 */
export const databaseUrl: Kind<string> = kindOf('postgres:// or postgresql:// address', (text) => {
  const reading = readDatabaseAddress(text.trim());
  return 'wrong' in reading ? reading : { value: text.trim() };
});

/** Reads an address as libpq does (conninfo_uri_parse of fe-connect.c). What cannot be honored is refused by name. */
export function readDatabaseAddress(text: string): Reading<DatabaseAddress> {
  const refused = refuseOtherThings(text) ?? refuseMisplaced(text);
  if (refused) return refused;
  const values = collectValues(split(text));
  return 'wrong' in values ? values : interpret(values.value);
}

/** What is no address of a PostgreSQL at all. */
function refuseOtherThings(text: string): { wrong: readonly Wrong[] } | undefined {
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
  if (/^postgres(ql)?:\/\//.test(text)) return undefined;
  if (/^postgres(ql)?:\/\//i.test(text))
    return wrong(
      'has capital letters in its scheme, and then psql takes it for the name of a database',
      `Begin it with postgresql:// in small letters, as in ${example}`,
    );
  if (isKeyWordString(text))
    return wrong('is a list of key words (host=… dbname=…)', `Write it as an address: ${example}`);
  const what =
    scheme !== undefined && knownSchemes.includes(scheme)
      ? `begins with ${scheme}:`
      : 'does not begin with postgres:// or postgresql://';
  const quoted = /^["']/.test(text) ? ' Remove the quotes around it.' : '';
  return wrong(what, `Set it to ${example}.${quoted}`);
}

/** What libpq takes, but hardly as it was meant. */
function refuseMisplaced(text: string): { wrong: readonly Wrong[] } | undefined {
  if (text.includes('#')) return wrong('has a # in it', encode);
  if (/[\s\p{Cc}]/u.test(text)) return wrong('has white space in it', 'Remove it; in a password write a space as %20.');
  const { user, hosts, path } = split(text);
  // To libpq all of it is the name of a user.
  if (user?.includes('?')) return wrong('has a ? before an @', `${encode} Behind the ? do so, too.`);
  if (hosts.includes('@') || path.includes('@'))
    return wrong('has an @ that does not stand in front of the host', encode);
  if (path.includes('/', 1))
    return wrong('has more than the name of a database in its path', `Set it to ${example}. ${encode}`);
  return undefined;
}

/** Is this the address or the file of a SQLite database? */
export function isSqlite(text: string): boolean {
  return (
    /^(sqlite|file)[\w+]*:/i.test(text) ||
    (!/^[a-z]\w*:\/\//i.test(text) && /\.(db|sqlite3?|db3)$/i.test(text)) ||
    text === ':memory:'
  );
}

/** Is this how libpq takes addresses, too: `host=… dbname=…`? */
export function isKeyWordString(text: string): boolean {
  return isKeyWord(/^\s*(\w+)\s*=/.exec(text)?.[1] ?? '');
}

/** The address as it may be shown: password and query values but those of two harmless words replaced by stars. */
export function maskDatabaseUrl(text: string): string {
  const { scheme, user, password, hosts, path, query } = split(text);
  const shownUser = user === undefined ? '' : `${user}${password === undefined ? '' : ':***'}@`;
  const shownQuery = (query ?? '')
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => (/^(sslmode|target_session_attrs)=[a-z-]+$/.test(pair) ? pair : `${pair.split('=')[0]}=***`))
    .join('&');
  return `${scheme}://${shownUser}${hosts}${path}${shownQuery === '' ? '' : `?${shownQuery}`}`;
}

/** Is there a password in it, wherever it stands? */
export function hasPassword(text: string): boolean {
  const { password, query } = split(text);
  return Boolean(password) || /(^|&)[^&=]*(password|secret|key)[^&=]*=[^&]/i.test(query ?? '');
}

/** The parts of an address as libpq cuts them, not decoded. `path` begins with its slash. */
interface Parts {
  scheme: string;
  user: string | undefined;
  password: string | undefined;
  hosts: string;
  path: string;
  query: string | undefined;
}

/** Whether there is a user is decided by which of @ and / comes first, even behind a question mark. */
function split(text: string): Parts {
  const [scheme = '', ...others] = text.split('://');
  const rest = others.join('://');
  const mark = rest.search(/[@/]/);
  const credentials = rest[mark] === '@' ? rest.slice(0, mark) : undefined;
  const place = credentials === undefined ? rest : rest.slice(mark + 1);
  const colon = credentials?.indexOf(':') ?? -1;
  const question = place.indexOf('?');
  const [front, query] = question < 0 ? [place, undefined] : [place.slice(0, question), place.slice(question + 1)];
  const slash = front.indexOf('/');
  return {
    scheme,
    user: colon < 0 ? credentials : credentials?.slice(0, colon),
    password: colon < 0 ? undefined : credentials?.slice(colon + 1),
    hosts: slash < 0 ? front : front.slice(0, slash),
    path: slash < 0 ? '' : front.slice(slash),
    query,
  };
}

/** Every value by the name of libpq's parameter: of those given twice the last. */
type Values = ReadonlyMap<string, string>;

function collectValues({ user, password, hosts, path, query }: Parts): Reading<Values> {
  const faults: Wrong[] = [];
  const values = new Map<string, string>();
  const decoded = (text: string, where: string): string => {
    const value = decode(text);
    if (value === undefined) faults.push({ problem: `has a % in ${where} that encodes nothing`, fix: encode });
    return value ?? '';
  };
  const set = (name: string, text: string, where: string) => {
    if (text !== '') values.set(name, decoded(text, where));
  };
  set('user', user ?? '', 'the user name or password');
  set('password', password ?? '', 'the user name or password');
  const places = splitHosts(hosts);
  if (places === undefined) return wrong('is not a valid address', `Set it to ${example}. ${encode}`);
  set('host', places.map(({ host }) => host).join(','), 'the host');
  set('port', places.map(({ port }) => port).join(','), 'the port');
  set('dbname', path.slice(1), 'the name of the database');

  // libpq lets the last pair end in an ampersand.
  const pairs = (query ?? '').replace(/&$/, '');
  for (const pair of pairs === '' ? [] : pairs.split('&')) {
    const [name = '', value, ...more] = pair.split('=');
    const known = isKeyWord(name) ? ` ${name}` : '';
    if (value === undefined)
      faults.push({
        problem: `has a parameter${known} without a value`,
        fix: 'Write NAME=VALUE behind the ?, with & between.',
      });
    else if (more.length > 0)
      faults.push({
        problem: `has a second = in the parameter${known}`,
        fix: 'In a value write = as %3D and & as %26.',
      });
    else if (name === 'ssl' && value === 'true') values.set('sslmode', 'require');
    else values.set(decoded(name, 'a parameter'), decoded(value, `the parameter${known}`));
  }
  return faults.length > 0 ? { wrong: faults } : { value: values };
}

/** `host:port` pairs, separated by commas; an IPv6 address stands in brackets. Undefined for a bracket that is not closed right. */
function splitHosts(text: string): { host: string; port: string }[] | undefined {
  const places: { host: string; port: string }[] = [];
  for (const place of text.split(',')) {
    const match = /^(?:\[([^\]]+)\]|([^[:]*))(?::(.*))?$/.exec(place);
    if (!match) return undefined;
    places.push({ host: match[1] ?? match[2] ?? '', port: match[3] ?? '' });
  }
  return places;
}

/** Decodes %XX and nothing else: a plus is a plus. Undefined for what is no byte, or no UTF-8. */
function decode(text: string): string | undefined {
  try {
    const value = decodeURIComponent(text);
    return value.includes('\0') ? undefined : value;
  } catch {
    return undefined;
  }
}

function interpret(values: Values): Reading<DatabaseAddress> {
  const faults: Wrong[] = [];
  const parameters: Record<string, string> = {};
  for (const [name, value] of values) {
    const fate = decideFate(name, value);
    if (typeof fate === 'object') faults.push(fate);
    else if (fate === 'sent') parameters[name] = value;
  }
  // As libpq: a name that is set to nothing is not set.
  const get = (name: string) => values.get(name) || undefined;
  const choose = <const W extends string>(name: string, words: readonly W[], preset: W): W => {
    const given = values.get(name);
    const word = given === undefined ? preset : words.find((each) => each === given);
    if (word === undefined)
      faults.push({ problem: `has an unknown ${name}`, fix: `${name} must be one of ${words.join(', ')}.` });
    return word ?? preset;
  };
  const rootFile = get('sslrootcert');
  const tls = choose('sslmode', tlsModes, rootFile === 'system' ? 'verify-full' : 'prefer');
  const directTls = choose('sslnegotiation', ['postgres', 'direct'], 'postgres') === 'direct';
  const binding = choose('channel_binding', ['disable', 'prefer', 'require'], 'prefer');
  const target = choose('target_session_attrs', sessionTargets, 'any');
  const hosts = readHosts(values);
  if ('wrong' in hosts) faults.push(...hosts.wrong);
  const database = get('dbname');
  if (database === undefined) faults.push({ problem: 'names no database', fix: `Add it after the host: ${example}` });
  const seconds = values.get('connect_timeout');
  if (seconds !== undefined && !/^[+-]?\d{1,9}$/.test(seconds))
    faults.push({
      problem: 'has a connect_timeout that is no whole number',
      fix: 'Set it to seconds, or take it out.',
    });
  if ('value' in hosts) faults.push(...findWeakTls({ tls, rootFile, directTls, binding, values }));
  if (faults.length > 0 || 'wrong' in hosts || database === undefined) return { wrong: faults };
  return {
    value: {
      hosts: hosts.value,
      user: get('user'),
      password: get('password'),
      database,
      tls,
      directTls,
      rootFile,
      target,
      // As libpq: 0 and less is no limit.
      connectSeconds: Number(seconds) > 0 ? Number(seconds) : undefined,
      parameters,
    },
  };
}

function readHosts(values: Values): Reading<DatabaseAddress['hosts']> {
  const [host = '', address = ''] = [values.get('host'), values.get('hostaddr')];
  if (host !== '' && address !== '')
    return wrong('has the parameter hostaddr beside a host', 'Write the IP address as the host, or take hostaddr out.');
  const names = (host || address).split(',');
  if (names.includes('')) return wrong('names no host', `Set it to ${example}.`);
  const isHost = (name: string) => isIP(name) !== 0 || (host !== '' && /^[\w.-]+$/.test(name));
  if (names.some((name) => name.startsWith('@')))
    return wrong('names an abstract socket', 'Give the server a directory of sockets (unix_socket_directories).');
  if (names.some((name) => name.startsWith('/')) && (host === '' || names.length > 1))
    return wrong('has a directory of sockets beside other hosts', 'Name that one alone, or name hosts alone.');
  if (!names.every((name) => name.startsWith('/') || isHost(name)))
    return wrong('is not a valid address', `Set it to ${example}. ${encode}`);
  // One port is for all hosts.
  const ports = (values.get('port') ?? '').split(',');
  if (ports.length !== 1 && ports.length !== names.length)
    return wrong(`has ${ports.length} ports for ${names.length} hosts`, 'Give one port for all, or one for each.');
  const numbers = names.map((_, index) => ports[ports.length === 1 ? 0 : index] || '5432');
  if (!numbers.every((port) => /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535))
    return wrong('is not a valid address: a port is no number from 1 to 65535', `Set it to ${example}. ${encode}`);
  return { value: names.map((name, index) => ({ host: name, port: Number(numbers[index]) })) };
}

/** Where more is asked of TLS by one parameter than the others give. */
function findWeakTls(given: {
  tls: TlsMode;
  rootFile: string | undefined;
  directTls: boolean;
  binding: 'disable' | 'prefer' | 'require';
  values: Values;
}): Wrong[] {
  const { tls, rootFile, directTls, binding, values } = given;
  const faults: Wrong[] = [];
  const opportunistic = tls === 'allow' || tls === 'prefer';
  if (rootFile === 'system' && tls !== 'verify-full')
    faults.push({
      problem: `has sslrootcert=system with sslmode=${tls}`,
      fix: 'Anybody has a certificate of some authority: write sslmode=verify-full.',
    });
  else if (rootFile !== undefined && opportunistic)
    faults.push({
      problem: `has sslrootcert with sslmode=${tls}, which asks no authority`,
      fix: 'Write sslmode=verify-full, or take sslrootcert out.',
    });
  if (directTls && (opportunistic || tls === 'disable'))
    faults.push({
      problem: `has sslnegotiation=direct with sslmode=${tls}`,
      fix: 'Write sslmode=require or verify-full, or take sslnegotiation out.',
    });
  if (binding === 'require' && tls !== 'verify-full')
    faults.push({
      problem: `has channel_binding=require with sslmode=${tls}`,
      fix: 'Channel binding is not spoken, and sslmode=verify-full is what makes sure of the server: write sslmode=verify-full&sslrootcert=system (or the file of its authority), or take channel_binding out.',
    });
  if (tls === 'verify-full' && !values.get('host'))
    faults.push({
      problem: 'has sslmode=verify-full without the name of a host',
      fix: 'Write the host instead of hostaddr.',
    });
  return faults;
}
