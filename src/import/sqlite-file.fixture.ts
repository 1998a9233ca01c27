/** The tables as the last version of the first server makes them. */
export const firstServerSchema: Record<'cats' | 'entries' | 'analyses' | 'cat_insights' | 'cat_comments', string> = {
  cats: 'create table cats (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, createdAt TEXT NOT NULL, updatedAt TEXT)',
  entries: `create table entries (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, createdAt TEXT NOT NULL,
    isFavorite INTEGER NOT NULL DEFAULT 0, nickname TEXT, location TEXT, cat_id INTEGER, photo_url TEXT, location_normalized TEXT,
    location_lat REAL, location_lon REAL, location_osm_id TEXT, location_street TEXT, location_number TEXT, location_zip TEXT,
    location_city TEXT, location_country TEXT)`,
  analyses: `create table analyses (entry_id INTEGER PRIMARY KEY, text_hash TEXT NOT NULL, summary TEXT NOT NULL,
    tags_json TEXT NOT NULL, sentiment TEXT NOT NULL, createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL,
    FOREIGN KEY(entry_id) REFERENCES entries(id) ON DELETE CASCADE)`,
  cat_insights: `create table cat_insights (id INTEGER PRIMARY KEY AUTOINCREMENT, cat_id INTEGER NOT NULL, mode TEXT NOT NULL,
    prompt_version TEXT NOT NULL, context_hash TEXT NOT NULL, insight_json TEXT NOT NULL, createdAt TEXT NOT NULL,
    updatedAt TEXT NOT NULL, UNIQUE(cat_id, mode, prompt_version, context_hash))`,
  cat_comments: `create table cat_comments (id INTEGER PRIMARY KEY AUTOINCREMENT, cat_id INTEGER NOT NULL,
    author_name TEXT NOT NULL, content TEXT NOT NULL, createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL)`,
};

/** Runs statements on a SQLite file, which is made when there is none, on Bun or Deno. */
export async function writeSqlite(path: string, ...statements: string[]): Promise<void> {
  const database = await openForWriting(path);
  // Nobody needs these files after a power failure.
  database.exec('pragma synchronous = off');
  for (const statement of statements) database.exec(statement);
  database.close();
}

/** The same, and the file stays open. */
export async function openForWriting(path: string): Promise<{ exec(sql: string): void; close(): void }> {
  if (typeof Bun === 'undefined') {
    const { DatabaseSync } = await import('node:sqlite');
    return new DatabaseSync(path, { enableForeignKeyConstraints: false });
  }
  const { Database } = await import('bun:sqlite');
  const database = new Database(path);
  return { exec: (sql) => void database.run(sql), close: () => database.close() };
}
