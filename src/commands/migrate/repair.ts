import { ExitCode } from '../../cli/exit-codes.ts';
import { readHistory } from '../../migrator/history.ts';
import type { MigratorOptions } from '../../migrator/locked.ts';
import { loadCatalog } from '../../migrator/migration-catalog.ts';
import { MigrationError } from '../../migrator/migration-error.ts';
import { planMigrations } from '../../migrator/migration-plan.ts';
import { baseline, repair } from '../../migrator/repair.ts';
import { answer, type MigrateArguments, readVersion, withMigrator } from './migrate-command.ts';
import { compareWithFiles, describeDifference } from './verify.ts';

/** Records versions as applied, once the schema has been seen to be theirs. */
export async function recordBaseline(given: MigrateArguments): Promise<ExitCode> {
  const version = readVersion(given.args.operands[0] ?? '', loadCatalog(), 1);
  return await withMigrator(given, async (options) => {
    await requireSchemaOf(options, version);
    const recorded = await baseline(options, version);
    answer(given, { version, recorded }, [
      `Recorded as applied: ${recorded.join(', ')}. The schema is at version ${version}.`,
    ]);
    return ExitCode.ok;
  });
}

/** Cleans up after interrupted files; with `--yes` accepts edited ones, once the schema has been seen to be theirs. */
export async function repairHistory(given: MigrateArguments): Promise<ExitCode> {
  return await withMigrator(given, async (options) => {
    const { contradictions, renamed, current } = planMigrations(
      options.catalog,
      await readHistory(options.database.sql),
    );
    const differs = contradictions.length > 0 || renamed.length > 0;
    const accepts = differs && given.args.switches.has('yes');
    if (accepts) await requireSchemaOf(options, current);
    const repairs = await repair(options, accepts);
    answer(given, { repairs, contradictions: accepts ? [] : contradictions }, [
      ...repairs,
      ...(accepts ? [] : contradictions),
      ...(differs && !accepts
        ? ['To record the files as they are in this binary, if the schema is what they make: add --yes.']
        : []),
      repairs.length === 0 ? 'Nothing was changed.' : `Repaired ${repairs.length}.`,
    ]);
    return contradictions.length > 0 && !accepts ? ExitCode.migrationChanged : ExitCode.ok;
  });
}

async function requireSchemaOf(options: MigratorOptions, version: number): Promise<void> {
  const { differences } = await compareWithFiles(options, version);
  if (differences.length === 0) return;
  throw new MigrationError(
    'refused',
    [
      `the schema is not what the files up to version ${version} make:`,
      ...differences.map(describeDifference),
      'Nothing was changed.',
    ].join('\n'),
  );
}
