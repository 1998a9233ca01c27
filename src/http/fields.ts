import * as z from 'zod';
import { trim } from '../analysis/whitespace.ts';
import { shownAs } from './operation.ts';

/**
 * The zod types of request fields. Their limits and messages are those that clients of the first server know (contract
 * sections 1 and 2): lengths count code points before trimming, path and query numbers are read leniently, and each problem
 * carries the `type` word of that server in `params`.
 */

interface Problem {
  type: string;
  msg: string;
  ctx?: Record<string, unknown>;
}

/** Marks a custom zod issue with the words that `http/validation.ts` puts into the 422 list. */
function problem(input: unknown, { type, msg, ctx }: Problem) {
  return { code: 'custom' as const, message: msg, input, params: ctx === undefined ? { type } : { type, ctx } };
}

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** As the document says it, for JSON Schema. */
const withoutNul = '^[^\\u0000]*$';
const nonBlankWithoutNul = '^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$';

const loneSurrogate = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

function* textProblems(value: string, min: number, max: number): Generator<Problem> {
  if (value.includes('\0')) {
    // PostgreSQL text cannot hold it.
    yield { type: 'value_error', msg: 'Value error, must not contain the NUL character (U+0000)' };
  }
  if (loneSurrogate.test(value)) {
    yield {
      type: 'string_unicode',
      msg: 'Input should be a valid string, unable to parse raw data as a unicode string',
    };
  }
  // Code units bound code points from above, so most texts need no count.
  const length = value.length <= max && value.length >= min * 2 ? value.length : [...value].length;
  if (length < min)
    yield {
      type: 'string_too_short',
      msg: `String should have at least ${plural(min, 'character')}`,
      ctx: { min_length: min },
    };
  if (length > max)
    yield {
      type: 'string_too_long',
      msg: `String should have at most ${plural(max, 'character')}`,
      ctx: { max_length: max },
    };
}

/** Text of `min` to `max` code points, counted before trimming; then trimmed. NUL and lone surrogates are refused. */
export function text({ min, max }: { min: number; max: number }) {
  return z
    .string()
    .check((context) => {
      for (const found of textProblems(context.value, min, max)) context.issues.push(problem(context.value, found));
    })
    .transform(trim)
    .meta({ override: shownAs({ type: 'string', minLength: min, maxLength: max, pattern: withoutNul }) });
}

/** As `text`, but what trims to nothing is refused too. */
export function nonBlankText({ max }: { max: number }) {
  return z
    .string()
    .check((context) => {
      const found = [...textProblems(context.value, 1, max)];
      if (found.length === 0) found.push(...textProblems(trim(context.value), 1, max));
      for (const one of found) context.issues.push(problem(context.value, one));
    })
    .transform(trim)
    .meta({ override: shownAs({ type: 'string', minLength: 1, maxLength: max, pattern: nonBlankWithoutNul }) });
}

/** Text that may be null or left out; what trims to nothing is null. */
export function optionalText({ max }: { max: number }) {
  return text({ min: 0, max })
    .nullish()
    .transform((value) => (value ? value : null))
    .meta({ override: shownAs({ type: ['string', 'null'], maxLength: max, pattern: withoutNul }) });
}

/** As `optionalText` for changes: left out stays `undefined` ("leave it as it is"), null and blank are null ("clear it"). */
export function patchText({ max }: { max: number }) {
  return text({ min: 0, max })
    .nullish()
    .transform((value) => (value === undefined ? undefined : value || null))
    .meta({ override: shownAs({ type: ['string', 'null'], maxLength: max, pattern: withoutNul }) });
}

/** No white space and no control character: what would end an address in a page or a header. */
const unseen = '\\s\\u0000-\\u001f\\u007f-\\u009f\\ufeff';

/** An address on the web, as the server takes it and as the document says: a scheme, a host with a port or without, and the rest. */
const webAddressPattern = `[Hh][Tt][Tt][Pp][Ss]?://(?:\\[[0-9A-Fa-f:.]+\\](?::[0-9]+)?|[^/?#\\\\\\[\\]${unseen}]+)(?:[/?#][^${unseen}]*)?`;
const webAddressOnly = new RegExp(`^${webAddressPattern}$`);

