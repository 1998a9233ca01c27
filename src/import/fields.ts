import type { SqliteValue } from '../platform/sqlite.ts';
import { jsonbText } from './json.ts';
import type { SourceColumn } from './sqlite-tables.ts';

/** Null in the text format of COPY. */
export const copyNull = '\\N';

const sentiments = ['positive', 'neutral', 'negative'];
const modes = ['profile', 'care', 'update', 'risk'];

/**
 * A field of the first server's database as PostgreSQL itself would write it in the text format of COPY: so a row that is read
 * back has the very same bytes. What cannot be stored is described in `problems`.
 */
export function fieldText(column: SourceColumn, value: SqliteValue, problems: string[]): string {
  if (value === null) {
    if (!column.nullable) problems.push(`${column.source} is null`);
    return copyNull;
  }
  const refuse = (what: string) => {
    problems.push(`${column.source} ${what}`);
    return copyNull;
  };
  switch (column.kind) {
    case 'id':
      if (typeof value !== 'bigint') return refuse(`is ${nameOfType(value)} and not a whole number`);
      if (value < 1n || value > BigInt(Number.MAX_SAFE_INTEGER)) return refuse(`is ${value}: ids are from 1 to 2^53-1`);
      return String(value);
    case 'flag':
      if (value === 0n) return 'f';
      return value === 1n ? 't' : refuse(`is ${show(value)} and neither 0 nor 1`);
    case 'latitude':
    case 'longitude': {
      const limit = column.kind === 'latitude' ? 90 : 180;
      if (typeof value !== 'number' && typeof value !== 'bigint')
        return refuse(`is ${nameOfType(value)} and not a number`);
      const degrees = Number(value);
      if (!(Math.abs(degrees) <= limit)) return refuse(`is ${degrees}: it must be between -${limit} and ${limit}`);
      return doubleText(degrees);
    }
    default:
      return typeof value === 'string'
        ? wordText(column, value, refuse)
        : refuse(`is ${nameOfType(value)} and not text`);
  }
}

/** The kinds that are text in SQLite. */
function wordText({ kind }: SourceColumn, value: string, refuse: (what: string) => string): string {
  switch (kind) {
    case 'filled text':
      return value === '' ? refuse('is empty') : escapeText(value);
    case 'moment':
      return momentText(value) ?? refuse(`is ${show(value)} and not a moment such as 2026-11-22T13:13:34.577339Z`);
    case 'sentiment':
      return sentiments.includes(value) ? value : refuse(`is ${show(value)}: expected ${sentiments.join(', ')}`);
    case 'mode':
      return modes.includes(value) ? value : refuse(`is ${show(value)}: expected ${modes.join(', ')}`);
    case 'tags':
    case 'insight': {
      const json = jsonbText(value, kind === 'tags' ? 'an array of texts' : 'an object');
      return 'problem' in json ? refuse(json.problem) : escapeText(json.text);
    }
    default:
      return escapeText(value);
  }
}

const specials = /[\\\b\f\n\r\t\v]/;
const allSpecials = /[\\\b\f\n\r\t\v]/g;
const escapes: Record<string, string> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** Text in the text format of COPY (PostgreSQL documentation, "COPY", "Text Format"): the escapes that the server itself writes. */
export function escapeText(text: string): string {
  return specials.test(text) ? text.replace(allSpecials, (character) => escapes[character] ?? character) : text;
}

/** A double as PostgreSQL writes it: the shortest digits, with an exponent of two digits below 0.0001 (float8out, Ryu). */
export function doubleText(value: number): string {
  if (Object.is(value, -0)) return '-0';
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e15)) return String(value);
  return value.toExponential().replace(/([+-])(\d)$/, '$10$2');
}

/** Nearly every moment there is, on a day that every month has: to be taken apart quickly. */
const usualMoment =
  /^[1-9]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{5}[1-9]Z$/;
const momentPattern =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?:Z|([+-])(\d{2}):(\d{2}))?$/;

/**
 * A moment as PostgreSQL writes it in UTC: `2026-11-22 13:13:34.577339+00`. Takes what the first server wrote, with `Z` or an
 * offset; without either it is UTC, as Python's `utcnow` writes it. Undefined for anything else, and beyond years 1 to 9999.
 */
export function momentText(text: string): string | undefined {
  if (usualMoment.test(text)) return `${text.slice(0, 10)} ${text.slice(11, 26)}+00`;
  const match = momentPattern.exec(text);
  if (!match) return undefined;
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', fraction = '', sign] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const dayOfMonth = Number(day);
  if (year === '0000' || dayOfMonth < 1 || dayOfMonth > daysOf(Number(year), Number(month))) return undefined;
  const digits = fraction.replace(/0+$/, '');
  const point = digits === '' ? '' : `.${digits}`;
  if (sign === undefined || (match[9] === '00' && match[10] === '00'))
    return `${year}-${month}-${day} ${hour}:${minute}:${second}${point}+00`;
  const [hours, minutes] = [Number(match[9]), Number(match[10])];
  if (hours > 15 || minutes > 59) return undefined;
  const offset = (sign === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000;
  const moved = new Date(Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) - offset).toISOString();
  return /^\d{4}-/.test(moved) && !moved.startsWith('0000')
    ? `${moved.slice(0, 10)} ${moved.slice(11, 19)}${point}+00`
    : undefined;
}

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysOf(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : (monthDays[month - 1] ?? 0);
}

function nameOfType(value: Exclude<SqliteValue, null>): string {
  if (typeof value === 'bigint') return 'a whole number';
  if (typeof value === 'number') return 'a number';
  return typeof value === 'string' ? 'text' : 'a blob';
}

/** A value as a message shows it. */
function show(value: Exclude<SqliteValue, null>): string {
  if (value instanceof Uint8Array) return 'a blob';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
