// Is it fast enough for the traffic that is expected? The mix of the deployment plan (one list, three new sightings, one health
// check), by 20 users who think for 1 to 3 seconds and by arrivals that do not wait for answers.
import { counted } from './lib/iterations.ts';
import { mixLimits } from './lib/mix.ts';
import { prepareRun, type Run, virtualUsersFor } from './lib/run.ts';
import { durations, everyArrivalServed, nothingWrong } from './lib/thresholds.ts';

const run = prepareRun({ script: 'load', rate: 20, durationSeconds: 120, keep: true });
const { rate, durationSeconds } = run.settings;
const duration = `${durationSeconds}s`;

export const options = run.options(
  {
    users: { executor: 'constant-vus', exec: 'user', vus: 20, duration },
    // A user waits for the answer, so a slow server is asked less and looks better than it is; arrivals keep coming.
    arrivals: {
      executor: 'constant-arrival-rate',
      exec: 'arrival',
      rate,
      duration,
      preAllocatedVUs: virtualUsersFor(rate),
    },
  },
  {
    ...nothingWrong,
    ...everyArrivalServed,
    ...durations(mixLimits),
  },
);

export const user = counted<Run>(run.thinkAndStep);
export const arrival = counted<Run>(run.step);
export const { setup, teardown, handleSummary } = run;
