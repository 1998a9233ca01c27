import type { ObjectKind, SchemaObject, SchemaSnapshot } from './schema-snapshot.ts';

/** One place where a database is not what its migrations make. All texts are for the operator. */
export interface Difference {
  kind: 'missing' | 'unexpected' | 'different';
  /** For example `index entries_by_cat` or `column entries.nickname`. */
  object: string;
  /** What the migrations make. Not given where the object itself is what should not be there. */
  expected?: string;
  /** What is there. Not given where it is missing. */
  actual?: string;
  /** What it means and what to do. To be read before `statements` are run. */
  remedy: string;
  /**
   * SQL that puts it right, to be run one by one outside of a transaction, with the schema first in the search path. Empty
   * where no statement can, because something has been lost or somebody has to decide.
   */
  statements: string[];
}

/** Something of another owner in the same schema. Not drift. */
export interface Unmanaged {
  object: string;
  /** How it bears on our tables, where it does. */
  note?: string;
}

export interface SchemaComparison {
  differences: Difference[];
  unmanaged: Unmanaged[];
}

/**
 * Compares what the migrations make (`expected`, read from a scratch database) with what a database has. Whatever is on one of
 * our tables is ours; a table, view, sequence, function or type that no migration makes is somebody else's.
 */
export function compareSchemas(expected: SchemaSnapshot, actual: SchemaSnapshot): SchemaComparison {
  const wanted = new Map(expected.objects.map((object) => [identify(object), object]));
  const { objects, guarded } = setRowSecurityAside(expected, actual);
  const found = new Map(objects.map((object) => [identify(object), object]));
  const relationsWanted = relationsOf(expected);
  const relationsFound = relationsOf(actual);

  const missing: SchemaObject[] = [];
  const differences: Difference[] = [];
  for (const [key, object] of wanted) {
    const there = found.get(key);
    if (there) {
      const difference = describeDifferent(object, there);
      if (difference) differences.push(difference);
    } else if (relationsWanted.has(object.name) && object.table === null && relationsFound.has(object.name)) {
      differences.push(describeOtherKind(object, relationsFound.get(object.name)));
    } else if (object.table === null || isSame(relationsWanted, relationsFound, object.table)) missing.push(object);
  }

  const unexpected: SchemaObject[] = [];
  const unmanaged: Unmanaged[] = [...guarded];
  for (const [key, object] of found) {
    if (wanted.has(key)) continue;
    if (object.table === null || (object.kind === 'sequence' && !relationsWanted.has(object.table))) {
      if (!relationsWanted.has(object.name)) unmanaged.push(describeUnmanaged(object, actual, relationsWanted));
    } else if (isSame(relationsWanted, relationsFound, object.table)) unexpected.push(object);
  }

  for (const object of missing) {
    const renamed = unexpected.findIndex((other) => isRenamed(object, other));
    const [other] = renamed < 0 ? [] : unexpected.splice(renamed, 1);
    differences.push(other ? describeRenamed(object, other) : describeMissing(object));
  }
  differences.push(...unexpected.map(describeUnexpected));
  differences.sort((a, b) => compareText(a.object, b.object));
  unmanaged.sort((a, b) => compareText(a.object, b.object));
  return { differences, unmanaged };
}

/**
 * Row security that binds neither the owner of a table nor the role of this program is how an operator keeps others out, for example
 * the public roles of Supabase. It is mentioned: switching it off would open the table to them.
 */
