// Does it stay correct and quick well above the expected traffic, and for how long? Arrivals rise to RATE, stay and fall.
import { counted } from './lib/iterations.ts';
import { mixLimitsWithDelete } from './lib/mix.ts';
import { prepareRun, type Run, virtualUsersFor } from './lib/run.ts';
import { durations, everyArrivalServed, nothingWrong } from './lib/thresholds.ts';

const run = prepareRun({ script: 'stress', rate: 100, durationSeconds: 300, keep: false });
const { rate, durationSeconds } = run.settings;
const share = (part: number) => `${Math.max(1, Math.round(durationSeconds * part))}s`;

export const options = run.options(
  {
    rise: {
      executor: 'ramping-arrival-rate',
      exec: 'arrival',
      startRate: 0,
      stages: [
        { target: rate, duration: share(0.2) },
        { target: rate, duration: share(0.7) },
        { target: 0, duration: share(0.1) },
      ],
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
