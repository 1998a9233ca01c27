import type { AdoptionReport } from '../../migrator/adopt/adopt.ts';
import { loadCatalog } from '../../migrator/catalog.ts';
import { migrateUp, rehearse } from '../../migrator/run.ts';
import { ExitCode } from '../exit-codes.ts';
import { answer, type MigrateArguments, readVersion, withMigrator } from './run.ts';

/** Applies what is pending, or with `--dry-run` does so and takes it back. */
export async function up(given: MigrateArguments): Promise<ExitCode> {
  const { values, switches } = given.args;
  const to = values['to'] === undefined ? undefined : readVersion(values['to'], loadCatalog(), 1);
  return await withMigrator(given, async (options) => {
    if (switches.has('dry-run')) {
      const { applied, adopted, version, notRehearsed } = await rehearse(options, to);
      answer(given, { rehearsed: applied, not_rehearsed: notRehearsed, adopted, version }, [
        ...applied.map(({ file, durationMilliseconds }) => `${file.padEnd(40)} ${durationMilliseconds} ms`),
        ...(adopted ? describeAdoption(adopted) : []),
        ...notRehearsed.map(
          (file) => `${file.padEnd(40)} not rehearsed: it, or one before it, refuses to run in a transaction`,
        ),
        applied.length + notRehearsed.length === 0
          ? 'Nothing would be done.'
          : 'Everything was rolled back: nothing has changed.',
      ]);
      return ExitCode.ok;
    }
    const { applied, adopted, version } = await migrateUp(options, to);
    answer(given, { version, applied: applied.map(({ file }) => file), durations: applied, adopted }, [
      ...(adopted ? describeAdoption(adopted) : []),
      applied.length === 0
        ? `Nothing to do: the schema is at version ${version}.`
        : `Applied ${applied.map(({ file }) => file).join(', ')}: the schema is at version ${version}.`,
    ]);
    return ExitCode.ok;
  });
}

function describeAdoption(report: AdoptionReport): string[] {
  return [
    'The tables of the first server were taken over; counts and checksums agree:',
    ...report.tables.map(({ table, rows, digest }) => `  ${table.padEnd(14)} ${rows} rows, ${digest}`),
    `The old tables are in the schema ${report.keptIn}. When you need them no more: ${report.removeWith}`,
  ];
}
