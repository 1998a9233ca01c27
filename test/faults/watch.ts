// What is watched during every fault.
import assert from 'node:assert/strict';
import type { Answer, Client } from '../harness/client.ts';

/** No answer may take longer than this, whatever the database does, in milliseconds. */
export const boundMilliseconds = 8000;

export interface Timed<Body> {
  answer: Answer<Body>;
  milliseconds: number;
}

export async function timed<Body>(work: Promise<Answer<Body>>): Promise<Timed<Body>> {
  const began = performance.now();
  return { answer: await work, milliseconds: performance.now() - began };
}

/** Asks /health all the while, and remembers the slowest answer. */
export function watchHealth(call: Client) {
  let watching = true;
  let slowest = 0;
  let asked = 0;
  const work = (async () => {
    while (watching) {
      for (const path of ['/health', '/health/live']) {
        const { answer, milliseconds } = await timed(call('GET', path));
        assert.equal(answer.status, 200);
        assert.deepEqual(answer.body, { status: 'ok' });
        slowest = Math.max(slowest, milliseconds);
        asked += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  })();
  // Read by stop().
  work.catch(() => {});
  return {
    async stop() {
      watching = false;
      await work;
      return { slowest, asked };
    },
  };
}

/** The answer while there is no database to talk to; `code` is another one where the request has waited for something else. */
export function assertUnavailable(
  answer: Answer<Record<string, unknown>>,
  code: 'DATABASE_UNAVAILABLE' | 'SERVER_BUSY' = 'DATABASE_UNAVAILABLE',
): void {
  assert.equal(answer.status, 503, answer.text);
  assert.equal(answer.body['code'], code);
  assert.equal(answer.body['retryable'], true);
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
  assert.doesNotMatch(answer.text, /127\.0\.0\.1|ECONN|postgres/i, 'clients are not told about our machines');
}
