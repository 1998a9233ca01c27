import { type AlterTableCmd, type Node, parseSync } from 'libpg-query';
import type { TableLock } from '../../src/migrator/facts.ts';
import { type LockMode, lockModes, strongerLock } from '../../src/migrator/lock-modes.ts';
import { relationsMadeBy, type Schema } from './schema.ts';
import { findTouches } from './touches.ts';
import {
  applyByKind,
  type ByKind,
  descend,
  dottedName,
  itemsOf,
  kindOf,
  listedName,
  type NodeKind,
  nodesOf,
  objectName,
  relationName,
  stringsOf,
} from './tree.ts';

/**
 * The table locks that a statement takes, one for each relation, the strongest it takes there. After PostgreSQL 15 to 18: the
 * documentation of the statements, AlterTableGetLockLevel in tablecmds.c, and test/migrations/locks.test.ts, which compares
 * with pg_locks. Not listed: locks on indexes where their table is locked as well, and on partitions and children that no file
 * names. `made`: relations that earlier statements of the same file have made.
 */
export function findLocks(tree: Node, schema: Schema, made: ReadonlySet<string>): TableLock[] {
  const own = relationsMadeBy(tree);
  const wanted = lockFree.has(kindOf(tree)) ? [] : (applyByKind(lockRules, tree, schema) ?? [assumeAll(tree)]);
  const locks = new Map<string, TableLock>();
  for (const { relation, mode, assumed } of [...own.map((relation) => lock(relation, 'ACCESS EXCLUSIVE')), ...wanted]) {
    const before = locks.get(relation);
    if (before && strongerLock(before.mode, mode) === before.mode) continue;
    const table = schema.indexes.get(relation);
    const replaced = own.includes(relation) && wanted.some((one) => one.relation === relation);
    const creates =
      made.has(relation) || (table !== undefined && made.has(table)) || (own.includes(relation) && !replaced);
    locks.set(relation, { relation, mode, creates, ...(assumed === undefined ? {} : { assumed }) });
  }
  return [...locks.values()];
}

/** Is it known what a statement of this kind locks? */
export function isKnown(tree: Node): boolean {
  return lockFree.has(kindOf(tree)) || kindOf(tree) in lockRules;
}

interface Lock {
  relation: string;
  mode: LockMode;
  assumed?: string;
}

function lock(relation: string, mode: LockMode): Lock {
  return { relation, mode };
}

function assumeAll(tree: Node): Lock {
  const kind = kindOf(tree).replace(/Stmt$/, '');
  return {
    relation: 'any table',
    mode: 'ACCESS EXCLUSIVE',
    assumed: `what a statement of this form (${kind}) locks is not known, so the worst is assumed`,
  };
}

/** The dependent relations that `cascade` takes along cannot all be known from the files. */
function cascade(what: string): Lock {
  return {
    relation: `all that depends on ${what}`,
    mode: 'ACCESS EXCLUSIVE',
    assumed: 'cascade drops what depends on it, whatever that is in the database',
  };
}

/** Statements that lock no table, or none but the catalog's own. */
const lockFree: ReadonlySet<NodeKind> = new Set<NodeKind>([
  'AlterDefaultPrivilegesStmt',
  'AlterEnumStmt',
  'AlterFunctionStmt',
  'AlterOperatorStmt',
  'AlterRoleSetStmt',
  'AlterRoleStmt',
  'AlterStatsStmt',
  'AlterTypeStmt',
  'CheckPointStmt',
  'CompositeTypeStmt',
  'ConstraintsSetStmt',
  'CreateCastStmt',
  'CreateConversionStmt',
  'CreateDomainStmt',
  'CreateEnumStmt',
  'CreateExtensionStmt',
  'CreateOpClassStmt',
  'CreateOpFamilyStmt',
  'CreateRangeStmt',
  'CreateRoleStmt',
  'DeallocateStmt',
  'DefineStmt',
  'DiscardStmt',
  'DropRoleStmt',
  'GrantRoleStmt',
  'ListenStmt',
  'NotifyStmt',
  'TransactionStmt',
  'UnlistenStmt',
  'VariableSetStmt',
  'VariableShowStmt',
]);

