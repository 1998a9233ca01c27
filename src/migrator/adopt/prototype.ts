// What the tables of the first server (contract section 3) look like on PostgreSQL, and what becomes of each column here.
// Its DDL did not quote names, so the camelCase of the contract is lower case in the catalog.

/** The tables, in an order in which each refers to earlier ones only. */
export const prototypeTables = ['cats', 'entries', 'analyses', 'cat_insights', 'cat_comments'] as const;

export type PrototypeTable = (typeof prototypeTables)[number];

export type ColumnKind = 'integer' | 'flag' | 'text' | 'instant' | 'coordinate' | 'tags' | 'insight';

export interface PrototypeColumn {
  name: string;
  /** Its name in our schema. */
  becomes: string;
  kind: ColumnKind;
  nullable: boolean;
  /** Added by a later version (ALTER TABLE … ADD COLUMN), so a database may be without it. */
  later: boolean;
  references?: PrototypeTable;
  /** Ours does not take the empty text. */
  filled?: true;
  /** The only values that ours takes. */
  oneOf?: readonly string[];
  /** Largest coordinate to either side, in degrees, and the column that must be there when this one is. */
  degrees?: { limit: number; with: string };
}

export interface PrototypeTableSpec {
  key: string;
  columns: readonly PrototypeColumn[];
  unique?: readonly string[];
}

type Rules = Pick<PrototypeColumn, 'references' | 'filled' | 'oneOf' | 'degrees'>;

/** A column that was there from the table's first day. */
function original(name: string, kind: ColumnKind, becomes = name, rules: Rules = {}): PrototypeColumn {
  return { name, becomes, kind, nullable: false, later: false, ...rules };
}

function added(name: string, kind: ColumnKind, becomes = name, rules: Rules = {}): PrototypeColumn {
  return { name, becomes, kind, nullable: true, later: true, ...rules };
}

const id = original('id', 'integer');
const createdAt = original('createdat', 'instant', 'created_at');
const updatedAt = original('updatedat', 'instant', 'updated_at');
const catId = original('cat_id', 'integer', 'cat_id', { references: 'cats' });
const insightKey = ['cat_id', 'mode', 'prompt_version', 'context_hash'];

export const prototype: Record<PrototypeTable, PrototypeTableSpec> = {
  cats: {
    key: 'id',
    columns: [
      id,
      { ...original('name', 'text'), nullable: true },
      createdAt,
      added('updatedat', 'instant', 'updated_at'),
    ],
  },
  entries: {
    key: 'id',
    columns: [
      id,
      original('text', 'text', 'text', { filled: true }),
      createdAt,
      original('isfavorite', 'flag', 'is_favorite'),
      added('nickname', 'text'),
      added('location', 'text'),
      added('cat_id', 'integer', 'cat_id', { references: 'cats' }),
      added('photo_url', 'text'),
      added('location_normalized', 'text'),
      added('location_lat', 'coordinate', 'location_lat', { degrees: { limit: 90, with: 'location_lon' } }),
      added('location_lon', 'coordinate', 'location_lon', { degrees: { limit: 180, with: 'location_lat' } }),
      added('location_osm_id', 'text'),
      added('location_street', 'text'),
      added('location_number', 'text'),
      added('location_zip', 'text'),
      added('location_city', 'text'),
      added('location_country', 'text'),
    ],
  },
  analyses: {
    key: 'entry_id',
    columns: [
      original('entry_id', 'integer', 'entry_id', { references: 'entries' }),
      original('text_hash', 'text'),
      original('summary', 'text'),
      original('tags_json', 'tags', 'tags'),
      original('sentiment', 'text', 'sentiment', { oneOf: ['positive', 'neutral', 'negative'] }),
      createdAt,
      updatedAt,
    ],
  },
  cat_insights: {
    key: 'id',
    columns: [
      id,
      catId,
      original('mode', 'text', 'mode', { oneOf: ['profile', 'care', 'update', 'risk'] }),
      original('prompt_version', 'text'),
      original('context_hash', 'text'),
      original('insight_json', 'insight', 'insight'),
      createdAt,
      updatedAt,
    ],
    unique: insightKey,
  },
  cat_comments: {
    key: 'id',
    columns: [
      id,
      catId,
      original('author_name', 'text', 'author_name', { filled: true }),
      original('content', 'text', 'content', { filled: true }),
      createdAt,
      updatedAt,
    ],
  },
};

const text = ['text', 'character varying'];

/** The types that a kind of column may have, as PostgreSQL's format_type names them. The first is what the prototype wrote. */
export const acceptedTypes: Record<ColumnKind, readonly string[]> = {
  integer: ['integer', 'bigint'],
  flag: ['integer', 'bigint', 'smallint'],
  text,
  instant: text,
  coordinate: ['real', 'double precision'],
  tags: text,
  insight: text,
};

/** The tables that a database has of the prototype's, with those of their columns that it has. */
export type PrototypeShape = Partial<Record<PrototypeTable, readonly PrototypeColumn[]>>;
