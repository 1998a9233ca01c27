// Where does it break? Arrivals rise evenly up to RATE over DURATION until a limit is crossed, and the run stops there with exit code
// 99: "highest rate offered" in the report is the answer. Exit code 0 means that it never broke: offer more. Only on a copy, never
// in a pipeline that deploys.
import exec from 'k6/execution';
import { Gauge } from 'k6/metrics';
import { counted } from './lib/iterations.ts';
import { mixLimitsWithDelete } from './lib/mix.ts';
import { prepareRun, type Run, virtualUsersFor } from './lib/run.ts';
import { offeredRate } from './lib/summary/report.ts';
import { durations, nothingWrong, stopWhen } from './lib/thresholds.ts';

const run = prepareRun({ script: 'breakpoint', rate: 2000, durationSeconds: 300, keep: false });
const { rate, durationSeconds } = run.settings;
const offered = new Gauge(offeredRate);

export const options = run.options(
  {
    rise: {
      executor: 'ramping-arrival-rate',
      exec: 'arrival',
      startRate: 0,
      stages: [{ target: rate, duration: `${durationSeconds}s` }],
      // So many may wait at once before k6 has none left for the next arrival, which is one of the ways to break.
      preAllocatedVUs: Math.min(1000, virtualUsersFor(rate)),
    },
  },
  {
    ...nothingWrong,
    'http_req_failed{phase:measured}': stopWhen('rate<0.01'),
    dropped_iterations: stopWhen('count<10'),
    // A health check that is a little late is not yet the end.
    ...durations({ ...mixLimitsWithDelete, 'GET /health': 'p(95)<500' }, stopWhen),
  },
);

export const arrival = counted<Run>((data) => {
  offered.add(exec.scenario.progress * rate);
  run.step(data);
});
export const { setup, teardown, handleSummary } = run;
