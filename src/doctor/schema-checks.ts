import type { SettingValues } from '../config/settings.ts';
import type { Outlook } from '../migrator/adopt/outlook.ts';
import type { Plan } from '../migrator/migration-plan.ts';
import { type Check, checkOf, count, describeError, type Finding } from './check.ts';
import { numbering } from './numbering.ts';
import type { SchemaFacts } from './schema-facts.ts';
import { place } from './schema-place.ts';

/** Judges the schema: what is applied, what differs, what is broken. */
export function checkSchema(
  { plan, outlook, comparison, invalidIndexes }: Omit<SchemaFacts, 'tables'> & { invalidIndexes: Finding<string[]> },
  values: Partial<SettingValues>,
): Check[] {
  return [checkMigrations(plan, outlook, values), checkDrift(comparison, plan), checkIndexes(invalidIndexes)];
}

/** The same checks where there is no schema to look at. */
export function checkNoSchema(found: string): Check[] {
  return [place, status, drift, indexes, numbering].map(({ unknown }) => unknown(found));
}

/** The same checks where the database that was to be asked does not answer. */
export function checkUnreachableSchema(because: string): Check[] {
  return [status, drift, indexes].map(({ unasked }) => unasked(because));
}

const status = checkOf('schema.migrations', 'Migrations');
const drift = checkOf('schema.drift', 'Drift');
const indexes = checkOf('schema.indexes', 'Indexes');

function checkMigrations(
  finding: Finding<Plan>,
  outlook: Finding<Outlook | undefined>,
  { MIGRATE_ON_BOOT }: Partial<SettingValues>,
): Check {
  if ('error' in finding) return status.unasked(`the history could not be read: ${describeError(finding.error)}`);
  const { current, target, pending, contradictions, unknown, compatible } = finding.value;
  if (contradictions.length > 0)
    return status.fail(
      contradictions.join('; '),
      'Restore the files as they were applied. To see what the schema really is: catatlas migrate verify',
    );
  const newer = `version ${current}, made by a newer program; this one ends at ${target}`;
  if (!compatible) return status.fail(newer, `Run a program of at least version ${unknown.at(-1)?.binary_version}.`);
  const start = MIGRATE_ON_BOOT === 'auto' ? ', or the next start of the server,' : '';
  if ('error' in outlook) return status.unasked(`the tables could not be looked at: ${describeError(outlook.error)}`);
  if (outlook.value?.kind === 'refusal')
    return status.fail(
      `tables with our names that neither this program nor the first server made: ${outlook.value.differences.join('; ')}`,
      'catatlas migrate refuses this database. Use another database or schema; catatlas migrate status says more.',
    );
  if (outlook.value?.kind === 'adoption') {
    const names = outlook.value.tables.map(({ table }) => table).join(', ');
    return status.fail(
      `the tables are those of the first server: ${names}`,
      `catatlas migrate${start} takes them over, and locks them for it: nobody reads or writes them meanwhile. Stop the first server, then rehearse: catatlas migrate up --dry-run says how long it takes.`,
    );
  }
  if (pending.length > 0)
    return status.fail(
      `version ${current} of ${target}; pending: ${pending.map(({ file }) => file).join(', ')}`,
      `catatlas migrate applies them${MIGRATE_ON_BOOT === 'auto' ? ', or the next start of the server' : ''}. To see them first: catatlas migrate plan`,
    );
  return status.pass(unknown.length > 0 ? `${newer}, and is compatible` : `current at version ${current}`);
}

function checkDrift(comparison: SchemaFacts['comparison'], plan: Finding<Plan>): Check {
  if (comparison === undefined) {
    const newer = 'value' in plan && plan.value.unknown.length > 0;
    return drift.unknown(newer ? 'a newer program made the schema' : 'there is no schema to compare');
  }
  if ('error' in comparison) return drift.unasked(`the schema could not be read: ${describeError(comparison.error)}`);
  const { differences, unmanaged } = comparison.value;
  if (differences.length > 0)
    return drift.fail(
      `${count(differences.length, 'difference')}: ${differences.map(({ kind, object }) => `${kind} ${object}`).join('; ')}`,
      'catatlas migrate verify says what each means, with the SQL that puts it right.',
    );
  const others =
    unmanaged.length === 0 ? '' : `; not ours, left alone: ${unmanaged.map(({ object }) => object).join(', ')}`;
  return drift.pass(`none${others}`);
}

function checkIndexes(finding: Finding<string[]>): Check {
  if ('error' in finding) return indexes.unasked(`the indexes could not be read: ${describeError(finding.error)}`);
  const invalid = finding.value;
  return invalid.length === 0
    ? indexes.pass('all valid')
    : indexes.fail(
        `INVALID: ${invalid.join(', ')}: no query uses them, and every write keeps them up`,
        `When no concurrent build is running: ${invalid.map((name) => `reindex index concurrently ${name}`).join('; ')}. Of migrations that were interrupted: catatlas migrate repair`,
      );
}
