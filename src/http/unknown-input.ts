import * as z from 'zod';
import type { FieldProblem } from '../errors.ts';
import type { RequestSchemas } from './validation.ts';

/**
 * What the first server had. It ignored whatever it did not know, and its clients may rely on that: there, what is ignored is said in a
 * header. Every other operation refuses a query parameter that it does not know.
 */
const firstServer = new Set([
  'GET /health',
  'GET /health/geocoding',
  'GET /entries',
  'POST /entries',
  'POST /entries/with-image',
  'PATCH /entries/:entry_id/image',
  'POST /upload/image',
  'POST /entries/:entry_id/favorite',
  'POST /entries/:entry_id/analyze',
  'GET /entries/:entry_id/analysis',
  'GET /entries/:entry_id/matches',
  'GET /entries/:entry_id/nearby',
  'POST /entries/:entry_id/normalize-location',
  'POST /entries/:entry_id/assign/:cat_id',
  'GET /entries/by-area',
  'GET /entries/by-area/suggested-groups',
  'GET /cats',
  'POST /cats',
  'POST /cats/from-sightings',
  'POST /cats/:cat_id/link-sightings',
  'PATCH /cats/:cat_id',
  'GET /cats/:cat_id/profile',
  'GET /cats/:cat_id/profile/enhanced',
  'GET /cats/:cat_id/sightings',
  'POST /cats/:cat_id/insights',
  'POST /cats/:cat_id/comments',
  'GET /cats/:cat_id/comments',
  'DELETE /cats/:cat_id/comments/:comment_id',
]);

/** Did the first server have this operation? HEAD is a GET. */
export function isOfFirstServer(method: string, route: string): boolean {
  return firstServer.has(`${method === 'HEAD' ? 'GET' : method} ${route}`);
}

/** Names that a request has and its operation does not know. */
export interface UnknownInput {
  query: string[];
  /** Of the fields of an object, not of what is inside them. */
  body: string[];
}

/** What the schemas do not know of a request. */
export function findUnknown(schemas: RequestSchemas, { query, body }: { query: object; body: unknown }): UnknownInput {
  return {
    query: unknownKeys(schemas.query, query),
    body: schemas.body && isObject(body) ? unknownKeys(schemas.body, body) : [],
  };
}

function unknownKeys(schema: z.ZodType | undefined, value: object): string[] {
  const known = schema instanceof z.ZodObject ? schema.shape : {};
  return Object.keys(value).filter((key) => !Object.hasOwn(known, key));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The problems of query parameters that are not known, for the 422 list: in the words of Pydantic. */
export function unknownParameters(names: readonly string[], values: Readonly<Record<string, string>>): FieldProblem[] {
  return names.slice(0, mostNames).map((name) => ({
    type: 'extra_forbidden',
    loc: ['query', shown(name)],
    msg: 'Extra inputs are not permitted',
    input: values[name]?.slice(0, 100).toWellFormed().replaceAll('\0', '\uFFFD') ?? null,
  }));
}

/** A request may bring thousands. */
const mostNames = 10;

/** A name, as it may be sent back: what is none of the usual characters of names is a question mark. */
function shown(name: string): string {
  return name.slice(0, 50).replace(/[^\w.[\]-]/g, '?');
}

/**
 * The `Warning` header that says what was ignored, or undefined where nothing was. RFC 9111 made the header obsolete for caches; 299 is
 * the code for any other lasting warning (RFC 7234, 5.5), and Kubernetes uses it for the same.
 */
export function warningOf({ query, body }: UnknownInput): string | undefined {
  const names = [...query.map((name) => `query ${shown(name)}`), ...body.map((name) => `body ${shown(name)}`)];
  if (names.length === 0) return undefined;
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : '';
  return `299 - "ignored: ${names.slice(0, mostNames).join(', ')}${more}"`;
}
