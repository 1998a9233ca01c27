// What a run was, out of what k6 tells handleSummary. Plain data and no k6 module, so that writers can be tested without k6.

/** The argument of handleSummary, as far as it is used here. */
export interface SummaryData {
  metrics: Record<string, SummaryMetric>;
  root_group: SummaryGroup;
  state: { testRunDurationMs: number };
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
  /** ISO 8601, UTC. */
  endedAt: string;
  seconds: number;
  thresholds: { metric: string; expression: string; ok: boolean; measured: string }[];
  checks: { name: string; passes: number; fails: number }[];
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
  { script, baseUrl, endedAt }: { script: string; baseUrl: string; endedAt: string },
): Report {
  // k6 hands them over in an order that changes from run to run.
  const metrics = Object.entries(data.metrics).sort(([one], [other]) => (one < other ? -1 : 1));
  const thresholds = metrics.flatMap(([metric, { type, values, thresholds: asked = {} }]) =>
    Object.entries(asked).map(([expression, { ok }]) => ({
      metric,
      expression,
      ok,
      // A trend without a sample reads 0 everywhere, which is not a measurement.
      measured: type === 'trend' && values['count'] === 0 ? '' : measuredFor(expression, values),
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
  return {
    script,
    baseUrl,
    passed: thresholds.every(({ ok }) => ok),
    endedAt,
    seconds: data.state.testRunDurationMs / 1000,
    thresholds,
    checks: checksOf(data.root_group),
    durations,
    totals,
  };
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
