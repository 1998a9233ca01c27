import type { ColumnDef, Constraint, Node } from 'libpg-query';
import { findTouches } from './touches.ts';
import { applyByKind, type ByKind, itemsOf, listedName, nodesOf, relationName, stringsOf } from './tree.ts';

/**
 * What the files up to here have made, as far as it decides what a statement locks: the table of an index, the tables at the
 * other end of foreign keys, what a view reads, and which columns a validated check keeps from being null.
 */
export interface Schema {
  /** Index -> its table. */
  readonly indexes: Map<string, string>;
  /** View or materialized view -> the relations it reads. */
  readonly views: Map<string, readonly string[]>;
  /** Extended statistics -> their table. */
  readonly statistics: Map<string, string>;
  /** Partition -> the table it is a part of. */
  readonly partitions: Map<string, string>;
  foreignKeys: ForeignKey[];
  checks: NotNullCheck[];
}

export interface ForeignKey {
  name: string;
  table: string;
  columns: readonly string[];
  references: string;
  /** What deleting a referenced row does to those that refer: they are changed, or only looked for. */
  changesOnDelete: boolean;
}

/** `check (x is not null)`: with it, `set not null` needs no look at the rows. */
export interface NotNullCheck {
  name: string;
  table: string;
  column: string;
  validated: boolean;
}

export function emptySchema(): Schema {
  return {
    indexes: new Map(),
    views: new Map(),
    statistics: new Map(),
    partitions: new Map(),
    foreignKeys: [],
    checks: [],
  };
}

/** The relations that a statement makes. */
export function relationsMadeBy(tree: Node): string[] {
  return applyByKind(makers, tree, undefined) ?? [];
}

const makers: ByKind<undefined, string[]> = {
  CreateStmt: ({ relation }) => (relation ? [relationName(relation)] : []),
  CreateForeignTableStmt: ({ base }) => (base?.relation ? [relationName(base.relation)] : []),
  CreateSeqStmt: ({ sequence }) => (sequence ? [relationName(sequence)] : []),
  CreateTableAsStmt: ({ into }) => (into?.rel ? [relationName(into.rel)] : []),
  SelectStmt: ({ intoClause }) => (intoClause?.rel ? [relationName(intoClause.rel)] : []),
  ViewStmt: ({ view }) => (view ? [relationName(view)] : []),
  CreateSchemaStmt: ({ schemaname, schemaElts }) =>
    (schemaElts ?? []).flatMap((element) =>
      relationsMadeBy(element).map((name) => (name.includes('.') ? name : `${schemaname}.${name}`)),
    ),
};

/** Takes what a statement does to the schema into account. Changes `schema`. */
export function applyToSchema(schema: Schema, tree: Node): void {
  applyByKind(changes, tree, schema);
}

const changes: ByKind<Schema, void> = {
  CreateStmt: ({ relation, tableElts, inhRelations, partbound }, schema) => {
    if (!relation) return;
    const table = relationName(relation);
    const [parent] = nodesOf('RangeVar', inhRelations);
    if (partbound && parent) schema.partitions.set(table, relationName(parent));
    for (const column of nodesOf('ColumnDef', tableElts)) addColumn(schema, table, column);
    for (const constraint of nodesOf('Constraint', tableElts)) addConstraint(schema, table, constraint, []);
  },
  CreateTableAsStmt: ({ into, query, objtype }, schema) => {
    if (into?.rel && objtype === 'OBJECT_MATVIEW') schema.views.set(relationName(into.rel), relationsRead(query));
  },
  ViewStmt: ({ view, query }, schema) => {
    if (view) schema.views.set(relationName(view), relationsRead(query));
  },
  IndexStmt: ({ idxname, relation }, schema) => {
    if (idxname && relation)
      schema.indexes.set(relationName({ ...relation, relname: idxname }), relationName(relation));
  },
  CreateStatsStmt: ({ defnames, relations }, schema) => {
    const [table] = nodesOf('RangeVar', relations);
    if (table) schema.statistics.set(listedName(defnames), relationName(table));
  },
  AlterTableStmt: ({ relation, cmds, objtype }, schema) => {
    if (!relation || objtype !== 'OBJECT_TABLE') return;
    const table = relationName(relation);
    for (const { subtype, name = '', def } of nodesOf('AlterTableCmd', cmds)) {
      if (subtype === 'AT_AddColumn' && def && 'ColumnDef' in def) addColumn(schema, table, def.ColumnDef);
      else if (subtype === 'AT_AddConstraint' && def && 'Constraint' in def)
        addConstraint(schema, table, def.Constraint, []);
      else if (subtype === 'AT_DropConstraint') dropConstraint(schema, table, name);
      else if (subtype === 'AT_DropColumn') dropColumn(schema, table, name);
      else if (subtype === 'AT_AttachPartition' && def && 'PartitionCmd' in def)
        schema.partitions.set(relationName(def.PartitionCmd.name ?? {}), table);
      else if (subtype === 'AT_DetachPartition' && def && 'PartitionCmd' in def)
        schema.partitions.delete(relationName(def.PartitionCmd.name ?? {}));
      else if (subtype === 'AT_ValidateConstraint')
        for (const check of schema.checks) if (check.table === table && check.name === name) check.validated = true;
    }
  },
  DropStmt: ({ removeType, objects }, schema) => {
    for (const name of (objects ?? []).map((object) => listedName(itemsOf(object)))) {
      if (removeType === 'OBJECT_INDEX') schema.indexes.delete(name);
      if (removeType === 'OBJECT_STATISTIC_EXT') schema.statistics.delete(name);
      if (removeType === 'OBJECT_VIEW' || removeType === 'OBJECT_MATVIEW') schema.views.delete(name);
      if (removeType === 'OBJECT_TABLE') dropTable(schema, name);
    }
  },
  RenameStmt: ({ renameType, relation, subname = '', newname = '' }, schema) => {
    if (!relation) return;
    const old = relationName(relation);
    const renamed = relationName({ ...relation, relname: newname });
    if (renameType === 'OBJECT_COLUMN') renameColumn(schema, old, subname, newname);
    else if (renameType === 'OBJECT_TABCONSTRAINT') renameConstraint(schema, old, subname, newname);
    else if (renameType !== 'OBJECT_TRIGGER' && renameType !== 'OBJECT_POLICY') renameRelation(schema, old, renamed);
  },
};

