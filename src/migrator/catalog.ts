import { createHash } from 'node:crypto';
import { migrationFiles } from './migrations.gen.ts';

/** A migration as the binary carries it. */
export interface Migration {
  version: number;
  /** The file's name without number and ending: `schema`. */
  name: string;
  file: string;
  sql: string;
  checksum: string;
}

/** All migrations of this binary, by version. Throws when the files are not numbered 1, 2, 3 …: a mistake of the build. */
export function loadCatalog(files: readonly { file: string; sql: string }[] = migrationFiles): Migration[] {
  const catalog = files.map(({ file, sql }) => {
    const [, digits, name] = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(file) ?? [];
    if (digits === undefined || name === undefined)
      throw new Error(`migration ${file}: a name looks like 0001_what_it_does.sql`);
    return { version: Number(digits), name, file, sql, checksum: checksumOf(sql) };
  });
  catalog.sort((a, b) => a.version - b.version);
  for (const [index, migration] of catalog.entries()) {
    if (migration.version !== index + 1)
      throw new Error(
        `migration ${migration.file}: expected number ${index + 1}, numbers may not repeat or be left out`,
      );
  }
  return catalog;
}

/**
 * Rule v1, frozen: line endings and white space at the ends of lines and of the file do not count, everything else does.
 * A change of this rule would make every applied migration look edited.
 */
export function checksumOf(sql: string): string {
  const normalized = sql
    .split(/\r\n|\r|\n/)
    .map((line) => line.replace(/[ \t\f\v]+$/, ''))
    .join('\n')
    .replace(/\n+$/, '');
  return `v1:${createHash('sha256').update(normalized, 'utf8').digest('hex')}`;
}
