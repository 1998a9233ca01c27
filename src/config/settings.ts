import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { posix, win32 } from 'node:path';
import { build } from '../build.ts';
import { ageIdentities } from './age-identities.ts';
import { databaseUrl, maskDatabaseUrl, readDatabaseAddress } from './database-address.ts';
import {
  directory,
  type Kind,
  line,
  listenAddress,
  oneOf,
  opaque,
  readAs,
  regionCode,
  sentryDsn,
  share,
  trueOrFalse,
  wholeNumber,
} from './kinds.ts';
import { findNearMisses } from './near-misses.ts';
import { origins } from './origins.ts';
import { findProductionProblems } from './production.ts';
import { readTrust } from './root-certificates.ts';

/** What defaults may depend on. */
interface Facts {
  production: boolean;
  databaseGiven: boolean;
  version: string;
  hasIpv6(): boolean;
  /** The address of this machine in the private network of Fly.io, which reads metrics there. */
  flyAddress: string | undefined;
  /** Where programs keep data on this machine, or undefined when the environment names no home directory. */
  dataHome: string | undefined;
}

/** One row of the table. `T` is what the kind reads, `D` what the default adds to it (undefined for what may stay unset). */
export interface Setting<T, D> {
  group: SettingGroup;
  kind: Kind<T>;
  /** Never shown, and may come from a file named by `NAME_FILE`. */
  secret?: true;
  purpose: string;
  /** Checked already, but nothing uses it in this version. */
  unused?: true;
  example: string;
  default: D | ((facts: Facts) => D);
  /** The default in words, where it is computed. */
  defaultText?: string;
}

export const settingGroups = ['Application', 'Server', 'Database', 'Accounts', 'Limits', 'Observability'] as const;
export type SettingGroup = (typeof settingGroups)[number];

function setting<T, const D extends T | undefined>(row: Setting<T, D>): Setting<T, D> {
  return row;
}

/** Everybody in production, this machine otherwise. */
function listenAddressByDefault(facts: Facts): string {
  if (!facts.production) return '127.0.0.1';
  // A kernel without IPv6 refuses to listen on :: (EAFNOSUPPORT), which would end the start.
  return facts.hasIpv6() ? '::' : '0.0.0.0';
}

/** Nobody else but, on Fly.io, its private network: metrics tell what the server does, and its port may be open by mistake. */
function metricsAddressByDefault({ production, flyAddress }: Facts): string {
  return production && flyAddress !== undefined ? flyAddress : '127.0.0.1';
}

/**
 * Every setting there is, by the name of its environment variable. The parser, `--help`, `config print`, `.env.example` and
 * `docs/settings.md` are all made from this table.
 */
