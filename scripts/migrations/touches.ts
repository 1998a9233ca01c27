import type { LockMode } from '../../src/migrator/lock-modes.ts';
import { dottedName } from './tree.ts';

/** A relation that a query touches, and the lock it takes there. */
export interface Touch {
  relation: string;
  mode: LockMode;
  /** What is done to its rows; left out where they are only read. */
  change?: Change;
}

/** An update names the columns that it sets. */
type Change = { kind: 'insert' | 'delete' | 'merge' } | { kind: 'update'; columns: readonly string[] };

type Tree = Record<string, unknown>;

/**
 * What a query, or any part of a parse tree, touches when it runs: what it reads, what it locks by `for update`, and what it
 * changes, in `with` too. Names that a `with` makes are none. What functions do inside is not seen.
 */
export function findTouches(tree: unknown): Touch[] {
  const touches: Touch[] = [];
  visit(tree, new Set(), touches);
  return touches;
}

const changing = { InsertStmt: 'insert', UpdateStmt: 'update', DeleteStmt: 'delete', MergeStmt: 'merge' } as const;

function visit(value: unknown, made: ReadonlySet<string>, touches: Touch[]): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, made, touches);
    return;
  }
  if (!isTree(value)) return;
  if (typeof value['relname'] === 'string') {
    const name = nameIn(value);
    if (!made.has(name)) touches.push({ relation: name, mode: 'ACCESS SHARE' });
    return;
  }
  // What `select into` makes is not read, and what `for update of` names is not read again.
  const { withClause, lockingClause, intoClause: _made, ...rest } = value;
  const visible = isTree(withClause) ? visitWith(withClause, made, touches) : made;
  if (Array.isArray(lockingClause)) visitLocking(value, lockingClause, visible, touches);
  for (const [key, below] of Object.entries(rest)) {
    if (key in changing && isTree(below)) visitChange(changing[key as keyof typeof changing], below, visible, touches);
    else visit(below, visible, touches);
  }
}

/** Visits the queries of a `with`; returns the names that are visible behind it. */
function visitWith(withClause: Tree, made: ReadonlySet<string>, touches: Touch[]): ReadonlySet<string> {
  const visible = new Set(made);
  const queries = (Array.isArray(withClause['ctes']) ? withClause['ctes'] : []).map(
    (node: Tree) => node['CommonTableExpr'] as Tree,
  );
  if (withClause['recursive'] === true) for (const query of queries) visible.add(String(query['ctename']));
  for (const query of queries) {
    visit(query['ctequery'], visible, touches);
    visible.add(String(query['ctename']));
  }
  return visible;
}

function visitChange(
  kind: 'insert' | 'update' | 'delete' | 'merge',
  statement: Tree,
  made: ReadonlySet<string>,
  touches: Touch[],
): void {
  const { relation, ...rest } = statement;
  const columns = Array.isArray(statement['targetList'])
    ? statement['targetList'].map((node: Tree) => String((node['ResTarget'] as Tree)['name']))
    : [];
  if (isTree(relation))
    touches.push({
      relation: nameIn(relation),
      mode: 'ROW EXCLUSIVE',
      change: kind === 'update' ? { kind, columns } : { kind },
    });
  visit(rest, made, touches);
}

/** `for update` and its kin: all of the query's tables, or those named. */
function visitLocking(query: Tree, clauses: unknown[], made: ReadonlySet<string>, touches: Touch[]): void {
  const named = clauses.flatMap((clause) => {
    const relations = ((clause as Tree)['LockingClause'] as Tree)['lockedRels'];
    return Array.isArray(relations) ? relations.map((node: Tree) => (node['RangeVar'] as Tree)['relname']) : [];
  });
  for (const table of rangesIn(query['fromClause'])) {
    const name = nameIn(table);
    const alias = isTree(table['alias']) ? table['alias']['aliasname'] : table['relname'];
    if (!made.has(name) && (named.length === 0 || named.includes(alias)))
      touches.push({ relation: name, mode: 'ROW SHARE' });
  }
}

function rangesIn(value: unknown): Tree[] {
  if (Array.isArray(value)) return value.flatMap(rangesIn);
  if (!isTree(value)) return [];
  return typeof value['relname'] === 'string' ? [value] : rangesIn(Object.values(value));
}

function nameIn(range: Tree): string {
  return dottedName([String(range['schemaname'] ?? ''), String(range['relname'] ?? '')]);
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
