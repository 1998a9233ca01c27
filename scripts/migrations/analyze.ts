import type { Finding, MigrationFacts, StatementFacts } from '../../src/migrator/facts.ts';
import type { Header } from '../../src/migrator/header.ts';
import { type LockMode, locksConflict, strongerLock } from '../../src/migrator/lock-modes.ts';
import { applyAllowances } from './allowances.ts';
import { findBulkTarget, isRepeatable, lintStatement, type Problem } from './lint.ts';
import { findLocks } from './locks.ts';
import { downRules, type Rule, rules } from './rules.ts';
import { applyToSchema, emptySchema, relationsMadeBy, type Schema } from './schema.ts';
import { type Part, parseStatements, positionOf, SqlSyntaxError, type Statement } from './statements.ts';

/** The files before it are older than the rules, and are applied: what an applied file says can no longer be changed. */
export const firstLintedVersion = 3;

export interface MigrationText {
  version: number;
  /** With line feeds only: the offsets of the facts count in it. */
  sql: string;
  header: Pick<Header, 'transactional' | 'compat' | 'up' | 'down' | 'stated'>;
}

/**
 * All that the build finds out about a file: its statements, what they lock, and what is unsafe in it. `schema` is what the
 * files before it have made; it is changed to what this one makes of it.
 */
export async function analyzeMigration(
  { version, sql, header }: MigrationText,
  schema: Schema = emptySchema(),
): Promise<MigrationFacts> {
  const findings: Finding[] = [];
  const add = (rule: Rule, offset: number, subject?: string) => {
    const { line, column } = positionOf(sql, offset);
    findings.push({ rule, line, column, message: subject === undefined ? rules[rule] : `${subject}: ${rules[rule]}` });
  };
  const parse = async (part: Part | null): Promise<Statement[] | undefined> => {
    try {
      return part ? await parseStatements(sql, part) : [];
    } catch (error) {
      if (!(error instanceof SqlSyntaxError)) throw error;
      const { line, column } = error.position;
      findings.push({ rule: 'syntax', line, column, message: error.reason });
      return undefined;
    }
  };
  const up = await parse(header.up);
  const down = await parse(header.down);
  const { transactional } = header;

  if (!header.stated.compat) add('header-required', 0);
  if (up?.length === 0) add('empty-migration', 0);
  // Some statements that are alone in their file leave nothing to undo, such as `analyze`.
  if (!header.stated.down || (header.down && down?.length === 0 && transactional)) add('down-required', 0);
  for (const statements of transactional ? [] : [up ?? [], down ?? []]) {
    for (const [index, { start, tree, summary }] of statements.entries())
      if (index > 0 || !isRepeatable(tree)) add('no-transaction-form', start, summary);
  }

  const upFacts = examine(up ?? [], header, schema, (statement, { rule, subject, location }) =>
    add(rule, statement.offsetOf(location), subject),
  );
  for (const { start, summary } of transactional ? mixedIn(upFacts) : []) add('ban-mixed-ddl-and-dml', start, summary);
  const downFacts = examine(down ?? [], header, structuredClone(schema), (statement, { rule, subject, location }) => {
    if (downRules.has(rule)) add(rule, statement.offsetOf(location), subject);
  });

  const [only] = up ?? [];
  const index = !transactional && only && 'IndexStmt' in only.tree ? only.tree.IndexStmt.idxname : undefined;
  const judged = applyAllowances(sql, [...(up ?? []), ...(down ?? [])], findings);
  return {
    statements: upFacts.map(withoutTree),
    downStatements: downFacts.map(withoutTree),
    ...(index === undefined ? {} : { buildsIndex: index }),
    findings: version < firstLintedVersion ? judged.filter(({ rule }) => rule === 'syntax') : judged,
  };
}

interface ExaminedStatement extends StatementFacts {
  tree: Statement['tree'];
}

/** Goes through the statements in order: what one makes or locks counts for those behind it. */
function examine(
  statements: readonly Statement[],
  { transactional, compat }: MigrationText['header'],
  schema: Schema,
  report: (statement: Statement, problem: Problem) => void,
): ExaminedStatement[] {
  const made = new Set<string>();
  const held = new Map<string, LockMode>();
  return statements.map((statement) => {
    const { start, end, summary, tree } = statement;
    const locks = findLocks(tree, schema, made);
    for (const problem of lintStatement(statement, { transactional, compat, schema, made, held }))
      report(statement, problem);
    for (const { relation, mode, creates } of locks)
      if (!creates) held.set(relation, strongerLock(held.get(relation) ?? mode, mode));
    for (const relation of relationsMadeBy(tree)) made.add(relation);
    applyToSchema(schema, tree);
    return { start, end, summary, locks, tree };
  });
}

/** Changes of many rows of tables that others use, where the file also keeps others from writing to such tables. */
function mixedIn(statements: readonly ExaminedStatement[]): ExaminedStatement[] {
  const changesSchema = statements.some(({ locks }) =>
    locks.some(({ mode, creates }) => !creates && locksConflict(mode, 'ROW EXCLUSIVE')),
  );
  if (!changesSchema) return [];
  return statements.filter(({ tree, locks }) => {
    const target = findBulkTarget(tree);
    return target !== undefined && locks.some(({ relation, creates }) => relation === target && !creates);
  });
}

function withoutTree({ start, end, summary, locks }: ExaminedStatement): StatementFacts {
  return { start, end, summary, locks };
}
