import { Buffer } from 'node:buffer';
import type { SqliteValue } from '../platform/sqlite.ts';
import { copyNull, doubleText, escapeText, momentText } from './fields.ts';
import type { FieldKind, SourceColumn, SourceTable, TableName } from './sqlite-tables.ts';

/**
 * What bad values of the first server's rows become with `--repair`. The same rules hold for its SQLite file and for its tables on
 * PostgreSQL (migrator/adopt/repair.ts); docs/repairs.md lists them for people.
 */

/** Stands for a moment that no value of the row tells: nobody saw a cat then. */
export const unknownMoment = '1970-01-01T00:00:00Z';

/** Stands for a text that has to be there and is not, by column. */
export const placeholders: Readonly<Record<string, string>> = {
  text: '[no text]',
  author_name: '[unknown]',
  content: '[no text]',
};

/** Tables whose rows are computed from others: a bad row is left out, and computed again when it is asked for. */
export const computedTables: readonly TableName[] = ['analyses', 'cat_insights'];

/** A field as the file has it. */
export interface OriginalValue {
  value: SqliteValue;
  /** The bytes of a text; undefined for another type, and for what is too large to be fetched. */
  bytes: Uint8Array | undefined;
  isHuge: boolean;
}

export interface RepairInput {
  table: SourceTable;
  /** By column, as `source` in the table's columns names it. */
  original: ReadonlyMap<string, OriginalValue>;
  /** The columns whose values cannot be written as they are. */
  bad: ReadonlySet<string>;
  /** The id that the row gets when its own is bad. */
  newId(): bigint;
  /** The row that a link leads to now; undefined when there is none. */
  follow(target: bigint): bigint | undefined;
}

/** A field that is to be written: as COPY has it, and as a report shows it. */
interface Field {
  text: string;
  shown: string | number | boolean | null;
}

const none: Field = { text: copyNull, shown: null };

/** New fields for the bad columns of a row, by column; undefined when the row has to be left out. */
export function repairRow(given: RepairInput): Map<string, Field> | undefined {
  const { table, original, bad, newId, follow } = given;
  if (computedTables.includes(table.name)) return undefined;
  const fields = new Map<string, Field>();
  for (const column of table.columns) {
    if (!bad.has(column.source)) continue;
    const found = original.get(column.source) ?? { value: null, bytes: undefined, isHuge: false };
    if (column.source === table.link?.column) {
      const target = typeof found.value === 'bigint' ? follow(found.value) : undefined;
      if (target === undefined && !column.nullable) return undefined;
      fields.set(column.source, target === undefined ? none : { text: String(target), shown: Number(target) });
    } else if (column.kind === 'id') {
      const id = newId();
      fields.set(column.source, { text: String(id), shown: Number(id) });
    } else fields.set(column.source, repairField(column, found, given));
  }
  const place = table.columns.filter(({ kind }) => degrees[kind] !== undefined);
  // A point needs both halves; one that was cut in two is no place.
  if (place.some(({ source }) => fields.get(source) === none)) for (const { source } of place) fields.set(source, none);
  return fields;
}

function repairField(column: SourceColumn, found: OriginalValue, { original, bad }: RepairInput): Field {
  switch (column.kind) {
    case 'moment':
      return repairMoment(column, found, original, bad);
    case 'flag':
      return isTrue(found) ? { text: 't', shown: true } : { text: 'f', shown: false };
    case 'latitude':
    case 'longitude': {
      const value = readDegrees(textOf(found), degrees[column.kind] ?? 0);
      return value === undefined ? none : { text: doubleText(value), shown: value };
    }
    default: {
      const text = found.isHuge ? undefined : textOf(found);
      if (text !== undefined && (text !== '' || column.kind !== 'filled text'))
        return { text: escapeText(text), shown: text };
      const placeholder = column.nullable ? undefined : (placeholders[column.source] ?? '');
      return placeholder === undefined ? none : { text: escapeText(placeholder), shown: placeholder };
    }
  }
}

/** How far coordinates go to either side, by kind. */
const degrees: Partial<Record<FieldKind, number>> = { latitude: 90, longitude: 180 };

function readDegrees(text: string | undefined, limit: number): number | undefined {
  const value = text !== undefined && /^[+-]?\d{1,3}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return Math.abs(value) <= limit ? value : undefined;
}

function isTrue(found: OriginalValue): boolean {
  const { value } = found;
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value) !== 0;
  return /^(1|t|true|y|yes|on)$/i.test(textOf(found) ?? '');
}

/** As it can be read otherwise; else nothing, where that is allowed; else the other moment of the row. */
function repairMoment(
  column: SourceColumn,
  found: OriginalValue,
  original: RepairInput['original'],
  bad: ReadonlySet<string>,
): Field {
  const read = readMoment(textOf(found) ?? '');
  if (read !== undefined) return momentField(read);
  if (column.nullable) return none;
  const other = column.source === 'createdAt' ? 'updatedAt' : 'createdAt';
  const value = original.get(other);
  const neighbour = value === undefined ? '' : (textOf(value) ?? '');
  return momentField(
    (bad.has(other) ? readMoment(neighbour) : momentText(neighbour)) ?? momentText(unknownMoment) ?? '',
  );
}

function momentField(text: string): Field {
  return { text, shown: `${text.slice(0, 10)}T${text.slice(11, -3)}Z` };
}

/** Takes what is a moment to people: a date alone (its midnight), more than six digits, white space around, an offset of four digits. */
export function readMoment(text: string): string | undefined {
  const match =
    /^\s*(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2})(?:[.,](\d+))?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?\s*$/i.exec(text);
  if (!match) return undefined;
  const [, day = '', time = '00:00:00', fraction = '', zone = 'Z'] = match;
  const offset = /^[+-]/.test(zone) ? `${zone.slice(0, 3)}:${zone.replace(':', '').slice(3) || '00'}` : 'Z';
  return momentText(`${day}T${time}${fraction === '' ? '' : `.${fraction.slice(0, 6)}`}${offset}`);
}

/** A value as text: what is not UTF-8 in it, and NUL, becomes U+FFFD. */
function textOf({ value, bytes }: OriginalValue): string | undefined {
  const raw = bytes ?? (value instanceof Uint8Array ? value : undefined);
  if (raw !== undefined) return Buffer.from(raw).toString('utf8').replaceAll('\0', '\ufffd');
  return value === null || value instanceof Uint8Array ? undefined : String(value);
}
