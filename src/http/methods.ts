import { AppError } from '../errors.ts';

/** Does this method change nothing, so that it may be asked again, or of a replica? RFC 9110, 9.2.1. */
export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE';
}

/** The methods of HTTP itself (RFC 9110, 9.3, PATCH and QUERY): of these a path may say that it has others. */
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'QUERY']);

/**
 * Throws 501 for a method that no path of any version has (RFC 9110, 15.6.2), and 400 for a request with two Hosts (RFC 9112, 3.2), which
 * two servers on its way may take for different ones. Bun 1.4.5 joins them with a comma; Deno 2.9.6 refuses them by itself.
 */
export function requireOrdinary(request: Request): void {
  if (!knownMethods.has(request.method))
    throw new AppError(501, 'METHOD_UNKNOWN', 'The server does not know this method', { retryable: false });
  if (request.headers.get('host')?.includes(','))
    throw new AppError(400, 'HOST_REPEATED', 'The request has more than one Host: send one');
}

/** Which methods a path has, so that 404 and 405 can be told apart: Elysia knows only 404. */
export class RouteTable {
  readonly #fixed = new Map<string, string[]>();
  readonly #patterns: { pattern: RegExp; methods: string[] }[] = [];

  constructor(routes: readonly { method: string; path: string }[]) {
    const byPath = new Map<string, Set<string>>();
    for (const { method, path } of routes) {
      const methods = byPath.get(path) ?? new Set(['OPTIONS']);
      methods.add(method);
      if (method === 'GET') methods.add('HEAD');
      byPath.set(path, methods);
    }
    for (const [path, methods] of byPath) {
      const sorted = [...methods].sort();
      if (!path.includes(':')) this.#fixed.set(path, sorted);
      else this.#patterns.push({ pattern: patternOf(path), methods: sorted });
    }
  }

  /** Methods of this path, or undefined for a path that nothing answers. A fixed path wins over a pattern that it fits. */
  methodsOf(path: string): string[] | undefined {
    return this.#fixed.get(path) ?? this.#patterns.find(({ pattern }) => pattern.test(path))?.methods;
  }

  /**
   * Throws 405 for a method that a fixed path does not have. Without this look `PATCH /entries/by-area` would be taken for a
   * change of the entry called `by-area`.
   */
  requireMethod(method: string, path: string): void {
    const methods = this.#fixed.get(path);
    if (methods && !methods.includes(method)) throw methodNotAllowed(methods);
  }
}

function patternOf(path: string): RegExp {
  const segments = path
    .split('/')
    .map((segment) => (segment.startsWith(':') ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^${segments.join('/')}$`);
}

function methodNotAllowed(methods: readonly string[]): AppError {
  return new AppError(405, 'METHOD_NOT_ALLOWED', 'Method Not Allowed', { headers: { allow: methods.join(', ') } });
}

/**
 * The answer to a request that no route took: 307 to the same path without its trailing slash when that exists, the
 * methods for OPTIONS, 405 with Allow for a known path, else 404.
 */
export function answerUnmatched(table: RouteTable, request: Request): Response {
  const { pathname, search } = new URL(request.url);
  const methods = table.methodsOf(pathname);
  if (methods) {
    if (request.method === 'OPTIONS')
      return new Response(null, { status: 204, headers: { allow: methods.join(', ') } });
    throw methodNotAllowed(methods);
  }
  // `//host/` would be a redirect to another host: only a path with one leading slash is ours.
  const trimmed = pathname.replace(/\/+$/, '');
  if (trimmed !== pathname && !trimmed.startsWith('//') && table.methodsOf(trimmed)) {
    // Relative, because a proxy may have taken a prefix off the path: up by as many slashes as there are too many.
    const up = '../'.repeat(pathname.length - trimmed.length);
    const location = `${up}${trimmed.slice(trimmed.lastIndexOf('/') + 1)}${search}`;
    return new Response(null, { status: 307, headers: { location } });
  }
  throw new AppError(404, 'NOT_FOUND', 'Not Found');
}
