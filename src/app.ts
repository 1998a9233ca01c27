import { Elysia, ValidationError } from 'elysia';
import type { z } from 'zod';
import { aboutRoutes } from './about/routes.ts';
import { analysisRoutes } from './analysis/routes.ts';
import { apiInfo, apiTags } from './api-info.ts';
import type { Build } from './build.ts';
import { catRoutes } from './cats/routes.ts';
import { commentRoutes } from './comments/routes.ts';
import type { AppContext } from './context.ts';
import { entryRoutes } from './entries/routes.ts';
import { geocodingRoutes } from './geocoding/routes.ts';
import { healthRoutes } from './health/routes.ts';
import { readJsonBody } from './http/body.ts';
import { answerPreflight, corsHeaders } from './http/cors.ts';
import { built } from './http/later.ts';
import { answerUnmatched, RouteTable } from './http/methods.ts';
import type { ApiDocument, DocumentedRoute } from './http/openapi.ts';
import { asAppError, logProblem, renderProblem } from './http/problem.ts';
import { rawQuery } from './http/raw-query.ts';
import { requireReady } from './http/readiness.ts';
import { factsOf } from './http/request-facts.ts';
import { securityHeaders } from './http/security-headers.ts';
import { documentation } from './http/swagger.ts';
import { type RequestSchemas, validationError } from './http/validation.ts';
import { imageRoutes } from './images/routes.ts';
import { insightRoutes } from './insights/routes.ts';
import { mapRoutes } from './map/routes.ts';
import { matchingRoutes } from './matching/routes.ts';
import { readEmbeddedFile } from './platform/embedded-files.ts';

/** Puts what every request passes and the features together. Does no I/O. */
export function createApp(context: AppContext) {
  const { settings, lifecycle, log } = context;
  const routes = (): readonly DocumentedRoute[] => app.routes;
  let built: RouteTable | undefined;
  const table = () => {
    built ??= new RouteTable(routes());
    return built;
  };

  const app = new Elysia({ name: 'catatlas', strictPath: true, normalize: false, handler: { standardHostname: false } })
    .onRequest(({ request, set }) => {
      Object.assign(set.headers, securityHeaders);
      set.headers['x-request-id'] = factsOf(request).id;
      if (lifecycle.draining) set.headers['connection'] = 'close';
    })
    .use(corsHeaders(settings.ALLOWED_ORIGINS))
    .onRequest(({ request }) => {
      const preflight = answerPreflight(settings.ALLOWED_ORIGINS, request);
      if (preflight) return preflight;
      const { pathname } = new URL(request.url);
      requireReady(lifecycle, pathname);
      table().requireMethod(request.method, pathname);
      return undefined;
    })
    .onTransform({ as: 'global' }, (ctx) => {
      const facts = factsOf(ctx.request);
      facts.route = ctx.route;
      facts.params = { ...ctx.params };
      Object.assign(ctx, { query: rawQuery(ctx.request.url) });
    })
    // What has no use for a body must not fail on one, nor wait for it: a photo sent to an operation that answers 501.
    .onParse({ as: 'global' }, ({ request, route }) =>
      schemasOf(routes(), request.method, route).body === undefined ? null : readJsonBody(request),
    )
    // A Response, never status(): Elysia 1.4.30 turns the second 404 into a 200 otherwise (elysiajs/elysia#1969).
    .onError({ as: 'global' }, ({ error, code, request, route, body }) => {
      const facts = factsOf(request);
      // A body that cannot be parsed ends here before the hook that notes the route.
      if (code !== 'NOT_FOUND') facts.route ??= route;
      const { id } = facts;
      const answer = (failure: unknown) => {
        const problem = asAppError(failure);
        logProblem(log, problem, id);
        const path = new URL(request.url).pathname;
        return renderProblem(problem, { id, path, accept: request.headers.get('accept') });
      };
      try {
        if (code === 'NOT_FOUND') return answerUnmatched(table(), request);
        if (error instanceof ValidationError && error.type !== 'response')
          return answer(
            validationError(schemasOf(routes(), request.method, route), {
              path: facts.params,
              query: rawQuery(request.url),
              body,
            }),
          );
        // Elysia wraps what a parser throws.
        return answer(code === 'PARSE' ? (error.cause ?? error) : error);
      } catch (failure) {
        return answer(failure);
      }
    })
    .use(features(context))
    .use(documentation({ document: () => describeApi(routes(), context.build), script: readScript }));
  return app;
}

/** The schemas of one route, for a second look at a request that failed the first. */
function schemasOf(routes: readonly DocumentedRoute[], method: string, path: string): RequestSchemas {
  const hooks = routes.find((route) => route.method === method && route.path === path)?.hooks as
    | { params?: unknown; query?: unknown; body?: unknown }
    | undefined;
  const schema = (part: unknown) => built(part) as z.ZodType | undefined;
  return { path: schema(hooks?.params), query: schema(hooks?.query), body: schema(hooks?.body) };
}

/** The script of the documentation page, as the binary carries it. */
const readScript = async () => ({ bytes: await readEmbeddedFile('scalar.js.gz'), encoding: 'gzip' as const });

/** Every feature. They read the context when a request comes, never before. */
const features = (context: AppContext) => [
  aboutRoutes(context),
  healthRoutes(context),
  entryRoutes(context),
  analysisRoutes(context),
  matchingRoutes(context),
  mapRoutes(context),
  geocodingRoutes(context),
  imageRoutes(),
  catRoutes(context),
  insightRoutes(context),
  commentRoutes(context),
];

/** The OpenAPI document of these routes. Its maker is loaded when first asked for: it would double the time to start. */
async function describeApi(routes: readonly DocumentedRoute[], build: Build): Promise<ApiDocument> {
  const { buildDocument } = await import('./http/openapi.ts');
  return buildDocument({ routes, info: apiInfo(build.version), tags: apiTags });
}

/** The document that a server of this build has at /swagger/json, without a server. */
export async function openApiDocument(build: Build): Promise<ApiDocument> {
  const unused = new Proxy({} as AppContext, {
    get(_target, name) {
      throw new Error(`describing the API must not need the context, but ${String(name)} was read`);
    },
  });
  return await describeApi(new Elysia().use(features(unused)).routes, build);
}
