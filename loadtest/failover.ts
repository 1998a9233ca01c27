// Is a write lost when the database fails over, and for how long is there none? Writes at a steady rate while somebody makes the
// fault: kills the primary, freezes it, hands over. Reads each new sighting back at once. 503 is a right answer here; anything else
// but success, a sighting that is gone and an answer that does not come are not. Every write is a line of the log: its status, when
// it began (milliseconds of Unix time), how long it took, its text. Nothing is deleted, so that the acknowledged ones can be looked for.
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import { connectApi, entryOf } from './lib/api.ts';
import { checkAnswer } from './lib/findings.ts';
import { counted } from './lib/iterations.ts';
import { prepareRun, type Run } from './lib/run.ts';
import { everyArrivalServed, noException } from './lib/thresholds.ts';

const run = prepareRun({ script: 'failover', rate: 20, durationSeconds: 60, keep: true });
const { rate, durationSeconds, baseUrl } = run.settings;

/**
 * The longest that an answer may take, in seconds: 3 for a connection of the pool, 5 for a new one, a breath between two tries, 6 for
 * the statement. It is the sum of the server's own deadlines; see docs/scaling.md.
 */
const longestAnswer = 15;
const api = connectApi(baseUrl, 'measured', `${longestAnswer + 5}s`);

const acknowledged = new Counter('writes_acknowledged');
const refused = new Counter('writes_refused');

export const options = run.options(
  {
    writers: {
      executor: 'constant-arrival-rate',
      exec: 'write',
      rate,
      duration: `${durationSeconds}s`,
      // All that arrive while the longest answer is waited for.
      preAllocatedVUs: rate * longestAnswer,
    },
  },
  {
    ...noException,
    ...everyArrivalServed,
    checks: ['rate==1'],
    writes_acknowledged: ['count>0'],
    writes_refused: ['count>=0'],
    'http_req_duration{phase:measured,name:POST /entries}': [`max<${longestAnswer * 1000}`],
    'http_req_duration{phase:measured,name:GET /entries/:id}': [`max<${longestAnswer * 1000}`],
  },
);

export const write = counted<Run>(({ mark }) => {
  const text = `${mark} ${exec.scenario.iterationInTest}`;
  const began = Date.now();
  const made = api.createEntry({ text, location: mark });
  console.log(`write ${made.status} ${began} ${Date.now() - began} ${text}`);
  const answered = made.status === 200 || made.status === 503;
  checkAnswer(made, { 'a write is acknowledged or refused with 503': () => answered });
  const entry = entryOf(made);
  (entry === undefined ? refused : acknowledged).add(1);
  if (entry === undefined) return;
  const found = api.readEntry(entry.id);
  checkAnswer(found, {
    'what is acknowledged is there': ({ status }) =>
      status === 503 || (status === 200 && entryOf(found)?.text === text),
  });
});

export function teardown({ mark }: Run): void {
  console.log(`nothing was deleted; to do that: delete from entries where location = '${mark}'`);
}

export const { setup, handleSummary } = run;
