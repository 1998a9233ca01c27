// Does it get worse with time: memory that is never given back, connections that leak, a log that fills a disk? The expected
// traffic for long. Look at the memory of the server and at its pool meanwhile; k6 sees only that answers slow down or fail.
import { counted } from './lib/iterations.ts';
import { mixLimitsWithDelete } from './lib/mix.ts';
import { prepareRun, type Run, virtualUsersFor } from './lib/run.ts';
import { durations, everyArrivalServed, nothingWrong } from './lib/thresholds.ts';

const run = prepareRun({ script: 'soak', rate: 20, durationSeconds: 3600, keep: false });
const { rate, durationSeconds } = run.settings;

export const options = run.options(
  {
    steady: {
      executor: 'constant-arrival-rate',
      exec: 'arrival',
      rate,
      duration: `${durationSeconds}s`,
      preAllocatedVUs: virtualUsersFor(rate),
    },
  },
  {
    ...nothingWrong,
    ...everyArrivalServed,
    ...durations(mixLimitsWithDelete),
  },
);

export const arrival = counted<Run>(run.step);
export const { setup, teardown, handleSummary } = run;