export const settingsTable = {
  APP_NAME: setting({
    group: 'Application',
    kind: line(100),
    purpose: 'The name that the home page and the log show.',
    example: 'CatAtlas API',
    default: 'CatAtlas API',
  }),
  APP_VERSION: setting({
    group: 'Application',
    kind: line(50),
    purpose: 'The version that the home page and the log show. `catatlas version` says what was really built.',
    example: '1.0.0',
    default: (facts) => facts.version,
    defaultText: 'the version of the program',
  }),
  DEBUG: setting({
    group: 'Application',
    kind: trueOrFalse,
    purpose: 'False is production: the start is refused unless every rule for production is met. True is development.',
    example: 'False',
    default: (facts) => !facts.databaseGiven,
    defaultText: 'False when DATABASE_URL is set, otherwise True',
  }),
  HOST: setting({
    group: 'Server',
    kind: listenAddress,
    purpose: 'The address to listen on. :: takes IPv6 and IPv4, 0.0.0.0 takes IPv4, 127.0.0.1 takes this machine only.',
    example: '0.0.0.0',
    default: listenAddressByDefault,
    defaultText: 'in development 127.0.0.1; in production :: or, where the machine has no IPv6, 0.0.0.0',
  }),
  PORT: setting({
    group: 'Server',
    kind: wholeNumber(0, 65535),
    purpose: 'The TCP port to listen on. 0 takes any free one.',
    example: '8000',
    default: 8000,
  }),
  KEEP_ALIVE_SECONDS: setting({
    group: 'Server',
    kind: wholeNumber(5, 255, 'seconds'),
    purpose:
      'How long a connection without a request is kept. Longer than the proxy in front keeps it, or the proxy sends a request into a connection that is being closed: docs/troubleshooting.md has a table of proxies. Without effect on Deno, which closes none.',
    example: '240',
    default: 240,
  }),
  REQUEST_TIMEOUT_SECONDS: setting({
    group: 'Server',
    kind: wholeNumber(1, 240, 'seconds'),
    purpose:
      'How long the answer to a request may take, from when the request has arrived whole, before the work is stopped and the answer is 503. Must be shorter than the proxy in front waits (60 on Fly.io), and than clients do (30 for the front end).',
    example: '25',
    default: 25,
  }),
  SHUTDOWN_DRAIN_SECONDS: setting({
    group: 'Server',
    kind: wholeNumber(0, 300, 'seconds'),
    purpose:
      'How long a server that is told to stop says that it is not ready, and still answers, before it takes no more connections. Behind a proxy that keeps connections, longer than it keeps them: 6 on Fly.io.',
    example: '6',
    default: 0,
  }),
  SHUTDOWN_TIMEOUT_SECONDS: setting({
    group: 'Server',
    kind: wholeNumber(1, 300, 'seconds'),
    purpose:
      'How long requests under way may take to finish after that. The platform must wait for both together before it kills the process.',
    example: '25',
    default: 25,
  }),
  FLY_REGION: setting({
    group: 'Server',
    kind: regionCode,
    purpose: 'The region that this machine is in. Fly.io sets it.',
    example: 'fra',
    default: undefined,
  }),
  PRIMARY_REGION: setting({
    group: 'Server',
    kind: regionCode,
    purpose:
      'The region of the primary database, which takes all writes. Fly.io sets it to primary_region of fly.toml. A server in another region has the proxy of Fly.io repeat writes there, and reads from REPLICA_DATABASE_URL.',
    example: 'iad',
    default: undefined,
    defaultText: 'this region',
  }),
  DATABASE_URL: setting({
    group: 'Database',
    kind: databaseUrl,
    secret: true,
    purpose:
      'The PostgreSQL database. When it is not set, the embedded database in DATA_DIR is used (development only).',
    example: 'postgresql://catatlas:PASSWORD@localhost:5432/catatlas',
    default: undefined,
  }),
  DIRECT_DATABASE_URL: setting({
    group: 'Database',
    kind: databaseUrl,
    secret: true,
    purpose:
      'The address of the same database without a pooler between, for migrations and for moving data. Only needed when DATABASE_URL leads through PgBouncer or its like.',
    example: 'postgresql://catatlas:PASSWORD@direct.localhost:5432/catatlas',
    default: undefined,
    defaultText: 'DATABASE_URL',
  }),
  REPLICA_DATABASE_URL: setting({
    group: 'Database',
    kind: databaseUrl,
    secret: true,
    purpose:
      'A replica of the database, for servers outside of PRIMARY_REGION to read from. Commands and servers in PRIMARY_REGION use DATABASE_URL.',
    example: 'postgresql://catatlas:PASSWORD@top1.nearest.of.catatlas-db.internal:5433/catatlas',
    default: undefined,
    defaultText: 'DATABASE_URL',
  }),
  TARGET_DATABASE_URL: setting({
    group: 'Database',
    kind: databaseUrl,
    secret: true,
    purpose:
      'The database that `catatlas copy` and `catatlas backup verify` write into, in place of --to: a command line shows its password to every user of the machine.',
    example: 'postgresql://catatlas:PASSWORD@other.localhost:5432/catatlas',
    default: undefined,
    defaultText: 'not set',
  }),
  DATABASE_TYPE: setting({
    group: 'Database',
    kind: oneOf(['postgresql', 'sqlite'], { postgres: 'postgresql' }),
    purpose:
      'A statement of what the database is, checked against DATABASE_URL. The embedded database is a PostgreSQL too; sqlite is refused in production.',
    example: 'postgresql',
    default: 'postgresql',
  }),
  DATA_DIR: setting({
    group: 'Database',
    kind: directory,
    purpose: 'Where the embedded database keeps its files.',
    example: '/var/lib/catatlas',
    default: (facts): string | undefined => facts.dataHome,
    defaultText: '$XDG_DATA_HOME/catatlas or ~/.local/share/catatlas; on Windows %LOCALAPPDATA%\\catatlas',
  }),
  DATABASE_POOL_SIZE: setting({
    group: 'Database',
    kind: wholeNumber(1, 1000, 'connections'),
    purpose:
      'How many connections to the database are meant to be in use. With DATABASE_POOL_OVERFLOW it makes the maximum.',
    example: '5',
    default: 5,
  }),
  DATABASE_POOL_OVERFLOW: setting({
    group: 'Database',
    kind: wholeNumber(0, 1000, 'connections'),
    purpose: 'How many connections may be opened beyond that under load. 5 and 10 make a maximum of 15.',
    example: '10',
    default: 10,
  }),
  DATABASE_CONNECT_TIMEOUT_SECONDS: setting({
    group: 'Database',
    kind: wholeNumber(1, 300, 'seconds'),
    purpose: 'How long connecting to the database may take.',
    example: '5',
    default: 5,
  }),
  DATABASE_STATEMENT_TIMEOUT_SECONDS: setting({
    group: 'Database',
    kind: wholeNumber(1, 3600, 'seconds'),
    purpose: 'How long a statement may take before it is cancelled and the request answered with 503.',
    example: '5',
    default: 5,
  }),
  DATABASE_IDLE_TIMEOUT_SECONDS: setting({
    group: 'Database',
    kind: wholeNumber(1, 86_400, 'seconds'),
    purpose: 'After how long without use a connection is closed. Managed Postgres on Fly.io asks for 300.',
    example: '300',
    default: 300,
  }),
  DATABASE_MAX_LIFETIME_SECONDS: setting({
    group: 'Database',
    kind: wholeNumber(1, 86_400, 'seconds'),
    purpose: 'After how long a connection is replaced by a new one. Managed Postgres on Fly.io asks for 600.',
    example: '600',
    default: 600,
  }),
  MIGRATE_ON_BOOT: setting({
    group: 'Database',
    kind: oneOf(['auto', 'require', 'off']),
    purpose:
      'What a server does about pending migrations when it starts. auto: applies them. require: refuses to start (exit code 4). off: waits until somebody else has applied them.',
    example: 'auto',
    default: 'auto',
  }),
  MIGRATION_LOCK_TIMEOUT_SECONDS: setting({
    group: 'Database',
    kind: wholeNumber(1, 86_400, 'seconds'),
    purpose:
      'How long a migration waits: for another process that migrates the same database, or for a table that is in use.',
    example: '300',
    default: 300,
  }),
  BACKUP_IDENTITY: setting({
    group: 'Database',
    kind: ageIdentities,
    secret: true,
    purpose: 'The secret keys that open encrypted backups (AGE-SECRET-KEY-…, one a line), for `catatlas backup`.',
    example: '<a key made by age-keygen>',
    default: undefined,
    defaultText: 'not set',
  }),
  JWT_SECRET: setting({
    group: 'Accounts',
    kind: opaque,
    secret: true,
    purpose: 'The key that signs tokens, at least 32 characters: `catatlas secret` makes one. Required in production.',
    unused: true,
    example: '<output of catatlas secret>',
    default: undefined,
    defaultText: 'not set',
  }),
  JWT_ALGORITHM: setting({
    group: 'Accounts',
    kind: oneOf(['HS256', 'HS384', 'HS512']),
    purpose: 'How tokens are signed. HS384 needs a key of 48 characters, HS512 one of 64.',
    unused: true,
    example: 'HS256',
    default: 'HS256',
  }),
  ACCESS_TOKEN_EXPIRE_MINUTES: setting({
    group: 'Accounts',
    kind: wholeNumber(1, 10_080, 'minutes'),
    purpose: 'How long an access token is valid.',
    unused: true,
    example: '30',
    default: 30,
  }),
  REFRESH_TOKEN_EXPIRE_DAYS: setting({
    group: 'Accounts',
    kind: wholeNumber(1, 365, 'days'),
    purpose: 'How long a refresh token is valid.',
    unused: true,
    example: '7',
    default: 7,
  }),
  ENABLE_REGISTRATION: setting({
    group: 'Accounts',
    kind: trueOrFalse,
    purpose: 'Whether people may open an account themselves.',
    unused: true,
    example: 'True',
    default: true,
  }),
  ALLOWED_ORIGINS: setting({
    group: 'Limits',
    kind: origins,
    purpose: 'The websites whose scripts may use the API from a browser (CORS). * for any, in development only.',
    example: 'https://catatlas.com,https://www.catatlas.com',
    default: ['http://localhost:5173'] as string[],
  }),
  ALLOW_ANONYMOUS_EDITS: setting({
    group: 'Limits',
    kind: trueOrFalse,
    purpose:
      'Whether every visitor may change and delete sightings, delete cats and take sightings away from them. There are no accounts yet, so a visitor cannot prove what is theirs. False: these operations are refused with 403 EDITS_CLOSED.',
    example: 'False',
    default: (facts) => !facts.production,
    defaultText: 'False in production, True in development',
  }),
  RATE_LIMIT_PER_MINUTE: setting({
    group: 'Limits',
    kind: wholeNumber(1, 1_000_000),
    purpose: 'How many requests a minute one client may make.',
    unused: true,
    example: '100',
    default: 100,
  }),
  AUTH_RATE_LIMIT_PER_MINUTE: setting({
    group: 'Limits',
    kind: wholeNumber(1, 1_000_000),
    purpose: 'How many attempts a minute one client may make to sign in or to register.',
    unused: true,
    example: '5',
    default: 5,
  }),
  LOG_LEVEL: setting({
    group: 'Observability',
    kind: oneOf(['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'], { warn: 'WARNING', fatal: 'CRITICAL' }),
    purpose: 'The least severe thing that is logged.',
    example: 'INFO',
    default: 'INFO',
  }),
  LOG_FORMAT: setting({
    group: 'Observability',
    kind: oneOf(['json', 'pretty', 'auto']),
    purpose: 'json: one object a line. pretty: for people. auto: pretty on a terminal, otherwise json.',
    example: 'json',
    default: 'auto',
  }),
  SENTRY_DSN: setting({
    group: 'Observability',
    kind: sentryDsn,
    secret: true,
    purpose:
      'Where faults of the program are reported, without anything that a request brought. Not set: nowhere, and nothing of it is loaded.',
    example: 'https://KEY@o0.ingest.sentry.io/0',
    default: undefined,
  }),
  SENTRY_TRACES_SAMPLE_RATE: setting({
    group: 'Observability',
    kind: share,
    purpose: 'The share of requests whose time, with that of their statements, is recorded in Sentry.',
    example: '0.1',
    default: 0.1,
  }),
  SENTRY_ENVIRONMENT: setting({
    group: 'Observability',
    kind: line(64),
    purpose: 'What Sentry calls the place where this server runs.',
    example: 'staging',
    default: (facts) => (facts.production ? 'production' : 'development'),
    defaultText: 'production when DEBUG is False, otherwise development',
  }),
  METRICS_PORT: setting({
    group: 'Observability',
    kind: wholeNumber(0, 65535),
    purpose:
      'The TCP port for Prometheus: metrics at /metrics, for anybody who reaches it, so not one that is open to the internet. 0 takes any free one. Not set: no metrics.',
    example: '9091',
    default: undefined,
  }),
  METRICS_HOST: setting({
    group: 'Observability',
    kind: listenAddress,
    purpose: 'The address to listen on for Prometheus. One that runs elsewhere needs that of a private network, or ::.',
    example: '127.0.0.1',
    default: metricsAddressByDefault,
    defaultText:
      'this machine only (127.0.0.1); in production on Fly.io the address of its private network (FLY_PRIVATE_IP)',
  }),
  SLOW_QUERY_MILLISECONDS: setting({
    group: 'Observability',
    kind: wholeNumber(0, 3_600_000, 'milliseconds'),
    purpose:
      'A statement that takes this long, waiting for a connection included, is logged with its text, without values, and the request it was for. 0: none.',
    example: '1000',
    default: 1000,
  }),
  BACKUP_DIR: setting({
    group: 'Observability',
    kind: directory,
    purpose:
      'Where backups are kept on this machine. The server and `catatlas doctor` only look how old the newest file is that begins and ends as an archive; `catatlas backup create` is told by its argument.',
    example: '/var/backups/catatlas',
    default: undefined,
  }),
};

