import { ExitCode } from '../../cli/exit-codes.ts';
import { describeOutlook, foreseeAdoption } from '../../migrator/adopt/outlook.ts';
import { readHistory } from '../../migrator/history.ts';
import { describeLock } from '../../migrator/lock-modes.ts';
import type { Migration } from '../../migrator/migration-catalog.ts';
import { planMigrations, requireAgreement, requireCompatible } from '../../migrator/migration-plan.ts';
import { answer, countMigrations, type MigrateArguments, readVersion, withMigrator } from './migrate-command.ts';

/** Shows what `up` would run. Takes no lock and changes nothing. */
export async function showPlan(given: MigrateArguments): Promise<ExitCode> {
  return await withMigrator(given, async ({ database, catalog }) => {
    const to = given.args.values['to'];
    const last = to === undefined ? catalog.length : readVersion(to, catalog, 1);
    const plan = planMigrations(catalog, await readHistory(database.sql));
    requireAgreement(plan);
    requireCompatible(plan);
    const steps = plan.pending.filter(({ version }) => version <= last).map(describeStep);
    const outlook = await foreseeAdoption(database.sql, plan);
    answer(given, { current: plan.current, existing: outlook ?? null, steps }, [
      ...describeOutlook(outlook),
      ...(outlook ? [''] : []),
      ...steps.flatMap(renderStep),
      steps.length === 0
        ? `Nothing to do: the schema is at version ${plan.current}.`
        : `The schema is at version ${plan.current}; ${countMigrations(steps.length)} to be applied. To rehearse: catatlas migrate up --dry-run. To apply: catatlas migrate up`,
    ]);
    return outlook?.kind === 'refusal' ? ExitCode.failure : ExitCode.ok;
  });
}

type Step = ReturnType<typeof describeStep>;

function describeStep({
  version,
  file,
  sql,
  transactional,
  compat,
  downSql,
  statementTimeoutSeconds,
  facts,
}: Migration) {
  return {
    version,
    file,
    compat,
    transactional,
    reversible: downSql !== null,
    statement_timeout_seconds: statementTimeoutSeconds,
    statements: facts.statements.map(({ start, end, summary, locks }) => ({
      line: sql.slice(0, start).split('\n').length,
      summary,
      sql: sql.slice(start, end),
      locks: locks.map(({ relation, mode, creates, assumed }) => ({
        relation,
        mode,
        blocks: creates ? 'nobody: it is made by the same file' : describeLock(mode),
        ...(assumed === undefined ? {} : { assumed }),
      })),
    })),
  };
}

function renderStep(step: Step): string[] {
  const traits = [
    step.compat === 'expand' ? 'expand: the version before works on' : 'contract: the version before cannot work on it',
    step.transactional ? 'one transaction' : 'no transaction',
    step.reversible ? 'can be undone' : 'irreversible',
    `a statement may take ${step.statement_timeout_seconds} s`,
  ];
  return [
    `== migrations/${step.file}`,
    `   ${traits.join('; ')}`,
    ...step.statements.flatMap(({ line, sql, locks }) => [
      '',
      ...sql.split('\n').map((text, index) => `${String(line + index).padStart(5)} | ${text}`.trimEnd()),
      ...(locks.length === 0 ? ['      locks no table'] : []),
      ...locks.map(
        ({ relation, mode, blocks, assumed }) =>
          `      locks ${relation} (${mode}): blocks ${blocks}${assumed === undefined ? '' : ` [assumed: ${assumed}]`}`,
      ),
    ]),
    '',
  ];
}
