import type { Settings } from '../config/settings.ts';
import type { Log } from '../observability/log.ts';
import { corsHeadersOf } from './cors.ts';
import { logProblem, renderProblem } from './problem.ts';
import { factsOf } from './request-facts.ts';
import { securityHeaders } from './security-headers.ts';
import { requestTimeout } from './work.ts';

type Fetch = (request: Request) => Promise<Response>;

/**
 * Answers 503 REQUEST_TIMEOUT for a request whose time is over before the application has answered. Its time begins when it has arrived
 * whole and was found valid (`letIn` in work.ts). The place that it has among the expensive requests is given back only when its work has
 * really ended.
 */
export function withTimeLimit({ settings, log }: { settings: Settings; log: Log }, fetch: Fetch): Fetch {
  return async (request) => {
    const facts = factsOf(request);
    const late = Promise.withResolvers<'late'>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    facts.startTime = (seconds) => {
      clearTimeout(timer);
      timer = setTimeout(() => late.resolve('late'), seconds * 1000);
    };
    const answer = fetch(request).finally(() => {
      clearTimeout(timer);
      facts.leave?.();
    });
    const first = await Promise.race([answer, late.promise]);
    if (first !== 'late') return first;
    // What it still answers or fails with, no client will see: what the answer holds is let go.
    answer.then(
      (response) => response.body?.cancel(),
      () => {},
    );
    const problem = requestTimeout();
    logProblem(log, problem, facts.id);
    const response = renderProblem(problem, { id: facts.id, path: facts.path, accept: request.headers.get('accept') });
    const common = { ...securityHeaders(settings, request), ...corsHeadersOf(settings.ALLOWED_ORIGINS, request) };
    for (const [name, value] of Object.entries({ ...common, 'x-request-id': facts.id }))
      response.headers.set(name, value);
    return response;
  };
}
