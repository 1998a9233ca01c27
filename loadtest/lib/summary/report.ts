// What a run was, out of what k6 tells handleSummary. Plain data and no k6 module, so that writers can be tested without k6.

import { describeFailure, type FailedCheck, readNotes } from './notes.ts';

/** The argument of handleSummary, as far as it is used here. */
export interface SummaryData {
  metrics: Record<string, SummaryMetric>;
  root_group: SummaryGroup;
  state: { testRunDurationMs: number };
  /** What setup returned; absent when it threw. */
  setup_data?: unknown;
}

interface SummaryMetric {
  type: string;
  values: Record<string, number>;
  thresholds?: Record<string, { ok: boolean }>;
}

interface SummaryGroup {
  name: string;
  groups: SummaryGroup[];
  checks: { name: string; passes: number; fails: number }[];
}

export interface Report {
  script: string;
  baseUrl: string;
  passed: boolean;
  /** Why it did not pass, in one line; undefined when it did. */
  cause: string | undefined;
  /** The commit that answered; undefined when the server named none. */
  commit: string | undefined;
  /** By their variables. */
  settings: Record<string, string>;
  /** ISO 8601, UTC. */
  endedAt: string;
  seconds: number;
  /** `measured` is empty when there was nothing to measure. */
  thresholds: { metric: string; expression: string; ok: boolean; measured: string }[];
  checks: { name: string; passes: number; fails: number }[];
  /** The first answers that made checks false: at most five of each check. */
  failures: FailedCheck[];
  durations: DurationFigures[];
  /** Totals of the run, by their name. */
  totals: { name: string; value: string }[];
}

/** Of an endpoint or a scenario, in milliseconds. */
export interface DurationFigures {
  name: string;
  requests: number;
  median: number;
  p95: number;
  p99: number;
  max: number;
}

/** Durations of one endpoint, or of one scenario. */
const durationPattern = /^http_req_duration\{(?:.*,)?(?:name|scenario):([^,}]+).*\}$/;

/** A gauge: how many iterations a second a script had asked for. */
export const offeredRate = 'offered_rate';

/** Totals that are worth a line, and how they are called. */
const totalNames: readonly [metric: string, value: string, name: string, unit: string][] = [
  ['http_reqs', 'count', 'requests', ''],
  ['http_reqs', 'rate', 'requests a second', ''],
  ['http_req_failed', 'passes', 'failed requests (waking the server included)', ''],
  ['iterations_finished', 'count', 'iterations finished', ''],
  ['iterations_broken', 'count', 'iterations that threw', ''],
  ['dropped_iterations', 'count', 'arrivals without a free virtual user', ''],
  ['vus_max', 'max', 'virtual users', ''],
  [offeredRate, 'max', 'highest rate offered, iterations a second', ''],
  ['data_received', 'count', 'received', 'bytes'],
];

/** Puts a report together. */
export function makeReport(
  data: SummaryData,
  { script, baseUrl, settings, endedAt }: Pick<Report, 'script' | 'baseUrl' | 'settings' | 'endedAt'>,
): Report {
  // k6 hands them over in an order that changes from run to run.
  const metrics = Object.entries(data.metrics).sort(([one], [other]) => (one < other ? -1 : 1));
  const thresholds = metrics.flatMap(([metric, { type, values, thresholds: asked = {} }]) =>
    Object.entries(asked).map(([expression, { ok }]) => ({
      metric,
      expression,
      ok,
      measured: hasSamples(type, values) ? measuredFor(expression, values) : '',
    })),
  );
  const durations = metrics.flatMap(([metric, { values }]) => {
    const name = durationPattern.exec(metric)?.[1];
    return name === undefined || values['count'] === 0 ? [] : [figuresOf(name, values)];
  });
  const totals = totalNames.flatMap(([metric, value, name, unit]) => {
    const number = data.metrics[metric]?.values[value];
    return number === undefined ? [] : [{ name, value: `${rounded(number)}${unit && ` ${unit}`}` }];
  });
  const checks = checksOf(data.root_group);
  const notes = readNotes(data.root_group);
  const passed = notes.causes.length === 0 && thresholds.every(({ ok }) => ok);
  const reasons = [
    ...notes.causes,
    ...notes.failures.map(describeFailure),
    ...checks.filter(({ fails }) => fails > 0).map(({ name, fails }) => `${name}: false ${fails} times`),
    ...thresholds.filter(({ ok }) => !ok).map(describeCrossed),
  ];
  return {
    script,
    baseUrl,
    passed,
    cause: passed ? undefined : reasons[0],
    commit: commitIn(data.setup_data),
    settings,
    endedAt,
    seconds: data.state.testRunDurationMs / 1000,
    thresholds,
    checks,
    failures: firstOfEach(notes.failures),
    durations,
    totals,
  };
}

const mostFailuresOfACheck = 5;

function firstOfEach(failures: readonly FailedCheck[]): FailedCheck[] {
  const seen = new Map<string, number>();
  return failures.filter(({ check }) => {
    const before = seen.get(check) ?? 0;
    seen.set(check, before + 1);
    return before < mostFailuresOfACheck;
  });
}

function describeCrossed({ metric, expression, measured }: Report['thresholds'][number]): string {
  return `${metric}: ${expression}, ${measured === '' ? 'not measured' : `measured ${measured}`}`;
}

function commitIn(setupData: unknown): string | undefined {
  const { commit } = (setupData ?? {}) as { commit?: unknown };
  return typeof commit === 'string' ? commit : undefined;
}

/** Was anything measured? Without a sample a trend and a rate read 0, which is no measurement; a counter that counted nothing is one. */
function hasSamples(type: string, values: Record<string, number>): boolean {
  if (type === 'trend') return values['count'] !== 0;
  if (type === 'rate') return (values['passes'] ?? 0) + (values['fails'] ?? 0) > 0;
  return true;
}

/** A number as people read it: whole when large, with two decimals when small. */
export function rounded(number: number): string {
  return String(Math.abs(number) >= 1000 ? Math.round(number) : Math.round(number * 100) / 100);
}

/** The value that a threshold such as `p(95)<500` looked at; empty when there was no sample. */
function measuredFor(expression: string, values: Record<string, number>): string {
  const statistic = /^\s*([a-z]+(?:\([\d.]+\))?)/.exec(expression)?.[1] ?? '';
  const number = values[statistic];
  return number === undefined ? '' : rounded(number);
}

function figuresOf(name: string, values: Record<string, number>): DurationFigures {
  return {
    name,
    requests: values['count'] ?? 0,
    median: values['med'] ?? 0,
    p95: values['p(95)'] ?? 0,
    p99: values['p(99)'] ?? 0,
    max: values['max'] ?? 0,
  };
}

function checksOf({ checks, groups }: SummaryGroup): Report['checks'] {
  const own = checks.map(({ name, passes, fails }) => ({ name, passes, fails }));
  return [...own, ...groups.flatMap(checksOf)];
}
