import type { AlterTableCmd, ColumnDef, Constraint, Node } from 'libpg-query';
import { type LockMode, locksConflict } from '../../src/migrator/lock-modes.ts';
import { isKnown, isOn } from './locks.ts';
import type { Rule } from './rules.ts';
import type { Schema } from './schema.ts';
import type { Statement } from './statements.ts';
import {
  applyByKind,
  type ByKind,
  functionCallsIn,
  kindOf,
  listedName,
  nodesOf,
  objectName,
  relationName,
  typeNameOf,
} from './tree.ts';

/** A rule that a statement breaks. */
export interface Problem {
  rule: Rule;
  /** What breaks it: `index entries_by_cat on entries`. */
  subject: string;
  /** Where in the parse tree; left out: at the start of the statement. */
  location?: number | undefined;
}

/** What a statement is judged by. */
export interface Surroundings {
  transactional: boolean;
  compat: 'expand' | 'contract';
  /** As it is before the statement. */
  schema: Schema;
  /** Relations that the same file made before: nobody else uses them, so nothing can be kept waiting. */
  made: ReadonlySet<string>;
  /** The strongest locks that the file holds already on relations that others use. */
  held: ReadonlyMap<string, LockMode>;
}

/** Every rule that one statement breaks. */
export function lintStatement(statement: Statement, surroundings: Surroundings): Problem[] {
  const { tree, longNames } = statement;
  return [
    ...(isKnown(tree) ? [] : [problem('unchecked-statement', kindOf(tree).replace(/Stmt$/, '').toLowerCase())]),
    ...(functionCallsIn(tree).includes('set_config') ? [problem('session-setting', 'set_config')] : []),
    ...longNames.map((name) => problem('identifier-too-long', name)),
    ...(applyByKind(checks, tree, surroundings) ?? []),
  ];
}

/** Can it run outside of a transaction, and again after it has failed half way? */
export function isRepeatable(tree: Node): boolean {
  if ('IndexStmt' in tree) return tree.IndexStmt.concurrent === true;
  if ('DropStmt' in tree) {
    const { removeType, concurrent, missing_ok } = tree.DropStmt;
    return removeType === 'OBJECT_INDEX' && concurrent === true && missing_ok === true;
  }
  if ('AlterEnumStmt' in tree)
    return tree.AlterEnumStmt.newVal !== undefined && tree.AlterEnumStmt.skipIfNewValExists === true;
  return 'VacuumStmt' in tree;
}

/** The table of which it changes many rows; undefined where it changes none, or only adds those that the file lists. */
export function findBulkTarget(tree: Node): string | undefined {
  if ('UpdateStmt' in tree) return relationName(tree.UpdateStmt.relation ?? {});
  if ('DeleteStmt' in tree) return relationName(tree.DeleteStmt.relation ?? {});
  if ('MergeStmt' in tree) return relationName(tree.MergeStmt.relation ?? {});
  if ('CopyStmt' in tree && tree.CopyStmt.is_from) return relationName(tree.CopyStmt.relation ?? {});
  if (!('InsertStmt' in tree)) return undefined;
  const { relation, selectStmt } = tree.InsertStmt;
  const listed = !selectStmt || ('SelectStmt' in selectStmt && selectStmt.SelectStmt.valuesLists !== undefined);
  return listed ? undefined : relationName(relation ?? {});
}

function problem(rule: Rule, subject: string, location?: number): Problem {
  return { rule, subject, location };
}

function when(condition: boolean | undefined, rule: Rule, subject: string, location?: number): Problem[] {
  return condition ? [problem(rule, subject, location)] : [];
}

