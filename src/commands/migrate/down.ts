import { UsageError } from '../../cli/command.ts';
import { ExitCode } from '../../cli/exit-codes.ts';
import { readHistory } from '../../migrator/history.ts';
import { migrateDown, planUndo } from '../../migrator/undo.ts';
import { answer, type MigrateArguments, withMigrator } from './migrate-command.ts';

/** Undoes migrations, or without `--yes` shows what that would run. */
export async function down(given: MigrateArguments): Promise<ExitCode> {
  const text = given.args.values['to'];
  if (text === undefined) throw new UsageError('--to is missing', 'Say which version to go back to: --to N.');
  if (!/^\d{1,4}$/.test(text)) throw new UsageError(`--to ${text}: expected the number of a version`);
  const to = Number(text);
  return await withMigrator(given, async (options) => {
    if (given.args.switches.has('yes')) {
      const undone = await migrateDown(options, to);
      const list = undone.map(({ version, name }) => `${version} ${name}`);
      answer(given, { version: to, undone: list }, [
        undone.length === 0
          ? `Nothing to do: the schema is not beyond version ${to}.`
          : `Undid ${list.join(', ')}: the schema is at version ${to}.`,
      ]);
      return ExitCode.ok;
    }
    const steps = planUndo(await readHistory(options.database.sql), to);
    answer(given, { version: to, steps: steps.map(({ version, name, down_sql }) => ({ version, name, down_sql })) }, [
      ...steps.flatMap(({ version, name, down_sql }) => [`== ${version} ${name}`, down_sql, '']),
      steps.length === 0
        ? `Nothing to do: the schema is not beyond version ${to}.`
        : `This would undo ${steps.length}. Nothing was changed. Make a backup, then add --yes.`,
    ]);
    return steps.length === 0 ? ExitCode.ok : ExitCode.usage;
  });
}
