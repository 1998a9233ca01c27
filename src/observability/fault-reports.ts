import type { Sentry } from './sentry.ts';

let reporter: Sentry | undefined;

/** From now on the faults that end this process are reported there too. */
export function reportFaultsTo(sentry: Sentry): void {
  reporter = sentry;
}

/** Where this process reports faults; undefined when it was not told of such a place. */
export function faultReporter(): Sentry | undefined {
  return reporter;
}
