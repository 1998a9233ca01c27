import type { Log } from '../observability/log.ts';
import { factsOf } from './request-facts.ts';

type Fetch = (request: Request) => Response | Promise<Response>;

/**
 * One line a request, written when the answer is ready: id, method, route (the pattern; the path where none matched), status
 * and milliseconds. Around the whole application, so that it sees the final status; a query may hold private text and is left out.
 */
export function withAccessLog(log: Log, fetch: Fetch): Fetch {
  return async (request) => {
    const began = performance.now();
    const response = await fetch(request);
    const { id, path, route, peer } = factsOf(request);
    log.info('request', {
      request_id: id,
      method: request.method,
      route: route ?? null,
      ...(route === undefined ? { path: path.slice(0, 200) } : {}),
      status: response.status,
      duration_ms: Math.round((performance.now() - began) * 100) / 100,
      client: peer?.address,
    });
    return response;
  };
}