const lockRules: ByKind<Schema, Lock[]> = {
  SelectStmt: (statement, schema) => locksOfQuery({ SelectStmt: statement }, schema),
  InsertStmt: (statement, schema) => locksOfQuery({ InsertStmt: statement }, schema),
  UpdateStmt: (statement, schema) => locksOfQuery({ UpdateStmt: statement }, schema),
  DeleteStmt: (statement, schema) => locksOfQuery({ DeleteStmt: statement }, schema),
  MergeStmt: (statement, schema) => locksOfQuery({ MergeStmt: statement }, schema),
  ExplainStmt: ({ query }, schema) => locksOfQuery(query, schema),
  DeclareCursorStmt: ({ query }, schema) => locksOfQuery(query, schema),
  CopyStmt: ({ relation, query, is_from }, schema) =>
    relation
      ? is_from
        ? [lock(relationName(relation), 'ROW EXCLUSIVE'), ...referencedRows(relationName(relation), undefined, schema)]
        : [lock(relationName(relation), 'ACCESS SHARE')]
      : locksOfQuery(query, schema),
  TruncateStmt: ({ relations, behavior }, schema) => {
    const named = nodesOf('RangeVar', relations).map(relationName);
    const all = behavior === 'DROP_CASCADE' ? withReferring(named, schema) : named;
    return all.map((relation) => lock(relation, 'ACCESS EXCLUSIVE'));
  },
  LockStmt: ({ relations, mode = 8 }) =>
    nodesOf('RangeVar', relations).map((relation) =>
      lock(relationName(relation), lockModes[mode - 1] ?? 'ACCESS EXCLUSIVE'),
    ),

  CreateStmt: (statement, schema) => [
    ...nodesOf('RangeVar', statement.inhRelations).map((parent) =>
      lock(relationName(parent), statement.partbound ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE'),
    ),
    ...nodesOf('TableLikeClause', statement.tableElts).flatMap(({ relation }) =>
      relation ? [lock(relationName(relation), 'ACCESS SHARE')] : [],
    ),
    ...(statement.partbound
      ? nodesOf('RangeVar', statement.inhRelations).flatMap((parent) =>
          schema.foreignKeys
            .filter(({ table }) => table === relationName(parent))
            .map(({ references }) => lock(references, 'SHARE ROW EXCLUSIVE')),
        )
      : []),
    ...locksOfReferences(statement.tableElts, relationName(statement.relation ?? {})),
  ],
  CreateForeignTableStmt: ({ base }, schema) => (base ? (lockRules.CreateStmt?.(base, schema) ?? []) : []),
  CreateSchemaStmt: ({ schemaname, schemaElts }, schema) => {
    const locks = (schemaElts ?? []).flatMap((element) => applyByKind(lockRules, element, schema) ?? []);
    // A name without schema means the new schema's own relation where it has one.
    const own = relationsMadeBy({ CreateSchemaStmt: { schemaname: schemaname ?? '', schemaElts: schemaElts ?? [] } });
    return locks.filter(({ relation }) => !own.includes(`${schemaname}.${relation}`));
  },
  CreateTableAsStmt: ({ query }, schema) => locksOfQuery(query, schema),
  CreateSeqStmt: ({ options }) => ownedBy(options),
  ViewStmt: ({ view, query, replace }, schema) => {
    const existing = replace && view && schema.views.has(relationName(view));
    return [...(existing ? [lock(relationName(view), 'ACCESS EXCLUSIVE')] : []), ...locksOfDefinition(query)];
  },
  CreateFunctionStmt: ({ sql_body, options }) => locksOfDefinition(sql_body ?? sqlBodyOf(options)),

  IndexStmt: ({ relation, concurrent }) =>
    relation ? [lock(relationName(relation), concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE')] : [],
  ReindexStmt: ({ kind, relation, params, name }, schema) => {
    const concurrent = nodesOf('DefElem', params).some(({ defname, arg }) => defname === 'concurrently' && isOn(arg));
    const mode = concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE';
    if (!relation)
      return [{ ...lock(`every table of ${name ?? 'the database'}`, mode), assumed: 'all of them, one by one' }];
    const named = relationName(relation);
    return [kind === 'REINDEX_OBJECT_INDEX' ? { ...ownerOf(named, schema.indexes), mode } : lock(named, mode)];
  },
  CreateStatsStmt: ({ relations }) =>
    nodesOf('RangeVar', relations).map((relation) => lock(relationName(relation), 'SHARE UPDATE EXCLUSIVE')),
  CreateTrigStmt: ({ relation, constrrel }) => [
    ...(relation ? [lock(relationName(relation), 'SHARE ROW EXCLUSIVE')] : []),
    ...(constrrel ? [lock(relationName(constrrel), 'ACCESS SHARE')] : []),
  ],
  RuleStmt: ({ relation, actions }) => [
    ...(relation ? [lock(relationName(relation), 'ACCESS EXCLUSIVE')] : []),
    ...locksOfDefinition(actions).filter((one) => !['old', 'new'].includes(one.relation)),
  ],
  CreatePolicyStmt: ({ table, qual, with_check }) => [
    ...(table ? [lock(relationName(table), 'ACCESS EXCLUSIVE')] : []),
    ...locksOfDefinition([qual, with_check]),
  ],
  AlterPolicyStmt: ({ table, qual, with_check }) => [
    ...(table ? [lock(relationName(table), 'ACCESS EXCLUSIVE')] : []),
    ...locksOfDefinition([qual, with_check]),
  ],

  AlterTableStmt: ({ relation, cmds, objtype }, schema) => {
    if (!relation) return [];
    const name = relationName(relation);
    const commands = nodesOf('AlterTableCmd', cmds);
    const strongest = commands.map(alterMode).reduce(strongerLock, 'ACCESS SHARE');
    if (objtype === 'OBJECT_TYPE') return [];
    const others = commands.flatMap((command) => locksBesideAltered(name, command, schema));
    return [lock(name, strongest), ...others];
  },
  AlterSeqStmt: ({ sequence, options }) => [
    ...(sequence ? [lock(relationName(sequence), 'SHARE ROW EXCLUSIVE')] : []),
    ...ownedBy(options),
  ],
  AlterDomainStmt: ({ subtype, typeName, def }) => {
    const scans = subtype === 'V' || subtype === 'O' || (subtype === 'C' && !isNotValid(def));
    if (!scans) return [];
    return [
      {
        relation: `every table with a column of ${listedName(typeName)}`,
        mode: 'SHARE',
        assumed: 'the rows of those tables are checked; which they are only the database knows',
      },
    ];
  },
  AlterObjectSchemaStmt: ({ relation }) => (relation ? [lock(relationName(relation), 'ACCESS EXCLUSIVE')] : []),
  AlterObjectDependsStmt: ({ relation }) => (relation ? [lock(relationName(relation), 'ACCESS EXCLUSIVE')] : []),
  AlterOwnerStmt: ({ relation }) => (relation ? [lock(relationName(relation), 'ACCESS EXCLUSIVE')] : []),
  RenameStmt: ({ renameType, relation }) => {
    if (!relation) return [];
    const name = relationName(relation);
    // Not so `alter table` with the name of an index.
    return [lock(name, renameType === 'OBJECT_INDEX' ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE')];
  },

  DropStmt: ({ removeType, objects, behavior, concurrent }, schema) => {
    // Of a trigger, a rule and a policy the last part is its own name, the others are its table's.
    const onTable = ['OBJECT_TRIGGER', 'OBJECT_RULE', 'OBJECT_POLICY'].includes(removeType ?? '');
    return (objects ?? []).flatMap((object) => {
      const name = onTable ? dottedName(stringsOf(itemsOf(object)).slice(0, -1)) : objectName(object);
      const cascades = behavior === 'DROP_CASCADE' ? [cascade(name)] : [];
      switch (removeType) {
        case 'OBJECT_INDEX':
          return [
            { ...ownerOf(name, schema.indexes), mode: concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE' },
          ];
        case 'OBJECT_TABLE':
        case 'OBJECT_FOREIGN_TABLE':
          return [
            lock(name, 'ACCESS EXCLUSIVE'),
            ...[schema.partitions.get(name) ?? []].flat().map((parent) => lock(parent, 'ACCESS EXCLUSIVE')),
            ...locksOfLostKeys(name, undefined, behavior, schema),
            ...(behavior === 'DROP_CASCADE' ? viewsOf(name, schema) : []),
            ...cascades,
          ];
        case 'OBJECT_VIEW':
        case 'OBJECT_MATVIEW':
          return [
            lock(name, 'ACCESS EXCLUSIVE'),
            ...(behavior === 'DROP_CASCADE' ? viewsOf(name, schema) : []),
            ...cascades,
          ];
        case 'OBJECT_SEQUENCE':
          return [lock(name, 'ACCESS EXCLUSIVE'), ...cascades];
        case 'OBJECT_TRIGGER':
        case 'OBJECT_RULE':
        case 'OBJECT_POLICY':
          return [lock(name, 'ACCESS EXCLUSIVE')];
        case 'OBJECT_STATISTIC_EXT':
          return [{ ...ownerOf(name, schema.statistics), mode: 'SHARE UPDATE EXCLUSIVE' }];
        default:
          return cascades;
      }
    });
  },

  VacuumStmt: ({ rels, options, is_vacuumcmd }) => {
    const full =
      is_vacuumcmd && nodesOf('DefElem', options).some(({ defname, arg }) => defname === 'full' && isOn(arg));
    const mode = full ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE';
    const named = nodesOf('VacuumRelation', rels).flatMap(({ relation }) => (relation ? [relationName(relation)] : []));
    if (named.length === 0) return [{ ...lock('every table', mode), assumed: 'all of the database, one by one' }];
    return named.map((relation) => lock(relation, mode));
  },
  ClusterStmt: ({ relation }) =>
    relation
      ? [lock(relationName(relation), 'ACCESS EXCLUSIVE')]
      : [{ ...lock('every clustered table', 'ACCESS EXCLUSIVE'), assumed: 'all of them, one by one' }],
  RefreshMatViewStmt: ({ relation, concurrent }, schema) =>
    relation
      ? [
          lock(relationName(relation), concurrent ? 'EXCLUSIVE' : 'ACCESS EXCLUSIVE'),
          ...behindView(relationName(relation), schema),
        ]
      : [],
  CommentStmt: ({ objtype, object }) => {
    const parts = stringsOf(itemsOf(object));
    switch (objtype) {
      case 'OBJECT_TABLE':
      case 'OBJECT_VIEW':
      case 'OBJECT_MATVIEW':
      case 'OBJECT_SEQUENCE':
      case 'OBJECT_INDEX':
      case 'OBJECT_FOREIGN_TABLE':
        return [lock(listedName(itemsOf(object)), 'SHARE UPDATE EXCLUSIVE')];
      case 'OBJECT_COLUMN':
        return [lock(dottedName(parts.slice(0, -1)), 'SHARE UPDATE EXCLUSIVE')];
      case 'OBJECT_TABCONSTRAINT':
      case 'OBJECT_TRIGGER':
      case 'OBJECT_RULE':
      case 'OBJECT_POLICY':
        return [lock(dottedName(parts.slice(0, -1)), 'ACCESS SHARE')];
      default:
        return [];
    }
  },
  SecLabelStmt: ({ objtype, object }) =>
    objtype === 'OBJECT_TABLE' || objtype === 'OBJECT_COLUMN'
      ? [
          lock(
            dottedName(stringsOf(itemsOf(object)).slice(0, objtype === 'OBJECT_COLUMN' ? -1 : undefined)),
            'SHARE UPDATE EXCLUSIVE',
          ),
        ]
      : [],
  // Since PostgreSQL 18; before, none.
  GrantStmt: ({ targtype, objtype, objects }) =>
    targtype === 'ACL_TARGET_OBJECT' && (objtype === 'OBJECT_TABLE' || objtype === 'OBJECT_SEQUENCE')
      ? nodesOf('RangeVar', objects).map((relation) => lock(relationName(relation), 'ACCESS SHARE'))
      : [],
  CreatePublicationStmt: ({ pubobjects }) => publishedTables(pubobjects),
  AlterPublicationStmt: ({ pubobjects }) => publishedTables(pubobjects),
};

/** Subcommands of `alter table` that do with less than ACCESS EXCLUSIVE (AlterTableGetLockLevel in tablecmds.c). */
const lighterAlterations: Partial<Record<NonNullable<AlterTableCmd['subtype']>, LockMode>> = {
  AT_EnableTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableAlwaysTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableReplicaTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableTrigAll: 'SHARE ROW EXCLUSIVE',
  AT_EnableTrigUser: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrig: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrigAll: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrigUser: 'SHARE ROW EXCLUSIVE',
  AT_SetStatistics: 'SHARE UPDATE EXCLUSIVE',
  AT_ClusterOn: 'SHARE UPDATE EXCLUSIVE',
  AT_DropCluster: 'SHARE UPDATE EXCLUSIVE',
  AT_SetOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ResetOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ValidateConstraint: 'SHARE UPDATE EXCLUSIVE',
  AT_AttachPartition: 'SHARE UPDATE EXCLUSIVE',
  AT_DetachPartitionFinalize: 'SHARE UPDATE EXCLUSIVE',
};

/** Storage parameters that may be set beside reads and writes (reloptions.c); any other is set alone. */
const lightParameters =
  /^(?:fillfactor|(?:log_)?autovacuum_\w+|toast_tuple_target|parallel_workers|vacuum_\w+|deduplicate_items|n_distinct\w*)$/;

function alterMode({ subtype, def }: AlterTableCmd): LockMode {
  if (subtype === undefined) return 'ACCESS EXCLUSIVE';
  if (subtype === 'AT_AddConstraint')
    return def && 'Constraint' in def && def.Constraint.contype === 'CONSTR_FOREIGN'
      ? 'SHARE ROW EXCLUSIVE'
      : 'ACCESS EXCLUSIVE';
  if (subtype === 'AT_DetachPartition')
    return def && 'PartitionCmd' in def && def.PartitionCmd.concurrent ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE';
  if (subtype === 'AT_SetRelOptions' || subtype === 'AT_ResetRelOptions') {
    const names = nodesOf('DefElem', itemsOf(def)).map(({ defname = '' }) => defname);
    const light = names.every((name) => lightParameters.test(name));
    return light ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE';
  }
  return lighterAlterations[subtype] ?? 'ACCESS EXCLUSIVE';
}

/** What `alter table` locks beside the table that it alters. */
function locksBesideAltered(
  table: string,
  { subtype, name = '', def, behavior }: AlterTableCmd,
  schema: Schema,
): Lock[] {
  const cascades = behavior === 'DROP_CASCADE' ? [cascade(`${name} of ${table}`)] : [];
  switch (subtype) {
    case 'AT_AddColumn':
    case 'AT_AddConstraint':
      return locksOfReferences(def ? [def] : [], table);
    case 'AT_ValidateConstraint':
      return locksAcross(table, name, 'ROW SHARE', schema);
    case 'AT_DropConstraint':
      return [...locksAcross(table, name, 'ACCESS EXCLUSIVE', schema), ...cascades];
    case 'AT_AlterConstraint': {
      const change = def && 'ATAlterConstraint' in def ? def.ATAlterConstraint : {};
      // Making it enforced or not makes or drops its triggers on the other table.
      return change.alterEnforceability ? locksAcross(table, change.conname ?? '', 'ACCESS EXCLUSIVE', schema) : [];
    }
    case 'AT_DropColumn':
      return [...locksOfLostKeys(table, name, behavior, schema), ...cascades];
    case 'AT_AlterColumnType':
      // The keys of the column are dropped and made again.
      return schema.foreignKeys
        .filter((key) => key.table === table && key.columns.includes(name))
        .map(({ references }) => lock(references, 'ACCESS EXCLUSIVE'));
    case 'AT_AttachPartition':
    case 'AT_DetachPartition':
    case 'AT_DetachPartitionFinalize':
      return def && 'PartitionCmd' in def && def.PartitionCmd.name
        ? [lock(relationName(def.PartitionCmd.name), 'ACCESS EXCLUSIVE')]
        : [];
    case 'AT_AddInherit':
      return def && 'RangeVar' in def ? [lock(relationName(def.RangeVar), 'SHARE UPDATE EXCLUSIVE')] : [];
    case 'AT_DropInherit':
      return def && 'RangeVar' in def ? [lock(relationName(def.RangeVar), 'ACCESS SHARE')] : [];
    default:
      return [];
  }
}

/** The table that a foreign key refers to. */
function locksAcross(table: string, constraint: string, mode: LockMode, schema: Schema): Lock[] {
  return schema.foreignKeys
    .filter((key) => key.table === table && key.name === constraint)
    .map(({ references }) => lock(references, mode));
}

/** The tables that new foreign keys refer to: rows must neither come nor go while the triggers are made. */
function locksOfReferences(definitions: readonly Node[] | undefined, own: string): Lock[] {
  return [...descend(definitions)].flatMap((object) => {
    const target = object['pktable'] as { schemaname?: string; relname?: string } | undefined;
    return target && relationName(target) !== own ? [lock(relationName(target), 'SHARE ROW EXCLUSIVE')] : [];
  });
}

/** With a foreign key its triggers on the other table go, which locks that one as well. */
function locksOfLostKeys(
  table: string,
  column: string | undefined,
  behavior: string | undefined,
  schema: Schema,
): Lock[] {
  return schema.foreignKeys.flatMap((key) => {
    if (key.table === table && (column === undefined || key.columns.includes(column)))
      return [lock(key.references, 'ACCESS EXCLUSIVE')];
    return key.references === table && column === undefined && behavior === 'DROP_CASCADE'
      ? [lock(key.table, 'ACCESS EXCLUSIVE')]
      : [];
  });
}

/** What running a query locks. */
function locksOfQuery(query: Node | undefined, schema: Schema): Lock[] {
  return findTouches(query).flatMap(({ relation, mode, change }) => [
    lock(relation, mode),
    ...behindView(relation, schema),
    ...(change === undefined || change.kind === 'delete'
      ? []
      : referencedRows(relation, change.kind === 'update' ? change.columns : undefined, schema)),
    ...(change?.kind === 'delete' || change?.kind === 'merge' ? referringRows(relation, schema) : []),
  ]);
}

/** What storing a query locks: it is looked at, not run. */
function locksOfDefinition(query: unknown): Lock[] {
  return findTouches(query).map(({ relation, mode }) => lock(relation, mode));
}

/** A new row's foreign keys lock the rows they refer to; a changed row's those whose columns are set. */
function referencedRows(table: string, columns: readonly string[] | undefined, schema: Schema): Lock[] {
  return schema.foreignKeys
    .filter((key) => key.table === table && (!columns || key.columns.some((column) => columns.includes(column))))
    .map(({ references }) => lock(references, 'ROW SHARE'));
}

/** A row that goes is looked for in the tables that refer to it, or changes them (`on delete cascade`, `set null`). */
function referringRows(table: string, schema: Schema): Lock[] {
  return schema.foreignKeys
    .filter((key) => key.references === table)
    .map((key) => lock(key.table, key.changesOnDelete ? 'ROW EXCLUSIVE' : 'ROW SHARE'));
}

function behindView(relation: string, schema: Schema): Lock[] {
  return (schema.views.get(relation) ?? []).flatMap((source) => [
    lock(source, 'ACCESS SHARE'),
    ...behindView(source, schema),
  ]);
}

/** The named tables and all that refer to them, however far. */
function withReferring(named: readonly string[], schema: Schema): string[] {
  const all = new Set(named);
  for (const table of all) for (const key of schema.foreignKeys) if (key.references === table) all.add(key.table);
  return [...all];
}

/** The table of an index or of statistics. */
function ownerOf(name: string, owners: ReadonlyMap<string, string>): Omit<Lock, 'mode'> {
  const table = owners.get(name);
  return table === undefined
    ? { relation: `the table of ${name}`, assumed: 'no file says which table it is' }
    : { relation: table };
}

/** The views that read a relation, and those that read them. */
function viewsOf(relation: string, schema: Schema): Lock[] {
  return [...schema.views]
    .filter(([, sources]) => sources.includes(relation))
    .flatMap(([view]) => [lock(view, 'ACCESS EXCLUSIVE'), ...viewsOf(view, schema)]);
}

/** The statements of a function in SQL whose body is a string: PostgreSQL looks at them when it makes the function. */
function sqlBodyOf(options: readonly Node[] | undefined): unknown {
  const option = (name: string) => nodesOf('DefElem', options).find(({ defname }) => defname === name)?.arg;
  const language = option('language');
  const [body] = stringsOf(itemsOf(option('as')));
  if (!language || !('String' in language) || language.String.sval?.toLowerCase() !== 'sql' || !body) return undefined;
  return parseSync(body);
}

function ownedBy(options: readonly Node[] | undefined): Lock[] {
  return nodesOf('DefElem', options)
    .filter(({ defname }) => defname === 'owned_by')
    .map(({ arg }) => stringsOf(itemsOf(arg)).slice(0, -1))
    .filter((parts) => parts.length > 0)
    .map((parts) => lock(dottedName(parts), 'ACCESS SHARE'));
}

function publishedTables(objects: readonly Node[] | undefined): Lock[] {
  return nodesOf('PublicationObjSpec', objects).flatMap(({ pubtable }) =>
    pubtable?.relation ? [lock(relationName(pubtable.relation), 'SHARE UPDATE EXCLUSIVE')] : [],
  );
}

function isNotValid(def: Node | undefined): boolean {
  return def !== undefined && 'Constraint' in def && def.Constraint.skip_validation === true;
}

/** An option without a value is on: `vacuum (full)`. */
export function isOn(arg: Node | undefined): boolean {
  if (arg === undefined) return true;
  if ('String' in arg) return !['off', 'false', 'no'].includes((arg.String.sval ?? '').toLowerCase());
  if ('Boolean' in arg) return arg.Boolean.boolval === true;
  return !('Integer' in arg) || (arg.Integer.ival ?? 0) !== 0;
}
