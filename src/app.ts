import { aboutRoutes } from './about/routes.ts';
import type { AppContext } from './context.ts';
import { healthRoutes } from './health/routes.ts';
import { createHttpApp } from './http/application.ts';
import { readAgain } from './http/read-again.ts';
import { factsOf } from './http/request-facts.ts';
import { withTimeLimit } from './http/time-limit.ts';

/** The server's answer to requests, in two parts. */
export interface App {
  fetch(request: Request): Promise<Response>;
  /** Loads the features. Happens by itself with the first request that needs them. */
  load(): Promise<void>;
}

/** What is asked of a server that has just been started: answered without the features. */
const early = new Set(['/health', '/health/live', '/health/ready', '/version']);

/** Uncompiled, Elysia 1.4.30 looks for the path behind `http://` and four letters of a host, so it misses that of `http://api/health`. */
const mayUseCore = (request: Request) =>
  early.has(factsOf(request).path) && request.method === 'GET' && request.url.indexOf('/', 'http://'.length) >= 11;

/**
 * Puts what every request passes and the features together. The features are loaded when first asked for, so that whoever waits for
 * this server to be ready does not wait for their forty routes to be registered too. Does no I/O.
 */
export function createApp(context: AppContext): App {
  const core = createHttpApp(context, false).use([aboutRoutes(context), healthRoutes(context)]);
  let whole: Promise<{ fetch(request: Request): Response | Promise<Response> }> | undefined;
  const loaded = () => {
    whole ??= import('./features.ts').then(({ createWholeApp }) => createWholeApp(context));
    return whole;
  };
  return {
    fetch: readAgain(
      withTimeLimit(context, async (request) => {
        const app = mayUseCore(request) ? core : await loaded();
        return await app.fetch(request);
      }),
    ),
    async load() {
      await loaded();
    },
  };
}