const checks: ByKind<Surroundings, Problem[]> = {
  CreateStmt: ({ tableElts }) => nodesOf('ColumnDef', tableElts).flatMap((column) => lintType(column)),
  CreateForeignTableStmt: ({ base }) => nodesOf('ColumnDef', base?.tableElts).flatMap((column) => lintType(column)),
  CreateDomainStmt: ({ domainname, constraints }) =>
    when((constraints ?? []).length > 0, 'ban-create-domain-with-constraint', `domain ${listedName(domainname)}`),
  AlterDomainStmt: ({ subtype, typeName, def }) => {
    const added = def && 'Constraint' in def && !def.Constraint.skip_validation;
    return when(
      subtype === 'O' || (subtype === 'C' && added),
      'ban-alter-domain-with-add-constraint',
      `domain ${listedName(typeName)}`,
    );
  },

  IndexStmt: ({ idxname, relation, concurrent, if_not_exists }, { transactional, made }) => {
    const table = relationName(relation ?? {});
    const subject = `index ${idxname ?? ''} on ${table}`.replace('  ', ' ');
    if (!concurrent) return when(!made.has(table), 'require-concurrent-index-creation', subject);
    return [
      ...when(transactional, 'ban-concurrent-in-transaction', subject),
      ...when(idxname === undefined, 'concurrent-index-name', subject),
      ...when(if_not_exists, 'concurrent-if-not-exists', subject),
    ];
  },
  ReindexStmt: ({ relation, params }, { transactional, made }) => {
    const subject = `reindex ${relation ? relationName(relation) : ''}`.trim();
    const concurrent = nodesOf('DefElem', params).some(({ defname, arg }) => defname === 'concurrently' && isOn(arg));
    return concurrent
      ? when(transactional, 'ban-concurrent-in-transaction', subject)
      : when(!relation || !made.has(relationName(relation)), 'require-concurrent-reindex', subject);
  },
  RefreshMatViewStmt: ({ relation, concurrent }, { made }) => {
    const name = relationName(relation ?? {});
    return when(!concurrent && !made.has(name), 'require-concurrent-refresh', `view ${name}`);
  },
  VacuumStmt: ({ options, is_vacuumcmd }, { transactional }) => [
    ...when(is_vacuumcmd && transactional, 'ban-concurrent-in-transaction', 'vacuum'),
    ...when(
      nodesOf('DefElem', options).some(({ defname, arg }) => defname === 'full' && isOn(arg)),
      'ban-table-rewrite',
      'vacuum full',
    ),
  ],
  ClusterStmt: ({ relation }, { made }) =>
    when(!relation || !made.has(relationName(relation)), 'ban-table-rewrite', 'cluster'),

  AlterTableStmt: ({ relation, cmds, objtype }, surroundings) => {
    const table = relationName(relation ?? {});
    const commands = nodesOf('AlterTableCmd', cmds);
    if (objtype !== 'OBJECT_TABLE') return [];
    return commands.flatMap((command) => [
      ...(command.def && 'ColumnDef' in command.def ? lintType(command.def.ColumnDef, command.name) : []),
      ...(surroundings.made.has(table) ? [] : lintAlteration(table, command, surroundings)),
    ]);
  },
  AlterObjectSchemaStmt: ({ relation, object }, { compat, made }) => {
    const name = relation ? relationName(relation) : objectName(object);
    return when(compat === 'expand' && !made.has(name), 'contract-required', `set schema of ${name}`);
  },
  AlterEnumStmt: ({ typeName, oldVal }, { compat }) =>
    when(
      compat === 'expand' && oldVal !== undefined,
      'contract-required',
      `rename value of type ${listedName(typeName)}`,
    ),
  RenameStmt: ({ renameType, relation, object, subname }, { compat, made }) => {
    const name = relation ? relationName(relation) : objectName(object);
    if (compat !== 'expand' || made.has(name)) return [];
    switch (renameType) {
      case 'OBJECT_COLUMN':
        return [problem('renaming-column', `column ${subname} of ${name}`)];
      case 'OBJECT_TABLE':
        return [problem('renaming-table', `table ${name}`)];
      // Nothing asks for these by their names.
      case 'OBJECT_INDEX':
      case 'OBJECT_TRIGGER':
      case 'OBJECT_POLICY':
      case 'OBJECT_RULE':
      case 'OBJECT_STATISTIC_EXT':
        return [];
      default:
        return [problem('contract-required', `rename of ${subname ? `${subname} of ` : ''}${name}`)];
    }
  },
  DropStmt: ({ removeType, objects, behavior, concurrent }, { transactional, compat, schema, made }) =>
    (objects ?? []).flatMap((object) => {
      const name = objectName(object);
      const table = schema.indexes.get(name);
      const cascades = when(behavior === 'DROP_CASCADE' && !made.has(name), 'ban-drop-cascade', `drop of ${name}`);
      switch (removeType) {
        case 'OBJECT_INDEX':
          if (concurrent) return when(transactional, 'ban-concurrent-in-transaction', `drop of index ${name}`);
          return when(
            table === undefined || !made.has(table),
            'require-concurrent-index-deletion',
            `index ${name}${table ? ` on ${table}` : ''}`,
          );
        case 'OBJECT_TABLE':
        case 'OBJECT_FOREIGN_TABLE':
          return [...when(compat === 'expand' && !made.has(name), 'ban-drop-table', `table ${name}`), ...cascades];
        // The program does not ask for them.
        case 'OBJECT_TRIGGER':
        case 'OBJECT_RULE':
        case 'OBJECT_POLICY':
        case 'OBJECT_STATISTIC_EXT':
          return cascades;
        default:
          return [...when(compat === 'expand' && !made.has(name), 'contract-required', `drop of ${name}`), ...cascades];
      }
    }),
  TruncateStmt: ({ behavior }) => when(behavior === 'DROP_CASCADE', 'ban-truncate-cascade', 'truncate'),
  DropdbStmt: ({ dbname }) => [problem('ban-drop-database', `database ${dbname}`)],

  TransactionStmt: ({ kind }) => [
    problem('transaction-control', (kind ?? '').replace('TRANS_STMT_', '').replaceAll('_', ' ').toLowerCase()),
  ],
  VariableSetStmt: ({ name }) => [problem('session-setting', name ? `set ${name}` : 'reset all')],
  DiscardStmt: () => [problem('session-setting', 'discard')],
};