function setRowSecurityAside(
  expected: SchemaSnapshot,
  { objects, guardedFromOthers = [] }: SchemaSnapshot,
): { objects: SchemaObject[]; guarded: Unmanaged[] } {
  const wanted = new Map(expected.objects.map((object) => [identify(object), object]));
  const ours = (name: string) => guardedFromOthers.includes(name) && wanted.has(identify(tableOf(name)));
  const guarded: Unmanaged[] = [];
  const rest = objects.flatMap((object): SchemaObject[] => {
    if (object.kind === 'policy' && ours(object.table ?? '') && !wanted.has(identify(object))) {
      guarded.push({ object: nameOf(object), note: 'binds other roles than the owner of the table' });
      return [];
    }
    if (object.kind !== 'table' || !ours(object.name) || wanted.get(identify(object))?.facts[rowSecurity])
      return [object];
    guarded.push({
      object: `row security of table ${object.name}`,
      note: 'it does not bind its owner: the program sees every row, other roles see what policies allow',
    });
    const { [rowSecurity]: _, ...facts } = object.facts;
    return [{ ...object, facts }];
  });
  return { objects: rest, guarded };
}

const rowSecurity = 'row security';

function tableOf(name: string): SchemaObject {
  return { kind: 'table', table: null, name, facts: {} };
}

const relationKinds: readonly ObjectKind[] = ['table', 'foreign table', 'view', 'materialized view'];

/** Tables and views share their names. */
function relationsOf(snapshot: SchemaSnapshot): Map<string, SchemaObject> {
  return new Map(snapshot.objects.filter(({ kind }) => relationKinds.includes(kind)).map((one) => [one.name, one]));
}

/** Whether both have this relation, so that its parts can be compared. Else the relation itself is the difference, or nothing of ours. */
function isSame(wanted: Map<string, SchemaObject>, found: Map<string, SchemaObject>, name: string): boolean {
  const one = wanted.get(name);
  return one !== undefined && one.kind === found.get(name)?.kind;
}

