import { build } from '../build.ts';
import { type Command, UsageError } from '../cli/command.ts';
import { wantsColor } from '../cli/command-log.ts';
import { ExitCode } from '../cli/exit-codes.ts';
import { systemClock } from '../clock.ts';
import { readAs } from '../config/kinds.ts';
import { origins } from '../config/origins.ts';
import type { Check, Verdict } from '../doctor/check.ts';
import { examine } from '../doctor/examine.ts';
import { silentLog } from '../observability/log.ts';

export const command: Command = {
  description: `Looks at everything that a deployment stands on, and says of each thing whether it is right and what to do: the settings of this
environment, the database and its schema, the disk, with --url a running server, and the 14 success criteria of the deployment
plan. Nothing is changed anywhere, and no secret is shown. What cannot be measured from here is called unknown; what was to be asked
and could not be is called unasked, proves nothing, and counts as a failure in the exit code.

Run it where the server runs, with the environment of the server; without DATABASE_URL it looks at the embedded database, unless a
running server has that open.`,
  options: [
    {
      name: 'url',
      value: 'URL',
      purpose: 'A running server to ask, with GET and OPTIONS only: its name, certificate, redirect, headers, answers',
    },
    {
      name: 'origin',
      value: 'ORIGIN',
      purpose: 'Where the front end is, as a browser writes it: it must be allowed (default: ALLOWED_ORIGINS, if set)',
    },
    { name: 'json', purpose: 'Print a JSON object' },
  ],
  settings: [
    'DATABASE_URL',
    'DIRECT_DATABASE_URL',
    'REPLICA_DATABASE_URL',
    'DATA_DIR',
    'BACKUP_DIR',
    'ALLOWED_ORIGINS',
    'DEBUG',
  ],
  exitCodes: [ExitCode.ok, ExitCode.failure, ExitCode.usage],
  examples: [
    { line: 'catatlas doctor', purpose: 'this environment, its database and its disk' },
    {
      line: 'catatlas doctor --url https://catatlas-api.fly.dev --origin https://catatlas.com',
      purpose: 'a deployment, as its front end sees it',
    },
    { line: 'catatlas doctor --json', purpose: 'for programs' },
  ],
  async run(args, io) {
    const checks = await examine({
      env: io.env,
      url: readUrl(args.values['url']),
      origins: readOrigins(args.values['origin']),
      build,
      clock: systemClock,
      log: silentLog,
    });
    const summary = summarize(checks);
    // What was to be asked and could not be is no more proven than what failed.
    const ok = summary.fail === 0 && summary.unasked === 0;
    if (args.switches.has('json')) io.stdout(`${JSON.stringify({ ok, summary, checks }, null, 2)}\n`);
    else io.stdout(renderChecks(checks, wantsColor(io)));
    return ok ? ExitCode.ok : ExitCode.failure;
  },
};

function readUrl(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const example = 'Write it like --url https://catatlas-api.fly.dev.';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new UsageError('--url is not an http or https address', example);
  if (url.username !== '' || url.password !== '')
    throw new UsageError('--url has a user name or password in it, which the API does not take', example);
  if (url.search !== '' || url.hash !== '') throw new UsageError('--url has a query or a fragment', example);
  return url;
}

function readOrigins(text: string | undefined): string[] {
  if (text === undefined) return [];
  const reading = readAs(origins, text);
  if ('value' in reading && !reading.value.includes('*')) return reading.value;
  const [first] = 'wrong' in reading ? reading.wrong : [];
  throw new UsageError(
    `--origin ${first?.problem ?? '"*" is no origin'}`,
    first?.fix ?? 'Write it like --origin https://catatlas.com.',
  );
}

function summarize(checks: readonly Check[]): Record<Verdict, number> {
  const summary: Record<Verdict, number> = { pass: 0, fail: 0, warn: 0, unknown: 0, unasked: 0 };
  for (const { verdict } of checks) summary[verdict] += 1;
  return summary;
}

const sections: Record<string, string> = {
  configuration: 'Settings of this environment',
  database: 'Database',
  schema: 'Schema',
  disk: 'Disk',
  server: 'Server',
  criteria: 'Success criteria of the deployment plan',
};

const colors: Record<Verdict, number> = { pass: 32, fail: 31, warn: 33, unknown: 90, unasked: 31 };

function renderChecks(checks: readonly Check[], color: boolean): string {
  const lines = Object.entries(sections).flatMap(([section, heading]) => [
    heading,
    ...renderSection(
      checks.filter(({ id }) => id.startsWith(`${section}.`)),
      color,
    ),
    '',
  ]);
  const { pass, fail, warn, unknown, unasked } = summarize(checks);
  const outcome = fail > 0 ? `${fail} failed` : 'Nothing failed';
  const open = unasked > 0 ? `, ${unasked} not asked, which proves nothing` : '';
  lines.push(`${outcome}: ${pass} passed, ${warn} to look at, ${unknown} not measurable here${open}.`);
  return `${lines.join('\n')}\n`;
}

function renderSection(checks: readonly Check[], color: boolean): string[] {
  const paint = (verdict: Verdict) => {
    const word = (verdict === 'fail' ? 'FAIL' : verdict).padEnd(7);
    return color ? `\u001b[${colors[verdict]}m${word}\u001b[0m` : word;
  };
  const rows = mergeUnknown(checks);
  const width = Math.max(...rows.map(({ name }) => name.length).filter((length) => length <= widestName));
  return rows.flatMap(({ verdict, name, found, advice }) => [
    `  ${paint(verdict)} ${name.padEnd(width)}  ${found}`,
    ...(advice === null ? [] : [`          -> ${advice}`]),
  ]);
}

/** Longer ones, of several checks in one line, do not widen the column. */
const widestName = 50;

interface Row extends Pick<Check, 'verdict' | 'found' | 'advice'> {
  name: string;
}

/** One line for neighbours that cannot be measured for one reason. Not for the criteria, of which each has to be seen. */
function mergeUnknown(checks: readonly Check[]): Row[] {
  const rows: Row[] = [];
  for (const check of checks) {
    const { id, verdict, found, advice } = check;
    const last = rows.at(-1);
    const alike =
      (last?.verdict === 'unknown' || last?.verdict === 'unasked') &&
      last.verdict === verdict &&
      last.found === found &&
      last.advice === advice;
    if (last && alike && !id.startsWith('criteria.')) last.name += `, ${nameOf(check)}`;
    else rows.push({ name: nameOf(check), verdict, found, advice });
  }
  return rows;
}

function nameOf({ id, title }: Check): string {
  const number = /^criteria\.(\d+)$/.exec(id)?.[1];
  return number === undefined ? title : `${number.padStart(2)}. ${title}`;
}