function lintAlteration(
  table: string,
  command: AlterTableCmd,
  { transactional, compat, schema, held }: Surroundings,
): Problem[] {
  const { subtype, name = '', def, behavior } = command;
  const column = `column ${name} of ${table}`;
  const cascades = when(behavior === 'DROP_CASCADE', 'ban-drop-cascade', `drop of ${name} of ${table}`);
  switch (subtype) {
    case 'AT_AddColumn':
      return def && 'ColumnDef' in def ? lintNewColumn(table, def.ColumnDef) : [];
    case 'AT_AddConstraint':
      return def && 'Constraint' in def ? lintNewConstraint(table, def.Constraint) : [];
    case 'AT_ValidateConstraint': {
      const across = schema.foreignKeys.filter((key) => key.table === table && key.name === name);
      const busy = [table, ...across.map(({ references }) => references)].filter((relation) => {
        const mode = held.get(relation);
        return mode !== undefined && locksConflict(mode, 'ROW EXCLUSIVE');
      });
      return when(busy.length > 0, 'validate-in-its-own-file', `constraint ${name} of ${table}`);
    }
    case 'AT_SetNotNull': {
      const proven = schema.checks.some((check) => check.table === table && check.column === name && check.validated);
      return when(!proven, 'adding-not-null-field', column);
    }
    case 'AT_AlterColumnType':
      return [problem('changing-column-type', column)];
    case 'AT_DropColumn':
      return [...when(compat === 'expand', 'ban-drop-column', column), ...cascades];
    case 'AT_DropConstraint':
      return cascades;
    case 'AT_DropNotNull':
      return when(compat === 'expand', 'ban-drop-not-null', column);
    case 'AT_ColumnDefault':
      return when(compat === 'expand' && def === undefined, 'contract-required', `default of ${column}`);
    case 'AT_SetLogged':
    case 'AT_SetUnLogged':
    case 'AT_SetTableSpace':
    case 'AT_SetAccessMethod':
    case 'AT_SetExpression':
      return [problem('ban-table-rewrite', `table ${table}`)];
    case 'AT_DetachPartition':
      return when(
        transactional && def && 'PartitionCmd' in def && def.PartitionCmd.concurrent,
        'ban-concurrent-in-transaction',
        `detach partition of ${table}`,
      );
    default:
      return [];
  }
}