function identify({ kind, table, name }: SchemaObject): string {
  // A sequence is found by its name alone: what it belongs to may be what has changed.
  return JSON.stringify(kind === 'sequence' ? [kind, name] : [kind, table, name]);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function nameOf({ kind, table, name }: SchemaObject): string {
  if (kind === 'column') return `column ${table}.${name}`;
  return ['constraint', 'trigger', 'rule', 'policy'].includes(kind) ? `${kind} ${name} on ${table}` : `${kind} ${name}`;
}

/** A fact as one says it: some are clear without their name. */
function say(fact: string, value: string | undefined): string {
  if (value === undefined) return `no ${fact}`;
  return ['definition', 'nullability', 'state', 'body', 'values'].includes(fact) ? value : `${fact} ${value}`;
}

function sayAll({ facts }: SchemaObject): string {
  // What is ordinary goes without saying.
  const told = Object.entries(facts).filter(([fact, value]) => fact !== 'numbering' && value !== 'valid');
  return told.map(([fact, value]) => say(fact, value)).join(', ') || 'is there';
}

function describeMissing(object: SchemaObject): Difference {
  return {
    kind: 'missing',
    object: nameOf(object),
    expected: sayAll(object),
    ...remedyForMissing(object),
  };
}

interface Cure {
  remedy: string;
  statements: string[];
}

function remedyForMissing(object: SchemaObject): Cure {
  const { kind, table, name, facts } = object;
  switch (kind) {
    case 'index':
      return {
        remedy: 'Queries that it serves read whole tables. Make it again; that takes a while and blocks nobody.',
        statements: [createIndex(object)],
      };
    case 'constraint':
      return {
        remedy:
          'Wrong rows may have come in since it went. Make it again: it refuses while there are any, and names one. It reads the ' +
          'whole table, and writers wait meanwhile.',
        statements: [`alter table ${table} add constraint ${name} ${facts['definition']}`],
      };
    case 'column': {
      const fillable =
        (facts['nullability'] === 'nullable' || facts['default']) ?? facts['identity'] ?? facts['expression'];
      return {
        remedy:
          'The program fails on it, and what was in it is gone. Restore a backup into another database and take the content from ' +
          `there; ${fillable ? 'the statement only makes the column.' : 'as it may not be null, add it nullable, fill it, then set not null.'}`,
        statements: fillable ? [`alter table ${table} add column ${name} ${columnDefinition(facts)}`] : [],
      };
    }
    case 'trigger':
    case 'rule':
      return {
        remedy: 'What it does has not been done since it went. Make it again.',
        statements: [facts['definition'] ?? ''],
      };
    case 'table':
      return {
        remedy: 'The program cannot work without it, and what was in it is gone. Restore a backup.',
        statements: [],
      };
    default:
      return { remedy: 'Make it again with the statement of its migration (catatlas migrate show).', statements: [] };
  }
}

function describeUnexpected(object: SchemaObject): Difference {
  return {
    kind: 'unexpected',
    object: nameOf(object),
    actual: sayAll(object),
    ...remedyForUnexpected(object),
  };
}

function remedyForUnexpected(object: SchemaObject): Cure {
  const { kind, table, name, facts } = object;
  const keep = 'If it is wanted, put it into a migration.';
  switch (kind) {
    case 'index':
      return {
        remedy:
          facts['state'] === 'INVALID'
            ? 'What an interrupted or failed concurrent build leaves behind (or one that is running now): no query uses it, and every ' +
              'write keeps it up. Drop it when no build is running.'
            : `Every write keeps it up. ${keep} Else drop it.`,
        statements: [`drop index concurrently ${name}`],
      };
    case 'constraint':
      return {
        remedy: `It may refuse rows that the program means to write. ${keep} Else drop it.`,
        statements: [`alter table ${table} drop constraint ${name}`],
      };
    case 'column': {
      const blocks =
        facts['nullability'] !== 'nullable' && !(facts['default'] ?? facts['identity'] ?? facts['expression']);
      return {
        remedy:
          (blocks ? 'It may not be null and has no default, so every insert of the program fails. ' : '') +
          `${keep} If nobody needs it, drop it: what is in it is lost then.`,
        statements: [`alter table ${table} drop column ${name}`],
      };
    }
    case 'trigger':
    case 'rule':
    case 'policy':
      return {
        remedy: `It changes what the program's statements do. ${keep} Else drop it.`,
        statements: [`drop ${kind} ${name} on ${table}`],
      };
    default:
      return { remedy: `${keep} Else drop it when nothing uses it.`, statements: [] };
  }
}

function isRenamed(missing: SchemaObject, other: SchemaObject): boolean {
  return (
    ['index', 'constraint'].includes(missing.kind) &&
    missing.kind === other.kind &&
    missing.table === other.table &&
    differingFacts(missing, other).length === 0
  );
}

function describeRenamed(object: SchemaObject, other: SchemaObject): Difference {
  const { kind, table, name } = object;
  return {
    kind: 'different',
    object: nameOf(object),
    expected: `the name ${name}`,
    actual: `the name ${other.name}`,
    remedy: 'It has been renamed. Migrations and messages of errors know it by its name: give that back.',
    statements: [
      kind === 'index'
        ? `alter index ${other.name} rename to ${name}`
        : `alter table ${table} rename constraint ${other.name} to ${name}`,
    ],
  };
}

function describeOtherKind(object: SchemaObject, other: SchemaObject | undefined): Difference {
  return {
    kind: 'different',
    object: nameOf(object),
    expected: `a ${object.kind}`,
    actual: `a ${other?.kind}`,
    remedy: `Something else has its name. Find out where the ${object.kind} has gone (perhaps renamed, or in another schema).`,
    statements: [],
  };
}

function describeUnmanaged(
  object: SchemaObject,
  actual: SchemaSnapshot,
  ours: ReadonlyMap<string, SchemaObject>,
): Unmanaged {
  const references = actual.objects.flatMap(({ kind, table, name, facts }) => {
    const [, target] = /REFERENCES ((?:"(?:[^"]|"")*"|[^\s("])+)\(/.exec(facts['definition'] ?? '') ?? [];
    return kind === 'constraint' && table === object.name && target !== undefined && ours.has(target)
      ? [`${name} references ${target}`]
      : [];
  });
  const label = nameOf(object);
  return references.length === 0
    ? { object: label }
    : { object: label, note: `${references.join(', ')}: rows there can make deleting here fail` };
}

