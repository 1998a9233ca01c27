import { type Report, rounded } from './report.ts';

/** A table of texts: the first column says what, the others are its figures. */
export interface Table {
  title: string;
  columns: string[];
  rows: { cells: string[]; ok: boolean }[];
}

/** The report as the tables that people read, in the order of interest. */
export function tablesOf({ thresholds, checks, failures, durations, totals, commit, settings }: Report): Table[] {
  const tables: Table[] = [
    {
      title: 'Thresholds',
      columns: ['threshold', 'measured', 'outcome'],
      rows: thresholds.map(({ metric, expression, measured, ok }) => ({
        cells: [`${metric}: ${expression}`, measured, outcomeOf(measured, ok)],
        ok,
      })),
    },
    {
      title: 'Checks',
      columns: ['check', 'true', 'false'],
      rows: checks.map(({ name, passes, fails }) => ({
        cells: [name, String(passes), String(fails)],
        ok: fails === 0,
      })),
    },
    {
      title: 'Failed checks',
      columns: ['check', 'request', 'status', 'code', 'request id'],
      rows: failures.map(({ check, method, path, status, code, requestId, error }) => ({
        cells: [check, `${method} ${path}`, status === 0 ? error : String(status), code, requestId],
        ok: false,
      })),
    },
    {
      title: 'Durations',
      columns: ['milliseconds', 'requests', 'median', 'p95', 'p99', 'max'],
      rows: durations.map(({ name, requests, median, p95, p99, max }) => ({
        cells: [name, String(requests), ...[median, p95, p99, max].map(rounded)],
        ok: true,
      })),
    },
    {
      title: 'Totals',
      columns: ['total', 'value'],
      rows: totals.map(({ name, value }) => ({ cells: [name, value], ok: true })),
    },
    {
      title: 'Run',
      columns: ['setting', 'value'],
      rows: Object.entries({ 'commit that answered': commit ?? 'unknown', ...settings }).map((cells) => ({
        cells,
        ok: true,
      })),
    },
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

function outcomeOf(measured: string, ok: boolean): string {
  if (!ok) return measured === '' ? 'CROSSED, not measured' : 'CROSSED';
  return measured === '' ? 'not measured' : 'ok';
}

/** Others have written parts of a cause: a server its name, a check of readiness its message. */
const longestCause = 500;

/** One line that says how it went, and why it failed. */
export function headline({ script, baseUrl, passed, cause, seconds }: Report): string {
  return `${script} ${passed ? 'passed' : 'FAILED'}: ${baseUrl}, ${rounded(seconds)} s${passed ? '' : `: ${cause}`}`
    .replace(/\s+/g, ' ')
    .slice(0, longestCause);
}