export type SettingName = keyof typeof settingsTable;

type ValueOf<Row> = Row extends Setting<infer T, infer D> ? T | D : never;

/** The values by the names of their environment variables. */
export type SettingValues = { readonly [Name in SettingName]: ValueOf<(typeof settingsTable)[Name]> };

/** Settings that have been checked as a whole. */
export interface Settings extends SettingValues {
  /** DEBUG is false. */
  readonly production: boolean;
  /** Which database is to be used: follows from DATABASE_URL and DATA_DIR. */
  readonly database:
    | { readonly kind: 'postgresql'; readonly url: string }
    | { readonly kind: 'embedded'; readonly directory: string };
  /** Where a server has writes repeated; undefined where it takes them itself: follows from PRIMARY_REGION and FLY_REGION. */
  readonly primaryElsewhere: string | undefined;
  /** Things to tell the operator that do not stop the start. */
  readonly warnings: readonly SettingProblem[];
  /** Settings that were given and that nothing uses in this version. */
  readonly withoutEffect: readonly SettingName[];
}

export const settingNames = Object.keys(settingsTable) as SettingName[];

const rows: Record<SettingName, Setting<unknown, unknown>> = settingsTable;

/** The settings that are secrets. */
export const secretNames = settingNames.filter((name) => rows[name].secret);