function lintNewColumn(table: string, { colname = '', typeName, constraints, location }: ColumnDef): Problem[] {
  const own = nodesOf('Constraint', constraints);
  const of = (type: Constraint['contype']) => own.find(({ contype }) => contype === type);
  const initial = of('CONSTR_DEFAULT')?.raw_expr;
  const numbered = of('CONSTR_IDENTITY') !== undefined || isSerial(typeNameOf(typeName));
  const generated = of('CONSTR_GENERATED');
  const subject = `column ${colname} of ${table}`;
  return [
    ...when(numbered || (initial && mayDiffer(initial)), 'adding-field-with-default', subject, location),
    ...when(
      (of('CONSTR_NOTNULL') || of('CONSTR_PRIMARY')) !== undefined &&
        !numbered &&
        !generated &&
        (!initial || isNull(initial)),
      'adding-required-field',
      subject,
      location,
    ),
    ...when(generated !== undefined && generated.generated_kind !== 'v', 'adding-generated-field', subject, location),
    ...own
      // A new foreign key column is empty unless it has a default: then there is nothing to check.
      .filter(({ contype }) => contype !== 'CONSTR_FOREIGN' || (initial !== undefined && !isNull(initial)))
      .filter(({ contype }) => contype !== 'CONSTR_NOTNULL')
      .flatMap((constraint) => lintNewConstraint(table, constraint)),
  ];
}

function lintNewConstraint(table: string, constraint: Constraint): Problem[] {
  const { contype, conname, indexname, skip_validation, location } = constraint;
  const subject = conname ? `constraint ${conname} of ${table}` : `constraint of ${table}`;
  switch (contype) {
    case 'CONSTR_CHECK':
    case 'CONSTR_FOREIGN':
      return when(!skip_validation, 'constraint-missing-not-valid', subject, location);
    case 'CONSTR_NOTNULL':
      return when(!skip_validation, 'adding-not-null-field', subject, location);
    case 'CONSTR_PRIMARY':
      return when(indexname === undefined, 'adding-primary-key-constraint', subject, location);
    case 'CONSTR_UNIQUE':
      return when(indexname === undefined, 'adding-unique-constraint', subject, location);
    case 'CONSTR_EXCLUSION':
      return [problem('adding-exclusion-constraint', subject, location)];
    default:
      return [];
  }
}

const typeRules: Record<string, Rule> = {
  int2: 'prefer-bigint',
  int4: 'prefer-bigint',
  float4: 'prefer-double-precision',
  timestamp: 'prefer-timestamptz',
  varchar: 'prefer-text',
  bpchar: 'ban-char-field',
};

function lintType({ colname, typeName, location }: ColumnDef, altered?: string): Problem[] {
  const type = typeNameOf(typeName);
  const rule = isSerial(type) ? 'prefer-identity' : typeRules[type];
  return rule ? [problem(rule, `column ${colname ?? altered}`, typeName?.location ?? location)] : [];
}

function isSerial(type: string): boolean {
  return /^(?:big|small)?serial[248]?$/.test(type);
}

/** Functions that give every row of one statement the same value, so that PostgreSQL keeps it beside the table. */
export const sameForAll: ReadonlySet<string> = new Set([
  'now',
  'transaction_timestamp',
  'statement_timestamp',
  'timezone',
  'date_trunc',
  'to_timestamp',
  'make_date',
  'make_interval',
  'make_timestamptz',
  'lower',
  'upper',
  'md5',
  'jsonb_build_object',
  'jsonb_build_array',
  'point',
  'current_setting',
]);

/** May it be another value for each row? A function that is not known may. */
function mayDiffer(expression: Node): boolean {
  return functionCallsIn(expression).some((name) => !sameForAll.has(name));
}

function isNull(expression: Node): boolean {
  if ('TypeCast' in expression) return expression.TypeCast.arg !== undefined && isNull(expression.TypeCast.arg);
  return 'A_Const' in expression && expression.A_Const.isnull === true;
}
