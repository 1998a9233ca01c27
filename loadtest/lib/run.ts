// What every load script has in common: its settings, a server that is awake before it is measured, nothing left behind, reports.
import { check, sleep } from 'k6';
import type { Options, Scenario } from 'k6/options';
import { commitOf, connectApi } from './api.ts';
import { tellCause } from './findings.ts';
import { deleteEntries } from './leftovers.ts';
import { loadEntry, takeStep } from './mix.ts';
import { type LoadDefaults, readLoadSettings, shownSettings } from './settings.ts';
import { summaryWriter } from './summary/files.ts';
import { trendStatistics } from './thresholds.ts';
import { wakeServer } from './wake.ts';

/** What setup tells the iterations. */
export interface Run {
  /** The commit that answered; null when the server did not say. */
  commit: string | null;
  /** In the location of every sighting that the run makes. */
  mark: string;
}

/** How many virtual users an open scenario needs, so that one is free for every arrival while answers take up to two seconds. */
export function virtualUsersFor(rate: number): number {
  return Math.max(20, 2 * rate);
}

interface RunOptions extends LoadDefaults {
  /** The name of the script, for the reports. */
  script: string;
  /** See takeStep. */
  keep: boolean;
}

/** Reads the settings from the environment and prepares a script's setup, steps, teardown and reports with them. */
export function prepareRun({ script, keep, ...defaults }: RunOptions) {
  const settings = readLoadSettings(__ENV, defaults);
  const { baseUrl, wakeSeconds, summaryDirectory } = settings;
  const api = connectApi(baseUrl, 'measured');
  const upkeep = connectApi(baseUrl, 'upkeep');
  const step = ({ mark }: Run): void => takeStep(api, { mark, keep });
  /** Ends the run before any load when the server is not ready. Returns the commit that answers. */
  const requireReady = (): string | null => {
    const obstacle = wakeServer(upkeep, wakeSeconds);
    if (obstacle !== undefined) {
      tellCause(obstacle);
      throw new Error(`${baseUrl}/health/ready was not 200 within ${wakeSeconds} s: nothing was measured`);
    }
    return commitOf(upkeep.version());
  };
  return {
    settings,
    api,
    upkeep,
    step,
    requireReady,
    /** A user of the plan: 1 to 3 seconds between two requests. Thinks first, so that users do not all begin at once. */
    thinkAndStep(run: Run): void {
      sleep(1 + 2 * Math.random());
      step(run);
    },
    options: (scenarios: Record<string, Scenario>, thresholds: NonNullable<Options['thresholds']>): Options => ({
      scenarios,
      thresholds,
      summaryTrendStats: trendStatistics,
      // A redirect could lead the load to another host.
      maxRedirects: 0,
      setupTimeout: `${wakeSeconds + 60}s`,
      // Thousands of sightings may have to be deleted.
      teardownTimeout: '15m',
    }),
    setup(): Run {
      const commit = requireReady();
      return { commit, mark: `load test ${new Date().toISOString()} ${Math.random().toString(36).slice(2, 8)}` };
    },
    teardown({ mark }: Run): void {
      const left = deleteEntries(upkeep, (entry) => entry.text === loadEntry.text && entry.location === mark);
      const clean = check(left, { 'all that the run made is deleted': (number) => number === 0 });
      if (!clean) console.error(`${left ?? 'unknown how many'} sightings are left: their location is "${mark}"`);
    },
    handleSummary: summaryWriter({ script, baseUrl, settings: shownSettings(settings), directory: summaryDirectory }),
  };
}
