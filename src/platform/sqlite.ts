/**
 * What SQLite keeps in a field. Whole numbers are bigint, because they may exceed what a number holds. Text has been decoded as
 * UTF-8: what was not UTF-8 in it is U+FFFD, and on Deno it ends at the first NUL. Who has to know casts it to blob in SQL.
 */
export type SqliteValue = null | bigint | number | string | Uint8Array;
export type SqliteRow = Readonly<Record<string, SqliteValue>>;

/** A SQLite database that is only read. */
export interface SqliteReader {
  /**
   * All rows of a query by the names of its columns; long tables are to be read in pages. Not one at a time: the iterator of
   * Deno 2.9.6 ends in silence where SQLite reports an error, such as a damaged page.
   */
  all(sql: string, ...parameters: (bigint | number | string)[]): SqliteRow[];
  close(): void;
}

/** Opens a SQLite file for reading only. Throws when there is none; what the file is shows with the first query. */
export async function openSqlite(path: string): Promise<SqliteReader> {
  return typeof Bun === 'undefined' ? await openOnDeno(path) : await openOnBun(path);
}

async function openOnBun(path: string): Promise<SqliteReader> {
  const { Database } = await import('bun:sqlite');
  const database = new Database(path, { readonly: true, safeIntegers: true });
  return {
    all: (sql, ...parameters) => database.query<SqliteRow, (bigint | number | string)[]>(sql).all(...parameters),
    close: () => database.close(),
  };
}

async function openOnDeno(path: string): Promise<SqliteReader> {
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path, { readOnly: true });
  return {
    all(sql, ...parameters) {
      const statement = database.prepare(sql);
      statement.setReadBigInts(true);
      return statement.all(...parameters) as SqliteRow[];
    },
    close: () => database.close(),
  };
}
