/**
 * The query as the client wrote it, the last of a repeated key winning. Elysia 1.4.30 splits zod-validated values at commas
 * and parses what looks like JSON (elysiajs/elysia#1800).
 */
export function rawQuery(url: string): Record<string, string> {
  // Null prototype: `?__proto__=` is a key like any other.
  const query: Record<string, string> = Object.create(null);
  const start = url.indexOf('?');
  if (start === -1) return query;
  const end = url.indexOf('#', start);
  for (const [key, value] of new URLSearchParams(url.slice(start + 1, end === -1 ? undefined : end)))
    query[key] = value;
  return query;
}
