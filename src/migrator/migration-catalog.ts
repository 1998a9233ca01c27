import { createHash } from 'node:crypto';
import type { MigrationFacts } from './facts.ts';
import { type Compatibility, parseFileName, parseHeader } from './header.ts';
import { migrationFiles } from './migrations.gen.ts';

/** A migration as the binary carries it. */
export interface Migration {
  version: number;
  /** The file's name without number and ending: `schema`. */
  name: string;
  file: string;
  /** The whole file. */
  sql: string;
  checksum: string;
  transactional: boolean;
  compat: Compatibility;
  statementTimeoutSeconds: number;
  /** What undoes it, or null when nothing can. */
  downSql: string | null;
  /** What the build found out about its statements. */
  facts: MigrationFacts;
}

/** A file as the build embeds it. */
export interface MigrationFile {
  file: string;
  sql: string;
  facts: MigrationFacts;
}

/** All migrations of this binary, by version. Throws when the files are not numbered 1, 2, 3 …: a mistake of the build. */
export function loadCatalog(files: readonly MigrationFile[] = migrationFiles): Migration[] {
  const catalog = files.map(({ file, sql: raw, facts }) => {
    const { version, name } = parseFileName(file);
    // A checkout may have turned the line endings; the offsets of the facts are those of line feeds.
    const sql = raw.replaceAll('\r\n', '\n');
    const { transactional, compat, statementTimeoutSeconds, down } = parseHeader(file, sql);
    const downSql = down ? sql.slice(down.start, down.end).trim() : null;
    const checksum = checksumOf(sql);
    return { version, name, file, sql, checksum, transactional, compat, statementTimeoutSeconds, downSql, facts };
  });
  catalog.sort((a, b) => a.version - b.version);
  for (const [index, migration] of catalog.entries()) {
    if (migration.version !== index + 1)
      throw new Error(
        `migrations/${migration.file}: expected number ${index + 1}, numbers may not repeat or be left out`,
      );
  }
  return catalog;
}

/** The tables and views of the current schema that these migrations make, whether or not later ones drop them again. */
export function relationsMadeBy(migrations: readonly Migration[]): string[] {
  const locks = migrations.flatMap(({ facts }) => facts.statements.flatMap((statement) => statement.locks));
  const made = locks.filter(({ creates, relation }) => creates && !relation.includes('.'));
  return [...new Set(made.map(({ relation }) => relation))];
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
