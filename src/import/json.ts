import { Buffer } from 'node:buffer';

/** What a JSON text has to be. */
type Expected = 'an array of texts' | 'an object';

/**
 * JSON as PostgreSQL writes jsonb: keys by length and then by bytes, the last of equal keys, one space after `,` and `:`, numbers
 * with every digit they were given. `problem` when the text is not what is expected, or jsonb cannot hold it.
 */
export function jsonbText(json: string, expected: Expected): { text: string } | { problem: string } {
  let value: unknown;
  try {
    value = expected === 'an object' ? JSON.parse(json, keepDigits) : JSON.parse(json);
  } catch (error) {
    return { problem: `is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  const fits =
    expected === 'an object' ? isObject(value) : Array.isArray(value) && value.every((one) => typeof one === 'string');
  if (!fits) return { problem: `is JSON, but not ${expected}` };
  try {
    return { text: written(value) };
  } catch (error) {
    if (error instanceof Unstorable) return { problem: error.message };
    throw error;
  }
}

/** JSON that jsonb has no place for. */
class Unstorable extends Error {}

/** A number by the digits of its text. */
class Digits {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The third argument is the source text of primitives (ECMAScript proposal "JSON.parse source text access", in both runtimes). */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? new Digits(context?.source ?? String(value)) : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Digits);
}

function written(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (value instanceof Digits) return plainNumber(value.text);
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (!isObject(value)) return String(value);
  const pairs = Object.entries(value).map(([key, inner]) => ({ bytes: Buffer.from(key), key, inner }));
  pairs.sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes));
  return `{${pairs.map(({ key, inner }) => `${quoted(key)}: ${written(inner)}`).join(', ')}}`;
}

function quoted(text: string): string {
  if (text.includes('\0')) throw new Unstorable('has a NUL character in it (\\u0000)');
  if (!text.isWellFormed()) throw new Unstorable('has half a character in it (a lone surrogate)');
  return JSON.stringify(text);
}

/** `1.50e2` as numeric writes it: without an exponent, `150`. */
function plainNumber(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const shift = Number(exponent);
  // What numeric holds at most is far beyond what any insight has; a text of that length would be an attack.
  if (Math.abs(shift) > 1000) throw new Unstorable(`has a number that is out of range: ${text}`);
  const digits = `${whole}${fraction}`;
  const point = whole.length + shift;
  const scale = Math.max(0, fraction.length - shift);
  const padded = digits
    .padStart(digits.length + Math.max(0, 1 - point), '0')
    .padEnd(Math.max(point, digits.length), '0');
  const integers = padded.slice(0, padded.length - scale).replace(/^0+(?=\d)/, '') || '0';
  const decimals = scale > 0 ? `.${padded.slice(padded.length - scale)}` : '';
  const isZero = !/[1-9]/.test(padded);
  return `${isZero ? '' : sign}${integers}${decimals}`;
}
