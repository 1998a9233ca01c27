import { AppError } from '../errors.ts';

interface KnownRoute {
  pattern: RegExp;
  /** How many of the pattern's segments are fixed: of two that match, the more exact one speaks. */
  literals: number;
  methods: string[];
}

/** What else is true of a path: which methods it has, so that 404 and 405 can be told apart (Elysia knows only 404). */
export class RouteTable {
  readonly #routes: KnownRoute[];

  constructor(routes: readonly { method: string; path: string }[]) {
    const byPath = new Map<string, Set<string>>();
    for (const { method, path } of routes) {
      const methods = byPath.get(path) ?? new Set(['OPTIONS']);
      methods.add(method.toUpperCase());
      if (method.toUpperCase() === 'GET') methods.add('HEAD');
      byPath.set(path, methods);
    }
    this.#routes = [...byPath].map(([path, methods]) => {
      const segments = path.split('/').map((segment) => (segment.startsWith(':') ? '[^/]+' : escapePattern(segment)));
      return {
        pattern: new RegExp(`^${segments.join('/')}$`),
        literals: segments.filter((segment) => segment !== '[^/]+').length,
        methods: [...methods].sort(),
      };
    });
    this.#routes.sort((a, b) => b.literals - a.literals);
  }

  /** Methods of this path, or undefined for a path that nothing answers. A static path also has those of its pattern. */
  methodsOf(path: string): string[] | undefined {
    const found = this.#routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods);
    return found.length === 0 ? undefined : [...new Set(found)].sort();
  }
}

function escapePattern(segment: string): string {
  return segment === '*' ? '.*' : segment.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
}

/**
 * The answer to a request that no route took: 307 to the same path without its trailing slash when that exists, the
 * methods for OPTIONS, 405 with Allow for a known path, else 404.
 */
export function answerUnmatched(table: RouteTable, request: Request): Response {
  const { pathname, search } = new URL(request.url);
  const methods = table.methodsOf(pathname);
  if (methods) {
    const allow = methods.join(', ');
    if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } });
    throw new AppError(405, 'METHOD_NOT_ALLOWED', 'Method Not Allowed', { headers: { allow } });
  }
  // `//host/` would be a redirect to another host: only a path with one leading slash is ours.
  const trimmed = pathname.replace(/\/+$/, '');
  if (trimmed !== pathname && !trimmed.startsWith('//') && table.methodsOf(trimmed))
    return new Response(null, { status: 307, headers: { location: `${trimmed}${search}` } });
  throw new AppError(404, 'NOT_FOUND', 'Not Found');
}
