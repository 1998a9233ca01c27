import { tmpdir } from 'node:os';
import type { Build } from '../build.ts';
import type { Clock } from '../clock.ts';
import { maskDatabaseUrl, readDatabaseAddress } from '../config/database-address.ts';
import { readSettings, type SettingsReport } from '../config/settings.ts';
import { readAtHome } from '../migrator/home.ts';
import type { Log } from '../observability/log.ts';
import { findNewestBackup } from '../observability/newest-backup.ts';
import { attempt, type Check, type Finding } from './check.ts';
import { checkCriteria } from './criteria.ts';
import { readDamage } from './damage.ts';
import { checkClosedDatabase, checkDatabase } from './database-checks.ts';
import { readDatabaseFacts, readGrants, readPrivileges } from './database-facts.ts';
import { type DatabaseTarget, openTarget, readDirect, readReplica } from './database-target.ts';
import { checkDisk, readFreeSpace } from './disk.ts';
import { findExclusive, readBlockers } from './lock-checks.ts';
import { checkNumbering, readNumberingFacts } from './numbering.ts';
import { checkNoSchema, checkSchema, checkUnreachableSchema } from './schema-checks.ts';
import { readSchemaFacts } from './schema-facts.ts';
import { checkPlace, readPlace } from './schema-place.ts';
import { checkNoServer, checkServer } from './server-checks.ts';
import { readServer } from './server-facts.ts';
import { checkSettings } from './settings-checks.ts';

/** What is to be examined, and with what. */
export interface Examination {
  env: Record<string, string | undefined>;
  /** A running server to ask; undefined: none. */
  url: URL | undefined;
  /** Origins that the server has to allow; empty: those that ALLOWED_ORIGINS of `env` names, if it is set. */
  origins: readonly string[];
  build: Build;
  clock: Clock;
  log: Log;
}

/**
 * Looks at everything and judges it. No finding keeps another one from being made, each has a limit of time, and nothing is changed
 * anywhere: of a database catalogues are read, and a server is asked with GET and OPTIONS. An embedded database that nobody has
 * open is opened, as by any command, and closed again.
 */
export async function examine(given: Examination): Promise<Check[]> {
  const { env, url, build } = given;
  const report = readSettings({ env });
  const asProduction = readSettings({ env: { ...env, DEBUG: 'False' } });
  const origins = given.origins.length > 0 ? given.origins : originsOf(report);
  // First, because the embedded engine works in this thread and would be in the time that the answers take.
  const server = url ? checkServer(await readServer(url, origins), build, Date.now()) : checkNoServer();
  const checks = [
    ...checkSettings(report, asProduction),
    ...(await examineDatabase(report, given)),
    ...checkDisk(await examineDataDirectory(report), await readFreeSpace(tmpdir())),
    ...server,
  ];
  const backups = await readBackups(report);
  const evidence = { report, url, origins, checks, databaseHost: hostOf(report), backups, now: Date.now() };
  return [...checks, ...checkCriteria(evidence)];
}

async function readBackups({ values: { BACKUP_DIR: directory } }: SettingsReport) {
  return directory === undefined ? undefined : { directory, found: await attempt(() => findNewestBackup(directory)) };
}

