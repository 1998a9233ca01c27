import { type Report, rounded } from './report.ts';

/** A table of texts: the first column says what, the others are its figures. */
export interface Table {
  title: string;
  columns: string[];
  rows: { cells: string[]; ok: boolean }[];
}

/** The report as the tables that people read, in the order of interest. */
export function tablesOf({ thresholds, checks, durations, totals }: Report): Table[] {
  const tables: Table[] = [
    {
      title: 'Thresholds',
      columns: ['threshold', 'measured', 'outcome'],
      rows: thresholds.map(({ metric, expression, measured, ok }) => ({
        cells: [`${metric}: ${expression}`, measured, ok ? 'ok' : 'CROSSED'],
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
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

/** One line that says how it went. */
export function headline({ script, baseUrl, passed, seconds }: Report): string {
  return `${script} ${passed ? 'passed' : 'FAILED'}: ${baseUrl}, ${rounded(seconds)} s`;
}
