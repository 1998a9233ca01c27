import { sqlStateOf } from '../database/errors.ts';
import { wasBlocked } from './blocked.ts';
import type { Migration } from './migration-catalog.ts';
import { MigrationError } from './migration-error.ts';

/** The part of a statement that a message shows. */
const shownCharacters = 300;

/**
 * The error of a statement as an operator needs it: file:line:column, the statement, SQLSTATE, detail, hint, and what is now
 * applied. What the server may do the next time, and what is ours already, is passed on as it is.
 */
export function describeFailure(
  migration: Migration,
  statement: { start: number; end: number } | undefined,
  error: unknown,
): unknown {
  const state = sqlStateOf(error);
  if (error instanceof MigrationError || state === undefined || wasBlocked(error)) return error;
  const { message, position, detail, hint, where } = error as unknown as Record<string, string | undefined>;
  const start = statement?.start ?? 0;
  // The server counts characters from one, within the statement.
  const at = position === undefined ? start : start + unitsOf(migration.sql.slice(start), Number(position) - 1);
  const text = statement ? migration.sql.slice(statement.start, statement.end) : '(at commit)';
  const cut = text.length > shownCharacters ? `${text.slice(0, shownCharacters)} …` : text;
  return new MigrationError(
    'failed',
    [
      `migrations/${migration.file}:${placeOf(migration.sql, at)}: ${message} (SQLSTATE ${state})`,
      ...cut.split('\n').map((line) => `  | ${line}`),
      ...(detail ? [`detail: ${detail}`] : []),
      ...(hint ? [`hint: ${hint}`] : []),
      ...(where ? [`where: ${where.split('\n')[0]}`] : []),
      migration.transactional
        ? `It was rolled back; the schema is at version ${migration.version - 1}.`
        : `The schema is at version ${migration.version - 1}; this statement ran outside a transaction${leftBehind(migration)}.`,
    ].join('\n'),
    { cause: error },
  );
}

function leftBehind({ facts: { buildsIndex } }: Migration): string {
  if (buildsIndex === undefined) return '';
  return `, and may have left the index ${buildsIndex} INVALID. The next catatlas migrate up drops it and builds it again; catatlas migrate repair only drops it`;
}

/** How many code units of JavaScript the first `characters` characters are. */
function unitsOf(text: string, characters: number): number {
  return [...text].slice(0, Math.max(0, characters)).join('').length;
}

/** `line:column`, from one, of an offset. */
function placeOf(sql: string, offset: number): string {
  const before = sql.slice(0, offset).split('\n');
  return `${before.length}:${[...(before.at(-1) ?? '')].length + 1}`;
}