/** Why a text is not the address of something on the web. A browser would run `javascript:` and open `file:`. */
function addressProblem(value: string): Problem | undefined {
  if (!/^https?:/i.test(value))
    return {
      type: 'url_scheme',
      msg: "URL scheme should be 'http' or 'https'",
      ctx: { expected_schemes: "'http' or 'https'" },
    };
  if (webAddressOnly.test(value)) return undefined;
  return { type: 'url_parsing', msg: 'Input should be a valid URL, such as https://photos.example/cat.jpg' };
}

/** Makes a field for text one for the address of something on the web: http or https. */
function webAddress<T extends string | null | undefined>(field: z.ZodType<T>, max: number) {
  return field
    .check((context) => {
      const found = context.value ? addressProblem(context.value) : undefined;
      if (found) context.issues.push(problem(context.value, found));
    })
    .meta({
      override: shownAs({
        type: ['string', 'null'],
        maxLength: max,
        // No `format: uri`: a blank text is null, as the first server had it.
        pattern: `^\\s*(?:${webAddressPattern})?\\s*$`,
      }),
    });
}

/** As `optionalText`, for the address of something on the web. */
export const optionalWebAddress = ({ max }: { max: number }) => webAddress(optionalText({ max }), max);

/** As `patchText`, for the address of something on the web. */
export const patchWebAddress = ({ max }: { max: number }) => webAddress(patchText({ max }), max);

/** A file of a form, or none. A text in its place is refused. */
export function fileField() {
  return z
    .unknown()
    .transform((value, context): File => {
      if (value instanceof File) return value;
      context.issues.push(problem(value, { type: 'value_error', msg: 'Value error, expected a file' }));
      return z.NEVER;
    })
    .optional()
    .meta({ override: shownAs({ type: 'string', format: 'binary' }) });
}

/** A field that cannot be set: null or left out, with the reason and what to do in the message of anything else. */
export function unsettable(reason: string) {
  return z
    .unknown()
    .transform((value, context): null => {
      if (value !== null) context.issues.push(problem(value, { type: 'extra_forbidden', msg: reason }));
      return null;
    })
    .optional()
    .meta({ override: shownAs({ type: 'null' }) });
}

// As Pydantic 2 reads them: `1_000` is a thousand and `1.0` is 1; for a whole number `1.` is none.
const integerText = /^\s*[+-]?\d+(?:_\d+)*(?:\.0+)?\s*$/;
const numberText = /^\s*[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+)(?:[eE][+-]?\d+(?:_\d+)*)?\s*$/;

/** The number that a text of one of these forms stands for. */
const numberOf = (text: string) => Number(text.replaceAll('_', ''));

function boundProblem(value: number, min: number, max: number): Problem | undefined {
  if (value < min)
    return {
      type: 'greater_than_equal',
      msg: `Input should be greater than or equal to ${min}`,
      ctx: { ge: min },
    };
  if (value > max)
    return { type: 'less_than_equal', msg: `Input should be less than or equal to ${max}`, ctx: { le: max } };
  return undefined;
}

/** The whole number that a text stands for, or why it stands for none. */
function readInteger(text: string): number | Problem {
  if (!integerText.test(text))
    return { type: 'int_parsing', msg: 'Input should be a valid integer, unable to parse string as an integer' };
  const number = numberOf(text);
  if (Number.isSafeInteger(number)) return number;
  return { type: 'int_parsing_size', msg: 'Unable to parse input string as an integer, exceeded maximum size' };
}

/** A whole number in a path or query. Lenient as clients expect: `1.0`, `+1` and ` 1 ` are 1. */
export function integerParameter({ min, max, fallback }: { min: number; max: number; fallback?: number }) {
  const parsed = z.string().transform((value, context) => {
    const number = readInteger(value);
    if (typeof number !== 'number') {
      context.issues.push(problem(value, number));
      return z.NEVER;
    }
    const outside = boundProblem(number, min, max);
    if (outside) context.issues.push(problem(value, outside));
    return number;
  });
  return withFallback(parsed, fallback, { type: 'integer', minimum: min, maximum: max });
}

