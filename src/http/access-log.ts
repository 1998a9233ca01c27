import { type CurrentRequest, duringRequest } from '../observability/current-request.ts';
import type { Log } from '../observability/log.ts';
import type { RequestObserver } from '../observability/request-observer.ts';
import { traceContextOf } from '../observability/trace-context.ts';
import { asAppError, logProblem, renderProblem } from './problem.ts';
import { factsOf } from './request-facts.ts';

type Fetch = (request: Request) => Response | Promise<Response>;

/**
 * One line a request, written when the answer is ready: id, trace, method, route (the pattern; the path where none matched), status
 * and milliseconds. Around the whole application, so that it sees the final status; a query may hold private text and is left out.
 * The observers are told the same.
 */
export function withAccessLog(log: Log, fetch: Fetch, observers: readonly RequestObserver[] = []): Fetch {
  return async (request) => {
    const facts = factsOf(request);
    const { id, path, peer, began } = facts;
    const current: CurrentRequest = {
      id,
      method: request.method,
      get route() {
        return facts.route;
      },
      trace: traceContextOf(request.headers.get('traceparent')),
    };
    for (const observer of observers) observer.begins(current);
    const response = await duringRequest(current, () => answer(log, fetch, request));
    const milliseconds = performance.now() - began;
    const { route } = facts;
    log.info('request', {
      request_id: id,
      trace_id: current.trace.traceId,
      method: request.method,
      route: route ?? null,
      ...(route === undefined ? { path: path.slice(0, 200) } : {}),
      status: response.status,
      duration_ms: Math.round(milliseconds * 100) / 100,
      client: peer?.address,
    });
    for (const observer of observers) observer.ends({ request: current, status: response.status, began, milliseconds });
    return response;
  };
}

/** The application's answer; where it has none because it failed itself, one that says so. */
async function answer(log: Log, fetch: Fetch, request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    return answerFailure(log, request, error);
  }
}

/** The answer to a request whose own one failed: says so, as every error does. Writes it down, and never throws. */
export function answerFailure(log: Log, request: Request, error: unknown): Response {
  const { id, path } = factsOf(request);
  const problem = asAppError(error);
  try {
    logProblem(log, problem, id);
  } catch {
    // The log may be what failed.
  }
  const response = renderProblem(problem, { id, path, accept: request.headers.get('accept') });
  response.headers.set('x-request-id', id);
  return response;
}