/** Is this a setting that nothing uses in this version? */
export function isUnused(name: SettingName): boolean {
  return rows[name].unused === true;
}

/** Those that were given, and that nothing uses in this version. */
export function findWithoutEffect(sources: SettingsReport['sources']): SettingName[] {
  return settingNames.filter((name) => isUnused(name) && sources[name] !== 'default');
}

/** The row of the table for one setting. */
export function rowOf(name: SettingName): Setting<unknown, unknown> {
  return rows[name];
}

/** What a setting is for, and what else there is to know, in sentences. */
export function explainSetting(name: SettingName): string {
  const { purpose, secret, unused } = rows[name];
  const file = secret ? ` Secret; ${name}_FILE may name a file that holds it.` : '';
  return `${purpose}${file}${unused ? ' Checked, but without effect in this version.' : ''}`;
}

/** The default in words: `8000`, `not set`. */
export function defaultTextOf(name: SettingName): string {
  const row = rows[name];
  if (row.defaultText !== undefined) return row.defaultText;
  if (row.default === undefined) return 'not set';
  return showPlain(row.default);
}

/** The flag of a setting: `--data-dir` for DATA_DIR. Commands say which of them they take. */
export function flagOf(name: SettingName): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`;
}

/** One thing that is wrong, or worth a warning. Holds no secret. */
export interface SettingProblem {
  /** The environment variable. */
  name: string;
  /** Where the value came from: `environment variable`, `file named by JWT_SECRET_FILE`, `--port`, `not set`. */
  source: string;
  problem: string;
  fix: string;
}

/** Settings that cannot be used. `message` lists every problem, with its remedy. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[], warnings: readonly SettingProblem[]) {
    const count = problems.length === 1 ? 'a setting is wrong' : `${problems.length} settings are wrong`;
    super(`${count}:\n\n${problems.map(describeProblem).join('\n')}`);
    this.problems = problems;
    this.warnings = warnings;
  }
}

/** A problem as two lines of text: what is wrong, and what to do. */
export function describeProblem({ name, source, problem, fix }: SettingProblem): string {
  return `  ${name} (${source}) ${problem}.\n    ${fix}\n`;
}

export interface SettingsInput {
  env: Record<string, string | undefined>;
  /** Values from the command line; they win over the environment. */
  flags?: Partial<Record<SettingName, string>>;
  /** Reads a file as text. Default: the file system. */
  readFile?(path: string): string;
  /** Default: this machine's. */
  platform?: string;
  /** Whether the machine has an IPv6 address. Default: looks at the network interfaces. */
  hasIpv6?(): boolean;
  /** Default: the version of this build. */
  version?: string;
  /** `tool`: of the rules for production only those about the database. Default: all of them, as for a server. */
  rules?: 'server' | 'tool';
}

export interface SettingsReport {
  /** What could be read; without the settings that are wrong. */
  values: Partial<SettingValues>;
  /** Where each value came from. */
  sources: Record<SettingName, string>;
  problems: SettingProblem[];
  warnings: SettingProblem[];
  /** Whether this is a start for production. */
  production: boolean;
}

function forRules(rules: SettingsInput['rules'], problems: SettingProblem[]): SettingProblem[] {
  return rules === 'tool' ? problems.filter(({ name }) => name.startsWith('DATABASE_')) : problems;
}

/** Reads and checks all settings. Throws SettingsError with every problem there is. */
export function loadSettings(input: SettingsInput): Settings {
  const { values, sources, problems, warnings, production } = readSettings(input);
  const { DATABASE_URL: url, DATA_DIR: dataDirectory } = values;
  if (problems.length > 0 || !isComplete(values)) throw new SettingsError(problems, warnings);
  const database =
    url === undefined
      ? ({ kind: 'embedded', directory: dataDirectory ?? '' } as const)
      : ({ kind: 'postgresql', url } as const);
  return {
    ...values,
    production,
    database,
    primaryElsewhere: primaryElsewhere(values),
    warnings,
    withoutEffect: findWithoutEffect(sources),
  };
}

/** A machine that does not know where it is takes writes itself. */
function primaryElsewhere({ FLY_REGION: here, PRIMARY_REGION: primary }: SettingValues): string | undefined {
  return here === undefined || here === primary ? undefined : primary;
}

function isComplete(values: Partial<SettingValues>): values is SettingValues {
  return settingNames.every((name) => name in values);
}

/** Reads and checks all settings, and reports whatever it finds. Throws nothing. */
export function readSettings(input: SettingsInput): SettingsReport {
  const platform = input.platform ?? process.platform;
  const problems: SettingProblem[] = [];
  const texts = collectTexts(input, problems);
  const sources = Object.fromEntries(settingNames.map((name) => [name, texts[name]?.source ?? 'default'])) as Record<
    SettingName,
    string
  >;
  const databaseGiven = texts.DATABASE_URL !== undefined;

  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of settingNames) {
    const text = texts[name];
    if (text?.value === undefined) continue;
    const reading = readAs(rows[name].kind, text.value);
    if ('value' in reading) values[name] = reading.value;
    else problems.push(...reading.wrong.map((each) => ({ name, source: text.source, ...each })));
  }
  const production = typeof values.DEBUG === 'boolean' ? !values.DEBUG : databaseGiven;
  const facts: Facts = {
    production,
    databaseGiven,
    version: input.version ?? build.version,
    hasIpv6: input.hasIpv6 ?? machineHasIpv6,
    dataHome: findDataHome(input.env, platform),
    flyAddress: isIP(input.env['FLY_PRIVATE_IP'] ?? '') === 6 ? input.env['FLY_PRIVATE_IP'] : undefined,
  };
  for (const name of settingNames) {
    if (texts[name]) continue;
    const { default: preset } = rows[name];
    values[name] = typeof preset === 'function' ? preset(facts) : preset;
  }

  const known = values as Partial<SettingValues>;
  problems.push(...findUntrusted(known, sources));
  const sourceOf = (name: SettingName) => texts[name]?.source ?? 'not set';
  const warnings = findNearMisses(input.env, settingNames, secretNames, platform);
  if (production)
    problems.push(
      // Who only reads or changes data needs no key for tokens and no list of websites.
      ...forRules(
        input.rules,
        findProductionProblems({
          databaseGiven,
          databaseType: known.DATABASE_TYPE,
          jwtSecret: known.JWT_SECRET,
          jwtSecretMissing: !texts.JWT_SECRET,
          jwtAlgorithm: known.JWT_ALGORITHM,
          allowedOrigins: known.ALLOWED_ORIGINS,
          sourceOf,
        }),
      ),
    );
  else problems.push(...findDevelopmentProblems(known, databaseGiven, sourceOf));
  warnings.push(...findWarnings(known, { production, databaseGiven }, sourceOf));
  const order = (problem: SettingProblem) => settingNames.indexOf(problem.name as SettingName);
  return { values: known, sources, production, warnings, problems: problems.toSorted((a, b) => order(a) - order(b)) };
}

/** Addresses whose file of authorities cannot be used. */
function findUntrusted(values: Partial<SettingValues>, sources: Record<SettingName, string>): SettingProblem[] {
  const names = ['DATABASE_URL', 'DIRECT_DATABASE_URL', 'REPLICA_DATABASE_URL', 'TARGET_DATABASE_URL'] as const;
  return names.flatMap((name) => {
    const reading = readDatabaseAddress(values[name] ?? '');
    if ('wrong' in reading) return [];
    const trust = readTrust(reading.value);
    return 'wrong' in trust ? trust.wrong.map((each) => ({ name, source: sources[name], ...each })) : [];
  });
}

interface Text {
  /** Undefined when it could not be read, which is a problem already reported. */
  value: string | undefined;
  source: string;
}

/** Finds the text of each setting: flag, then environment variable, then file. An empty variable counts as not set. */
function collectTexts(
  { env, flags = {}, readFile = (path) => readFileSync(path, 'utf8') }: SettingsInput,
  problems: SettingProblem[],
): Partial<Record<SettingName, Text>> {
  const texts: Partial<Record<SettingName, Text>> = {};
  for (const name of settingNames) {
    const flag = flags[name];
    const variable = env[name];
    const path = rows[name].secret ? env[`${name}_FILE`] : undefined;
    if (flag !== undefined) texts[name] = { value: flag, source: flagOf(name) };
    else if (variable && path) {
      const source = 'environment variable';
      const fix = 'Keep one of them, so that it is clear which one counts.';
      problems.push({ name, source, problem: `and ${name}_FILE are both set`, fix });
      texts[name] = { value: undefined, source };
    } else if (variable) texts[name] = { value: variable, source: 'environment variable' };
    else if (path) {
      const source = `file named by ${name}_FILE`;
      const reading = readSecretFile(path, readFile);
      if ('problem' in reading) problems.push({ name, source, ...reading });
      texts[name] = { value: 'value' in reading ? reading.value : undefined, source };
    }
  }
  return texts;
}

const fileFaults: Record<string, string> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a directory',
  ENOTDIR: 'lies below something that is not a directory',
};

function readSecretFile(
  path: string,
  readFile: (path: string) => string,
): { value: string } | { problem: string; fix: string } {
  try {
    const value = readFile(path).replace(/\r?\n$/, '');
    if (value.trim() !== '') return { value };
    return { problem: `is empty: ${path}`, fix: 'Write the secret into it, and nothing else.' };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return {
      problem: `cannot be read: ${path} ${fileFaults[code] ?? `gave ${code || 'an unknown error'}`}`,
      fix: 'Check the path, and that the user of this process may read it.',
    };
  }
}

type SourceOf = (name: SettingName) => string;

function findDevelopmentProblems(
  values: Partial<SettingValues>,
  databaseGiven: boolean,
  sourceOf: SourceOf,
): SettingProblem[] {
  const problems: SettingProblem[] = [];
  if (databaseGiven && values.DATABASE_TYPE === 'sqlite')
    problems.push({
      name: 'DATABASE_TYPE',
      source: sourceOf('DATABASE_TYPE'),
      problem: 'is sqlite, and DATABASE_URL is set: it can only name a PostgreSQL database',
      fix: 'Set it to postgresql, or leave it out.',
    });
  if (!databaseGiven && 'DATA_DIR' in values && values.DATA_DIR === undefined)
    problems.push({
      name: 'DATA_DIR',
      source: 'not set',
      problem:
        'has no default, because the environment names no home directory where the embedded database could keep its files',
      fix: 'Set it to the full path of a directory, or set HOME, or set DATABASE_URL.',
    });
  return problems;
}

function findWarnings(
  values: Partial<SettingValues>,
  { production, databaseGiven }: { production: boolean; databaseGiven: boolean },
  sourceOf: SourceOf,
): SettingProblem[] {
  const warnings: SettingProblem[] = [];
  if (!production && !databaseGiven && values.DATABASE_TYPE === 'sqlite')
    warnings.push({
      name: 'DATABASE_TYPE',
      source: sourceOf('DATABASE_TYPE'),
      problem: 'is sqlite, which this server does not use: the embedded PostgreSQL serves',
      fix: 'Leave it out.',
    });
  if (production && sourceOf('ALLOWED_ORIGINS') === 'not set')
    warnings.push({
      name: 'ALLOWED_ORIGINS',
      source: 'not set',
      problem: 'is left at its default, so only http://localhost:5173 may use the API from a browser',
      fix: 'Set it to the origins of your frontend, such as https://catatlas.com.',
    });
  return warnings;
}

/** The XDG base directory specification: a relative XDG_DATA_HOME is to be ignored. */
function findDataHome(env: Record<string, string | undefined>, platform: string): string | undefined {
  if (platform === 'win32') {
    const local = env['LOCALAPPDATA'] || (env['USERPROFILE'] && win32.join(env['USERPROFILE'], 'AppData', 'Local'));
    return local ? win32.join(local, 'catatlas') : undefined;
  }
  const data = env['XDG_DATA_HOME'];
  if (data && posix.isAbsolute(data)) return posix.join(data, 'catatlas');
  const home = env['HOME'];
  return home && posix.isAbsolute(home) ? posix.join(home, '.local', 'share', 'catatlas') : undefined;
}

function machineHasIpv6(): boolean {
  try {
    return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ family }) => family === 'IPv6'));
  } catch {
    // Not allowed to look (Deno without --allow-sys=networkInterfaces): 0.0.0.0 works on every machine.
    return false;
  }
}

/** A value as text for people. Secrets are hidden; of a database address the password is. */
export function showValue(name: SettingName, value: unknown): string {
  if (value === undefined) return 'not set';
  if (name === 'DATABASE_URL' && typeof value === 'string') return maskDatabaseUrl(value);
  return rows[name].secret ? 'set (hidden)' : showPlain(value);
}

function showPlain(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  const text = Array.isArray(value) ? value.join(',') : String(value);
  return /\p{Cc}/u.test(text) ? JSON.stringify(text) : text;
}
