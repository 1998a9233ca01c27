import { isUnused, type SettingsReport } from '../config/settings.ts';
import type { BackupsFound } from '../observability/newest-backup.ts';
import {
  type Check,
  checkOf,
  count,
  describeError,
  type Finding,
  isLoopback,
  isPrivateHost,
  type Verdict,
} from './check.ts';

/** What the success criteria of the deployment plan are judged by. */
export interface Evidence {
  report: SettingsReport;
  /** The running server; undefined when none was named. */
  url: URL | undefined;
  /** Origins that were asked about. */
  origins: readonly string[];
  /** Every other check, already judged. */
  checks: readonly Check[];
  /** Host of DATABASE_URL; undefined when there is none that could be read. */
  databaseHost: string | undefined;
  /** BACKUP_DIR, and the newest archive in it; undefined when it is not set. */
  backups: { directory: string; found: Finding<BackupsFound> } | undefined;
  /** In milliseconds since 1970. */
  now: number;
}

/** The titles of the plan, in its order, but for the last. */
const titles = [
  'Backend API responds at production URL',
  'Frontend connects to production backend',
  'All tests pass against production',
  'HTTPS/SSL working',
  'CORS configured correctly',
  'Database is PostgreSQL (not SQLite)',
  'Environment variables set securely',
  'Error monitoring (Sentry) configured',
  'Logs accessible via `flyctl logs`',
  'Health check endpoint returns 200',
  'No DEBUG=True in production',
  'JWT_SECRET is strong and unique',
  'Backups configured',
  // The plan has "Zero cost (within free tier)", which there is none of any more: docs/cost.md.
  'Estimated monthly cost recorded, within budget',
] as const;

/** One a week, and a day for its delays: as in deploy/prometheus/alerts.yml. */
const oldestBackupHours = 8 * 24;

type Judge = ReturnType<typeof checkOf>;

/** The 14 success criteria of the deployment plan, numbered as there. */
export function checkCriteria(evidence: Evidence): Check[] {
  return titles.map((title, index) => {
    const judge = judges[index];
    if (!judge) throw new Error(`criterion ${index + 1} has no judge`);
    return judge(checkOf(`criteria.${index + 1}`, title), evidence);
  });
}

const needsUrl = 'Name the server: catatlas doctor --url https://…';
const needsPublicUrl = 'Name the address that the world uses: catatlas doctor --url https://…';
const needsEnvironment =
  'Run this where the server runs, with its environment (Fly.io: fly ssh console -C "/app/catatlas doctor").';

