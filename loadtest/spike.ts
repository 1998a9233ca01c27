// What does a sudden crowd do, and does it leave damage? A tenth of RATE, then RATE from one second to the next, then a tenth again.
// During the crowd answers may be late and some may be refused; after it everything has to be as before.
import { counted } from './lib/iterations.ts';
import { prepareRun, type Run, virtualUsersFor } from './lib/run.ts';
import { noException } from './lib/thresholds.ts';

const run = prepareRun({ script: 'spike', rate: 500, durationSeconds: 120, keep: false });
const { rate, durationSeconds } = run.settings;

const third = Math.max(1, Math.round(durationSeconds / 3));
const calm = Math.max(1, Math.round(rate / 10));
/** A third of the run at this rate, beginning after so many thirds. */
const arrivals = (rate: number, after: number) =>
  ({
    executor: 'constant-arrival-rate',
    exec: 'arrival',
    rate,
    startTime: `${after * third}s`,
    duration: `${third}s`,
    preAllocatedVUs: virtualUsersFor(rate),
    // Late answers to the crowd may not run into the time after it.
    gracefulStop: '0s',
  }) as const;

const whole = ['p(95)<500'];

export const options = run.options(
  { before: arrivals(calm, 0), crowd: arrivals(rate, 1), after: arrivals(calm, 2) },
  {
    ...noException,
    'checks{scenario:before}': ['rate==1'],
    'checks{scenario:after}': ['rate==1'],
    'checks{group:::teardown}': ['rate==1'],
    'http_req_failed{scenario:crowd}': ['rate<0.05'],
    'dropped_iterations{scenario:before}': ['count==0'],
    'dropped_iterations{scenario:after}': ['count==0'],
    'http_req_duration{scenario:before}': whole,
    'http_req_duration{scenario:crowd}': ['max<10000'],
    'http_req_duration{scenario:after}': whole,
  },
);

export const arrival = counted<Run>(run.step);
export const { setup, teardown, handleSummary } = run;
