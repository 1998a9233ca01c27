/** A table as archives hold it. */
export interface ArchivedTable {
  readonly name: string;
  /** In the order in which archives hold them; the first is the primary key, a bigint, by which rows are ordered. */
  readonly columns: readonly string[];
  /** Does a sequence number the first column? */
  readonly numbered: boolean;
  /** Columns that the database computes from the others: no archive holds them, and they are made anew with the rows. */
  readonly computed: readonly string[];
}

interface TableHistory {
  readonly name: string;
  readonly numbered: boolean;
  /** The version of the schema that has it first. */
  readonly since: number;
  readonly columns: readonly ColumnHistory[];
  /** Generated columns, virtual or stored. */
  readonly computed?: readonly ColumnHistory[];
}

/** A column that every version of the table has, or one of some versions: `until` is the first that lacks it again. */
type ColumnHistory = string | { readonly name: string; readonly since?: number; readonly until?: number };

/**
 * Every table with the people's data, each behind those that it refers to. A migration that adds or drops a table or a column
 * says so here: archives of older versions stay loadable, because a version's tables and columns never change afterwards.
 */
const histories: readonly TableHistory[] = [
  { name: 'cats', numbered: true, since: 1, columns: ['id', 'name', 'created_at', 'updated_at'] },
  {
    name: 'entries',
    numbered: true,
    since: 1,
    columns: [
      'id',
      'text',
      'created_at',
      'is_favorite',
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
    ],
  },
  {
    name: 'analyses',
    numbered: false,
    since: 1,
    columns: ['entry_id', 'text_hash', 'summary', 'tags', 'sentiment', 'created_at', 'updated_at'],
  },
  {
    name: 'cat_insights',
    numbered: true,
    since: 1,
    columns: ['id', 'cat_id', 'mode', 'prompt_version', 'context_hash', 'insight', 'created_at', 'updated_at'],
  },
  {
    name: 'cat_comments',
    numbered: true,
    since: 1,
    columns: ['id', 'cat_id', 'author_name', 'content', 'created_at', 'updated_at'],
  },
];

/** Tables that no archive holds: the history of migrations is made anew by the program that restores. */
export const unarchivedTables: readonly string[] = ['catatlas_migrations'];

/** The tables of a version of the schema, each behind those that it refers to. */
export function tablesAt(schemaVersion: number): ArchivedTable[] {
  const holds = (since = 1, until = Number.POSITIVE_INFINITY) => since <= schemaVersion && schemaVersion < until;
  const namesOf = (columns: readonly ColumnHistory[]) =>
    columns.flatMap((column) => {
      if (typeof column === 'string') return [column];
      return holds(column.since, column.until) ? [column.name] : [];
    });
  return histories
    .filter(({ since }) => holds(since))
    .map(({ name, numbered, columns, computed = [] }) => ({
      name,
      numbered,
      columns: namesOf(columns),
      computed: namesOf(computed),
    }));
}