const idShape = {
  type: 'integer',
  format: 'int64',
  minimum: Number.MIN_SAFE_INTEGER,
  maximum: Number.MAX_SAFE_INTEGER,
} as const;

/** The id of a row in a path. Negative ids are well-formed and simply not found. */
export function idParameter(description: string) {
  return integerParameter({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }).meta({
    description,
    example: 7,
    override: shownAs(idShape),
  });
}

/** A number in a query, finite and within bounds. */
export function numberParameter({ min, max, fallback }: { min: number; max: number; fallback?: number }) {
  const parsed = z.string().transform((value, context) => {
    if (/^\s*[+-]?(?:nan|inf|infinity)\s*$/i.test(value)) {
      context.issues.push(problem(value, { type: 'finite_number', msg: 'Input should be a finite number' }));
      return z.NEVER;
    }
    if (!numberText.test(value)) {
      const msg = 'Input should be a valid number, unable to parse string as a number';
      context.issues.push(problem(value, { type: 'float_parsing', msg }));
      return z.NEVER;
    }
    const number = numberOf(value);
    const outside = boundProblem(number, min, max);
    if (outside) context.issues.push(problem(value, outside));
    return number;
  });
  return withFallback(parsed, fallback, { type: 'number', format: 'double', minimum: min, maximum: max });
}

const booleanWords = new Map<string, boolean>([
  ...['true', '1', 'yes', 'on', 't', 'y'].map((word) => [word, true] as const),
  ...['false', '0', 'no', 'off', 'f', 'n'].map((word) => [word, false] as const),
]);

/** A boolean in a query: true/false/1/0/yes/no/on/off/t/f/y/n in any case. */
export function booleanParameter({ fallback }: { fallback: boolean }) {
  const parsed = z.string().transform((value, context) => {
    const found = booleanWords.get(value.toLowerCase());
    if (found === undefined) {
      const msg = 'Input should be a valid boolean, unable to interpret input';
      context.issues.push(problem(value, { type: 'bool_parsing', msg }));
      return z.NEVER;
    }
    return found;
  });
  return withFallback(parsed, fallback, { type: 'boolean' });
}

type ParameterShape =
  | { type: 'integer' | 'number'; format?: 'double'; minimum: number; maximum: number }
  | { type: 'boolean' };

function withFallback<T extends number | boolean>(
  parsed: z.ZodType<T, string>,
  fallback: T | undefined,
  shape: ParameterShape,
): z.ZodType<T, string | undefined> {
  if (fallback === undefined) return parsed.meta({ override: shownAs(shape) }) as z.ZodType<T, string | undefined>;
  return parsed
    .optional()
    .transform((value) => value ?? fallback)
    .meta({ override: shownAs({ ...shape, default: fallback }) });
}

/** How many ids one request may name. More is a mistake or an attack, and would hold row locks for long. */
export const maxEntryIds = 1000;

/** The id that an element of a JSON list stands for, or why it stands for none. */
function readId(value: unknown): number | Problem {
  if (typeof value === 'string') return readInteger(value);
  if (typeof value !== 'number' || (Number.isInteger(value) && !Number.isSafeInteger(value)))
    return { type: 'int_type', msg: 'Input should be a valid integer' };
  if (Number.isInteger(value)) return value;
  return {
    type: 'int_from_float',
    msg: 'Input should be a valid integer, got a number with a fractional part',
  };
}

/** The `entry_ids` of a request body: 1 to 1000 ids, as numbers or as texts of digits; duplicates are fine. */
export function entryIds() {
  const id = z
    .unknown()
    .transform((value, context): number => {
      const read = readId(value);
      if (typeof read === 'number') return read;
      context.issues.push(problem(value, read));
      return z.NEVER;
    })
    .meta({ override: shownAs(idShape) });
  return z
    .array(id)
    .min(1)
    .max(maxEntryIds)
    .meta({ description: 'Ids of sightings', example: [7, 8] });
}
