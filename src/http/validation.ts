import type { z } from 'zod';
import { AppError, type FieldProblem } from '../errors.ts';

/** The parts of a request that a route validates, by the words the first server used for them. */
export interface RequestSchemas {
  path: z.ZodType | undefined;
  query: z.ZodType | undefined;
  body: z.ZodType | undefined;
}

type Part = keyof RequestSchemas;

/** How much of an offending value is sent back: enough to recognise it, not a copy of what may be private (contract 11.3). */
const echoedCharacters = 100;

/**
 * All problems of a request at once: Elysia stops at the first part that fails, so the parts are validated again here.
 * Order is path, query, body, and within each the order of fields.
 *
 * @param unknown problems of query parameters that the schema does not know
 */
export function validationError(
  schemas: RequestSchemas,
  values: Record<Part, unknown>,
  unknown: readonly FieldProblem[] = [],
): AppError {
  const fields = (['path', 'query', 'body'] as const).flatMap((part) => {
    const result = schemas[part]?.safeParse(values[part]);
    const found = result?.error ? result.error.issues.map((issue) => fieldProblem(part, issue, values[part])) : [];
    return part === 'query' ? [...found, ...unknown] : found;
  });
  const summary = fields.map((field) => `${field.loc.join('.')}: ${field.msg}`).join('; ');
  return new AppError(422, 'VALIDATION_FAILED', summary || 'The request is not valid', { fields });
}

function fieldProblem(part: Part, issue: z.core.$ZodIssue, value: unknown): FieldProblem {
  const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
  const input = path.reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), value);
  const found = words(part, issue, input);
  const loc = [part, ...path];
  return found.ctx === undefined
    ? { type: found.type, loc, msg: found.msg, input: echo(input) }
    : { type: found.type, loc, msg: found.msg, input: echo(input), ctx: found.ctx };
}

function words(part: Part, issue: z.core.$ZodIssue, input: unknown): Pick<FieldProblem, 'type' | 'msg' | 'ctx'> {
  const root = issue.path.length === 0;
  if (input === undefined || (root && input === null)) return { type: 'missing', msg: 'Field required' };
  switch (issue.code) {
    case 'custom': {
      const { type, ctx } = issue.params as { type?: string; ctx?: Record<string, unknown> };
      return { type: type ?? 'value_error', msg: issue.message, ...(ctx ? { ctx } : {}) };
    }
    case 'invalid_type':
      if (root && part === 'body')
        return {
          type: 'model_attributes_type',
          msg: 'Input should be a valid dictionary or object to extract fields from',
        };
      return invalidType(issue.expected, input);
    case 'invalid_value': {
      const expected = issue.values.map((one) => `'${String(one)}'`);
      const listed = `${expected.slice(0, -1).join(', ')} or ${expected.at(-1)}`;
      return { type: 'literal_error', msg: `Input should be ${listed}`, ctx: { expected: listed } };
    }
    case 'too_small':
    case 'too_big':
      return listLength(issue, input);
    default:
      return { type: 'value_error', msg: issue.message };
  }
}

function invalidType(expected: string, input: unknown): Pick<FieldProblem, 'type' | 'msg'> {
  switch (expected) {
    case 'string':
      return { type: 'string_type', msg: 'Input should be a valid string' };
    case 'array':
      return { type: 'list_type', msg: 'Input should be a valid list' };
    case 'number':
    case 'int':
      return typeof input === 'number'
        ? { type: 'int_from_float', msg: 'Input should be a valid integer, got a number with a fractional part' }
        : { type: 'int_type', msg: 'Input should be a valid integer' };
    default:
      return { type: `${expected}_type`, msg: `Input should be a valid ${expected}` };
  }
}

function listLength(
  issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig,
  input: unknown,
): Pick<FieldProblem, 'type' | 'msg' | 'ctx'> {
  const actual = Array.isArray(input) ? input.length : 0;
  const [type, bound, limit, key] =
    issue.code === 'too_small'
      ? (['too_short', 'at least', Number(issue.minimum), 'min_length'] as const)
      : (['too_long', 'at most', Number(issue.maximum), 'max_length'] as const);
  return {
    type,
    msg: `List should have ${bound} ${limit} item${limit === 1 ? '' : 's'} after validation, not ${actual}`,
    ctx: { field_type: 'List', [key]: limit, actual_length: actual },
  };
}

function echo(input: unknown): unknown {
  if (typeof input === 'string') {
    const characters = [...input.slice(0, 2 * echoedCharacters + 2)];
    // JSON has no lone surrogates or NUL that every reader survives.
    const safe = (value: string) => value.toWellFormed().replaceAll('\0', '\uFFFD');
    return characters.length > echoedCharacters
      ? `${safe(characters.slice(0, echoedCharacters).join(''))}…`
      : safe(input);
  }
  return typeof input === 'number' || typeof input === 'boolean' ? input : null;
}

function isRecord(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null;
}