function differingFacts(expected: SchemaObject, actual: SchemaObject): string[] {
  const facts = new Set([...Object.keys(expected.facts), ...Object.keys(actual.facts)]);
  return [...facts].filter((fact) => expected.facts[fact] !== actual.facts[fact]);
}

function describeDifferent(expected: SchemaObject, actual: SchemaObject): Difference | undefined {
  const differing = differingFacts(expected, actual);
  if (differing.length === 0) return undefined;
  return {
    kind: 'different',
    object: nameOf(expected),
    expected: differing.map((fact) => say(fact, expected.facts[fact])).join(', '),
    actual: differing.map((fact) => say(fact, actual.facts[fact])).join(', '),
    ...remedyForDifferent(expected, actual, differing),
  };
}

function remedyForDifferent(expected: SchemaObject, actual: SchemaObject, differing: readonly string[]): Cure {
  const { kind, table, name, facts } = expected;
  const onlyState = differing.length === 1 && differing[0] === 'state';
  switch (kind) {
    case 'table':
      return remedyForTable(expected, actual, differing);
    case 'column':
      return remedyForColumn(expected, actual, differing);
    case 'index':
      return onlyState
        ? {
            remedy:
              'A concurrent build was interrupted, failed, or is running now: no query uses it. When none is running, build it again. A ' +
              'unique one fails again while rows repeat, and names the value.',
            statements: [`reindex index concurrently ${name}`],
          }
        : {
            remedy: 'Make it again as it should be; queries that it serves are slow until that has ended.',
            statements: [`drop index concurrently ${name}`, createIndex(expected)],
          };
    case 'constraint':
      return remedyForConstraint(expected, actual, onlyState);
    case 'trigger':
      return onlyState && facts['state'] === 'enabled'
        ? {
            remedy: 'What it does has not been done since it was disabled. Enable it again.',
            statements: [`alter table ${table} enable trigger ${name}`],
          }
        : {
            remedy: 'Make it again as it should be.',
            statements: [`drop trigger ${name} on ${table}`, facts['definition'] ?? ''],
          };
    default:
      return {
        remedy:
          'Make it again with the statement of its migration (catatlas migrate show), or put the change into a migration.',
        statements: [],
      };
  }
}

function remedyForConstraint({ table, name, facts }: SchemaObject, actual: SchemaObject, onlyState: boolean): Cure {
  if (onlyState && actual.facts['state'] === 'NOT VALID') {
    return {
      remedy:
        'Older rows were never checked. Check them now: it refuses while there are wrong ones, and blocks nobody.',
      statements: [`alter table ${table} validate constraint ${name}`],
    };
  }
  return {
    remedy:
      (actual.facts['state'] === 'switched off'
        ? 'Its triggers are disabled, as after restoring data with "disable trigger all": nothing is checked or cascaded. '
        : '') +
      'Make it again as it should be: it refuses while there are rows that break it. It reads the whole table, and writers wait meanwhile.',
    statements: [`alter table ${table} drop constraint ${name}, add constraint ${name} ${facts['definition']}`],
  };
}

function remedyForTable(expected: SchemaObject, actual: SchemaObject, differing: readonly string[]): Cure {
  const words: string[] = [];
  const statements: string[] = [];
  for (const fact of differing) {
    const there = actual.facts[fact];
    if (fact === 'persistence' && there === 'unlogged') {
      words.push(
        'It is emptied by a crash of the server, and replicas do not have it. Log it; nobody can use it meanwhile.',
      );
      statements.push(`alter table ${expected.name} set logged`);
    } else if (fact === rowSecurity && there !== undefined) {
      const forced = actual.facts['row security of the owner'] !== undefined;
      words.push(
        'The program may be shown fewer rows than there are, and writes may be refused. Leave it on: without it every role with a ' +
          `grant sees everything. ${forced ? 'Let it not bind the owner' : 'Connect as the owner of the table, or give the role of the program the attribute BYPASSRLS'}.`,
      );
    } else if (fact === 'row security of the owner' && there !== undefined)
      statements.push(`alter table ${expected.name} no force row level security`);
    else if (fact === 'children')
      words.push(
        `Rows of ${there ?? 'other tables'} are found as if they were in this one: end that with "no inherit".`,
      );
    else words.push('Put the change into a migration, or undo it.');
  }
  return { remedy: words.join(' ') || 'Undo it.', statements };
}

