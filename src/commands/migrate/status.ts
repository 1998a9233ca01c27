import { ExitCode } from '../../cli/exit-codes.ts';
import { describeOutlook, foreseeAdoption } from '../../migrator/adopt/outlook.ts';
import { readHistory } from '../../migrator/history.ts';
import { type Plan, planMigrations, requireAgreement, requireCompatible } from '../../migrator/migration-plan.ts';
import { answer, countMigrations, type MigrateArguments, withMigrator } from './migrate-command.ts';

/** Shows what has been applied and what is pending. Changes nothing. */
export async function showStatus(given: MigrateArguments): Promise<ExitCode> {
  return await withMigrator(given, async ({ database, catalog }) => {
    const history = await readHistory(database.sql);
    const plan = planMigrations(catalog, history);
    const recorded = new Map(history.map((row) => [row.version, row]));
    const files = catalog.map(({ version, file, compat, transactional, checksum, downSql }) => {
      const row = recorded.get(version);
      return {
        version,
        file,
        compat,
        transactional,
        reversible: downSql !== null,
        state: row === undefined ? 'pending' : row.state === 'done' ? 'applied' : 'started',
        checksum: row === undefined ? null : row.checksum === checksum ? 'ok' : 'changed',
        applied_at: row?.applied_at ?? null,
        duration_ms: row?.duration_ms ?? null,
        binary_version: row?.binary_version ?? null,
      };
    });
    const { current, target, contradictions, unknown, compatible } = plan;
    const pending = plan.pending.map(({ version, name, file }) => ({ version, name, file }));
    const outlook = await foreseeAdoption(database.sql, plan);
    answer(given, { current, target, compatible, existing: outlook ?? null, files, pending, contradictions, unknown }, [
      ...files.map(
        ({ file, state, checksum, applied_at, duration_ms, binary_version, compat, transactional, reversible }) =>
          [
            file.padEnd(40),
            (checksum === 'changed' ? 'CHANGED' : state).padEnd(8),
            [compat, transactional ? undefined : 'no transaction', reversible ? undefined : 'irreversible']
              .filter((word) => word !== undefined)
              .join(', ')
              .padEnd(36),
            applied_at === null ? '' : `${applied_at}, ${duration_ms} ms, by ${binary_version}`,
          ]
            .join(' ')
            .trimEnd(),
      ),
      ...unknown.map(
        ({ version, name, compat, state, applied_at, binary_version }) =>
          `${`${version} ${name}`.padEnd(40)} ${state === 'done' ? 'newer' : state}    ${compat}, ${applied_at}, by ${binary_version}`,
      ),
      ...describeOutlook(outlook),
      describe(plan),
    ]);
    requireAgreement(plan);
    requireCompatible(plan);
    return pending.length > 0 && given.args.switches.has('exit-code') ? ExitCode.migrationsPending : ExitCode.ok;
  });
}

function describe({ current, target, pending, unknown, compatible, contradictions }: Plan): string {
  if (contradictions.length > 0) return 'The files and the history contradict each other.';
  if (unknown.length > 0)
    return compatible
      ? `The schema is at version ${current}, this binary ends at ${target}: what is newer is compatible with it.`
      : `The schema is at version ${current}, this binary ends at ${target} and cannot work on it.`;
  if (pending.length === 0) return `The schema is current at version ${current}.`;
  return `The schema is at version ${current} of ${target}; ${countMigrations(pending.length)} pending. To apply: catatlas migrate`;
}
