// Which figures a run is held against.
import type { Options, Threshold } from 'k6/options';
import { brokenIterations, finishedIterations } from './iterations.ts';

type Thresholds = Record<string, Threshold[]>;

/** The statistics that thresholds and reports read; k6 leaves the rest out of the summary. */
export const trendStatistics = ['count', 'min', 'avg', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'];

/** Holds of every run: it measured something, and no iteration threw. */
export const noException = {
  [finishedIterations]: ['count>0'],
  [brokenIterations]: ['count==0'],
} satisfies Thresholds;

/** Holds of runs that the server has to take in its stride: every check was true and no request failed. */
export const nothingWrong = {
  ...noException,
  // Checks alone never fail a run (grafana/k6#28).
  checks: ['rate==1'],
  'http_req_failed{phase:measured}': ['rate==0'],
} satisfies Thresholds;

/** Holds of open scenarios: k6 had a virtual user for every arrival, so no wait is missing in the figures. */
export const everyArrivalServed = { dropped_iterations: ['count==0'] } satisfies Thresholds;

/**
 * Thresholds for the duration of measured requests, by the name of the endpoint (milliseconds). An endpoint is in the reports only if
 * it is named here: k6 keeps figures for a tag only where a threshold asks for them (grafana/k6#1321).
 */
export function durations(
  limits: Record<string, string>,
  asThreshold: (expression: string) => Threshold[] = (expression) => [expression],
): NonNullable<Options['thresholds']> {
  return Object.fromEntries(
    Object.entries(limits).map(([endpoint, expression]) => [
      `http_req_duration{phase:measured,name:${endpoint}}`,
      asThreshold(expression),
    ]),
  );
}

/** A threshold that ends the run as soon as it is crossed; not in the first seconds, when one slow answer is a large share. */
export function stopWhen(threshold: string): Threshold[] {
  return [{ threshold, abortOnFail: true, delayAbortEval: '10s' }];
}
