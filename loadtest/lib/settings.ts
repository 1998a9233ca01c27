// What a script is told by the environment. No k6 module is imported, so that these rules can be tested without k6.

/** Variables of the environment: `__ENV` in k6. */
export type Environment = Readonly<Record<string, string | undefined>>;

interface CommonSettings {
  /** Scheme, host and port, without a slash at the end. */
  baseUrl: string;
  /** How long a stopped machine may take to become ready, in seconds. */
  wakeSeconds: number;
  /** Where the reports go; undefined for none. */
  summaryDirectory: string | undefined;
}

export interface SmokeSettings extends CommonSettings {
  /** An origin that must be allowed to call the API from a browser. */
  allowedOrigin: string;
  /** The commit that must answer; undefined for any. */
  expectSha: string | undefined;
}

export interface LoadSettings extends CommonSettings {
  /** Iterations started each second, at most, by open scenarios. */
  rate: number;
  durationSeconds: number;
}

/** What a load script does when RATE and DURATION are not set. */
export interface LoadDefaults {
  rate: number;
  durationSeconds: number;
}

const mostRate = 100_000;
const mostWakeSeconds = 600;
const defaultWakeSeconds = 60;

const baseUrlPattern = /^(https?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?\/?$/i;
const originPattern = /^https?:\/\/(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?$/i;
const shaPattern = /^[0-9a-f]{7,40}(-dirty)?$/;
const loopbackPattern = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/i;

/** Settings of the smoke test. Throws one Error that names everything that is wrong. */
export function readSmokeSettings(env: Environment): SmokeSettings {
  const problems: string[] = [];
  const common = readCommon(env, problems);
  const allowedOrigin = readText(env, 'ALLOWED_ORIGIN');
  if (allowedOrigin === undefined)
    problems.push('ALLOWED_ORIGIN is not set: one of the origins in the ALLOWED_ORIGINS of the server');
  else if (!originPattern.test(allowedOrigin))
    problems.push(
      `ALLOWED_ORIGIN=${allowedOrigin}: expected one origin without a path, such as https://catatlas.example`,
    );
  const expectSha = readText(env, 'EXPECT_SHA');
  if (expectSha !== undefined && !shaPattern.test(expectSha))
    problems.push(`EXPECT_SHA=${expectSha}: expected 7 to 40 hexadecimal digits of a commit, in lower case`);
  refuse(problems);
  return { ...common, allowedOrigin: allowedOrigin ?? '', expectSha };
}

/**
 * Settings of a load script. Throws one Error that names everything that is wrong; a host other than this machine is
 * wrong unless ALLOW_REMOTE=yes, because load on somebody's server by mistake is an attack.
 */
export function readLoadSettings(env: Environment, defaults: LoadDefaults): LoadSettings {
  const problems: string[] = [];
  const common = readCommon(env, problems);
  const allowRemote = readText(env, 'ALLOW_REMOTE');
  if (allowRemote !== undefined && allowRemote !== 'yes' && allowRemote !== 'no')
    problems.push(`ALLOW_REMOTE=${allowRemote}: expected yes or no`);
  const host = hostOf(common.baseUrl);
  if (host !== undefined && !loopbackPattern.test(host) && allowRemote !== 'yes')
    problems.push(`${host} is not this machine: if it is yours and may be put under load, set ALLOW_REMOTE=yes`);
  const rate = readWhole(env, 'RATE', { least: 1, most: mostRate, fallback: defaults.rate }, problems);
  const duration = readText(env, 'DURATION');
  const durationSeconds = duration === undefined ? defaults.durationSeconds : secondsOf(duration);
  if (durationSeconds === undefined) problems.push(`DURATION=${duration}: expected a time such as 90s, 5m or 1h30m`);
  refuse(problems);
  return { ...common, rate, durationSeconds: durationSeconds ?? 0 };
}

/** The settings as their variables, for reports. */
export function shownSettings(settings: SmokeSettings | LoadSettings): Record<string, string> {
  const { baseUrl, wakeSeconds } = settings;
  const own: Record<string, string> =
    'rate' in settings
      ? { RATE: String(settings.rate), DURATION: `${settings.durationSeconds}s` }
      : { ALLOWED_ORIGIN: settings.allowedOrigin, EXPECT_SHA: settings.expectSha ?? 'any' };
  return { BASE_URL: baseUrl, ...own, WAKE_SECONDS: String(wakeSeconds) };
}

/** Is the commit that the server names the one that is expected: the same, or one whose full name begins so? */
export function isExpectedCommit(commit: unknown, expected: string): boolean {
  if (typeof commit !== 'string') return false;
  return commit === expected || (/^[0-9a-f]{40}$/.test(commit) && commit.startsWith(expected));
}

function readCommon(env: Environment, problems: string[]): CommonSettings {
  const given = readText(env, 'BASE_URL');
  const byPlan = readText(env, 'CATATLAS_API_BASE');
  const baseUrl = given ?? byPlan;
  if (baseUrl === undefined)
    problems.push('BASE_URL is not set: the address of the server, such as http://127.0.0.1:8000');
  else if (!baseUrlPattern.test(baseUrl))
    problems.push(`BASE_URL=${baseUrl}: expected http:// or https:// and a host, without a path or a password`);
  if (given !== undefined && byPlan !== undefined && given !== byPlan)
    problems.push(`BASE_URL=${given} and CATATLAS_API_BASE=${byPlan} disagree: set one of them`);
  const wakeSeconds = readWhole(
    env,
    'WAKE_SECONDS',
    { least: 1, most: mostWakeSeconds, fallback: defaultWakeSeconds },
    problems,
  );
  return {
    baseUrl: (baseUrl ?? '').replace(/\/$/, ''),
    wakeSeconds,
    summaryDirectory: readText(env, 'SUMMARY_DIR')?.replace(/(?<=.)\/+$/, ''),
  };
}

/** Set to nothing counts as not set, as the server reads its own settings. */
function readText(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === '' ? undefined : value;
}

function readWhole(
  env: Environment,
  name: string,
  { least, most, fallback }: { least: number; most: number; fallback: number },
  problems: string[],
): number {
  const text = readText(env, name);
  if (text === undefined) return fallback;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  problems.push(`${name}=${text}: expected a whole number from ${least} to ${most}`);
  return fallback;
}

/** `1h30m`, `5m`, `90s` in seconds; undefined for anything else and for no time at all. */
function secondsOf(text: string): number | undefined {
  const [, hours, minutes, seconds] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  const total = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
  return total > 0 ? total : undefined;
}

function hostOf(baseUrl: string): string | undefined {
  return baseUrlPattern.exec(baseUrl)?.[2];
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(`cannot run like this:\n${problems.map((one) => `- ${one}`).join('\n')}`);
}