async function examineDatabase(report: SettingsReport, given: Examination): Promise<Check[]> {
  const { values } = report;
  const { build, log } = given;
  const name = `catatlas/${build.version} doctor`;
  const target = await openTarget(report, name, log);
  if (target.state !== 'open') return checkUnopened(target, given.url);
  const { database, directory } = target;
  try {
    const place = await readPlace(database.sql);
    const facts = await readDatabaseFacts(database);
    const blockers = await attempt(() => readBlockers(database.sql));
    const locked = 'value' in blockers ? findExclusive(blockers.value) : undefined;
    const schema = await readSchemaFacts(database.sql, { ...given, binaryVersion: build.version, locked });
    // Without the names of our tables nothing is known of the rights on them.
    const ofTables = async <T>(read: (tables: readonly string[]) => Promise<T>): Promise<Finding<T>> => {
      const { tables } = schema;
      return 'error' in tables ? tables : await attempt(() => read(tables.value));
    };
    // Reading the rows of a locked table waits for that lock.
    const ofUnlocked: typeof ofTables = async (read) =>
      locked === undefined ? await ofTables(read) : { error: new Error(locked) };
    const { DIRECT_DATABASE_URL: direct, REPLICA_DATABASE_URL: replica } = values;
    return [
      ...checkDatabase(facts, {
        values,
        kind: database.kind,
        place: directory === undefined ? maskDatabaseUrl(values.DATABASE_URL ?? '') : `embedded, in ${directory}`,
        host: hostOf(report),
        direct: direct === undefined ? undefined : await readDirect(direct, schema.tables, name, log),
        replica: replica === undefined ? undefined : await readReplica(replica, name, log),
        grants: await ofTables((tables) => readGrants(database.sql, tables)),
        privileges: await ofTables((tables) =>
          'value' in place && place.value.schema !== null
            ? readAtHome(database.sql, (tx) => readPrivileges(tx, tables))
            : readPrivileges(database.sql, tables),
        ),
        blockers,
        damage: await ofUnlocked((tables) => readDamage(database.sql, tables)),
      }),
      checkPlace(place),
      ...checkSchema({ ...schema, invalidIndexes: facts.invalidIndexes }, values),
      checkNumbering(await ofUnlocked((tables) => readNumberingFacts(database.sql, tables))),
    ];
  } finally {
    await database.close();
  }
}

function checkUnopened(target: Exclude<DatabaseTarget, { state: 'open' }>, url: URL | undefined): Check[] {
  return [
    ...checkClosedDatabase(describeUnopened(target, url)),
    ...(target.state === 'unusable'
      ? checkUnreachableSchema('the database cannot be reached')
      : checkNoSchema('the database could not be asked')),
  ];
}

function describeUnopened(
  target: Exclude<DatabaseTarget, { state: 'open' }>,
  url: URL | undefined,
): Pick<Check, 'verdict' | 'found' | 'advice'> {
  switch (target.state) {
    case 'unsettled':
      return {
        verdict: 'unknown',
        found: 'the settings name no database that could be asked',
        advice: 'Correct the settings first.',
      };
    case 'absent':
      return {
        verdict: 'unknown',
        found: `there is no embedded database in ${target.directory} yet`,
        advice: 'The first start makes it: catatlas serve. For a PostgreSQL server set DATABASE_URL.',
      };
    case 'in use':
      return {
        verdict: 'unknown',
        found:
          target.pid === undefined
            ? target.problem
            : `process ${target.pid} has the embedded database in ${target.directory}`,
        advice: url
          ? 'What that process says of it is under readiness.'
          : 'Ask through it, for example: catatlas doctor --url http://127.0.0.1:8000',
      };
    case 'unusable':
      return { verdict: 'fail', found: target.problem, advice: target.advice };
  }
}

/** Free space for the embedded database: undefined when a server keeps the data. */
async function examineDataDirectory({ values, sources }: SettingsReport) {
  if (sources.DATABASE_URL !== 'default') return undefined;
  const directory = values.DATA_DIR;
  return directory === undefined
    ? { directory: 'DATA_DIR', bytes: { error: new Error('the settings name none') } }
    : await readFreeSpace(directory);
}

/** The origins that somebody has thought of: those of the default are nobody's front end. */
function originsOf({ values, sources }: SettingsReport): string[] {
  if (sources.ALLOWED_ORIGINS === 'default') return [];
  return (values.ALLOWED_ORIGINS ?? []).filter((origin) => origin !== '*');
}

/** The first host of DATABASE_URL, or the directory of its socket. */
function hostOf({ values }: SettingsReport): string | undefined {
  const reading = readDatabaseAddress(values.DATABASE_URL ?? '');
  return 'value' in reading ? reading.value.hosts[0]?.host : undefined;
}
