import assert from 'node:assert/strict';
import type { Answer } from '../harness/client.ts';

/** A moment as most answers write it, and as comments and PATCH /cats do. */
export const zulu = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z$/;
export const offset = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?\+00:00$/;

/** The keys of the objects that several answers share, in the order the contract gives. */
export const entryKeys = [
  'id',
  'text',
  'createdAt',
  'isFavorite',
  'nickname',
  'location',
  'cat_id',
  'photo_url',
  'location_normalized',
  'location_lat',
  'location_lon',
  'location_osm_id',
  'location_street',
  'location_number',
  'location_zip',
  'location_city',
  'location_country',
];
export const catKeys = ['id', 'name', 'createdAt'];
export const pageKeys = ['total', 'page', 'limit', 'totalPages', 'hasMore'];

/** The keys of an answer, all of them and in this order. */
export function assertKeys(value: object | undefined, keys: readonly string[]): void {
  assert.deepEqual(Object.keys(value ?? {}), keys);
}

/** The body of an answer with this status; the text of the answer says why when it has another. */
export function bodyOf<Body>(answer: Answer<Body>, status = 200): Body {
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}

interface ErrorBody {
  detail: unknown;
  message: string;
  code: string;
  retryable: boolean;
  request_id: string;
}

/** An error in the older shape: `detail` is the text. */
export function assertError(answer: Answer<unknown>, status: number, code: string, message: string): void {
  const body = errorOf(answer, status);
  assert.deepEqual({ detail: body.detail, message: body.message, code: body.code }, { detail: message, message, code });
}

/** An error in the shape of the profile page: `detail` is an object. */
export function assertObjectError(answer: Answer<unknown>, status: number, code: string, message: string): void {
  const body = errorOf(answer, status);
  assert.deepEqual(body.detail, { code, message, retryable: false });
  assert.deepEqual([body.code, body.message, body.retryable], [code, message, false]);
}

/** 422, and the list names these and no other problems: the type, then where. */
export function assertInvalid(answer: Answer<unknown>, ...problems: (string | number)[][]): FieldProblem[] {
  const body = errorOf(answer, 422);
  const found = body.detail as FieldProblem[];
  assert.deepEqual(
    found.map(({ type, loc }) => [type, ...loc]),
    problems,
    answer.text,
  );
  for (const one of found)
    assertKeys(one, 'ctx' in one ? ['type', 'loc', 'msg', 'input', 'ctx'] : ['type', 'loc', 'msg', 'input']);
  assert.equal(body.code, 'VALIDATION_FAILED');
  return found;
}

interface FieldProblem {
  type: string;
  loc: (string | number)[];
  msg: string;
  input: unknown;
  ctx?: Record<string, unknown>;
}

function errorOf(answer: Answer<unknown>, status: number): ErrorBody {
  const body = bodyOf(answer, status) as ErrorBody;
  assertKeys(body, ['detail', 'message', 'code', 'retryable', 'request_id']);
  assert.equal(body.request_id, answer.headers.get('x-request-id'));
  return body;
}
