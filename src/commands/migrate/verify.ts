import { ExitCode } from '../../cli/exit-codes.ts';
import { compareSchemas, type Difference, type SchemaComparison } from '../../migrator/drift.ts';
import { readExpectedSchema } from '../../migrator/expected-schema.ts';
import { readHistory } from '../../migrator/history.ts';
import { readAtHome, requireHome } from '../../migrator/home.ts';
import type { MigratorOptions } from '../../migrator/locked.ts';
import { relationsMadeBy } from '../../migrator/migration-catalog.ts';
import { planMigrations } from '../../migrator/migration-plan.ts';
import { describeLag, isBehind, readNumbering, seeEveryRow } from '../../migrator/numbering.ts';
import { readSchema } from '../../migrator/schema-snapshot.ts';
import { answer, count, type MigrateArguments, withMigrator } from './migrate-command.ts';

/** Compares the files with the history, and the live schema with what the files make. Changes nothing. */
export async function verify(given: MigrateArguments): Promise<ExitCode> {
  return await withMigrator(given, async (options) => {
    await requireHome(options.database.sql);
    const plan = planMigrations(options.catalog, await readHistory(options.database.sql));
    const { contradictions, renamed, unknown, current, target } = plan;
    // What a newer binary has made of the schema, this one cannot know.
    const comparison = unknown.length === 0 ? await compareWithFiles(options, Math.min(current, target)) : undefined;
    const { unmanaged } = comparison ?? { unmanaged: [] };
    const differences = [...(comparison?.differences ?? []), ...(comparison ? await findLags(options) : [])];
    const sound = contradictions.length === 0 && differences.length === 0;
    answer(
      given,
      { version: current, contradictions, renamed, compared: comparison !== undefined, differences, unmanaged },
      [
        ...contradictions,
        ...renamed.map(
          ({ file, recorded }) => `migrations/${file} was applied as ${recorded}; its content is the same`,
        ),
        ...differences.map(describeDifference),
        ...unmanaged.map(
          ({ object, note }) => `not ours, left alone: ${object}${note === undefined ? '' : ` (${note})`}`,
        ),
        comparison === undefined
          ? `The schema is at version ${current}, of a newer binary: only the files up to ${target} were compared.`
          : differences.length === 0
            ? `The schema is what the files up to version ${current} make.`
            : `${count(differences.length, 'difference')} between the schema and what the files up to version ${current} make.`,
        contradictions.length === 0
          ? 'The files are those that were applied.'
          : 'The files are not those that were applied.',
      ],
    );
    if (sound) return ExitCode.ok;
    return contradictions.length > 0 ? ExitCode.migrationChanged : ExitCode.failure;
  });
}

/** The live schema beside the one that the files up to `version` make. */
export async function compareWithFiles(options: MigratorOptions, version: number): Promise<SchemaComparison> {
  const actual = await readSchema(options.database.sql);
  return compareSchemas(await readExpectedSchema(options, version), actual);
}

/** The sequences that are behind their tables. */
async function findLags({ database, catalog }: MigratorOptions): Promise<Difference[]> {
  const tables = relationsMadeBy(catalog);
  const numberings = await readAtHome(database.sql, async (tx) => {
    await seeEveryRow(tx);
    return await readNumbering(tx, tables);
  });
  return numberings.filter(isBehind).map(describeLag);
}

/** What differs, what to do, and the SQL for it. */
export function describeDifference({ kind, object, expected, actual, remedy, statements }: Difference): string {
  const facts = [
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(actual === undefined ? [] : [`found ${actual}`]),
  ];
  return [
    `${kind}: ${object}${facts.length > 0 ? `: ${facts.join(', ')}` : ''}`,
    `  ${remedy}`,
    ...statements.map((statement) => `    ${statement};`),
  ].join('\n');
}