const judges: readonly ((judge: Judge, evidence: Evidence) => Check)[] = [
  (judge, { url, checks }) => {
    if (!url) return judge.unknown('no server was named', needsUrl);
    const needed = ['server.address', 'server.health', 'server.read'].map((id) => find(checks, id));
    const broken = findBroken(needed);
    if (broken) return follow(judge, broken, needsUrl);
    return isPrivateHost(url.hostname)
      ? judge.unknown(`${url.origin} responds, but is an address of this network`, needsPublicUrl)
      : judge.pass(`${url.origin} responds`);
  },
  (judge, { url, origins, checks }) => {
    if (!url || origins.length === 0)
      return judge.unknown(
        url ? 'no origin was named' : 'no server was named',
        'Name the server and the origin of the front end: catatlas doctor --url https://… --origin https://…',
      );
    const mixed = origins.filter(
      (origin) => origin.startsWith('https:') && url.protocol === 'http:' && !isLoopback(url.hostname),
    );
    if (mixed.length > 0)
      return judge.fail(
        `a page of ${mixed.join(', ')} may not ask ${url.origin}: browsers block http inside https`,
        'Serve the API with https.',
      );
    const broken = findBroken([find(checks, 'server.cors'), find(checks, 'server.read')]);
    if (broken) return follow(judge, broken, needsUrl);
    return judge.pass(`a browser at ${origins.join(', ')} may read and write`);
  },
  (judge) =>
    judge.unknown(
      'tests write, and this command changes nothing',
      'Run the tests of the repository before a deployment and its smoke test after it; catatlas selftest proves this program itself.',
    ),
  (judge, { url, checks }) => {
    if (!url) return judge.unknown('no server was named', needsUrl);
    if (url.protocol === 'https:') {
      const certificate = find(checks, 'server.certificate');
      const redirect = find(checks, 'server.redirect');
      const doubtful = ['fail', 'warn', 'unasked'].includes(redirect.verdict);
      return follow(judge, certificate.verdict === 'pass' && doubtful ? redirect : certificate);
    }
    return isPrivateHost(url.hostname)
      ? judge.unknown(`${url.origin} is an address of this network, without TLS`, needsPublicUrl)
      : judge.fail(
          `${url.origin} is not https`,
          'Ask for https, and have the platform redirect http (Fly.io: force_https).',
        );
  },
  (judge, { url, checks }) => {
    if (!url) return judge.unknown('no server was named', needsUrl);
    const foreign = find(checks, 'server.foreign');
    const allowed = find(checks, 'server.cors');
    return follow(judge, findBroken([foreign, allowed]) ?? allowed);
  },
  (judge, evidence) => {
    const problem = evidence.report.problems.find(({ name }) => /^DATABASE_(URL|TYPE)$/.test(name));
    if (problem) return judge.fail(`${problem.name} ${problem.problem}`, problem.fix);
    if (evidence.databaseHost === undefined)
      return judge.unknown('this environment names no PostgreSQL server', needsEnvironment);
    const version = find(evidence.checks, 'database.version');
    return follow(judge, version, 'See the checks of the database.');
  },
  (judge, evidence) => {
    if (!describesServer(evidence)) return judge.unknown('this environment is for development', needsEnvironment);
    const { problems } = evidence.report;
    if (problems.length > 0)
      return judge.fail(
        `wrong: ${[...new Set(problems.map(({ name }) => name))].join(', ')}`,
        'catatlas config check says what is wrong with each, and what to write.',
      );
    if (!evidence.report.production)
      return judge.fail('the rules for production do not apply: DEBUG is True', 'Set DEBUG=False.');
    return judge.pass('every rule for production is met, no secret is a known placeholder');
  },
  (judge, evidence) => {
    const { report } = evidence;
    if (!describesServer(evidence)) return judge.unknown('this environment is for development', needsEnvironment);
    if (report.values.SENTRY_DSN === undefined)
      return judge.warn(
        'SENTRY_DSN is not set: faults are in the log only',
        'Set it to the DSN of a project, or do without: the log and the metrics have them, too.',
      );
    return judge.pass('SENTRY_DSN is set');
  },
  (judge, evidence) => {
    const level = evidence.report.values.LOG_LEVEL;
    return describesServer(evidence) && level !== undefined && level !== 'INFO' && level !== 'DEBUG'
      ? judge.warn(`LOG_LEVEL is ${level}: requests leave no line in the log`, 'Set LOG_LEVEL=INFO, or leave it out.')
      : judge.unknown('the log is with the platform', 'flyctl logs has to show the lines of requests as they come.');
  },
  (judge, { url, checks }) =>
    url ? follow(judge, find(checks, 'server.health')) : judge.unknown('no server was named', needsUrl),
  (judge, evidence) => {
    const { production } = evidence.report;
    if (production) return judge.pass('DEBUG is False');
    return describesServer(evidence)
      ? judge.fail('DEBUG is True', 'Set DEBUG=False, or leave it out: with DATABASE_URL that is the default.')
      : judge.unknown('this environment is for development', needsEnvironment);
  },
  (judge, evidence) => {
    const { report } = evidence;
    if (!describesServer(evidence)) return judge.unknown('this environment is for development', needsEnvironment);
    const problem = report.problems.find(({ name }) => name === 'JWT_SECRET');
    const make = 'Make one for this deployment alone: catatlas secret';
    if (problem) return judge.fail(`it ${problem.problem}`, make);
    if (report.values.JWT_SECRET === undefined) return judge.fail('it is not set', make);
    return report.production
      ? judge.pass(
          `set, long enough, and not one that is known${isUnused('JWT_SECRET') ? '; nothing is signed with it in this version' : ''}`,
        )
      : judge.unknown('it is set; the rules apply with DEBUG=False', 'Set DEBUG=False.');
  },
  (judge, { backups, now }) => {
    const make = 'Make one at fixed times: catatlas backup create FILE. Prove each: catatlas backup verify FILE.';
    if (!backups) return judge.unknown('BACKUP_DIR is not set: backups are kept elsewhere, if there are any', make);
    const { directory, found: finding } = backups;
    if ('error' in finding)
      return judge.fail(
        `BACKUP_DIR cannot be read: ${describeError(finding.error)}`,
        'Make it, and let this user read it.',
      );
    const { newest, flawed } = finding.value;
    const others = flawed.length === 0 ? '' : `; newer and no archives: ${flawed.join(', ')}`;
    if (newest === undefined)
      return judge.fail(`there is no backup in ${directory}${others.replace('newer and ', '')}`, make);
    const hours = Math.max(0, Math.floor((now / 1000 - newest) / 3600));
    const found = `the newest in ${directory} is ${hours < 48 ? count(hours, 'hour') : count(Math.floor(hours / 24), 'day')} old`;
    if (hours > oldestBackupHours) return judge.fail(`${found}${others}`, `Find out why none was made since. ${make}`);
    return flawed.length > 0
      ? judge.warn(`${found}${others}`, 'Find out whether a backup was broken off, and keep other files elsewhere.')
      : judge.pass(`${found}; backup verify proves it`);
  },
  (judge) =>
    judge.unknown(
      'the bill is with the platform',
      'docs/cost.md says what to expect; bun scripts/deploy/watch-cost.ts counts what is rented.',
    ),
];

/**
 * Is this the environment of a deployed server? One for production is, whatever else; one for development is taken for it when the
 * database or the server is not on this network, so that DEBUG=True is found where it must not be.
 */
function describesServer({ report, url, databaseHost }: Evidence): boolean {
  if (report.production) return true;
  if (databaseHost === undefined) return false;
  return !isLoopback(databaseHost) || (url !== undefined && !isPrivateHost(url.hostname));
}

/** The verdict of another check, with its advice or, where it has none, this. */
function follow(judge: Judge, { verdict, found, advice }: Check, otherwise: string | null = null): Check {
  const next = advice ?? otherwise;
  switch (verdict) {
    case 'pass':
      return judge.pass(found);
    case 'warn':
      return judge.warn(found, next ?? '');
    case 'fail':
      return judge.fail(found, next ?? '');
    default:
      return judge[verdict](found, next);
  }
}

/** The worst of these that is no proof: what failed, then what could not be asked, then what cannot be measured. */
function findBroken(checks: readonly Check[]): Check | undefined {
  const order: readonly Verdict[] = ['fail', 'unasked', 'unknown'];
  return order.flatMap((verdict) => checks.filter((check) => check.verdict === verdict))[0];
}

function find(checks: readonly Check[], id: string): Check {
  const check = checks.find((one) => one.id === id);
  if (!check) throw new Error(`there is no check ${id}`);
  return check;
}
