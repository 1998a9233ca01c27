// Does this deployment do its job? One pass over what matters, with an answer that a pipeline can act on: `k6 run smoke/smoke.ts`.
// The sighting is made in setup and deleted in teardown, since these run whatever happens in between.
import { check } from 'k6';
import type { Options } from 'k6/options';
import { commitOf, connectApi, entryOf, fieldsOf, headerOf, type NewEntry } from '../loadtest/lib/api.ts';
import { checkAnswer, tellCause } from '../loadtest/lib/findings.ts';
import { counted, finishedIterations } from '../loadtest/lib/iterations.ts';
import { deleteEntries, serverTime } from '../loadtest/lib/leftovers.ts';
import { isExpectedCommit, readSmokeSettings, shownSettings } from '../loadtest/lib/settings.ts';
import { summaryWriter } from '../loadtest/lib/summary/files.ts';
import { durations, nothingWrong, trendStatistics } from '../loadtest/lib/thresholds.ts';
import { wakeServer } from '../loadtest/lib/wake.ts';

const settings = readSmokeSettings(__ENV);
const { baseUrl, allowedOrigin, expectSha, wakeSeconds } = settings;
const api = connectApi(baseUrl, 'measured');
const upkeep = connectApi(baseUrl, 'upkeep');

/** The sighting of the deployment plan's smoke test, word for word. */
const smokeEntry: NewEntry = { text: 'Production test entry', nickname: 'Smokey' };
/** Reserved (RFC 2606), so nobody's. */
const foreignOrigin = 'https://not-allowed.example';

/** The plan's platform gives up on a health check after 5 s: a server that needs longer is down. */
const limit = 'max<5000';

export const options: Options = {
  scenarios: {
    smoke: { executor: 'shared-iterations', vus: 1, iterations: 1, maxDuration: '20s', gracefulStop: '0s' },
  },
  maxRedirects: 0,
  setupTimeout: `${wakeSeconds + 30}s`,
  teardownTimeout: '3m',
  summaryTrendStats: trendStatistics,
  thresholds: {
    ...nothingWrong,
    [finishedIterations]: ['count==1'],
    ...durations({
      'GET /health': limit,
      'GET /health/ready': limit,
      'GET /version': limit,
      'OPTIONS /entries': limit,
      'POST /entries': limit,
      'GET /entries/:id': limit,
      'DELETE /entries/:id': limit,
      'GET /swagger': limit,
      'GET /swagger/json': limit,
    }),
  },
};

interface Start {
  awake: boolean;
  /** The commit that answered; null when the server did not say. */
  commit: string | null;
  /** The server's clock before the sighting was asked for, in milliseconds. */
  began: number;
  /** The sighting; null when none came back. */
  entryId: number | null;
  /** None came back, and it may have been made all the same: nobody answered, or a fault did. A refusal makes nothing. */
  lost: boolean;
}

export function setup(): Start {
  const obstacle = wakeServer(upkeep, wakeSeconds);
  const awake = check(obstacle, { 'the server is ready in time': (found) => found === undefined });
  if (obstacle !== undefined) {
    tellCause(obstacle);
    return { awake, commit: null, began: 0, entryId: null, lost: false };
  }
  const commit = commitOf(upkeep.version());
  const began = serverTime(upkeep.health().headers);
  const made = api.createEntry(smokeEntry, { Origin: allowedOrigin });
  const entry = entryOf(made);
  checkAnswer(made, {
    'POST /entries is 200': ({ status }) => status === 200,
    'POST /entries returns the sighting': () =>
      entry?.text === smokeEntry.text && entry.nickname === smokeEntry.nickname,
    'POST /entries may be read by the allowed origin': (answer) =>
      headerOf(answer, 'Access-Control-Allow-Origin') === allowedOrigin,
  });
  const refused = made.status >= 400 && made.status < 500;
  return { awake, commit, began, entryId: entry?.id ?? null, lost: entry === undefined && !refused };
}

export default counted<Start>(({ awake, entryId }) => {
  if (!awake) throw new Error(`${baseUrl}/health/ready was not 200 within ${wakeSeconds} s: nothing was measured`);

  const health = api.health();
  checkAnswer(health, {
    'GET /health is 200': ({ status }) => status === 200,
    'GET /health says ok': (answer) => fieldsOf(answer)['status'] === 'ok',
  });
  checkAnswer(api.readiness(), { 'GET /health/ready is 200': ({ status }) => status === 200 });

  const version = api.version();
  const commit = commitOf(version);
  checkAnswer(version, {
    'GET /version is 200': ({ status }) => status === 200,
    'GET /version names a commit': () => commit !== null,
  });
  if (expectSha !== undefined) {
    const expected = check(commit, { 'the expected commit answers': (found) => isExpectedCommit(found, expectSha) });
    if (!expected) tellCause(`expected commit ${expectSha}, found ${commit ?? 'none'}`);
  }

  checkAnswer(api.preflight(allowedOrigin, 200), {
    'preflight: 200 for the allowed origin': ({ status }) => status === 200,
    'preflight: the allowed origin is named': (answer) =>
      headerOf(answer, 'Access-Control-Allow-Origin') === allowedOrigin,
    'preflight: POST is allowed': (answer) => headerOf(answer, 'Access-Control-Allow-Methods').includes('POST'),
    'preflight: Content-Type is allowed': (answer) =>
      /\bcontent-type\b/i.test(headerOf(answer, 'Access-Control-Allow-Headers')),
  });
  checkAnswer(api.preflight(foreignOrigin, 400), {
    'preflight: 400 for a foreign origin': ({ status }) => status === 400,
    'preflight: no foreign origin is allowed': (answer) => headerOf(answer, 'Access-Control-Allow-Origin') === '',
  });

  checkAnswer(api.docsPage(), {
    'the documentation page is there': ({ status, body }) =>
      status === 200 && typeof body === 'string' && body.includes('<html'),
  });
  checkAnswer(api.openApiDocument(), {
    'the OpenAPI document is there': (answer) => String(fieldsOf(answer)['openapi']).startsWith('3.'),
  });

  if (entryId !== null) {
    const read = api.readEntry(entryId);
    const entry = entryOf(read);
    checkAnswer(read, {
      'the sighting can be read back': ({ status }) =>
        status === 200 && entry?.text === smokeEntry.text && entry.nickname === smokeEntry.nickname,
    });
  }
});

export function teardown({ began, entryId, lost }: Start): void {
  if (entryId !== null) {
    const answer = api.deleteEntry(entryId, 403);
    const closed = answer.status === 403 && fieldsOf(answer)['code'] === 'EDITS_CLOSED';
    checkAnswer(answer, {
      'the sighting is deleted, or nobody may delete': ({ status }) => status === 204 || closed,
    });
    if (closed)
      console.log(
        `sighting ${entryId} stays, because this server lets nobody delete; as its operator: delete from entries where id = ${entryId}`,
      );
    else checkAnswer(api.readEntry(entryId, 404), { 'the deleted sighting is gone': ({ status }) => status === 404 });
    return;
  }
  if (!lost) return;
  const left = deleteEntries(
    upkeep,
    (entry) =>
      entry.text === smokeEntry.text && entry.nickname === smokeEntry.nickname && Date.parse(entry.createdAt) >= began,
  );
  check(left, { 'a sighting whose id was lost is deleted': (number) => number === 0 });
}

export const handleSummary = summaryWriter({
  script: 'smoke',
  baseUrl,
  settings: shownSettings(settings),
  directory: settings.summaryDirectory,
});