function remedyForColumn(expected: SchemaObject, actual: SchemaObject, differing: readonly string[]): Cure {
  const { table, name, facts } = expected;
  const words: string[] = [];
  const actions: string[] = [];
  const after: string[] = [];
  const alter = (action: string) => actions.push(`alter column ${name} ${action}`);
  if (differing.includes('type') || differing.includes('collation')) {
    words.push(
      'Changing the type may rewrite the table, and nobody can use it meanwhile. What the other type has lost does not come back.',
    );
    const collation = facts['collation'] ? ` collate ${facts['collation']}` : '';
    alter(`type ${facts['type']}${collation} using ${name}::${facts['type']}`);
  }
  if (differing.includes('default')) {
    words.push('Rows written meanwhile may lack the value or have another one.');
    alter(facts['default'] === undefined ? 'drop default' : `set default ${facts['default']}`);
  }
  if (differing.includes('nullability')) {
    if (facts['nullability'] === 'nullable') {
      words.push('The program writes rows without it, which fail.');
      alter('drop not null');
    } else {
      words.push(
        'It refuses while there are rows with null: fill them first. The whole table is read, and nobody can use it meanwhile.',
      );
      // A constraint that is not valid has a name that only the server knows; taking it away first needs none.
      if (actual.facts['nullability'] !== 'nullable') alter('drop not null');
      after.push(`alter table ${table} alter column ${name} set not null`);
    }
  }
  if (differing.includes('identity')) {
    if (facts['identity'] === undefined) alter('drop identity');
    else if (actual.facts['identity'] !== undefined) alter(`set generated ${facts['identity']}`);
    else {
      words.push(
        'It does not number rows by itself, so inserts fail. The sequence then has to go on after the highest id.',
      );
      after.push(
        `alter table ${table} alter column ${name} add generated ${facts['identity']} as identity`,
        `select setval(pg_get_serial_sequence(${literal(table ?? '')}, ${literal(unquote(name))}), ` +
          `(select coalesce(max(${name}), 0) + 1 from ${table}), false)`,
      );
    }
  } else if (differing.includes('numbering'))
    words.push(
      `Set its sequence back with "alter column ${name} set increment", "set minvalue", "set maxvalue" or "set no cycle".`,
    );
  if (differing.includes('expression')) {
    if (facts['expression'] === undefined) alter('drop expression');
    else words.push('Drop the column and add it as its migration does: what it holds is computed.');
  }
  const statements = actions.length > 0 ? [`alter table ${table} ${actions.join(', ')}`, ...after] : after;
  return { remedy: words.join(' ') || 'Set it back.', statements };
}

function columnDefinition(facts: SchemaObject['facts']): string {
  const { type, collation, nullability, default: preset, identity, expression } = facts;
  const [, formula, storage] = /^(.*) (stored|virtual)$/s.exec(expression ?? '') ?? [];
  return [
    type,
    collation === undefined ? '' : `collate ${collation}`,
    preset === undefined ? '' : `default ${preset}`,
    identity === undefined ? '' : `generated ${identity} as identity`,
    formula === undefined ? '' : `generated always as (${formula}) ${storage}`,
    nullability === 'nullable' ? '' : 'not null',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function createIndex({ table, name, facts }: SchemaObject): string {
  return `create ${facts['unique'] ? 'unique ' : ''}index concurrently ${name} on ${table} using ${facts['definition']}`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as the catalog has it, from how it is written in SQL. */
function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
