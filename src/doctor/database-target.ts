import type { SettingsReport } from '../config/settings.ts';
import {
  AddressError,
  connectEmbedded,
  connectPostgres,
  type Database,
  lookAround,
  type Sql,
} from '../database/connect.ts';
import { holdsDatabase } from '../database/embedded-directory.ts';
import { DirectoryInUseError, EmbeddedDatabaseError } from '../database/embedded-failure.ts';
import { sqlStateOf } from '../database/errors.ts';
import { explainRefusedParameter, refusedParameterOf } from '../database/refused-parameter.ts';
import { explainTlsFailure } from '../database/tls-failure.ts';
import type { Log } from '../observability/log.ts';
import { attempt, describeError, type Finding } from './check.ts';
import { type DeedGrants, type Replication, readGrants, readIdentity, readReplication } from './database-facts.ts';

/** The database that the settings name, as far as it can be had. */
export type DatabaseTarget =
  | { state: 'open'; database: Database; directory: string | undefined }
  /** DATABASE_URL cannot be used, or there is no place for the embedded one: a matter of the settings. */
  | { state: 'unsettled' }
  /** The embedded one has not been made yet. */
  | { state: 'absent'; directory: string }
  | { state: 'in use'; directory: string; pid: number | undefined; problem: string }
  | { state: 'unusable'; problem: string; advice: string };

/** The longest that connecting may take, whatever the settings allow, in seconds. */
const connectSeconds = 5;

/**
 * Opens the database that the settings name, and asks it for a sign of life. An embedded one is opened only when it exists already:
 * this must not make one.
 */
export async function openTarget(
  { values }: Pick<SettingsReport, 'values'>,
  applicationName: string,
  log: Log,
): Promise<DatabaseTarget> {
  if (!('DATABASE_URL' in values)) return { state: 'unsettled' };
  const url = values.DATABASE_URL;
  if (url !== undefined) return await openPostgres(url, values.DATABASE_CONNECT_TIMEOUT_SECONDS, applicationName, log);
  const directory = values.DATA_DIR;
  if (directory === undefined) return { state: 'unsettled' };
  if (!holdsDatabase(directory)) return { state: 'absent', directory };
  const opened = await attempt(() => connectEmbedded({ dataDir: directory, log }));
  if ('value' in opened) return { state: 'open', database: opened.value, directory };
  if (opened.error instanceof DirectoryInUseError)
    return { state: 'in use', directory, pid: opened.error.pid, problem: opened.error.message };
  if (!(opened.error instanceof EmbeddedDatabaseError)) throw opened.error;
  return {
    state: 'unusable',
    problem: `the embedded database in ${directory} cannot be opened`,
    advice: opened.error.message,
  };
}

async function openPostgres(
  url: string,
  timeout: number | undefined,
  applicationName: string,
  log: Log,
): Promise<DatabaseTarget> {
  const opened = await attempt(async () => connect(url, timeout, applicationName, log));
  if ('error' in opened) return { state: 'unusable', ...explainFailure(opened.error) };
  const database = opened.value;
  const answered = await attempt(() => database.sql`select 1 as alive`);
  if ('value' in answered) return { state: 'open', database, directory: undefined };
  await database.close();
  return { state: 'unusable', ...explainFailure(answered.error) };
}

/** As behind a pooler, with no settings of the session but those that every pooler knows: what the role is given is to be seen. */
function connect(url: string, timeout: number | undefined, applicationName: string, log: Log): Database {
  return connectPostgres({
    url,
    applicationName,
    maxConnections: 1,
    connectTimeout: Math.min(timeout ?? connectSeconds, connectSeconds),
    pooled: true,
    log,
  });
}

/** What DIRECT_DATABASE_URL leads to. */
export interface DirectFacts {
  pooled: boolean;
  identity: Finding<string>;
  grants: Finding<DeedGrants[]>;
}

export async function readDirect(
  url: string,
  tables: Finding<readonly string[]>,
  applicationName: string,
  log: Log,
): Promise<Finding<DirectFacts>> {
  return await askAt(url, applicationName, log, async (sql) => ({
    pooled: (await lookAround(sql)).pooled,
    identity: await attempt(() => readIdentity(sql)),
    grants: 'error' in tables ? tables : await attempt(() => readGrants(sql, tables.value)),
  }));
}

/** What REPLICA_DATABASE_URL leads to. */
export interface ReplicaFacts {
  replication: Replication;
  identity: Finding<string>;
}

export async function readReplica(url: string, applicationName: string, log: Log): Promise<Finding<ReplicaFacts>> {
  return await askAt(url, applicationName, log, async (sql) => ({
    replication: await readReplication(sql),
    identity: await attempt(() => readIdentity(sql)),
  }));
}

/** Asks a database on a connection that is only for that. */
async function askAt<T>(
  url: string,
  applicationName: string,
  log: Log,
  ask: (sql: Sql) => Promise<T>,
): Promise<Finding<T>> {
  const opened = await attempt(async () => connect(url, undefined, applicationName, log));
  if ('error' in opened) return opened;
  const { sql, close } = opened.value;
  try {
    return await attempt(() => ask(sql));
  } finally {
    await close();
  }
}

/** What to do about a connection that cannot be made, by SQLSTATE or code of the driver. */
const remedies: Record<string, string> = {
  '28P01': 'Check user and password in DATABASE_URL.',
  '28000': 'Check the user in DATABASE_URL, and pg_hba.conf of the server: it may ask for TLS (sslmode=require).',
  '3D000': 'Create the database, or correct its name in DATABASE_URL.',
  '53300': 'Every connection is taken: close some, raise max_connections, or put a pooler in front.',
  '57P03': 'The server is starting or stopping: try again.',
  ENOENT: 'No server has its socket in that directory: start it, or correct the directory in DATABASE_URL.',
  ENOTFOUND: 'Correct the host in DATABASE_URL, or see why its name does not resolve here.',
  EAI_AGAIN: 'The name service does not answer: check the network of this machine.',
  ECONNREFUSED: 'Nothing listens there: start the server, or correct host and port in DATABASE_URL.',
  CONNECT_TIMEOUT:
    'Something swallows the packets (a firewall, a stopped machine) or the server hangs: see that it runs.',
  QUERY_TIMEOUT: 'It accepted the connection and then said nothing: see that the server runs and is not overloaded.',
};

/** Says why there is no connection, and what to do. Never repeats the address, which has the password. */
export function explainFailure(error: unknown): { problem: string; advice: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const state = sqlStateOf(error);
  const parameter = refusedParameterOf(error);
  if (parameter !== undefined) {
    const { problem, advice } = explainRefusedParameter(parameter);
    return {
      problem: `no connection: ${problem} (${state})`,
      advice: `${advice[0]?.toUpperCase()}${advice.slice(1)}.`,
    };
  }
  if (error instanceof AddressError)
    return { problem: `no connection: DATABASE_URL ${error.message}`, advice: 'Correct DATABASE_URL.' };
  const tls = explainTlsFailure(error);
  if (tls)
    return {
      problem: `no connection: ${tls.problem}`,
      advice: `${tls.advice[0]?.toUpperCase()}${tls.advice.slice(1)}.`,
    };
  return {
    problem: `no connection: ${describeError(error)}${state ? ` (${state})` : ''}`,
    advice: remedies[code] ?? 'See that the server runs, and that DATABASE_URL names the right one.',
  };
}
