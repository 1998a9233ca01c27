import { cors } from '@elysiajs/cors';
import { Elysia } from 'elysia';

/** Response headers that a browser script may read. */
const exposedHeaders = ['X-Request-Id', 'Retry-After', 'Location', 'Allow', 'ETag', 'Warning'];

const allowedMethods = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS'];

/** How long a browser may keep the answer to a preflight, in seconds: as the first server said. */
const preflightSeconds = 600;

/** Is this origin one of ours? Compared as a whole, never by suffix or pattern. `*` (development only) is any. */
export function originAllowed(allowed: readonly string[], origin: string | null): origin is string {
  return origin !== null && (allowed.includes('*') || allowed.includes(origin));
}

/** What the plugin gives to every answer, asked for by a script or not. Of no use to anything else, and some 235 bytes each. */
const forScripts = {
  'access-control-allow-credentials': 'true',
  'access-control-expose-headers': exposedHeaders.join(', '),
};

/** The plugin takes false for "none" here too, but its types do not say so. Left out would be "any". */
const none = false as unknown as string[];

/**
 * CORS for simple requests: exactly the allowed origins are named back, with credentials and `Vary: Origin`; any other request gets
 * `Vary: Origin` alone. The plugin compares strings loosely (it would take `evil.example` for `https://evil.example`), so it gets our
 * comparison as a function.
 */
export function corsHeaders(allowedOrigins: readonly string[]) {
  const allowed = (request: Request) => originAllowed(allowedOrigins, request.headers.get('origin'));
  return new Elysia({ name: 'cors' })
    .use(
      cors({
        origin: [allowed],
        credentials: false,
        methods: false,
        allowedHeaders: none,
        exposeHeaders: none,
        preflight: false,
      }),
    )
    .onRequest(({ request, set }) => {
      if (allowed(request)) Object.assign(set.headers, forScripts);
    });
}

/** The same headers, for an answer that does not come from the application. */
export function corsHeadersOf(allowedOrigins: readonly string[], request: Request): Record<string, string> {
  const origin = request.headers.get('origin');
  return {
    vary: 'Origin',
    ...(originAllowed(allowedOrigins, origin) && { 'access-control-allow-origin': origin, ...forScripts }),
  };
}

/**
 * The answer to a preflight, with the words of the first server: 200 `OK` and what is allowed, or 400. Undefined for any
 * other request: without an `Origin`, OPTIONS asks for the methods of a path.
 */
export function answerPreflight(allowedOrigins: readonly string[], request: Request): Response | undefined {
  const method = request.headers.get('access-control-request-method');
  const origin = request.headers.get('origin');
  if (request.method !== 'OPTIONS' || method === null || origin === null) return undefined;
  if (!originAllowed(allowedOrigins, origin)) return plain('Disallowed CORS origin', { status: 400 });
  if (!allowedMethods.includes(method)) return plain('Disallowed CORS method', { status: 400 });
  return plain('OK', {
    headers: {
      'access-control-allow-methods': allowedMethods.join(', '),
      'access-control-allow-headers': request.headers.get('access-control-request-headers') ?? 'Content-Type',
      'access-control-max-age': String(preflightSeconds),
    },
  });
}

/** Says that it is text: Bun 1.4 calls a text octet-stream once Elysia has added headers to the response. */
function plain(text: string, { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> }) {
  return new Response(text, { status, headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' } });
}
