import type { z } from 'zod';
import { built } from './later.ts';
import type { DocumentedRoute } from './openapi.ts';
import { describedBy, type OperationFacts } from './operation.ts';
import type { RequestSchemas } from './validation.ts';

/** What one route declares: its schemas, and its operation unless it is a page. */
export interface Declaration {
  operation: OperationFacts | undefined;
  schemas: RequestSchemas;
}

interface RouteHooks {
  params?: unknown;
  query?: unknown;
  body?: unknown;
  detail?: unknown;
}

/** Finds what routes declare, by method and pattern. HEAD declares what GET does. Looks each route up once. */
export function declarationsOf(routes: () => readonly DocumentedRoute[]) {
  const found = new Map<string, Declaration>();
  return (method: string, path: string): Declaration => {
    const asked = method === 'HEAD' ? 'GET' : method;
    const key = `${asked} ${path}`;
    const known = found.get(key);
    if (known !== undefined) return known;
    const route = routes().find((each) => each.method === asked && each.path === path);
    const declaration = read((route?.hooks ?? {}) as RouteHooks);
    // Only what exists is kept: strangers choose the other names.
    if (route !== undefined) found.set(key, declaration);
    return declaration;
  };
}

function read({ params, query, body, detail }: RouteHooks): Declaration {
  const schema = (part: unknown) => built(part) as z.ZodType | undefined;
  return {
    operation: describedBy(detail),
    schemas: { path: schema(params), query: schema(query), body: schema(body) },
  };
}
