/** What a field of the first server's database holds; `import-fields.ts` says how each is checked and written. */
export type FieldKind =
  | 'id'
  | 'text'
  | 'filled text'
  | 'moment'
  | 'flag'
  | 'latitude'
  | 'longitude'
  | 'sentiment'
  | 'mode'
  | 'tags'
  | 'insight';

/** A column of the first server's file, and the column of ours that it becomes. */
export interface SourceColumn {
  source: string;
  target: string;
  kind: FieldKind;
  nullable?: true;
  /** Came after the first version of the table: a file without it means null. */
  later?: true;
}

export type TableName = 'cats' | 'entries' | 'analyses' | 'cat_insights' | 'cat_comments';

export interface SourceTable {
  name: TableName;
  /** The primary key comes first. */
  columns: readonly [SourceColumn, ...SourceColumn[]];
  /** The column that points to a row of another table, and what becomes of a row whose target is missing. */
  link?: { column: string; table: 'cats' | 'entries'; whenMissing: 'clear' | 'leave out' };
  /** Columns that are unique together. Foreign files may lack the constraint. */
  unique?: readonly string[];
  /** Every file has it; the other tables came later. */
  required?: true;
}

const id = { source: 'id', target: 'id', kind: 'id' } as const;
const createdAt = { source: 'createdAt', target: 'created_at', kind: 'moment' } as const;
const updatedAt = { source: 'updatedAt', target: 'updated_at', kind: 'moment' } as const;
const same = (name: string, kind: FieldKind) => ({ source: name, target: name, kind });
const laterText = (name: string) => ({ ...same(name, 'text'), nullable: true, later: true }) as const;

/**
 * The tables of the first server (contract section 3) in an order in which rows can be written: what is pointed to comes first.
 * It created its tables with `create table if not exists` and added columns with `alter table`, so that files of every age exist.
 */
export const sourceTables: readonly SourceTable[] = [
  {
    name: 'cats',
    columns: [
      id,
      { ...same('name', 'text'), nullable: true },
      createdAt,
      { ...updatedAt, nullable: true, later: true },
    ],
  },
  {
    name: 'entries',
    required: true,
    columns: [
      id,
      same('text', 'filled text'),
      createdAt,
      { source: 'isFavorite', target: 'is_favorite', kind: 'flag' },
      laterText('nickname'),
      laterText('location'),
      { ...same('cat_id', 'id'), nullable: true, later: true },
      laterText('photo_url'),
      laterText('location_normalized'),
      { ...same('location_lat', 'latitude'), nullable: true, later: true },
      { ...same('location_lon', 'longitude'), nullable: true, later: true },
      laterText('location_osm_id'),
      laterText('location_street'),
      laterText('location_number'),
      laterText('location_zip'),
      laterText('location_city'),
      laterText('location_country'),
    ],
    // As deleting a cat does: its sightings stay.
    link: { column: 'cat_id', table: 'cats', whenMissing: 'clear' },
  },
  {
    name: 'analyses',
    columns: [
      same('entry_id', 'id'),
      same('text_hash', 'text'),
      same('summary', 'text'),
      { source: 'tags_json', target: 'tags', kind: 'tags' },
      same('sentiment', 'sentiment'),
      createdAt,
      updatedAt,
    ],
    link: { column: 'entry_id', table: 'entries', whenMissing: 'leave out' },
  },
  {
    name: 'cat_insights',
    columns: [
      id,
      same('cat_id', 'id'),
      same('mode', 'mode'),
      same('prompt_version', 'text'),
      same('context_hash', 'text'),
      { source: 'insight_json', target: 'insight', kind: 'insight' },
      createdAt,
      updatedAt,
    ],
    link: { column: 'cat_id', table: 'cats', whenMissing: 'leave out' },
    unique: ['cat_id', 'mode', 'prompt_version', 'context_hash'],
  },
  {
    name: 'cat_comments',
    columns: [
      id,
      same('cat_id', 'id'),
      same('author_name', 'filled text'),
      same('content', 'filled text'),
      createdAt,
      updatedAt,
    ],
    link: { column: 'cat_id', table: 'cats', whenMissing: 'leave out' },
  },
];
