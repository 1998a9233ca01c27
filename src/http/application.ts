import { Elysia, ValidationError } from 'elysia';
import type { AppContext } from '../context.ts';
import { isRefusal } from '../database/errors.ts';
import { Admission } from './admission.ts';
import { readJsonBody } from './body.ts';
import { answerPreflight, corsHeaders } from './cors.ts';
import { declarationsOf } from './declarations.ts';
import { answerUnmatched, RouteTable, requireOrdinary } from './methods.ts';
import type { DocumentedRoute } from './openapi.ts';
import { requirePolicy } from './policy.ts';
import { asAppError, logProblem, logRefusal, renderProblem } from './problem.ts';
import { rawQuery } from './raw-query.ts';
import { noteInterruption } from './read-again.ts';
import { requireReady } from './readiness.ts';
import { requirePrimary } from './replay.ts';
import { factsOf } from './request-facts.ts';
import { securityHeaders } from './security-headers.ts';
import { findUnknown, isOfFirstServer, unknownParameters, warningOf } from './unknown-input.ts';
import { validationError } from './validation.ts';
import { letIn } from './work.ts';

/**
 * An application without routes: what every request passes on its way to them, and what becomes of an error. Does no I/O.
 *
 * @param compiled whether Elysia turns each route into code of its own: quicker in the long run, some milliseconds at the first
 * request. Uncompiled, Elysia 1.4.30 knows no HEAD and reads bodies its own way: for routes that have neither.
 */
export function createHttpApp(context: Pick<AppContext, 'settings' | 'lifecycle' | 'log'>, compiled: boolean) {
  const { settings, lifecycle, log } = context;
  const routes = (): readonly DocumentedRoute[] => app.routes;
  let known: RouteTable | undefined;
  const table = () => {
    known ??= new RouteTable(routes());
    return known;
  };

  const declared = declarationsOf(routes);
  const admission = new Admission();
  const seconds = settings.REQUEST_TIMEOUT_SECONDS;

  /** Says in a header what an operation ignores of a request. Throws 422 where it must not be ignored. */
  const reportUnknown = ({ method, route, ...values }: RequestParts): string | undefined => {
    const { operation, schemas } = declared(method, route);
    // Pages have parameters that are for others; a probe may have any.
    if (operation === undefined || operation.tag === 'System') return undefined;
    const unknown = findUnknown(schemas, values);
    if (unknown.query.length > 0 && !isOfFirstServer(method, route))
      throw validationError(schemas, values, unknownParameters(unknown.query, values.query));
    return warningOf(unknown);
  };

  const app = new Elysia({
    name: 'catatlas',
    strictPath: true,
    normalize: false,
    aot: compiled,
    handler: { standardHostname: false },
  })
    .onRequest(({ request, set }) => {
      Object.assign(set.headers, securityHeaders(settings, request));
      set.headers['x-request-id'] = factsOf(request).id;
      if (lifecycle.draining) set.headers['connection'] = 'close';
    })
    .use(corsHeaders(settings.ALLOWED_ORIGINS))
    .onRequest(({ request }) => {
      requireOrdinary(request);
      const preflight = answerPreflight(settings.ALLOWED_ORIGINS, request);
      if (preflight) return preflight;
      const { path } = factsOf(request);
      // First: whether this server is ready is nothing to a write that another one takes.
      requirePrimary(settings.primaryElsewhere, request);
      requireReady(lifecycle, path);
      table().requireMethod(request.method, path);
      return undefined;
    })
    .onTransform({ as: 'global' }, (ctx) => {
      const facts = factsOf(ctx.request);
      facts.route = ctx.route;
      facts.params = { ...ctx.params };
      const { method, url } = ctx.request;
      const query = rawQuery(url);
      requirePolicy(settings, declared(method, ctx.route).operation?.policy);
      const warning = reportUnknown({ method, route: ctx.route, path: facts.params, query, body: ctx.body });
      if (warning !== undefined) ctx.set.headers['warning'] = warning;
      Object.assign(ctx, { query });
    })
    // What has no use for a body must not fail on one, nor wait for it: a photo sent to an operation that answers 501.
    .onParse({ as: 'global' }, ({ request, route }) => {
      const { operation, schemas } = declared(request.method, route);
      requirePolicy(settings, operation?.policy);
      if (schemas.body === undefined) return null;
      return (operation?.readBody ?? readJsonBody)(request);
    })
    .onBeforeHandle({ as: 'global' }, async ({ request, route }) => {
      await letIn(request, { admission, seconds, work: declared(request.method, route).operation?.work });
    })
    // A Response, never status(): Elysia 1.4.30 turns the second 404 into a 200 otherwise (elysiajs/elysia#1969).
    .onError({ as: 'global' }, ({ error, code, request, route, body }) => {
      const facts = factsOf(request);
      // A body that cannot be parsed ends here before the hook that notes the route.
      if (code !== 'NOT_FOUND') facts.route ??= route;
      const { id, path } = facts;
      const answer = (failure: unknown) => {
        const problem = asAppError(failure);
        if (problem.code === 'DATABASE_DAMAGED') lifecycle.trouble.noteDamage();
        if (noteInterruption(request, problem))
          log.info('connection lost: the read is asked again', { request_id: id });
        else if (!isRefusal(problem.cause)) logProblem(log, problem, id);
        // What is wrong with the database is the same for every request.
        else if (lifecycle.trouble.isNews(problem.cause, performance.now())) logRefusal(log, problem.cause);
        return renderProblem(problem, { id, path, accept: request.headers.get('accept') });
      };
      try {
        if (code === 'NOT_FOUND') return answerUnmatched(table(), request);
        if (error instanceof ValidationError && error.type !== 'response')
          return answer(
            validationError(declared(request.method, route).schemas, {
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
    });
  return app;
}

interface RequestParts {
  method: string;
  /** The pattern. */
  route: string;
  path: Readonly<Record<string, string | undefined>>;
  query: Readonly<Record<string, string>>;
  body: unknown;
}