function relationsRead(query: Node | undefined): string[] {
  return findTouches(query).map(({ relation }) => relation);
}

function addColumn(schema: Schema, table: string, { colname = '', constraints }: ColumnDef): void {
  for (const constraint of nodesOf('Constraint', constraints)) addConstraint(schema, table, constraint, [colname]);
}

/** `columns`: of a constraint that stands at a column. Names that are left out are those that PostgreSQL chooses. */
function addConstraint(schema: Schema, table: string, constraint: Constraint, columns: readonly string[]): void {
  const { contype, conname, indexname, pktable, fk_attrs, fk_del_action = 'a', keys, skip_validation } = constraint;
  const unqualified = table.split('.').at(-1) ?? table;
  const beside = (name: string) => table.slice(0, table.length - unqualified.length) + name;
  const named = (list: readonly string[], suffix: string) =>
    conname ?? [unqualified, ...list, suffix].filter((part) => part !== '').join('_');
  if (contype === 'CONSTR_FOREIGN' && pktable) {
    const own = fk_attrs ? stringsOf(fk_attrs) : columns;
    schema.foreignKeys.push({
      name: named(own, 'fkey'),
      table,
      columns: own,
      references: relationName(pktable),
      changesOnDelete: ['c', 'n', 'd'].includes(fk_del_action),
    });
  } else if (contype === 'CONSTR_PRIMARY' || contype === 'CONSTR_UNIQUE' || contype === 'CONSTR_EXCLUSION') {
    if (indexname !== undefined) schema.indexes.delete(beside(indexname));
    const own = keys ? stringsOf(keys) : columns;
    const suffix = { CONSTR_PRIMARY: 'pkey', CONSTR_UNIQUE: 'key', CONSTR_EXCLUSION: 'excl' }[contype];
    schema.indexes.set(beside(contype === 'CONSTR_PRIMARY' ? named([], suffix) : named(own, suffix)), table);
  } else if (contype === 'CONSTR_CHECK') {
    for (const column of columnsKeptFromNull(constraint.raw_expr))
      schema.checks.push({ name: named([column], 'check'), table, column, validated: !skip_validation });
  }
}

/** Those that an expression keeps from being null: `x is not null`, alone or joined by `and`. */
function columnsKeptFromNull(expression: Node | undefined): string[] {
  if (expression === undefined) return [];
  if ('BoolExpr' in expression)
    return expression.BoolExpr.boolop === 'AND_EXPR'
      ? (expression.BoolExpr.args ?? []).flatMap(columnsKeptFromNull)
      : [];
  if (!('NullTest' in expression) || expression.NullTest.nulltesttype !== 'IS_NOT_NULL') return [];
  const { arg } = expression.NullTest;
  return arg && 'ColumnRef' in arg ? stringsOf(arg.ColumnRef.fields).slice(-1) : [];
}

function dropConstraint(schema: Schema, table: string, name: string): void {
  const others = (one: { table: string; name: string }) => one.table !== table || one.name !== name;
  schema.foreignKeys = schema.foreignKeys.filter(others);
  schema.checks = schema.checks.filter(others);
  if (schema.indexes.get(name) === table) schema.indexes.delete(name);
}

function dropColumn(schema: Schema, table: string, column: string): void {
  schema.foreignKeys = schema.foreignKeys.filter((key) => key.table !== table || !key.columns.includes(column));
  schema.checks = schema.checks.filter((check) => check.table !== table || check.column !== column);
}

function dropTable(schema: Schema, table: string): void {
  schema.foreignKeys = schema.foreignKeys.filter((key) => key.table !== table && key.references !== table);
  schema.checks = schema.checks.filter((check) => check.table !== table);
  for (const owners of [schema.indexes, schema.statistics, schema.partitions])
    for (const [name, owner] of owners) if (owner === table || name === table) owners.delete(name);
}

function renameColumn(schema: Schema, table: string, old: string, renamed: string): void {
  for (const key of schema.foreignKeys)
    if (key.table === table) key.columns = key.columns.map((column) => (column === old ? renamed : column));
  for (const check of schema.checks) if (check.table === table && check.column === old) check.column = renamed;
}

function renameConstraint(schema: Schema, table: string, old: string, renamed: string): void {
  for (const one of [...schema.foreignKeys, ...schema.checks])
    if (one.table === table && one.name === old) one.name = renamed;
  if (schema.indexes.delete(old)) schema.indexes.set(renamed, table);
}

function renameRelation(schema: Schema, old: string, renamed: string): void {
  const now = (name: string) => (name === old ? renamed : name);
  for (const key of schema.foreignKeys) {
    key.table = now(key.table);
    key.references = now(key.references);
  }
  for (const check of schema.checks) check.table = now(check.table);
  for (const owners of [schema.indexes, schema.statistics, schema.partitions]) {
    for (const [name, table] of [...owners]) {
      owners.delete(name);
      owners.set(now(name), now(table));
    }
  }
  for (const [view, sources] of [...schema.views]) {
    schema.views.delete(view);
    schema.views.set(now(view), sources.map(now));
  }
}
