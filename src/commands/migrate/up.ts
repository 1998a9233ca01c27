import { ExitCode } from '../../cli/exit-codes.ts';
import { openRepairReport, type RowReport } from '../../cli/row-report.ts';
import type { AdoptionReport } from '../../migrator/adopt/adopt.ts';
import type { MigratorOptions } from '../../migrator/locked.ts';
import { loadCatalog } from '../../migrator/migration-catalog.ts';
import { migrateUp, rehearse } from '../../migrator/migration-run.ts';
import { answer, type MigrateArguments, readVersion, withMigrator } from './migrate-command.ts';

/** Applies what is pending, or with `--dry-run` does so and takes it back. */
export async function up(given: MigrateArguments): Promise<ExitCode> {
  const { values, switches } = given.args;
  const to = values['to'] === undefined ? undefined : readVersion(values['to'], loadCatalog(), 1);
  const report = switches.has('repair') ? openRepairReport() : undefined;
  return await withMigrator(given, async (plain) => {
    const options = report ? { ...plain, repair: { restart: report.remove, write: report.write } } : plain;
    try {
      return switches.has('dry-run')
        ? await showRehearsal(given, options, to, report)
        : await apply(given, options, to, report);
    } catch (error) {
      const path = report?.path();
      // What was adopted stays when a later file fails, and after a lost connection nobody here knows.
      if (path !== undefined)
        given.io.stderr(
          `catatlas: ${path} lists the rows of this try; catatlas migrate status says whether it was kept.\n`,
        );
      throw error;
    } finally {
      report?.close();
    }
  });
}

async function apply(
  given: MigrateArguments,
  options: MigratorOptions,
  to: number | undefined,
  report: RowReport | undefined,
): Promise<ExitCode> {
  const { applied, adopted, version } = await migrateUp(options, to);
  const files = applied.map(({ file }) => file);
  answer(given, { version, applied: files, durations: applied, adopted, report: report?.path() ?? null }, [
    ...(adopted ? describeAdoption(adopted, report) : []),
    applied.length === 0
      ? `Nothing to do: the schema is at version ${version}.`
      : `Applied ${files.join(', ')}: the schema is at version ${version}.`,
  ]);
  return ExitCode.ok;
}

async function showRehearsal(
  given: MigrateArguments,
  options: MigratorOptions,
  to: number | undefined,
  report: RowReport | undefined,
): Promise<ExitCode> {
  const { applied, adopted, version, notRehearsed } = await rehearse(options, to);
  const path = report?.path() ?? null;
  answer(given, { rehearsed: applied, not_rehearsed: notRehearsed, adopted, version, report: path }, [
    ...applied.map(({ file, durationMilliseconds }) => `${file.padEnd(40)} ${durationMilliseconds} ms`),
    ...(adopted ? describeAdoption(adopted, report) : []),
    ...notRehearsed.map(
      (file) => `${file.padEnd(40)} not rehearsed: it, or one before it, refuses to run in a transaction`,
    ),
    applied.length + notRehearsed.length === 0
      ? 'Nothing would be done.'
      : 'Everything was rolled back: nothing has changed.',
  ]);
  return ExitCode.ok;
}

function describeAdoption(adoption: AdoptionReport, report: RowReport | undefined): string[] {
  const { tables, keptIn, removeWith, lockedMilliseconds } = adoption;
  const path = report?.path();
  return [
    'The tables of the first server were taken over; counts and checksums agree:',
    ...tables.map(({ table, rows, digest, repaired, leftOut }) =>
      [
        `  ${table.padEnd(14)} ${rows} rows, ${digest}`,
        ...(repaired > 0 ? [`${repaired} repaired`] : []),
        ...(leftOut > 0 ? [`${leftOut} left out`] : []),
      ].join(', '),
    ),
    ...(path === undefined ? [] : [`Each row that was repaired or left out, with its old values: ${path}`]),
    `They were locked for ${lockedMilliseconds} ms: others could neither read nor write them (ACCESS EXCLUSIVE).`,
    `The old tables are in the schema ${keptIn}. When you need them no more: ${removeWith}`,
  ];
}
