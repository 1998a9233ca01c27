// The mix of the plan, arriving steadily, whatever happens behind BASE_URL. Nothing may fail, and nothing is deleted.
import { counted } from '../../loadtest/lib/iterations.ts';
import { prepareRun, type Run, virtualUsersFor } from '../../loadtest/lib/run.ts';
import { nothingWrong } from '../../loadtest/lib/thresholds.ts';

const run = prepareRun({ script: 'arrivals', rate: 60, durationSeconds: 15, keep: true });
const { rate, durationSeconds } = run.settings;

export const options = run.options(
  {
    arrivals: {
      executor: 'constant-arrival-rate',
      exec: 'arrival',
      rate,
      duration: `${durationSeconds}s`,
      preAllocatedVUs: virtualUsersFor(rate),
    },
  },
  nothingWrong,
);

export const arrival = counted<Run>(run.step);
export const { setup, handleSummary } = run;
