import type { Clock } from '../clock.ts';
import type { Sql } from '../database/connect.ts';
import { foreseeAdoption, type Outlook } from '../migrator/adopt/outlook.ts';
import { compareSchemas, type SchemaComparison } from '../migrator/drift.ts';
import { readExpectedSchema } from '../migrator/expected-schema.ts';
import { readHistory } from '../migrator/history.ts';
import { readAtHome } from '../migrator/home.ts';
import { loadCatalog } from '../migrator/migration-catalog.ts';
import { type Plan, planMigrations } from '../migrator/migration-plan.ts';
import { readSchema } from '../migrator/schema-snapshot.ts';
import type { Log } from '../observability/log.ts';
import { attempt, type Finding } from './check.ts';

/** What the schema is, beside what this binary would make. */
export interface SchemaFacts {
  plan: Finding<Plan>;
  /** Tables of our names that were there before the first migration; undefined where there are none. */
  outlook: Finding<Outlook | undefined>;
  /** Undefined where there is nothing to compare: no schema yet, or one of a newer binary. */
  comparison: Finding<SchemaComparison> | undefined;
  /** The tables that the migrations make, as far as they are applied. */
  tables: Finding<string[]>;
}

/** Reads history and schema, and makes on an engine in memory what they should be. `locked` says who has locked a table, if anybody. */
export async function readSchemaFacts(
  sql: Sql,
  options: { clock: Clock; log: Log; binaryVersion: string; locked: string | undefined },
): Promise<SchemaFacts> {
  const catalog = loadCatalog();
  const plan = await attempt(async () => planMigrations(catalog, await readHistory(sql)));
  const outlook = 'error' in plan ? plan : await attempt(() => foreseeAdoption(sql, plan.value));
  if ('error' in plan) return { plan, outlook, comparison: undefined, tables: plan };
  if (plan.value.current === 0) return { plan, outlook, comparison: undefined, tables: { value: [] } };
  const { current, target, unknown } = plan.value;
  const expected = await attempt(() => readExpectedSchema({ ...options, catalog }, Math.min(current, target)));
  if ('error' in expected) return { plan, outlook, comparison: expected, tables: expected };
  const names = expected.value.objects.filter(({ kind }) => kind === 'table').map(({ name }) => name);
  // What a newer binary has made of the schema, this one cannot know.
  if (unknown.length > 0) return { plan, outlook, comparison: undefined, tables: { value: names } };
  return {
    plan,
    outlook,
    // Looking at the definition of a locked table waits for that lock.
    comparison:
      options.locked === undefined
        ? await attempt(async () => compareSchemas(expected.value, await readAtHome(sql, (tx) => readSchema(tx))))
        : { error: new Error(options.locked) },
    tables: { value: [...names, 'catatlas_migrations'] },
  };
}
