import { sleep } from 'k6';
import { type Answer, type Api, fieldsOf, headerOf } from './api.ts';

/** Between two tries, in seconds. */
const pauseSeconds = 1;
const longestTrySeconds = 10;

/**
 * Asks for readiness until it is given, so that the start of a machine that slept, or a migration under way, is not taken
 * for a slow or broken server. Undefined when it was given in time, else why it was not. Nothing of it is measured.
 */
export function wakeServer(upkeep: Api, withinSeconds: number): string | undefined {
  const deadline = Date.now() + withinSeconds * 1000;
  for (;;) {
    const left = Math.max(1, Math.ceil((deadline - Date.now()) / 1000));
    const obstacle = obstacleIn(upkeep.readiness(`${Math.min(left, longestTrySeconds)}s`));
    if (obstacle === undefined) return undefined;
    if (Date.now() + pauseSeconds * 1000 >= deadline) return obstacle;
    sleep(pauseSeconds);
  }
}

/** Why this answer to `GET /health/ready` is not that of a server that is ready; undefined when it is. */
function obstacleIn(answer: Answer): string | undefined {
  if (answer.status === 0) return `no answer: ${answer.error}`;
  const { status, checks, code } = fieldsOf(answer);
  if (answer.status === 200 && status === 'ready') return undefined;
  const failing = Object.entries((checks ?? {}) as Record<string, { ok?: boolean; message?: string } | null>)
    .filter(([, found]) => found?.ok !== true)
    .map(([name, found]) => `${name}: ${found?.message}`);
  if (status === 'not_ready') return `not ready: ${failing.join('; ')}`;
  const found = `GET /health/ready is ${answer.status}`;
  if (typeof code === 'string') return `${found} ${code}, request ${headerOf(answer, 'X-Request-Id')}`;
  const location = headerOf(answer, 'Location');
  return `not a CatAtlas server: ${found}, Server: ${headerOf(answer, 'Server') || 'not named'}${location && `, Location: ${location}`}`;
}
