import { UsageError } from '../../cli/command.ts';
import { ExitCode } from '../../cli/exit-codes.ts';
import { loadCatalog } from '../../migrator/migration-catalog.ts';
import { answer, count, type MigrateArguments, readVersion } from './migrate-command.ts';

/** Prints one file. Opens no database. */
export async function showFile(given: MigrateArguments): Promise<ExitCode> {
  const catalog = loadCatalog();
  const version = readVersion(given.args.operands[0] ?? '', catalog, 1);
  const migration = catalog.find((each) => each.version === version);
  if (!migration) throw new UsageError(`there is no version ${version}`);
  const { file, sql, checksum, compat, transactional } = migration;
  answer(given, { version, file, checksum, compat, transactional, sql }, [sql.trimEnd()]);
  return ExitCode.ok;
}

/** Lists what is unsafe in the files. The build fails on anything that a file does not allow with a reason. */
export async function showFindings(given: MigrateArguments): Promise<ExitCode> {
  const catalog = loadCatalog();
  const findings = catalog.flatMap(({ file, facts }) => facts.findings.map((finding) => ({ file, ...finding })));
  answer(given, { files: catalog.length, findings }, [
    ...findings.map(
      ({ file, line, column, rule, message, allowed }) =>
        `migrations/${file}:${line}:${column}: ${rule}: ${message}${allowed === undefined ? '' : ` [allowed: ${allowed}]`}`,
    ),
    `${count(catalog.length, 'file')}, ${findings.length === 0 ? 'nothing unsafe' : count(findings.length, 'finding')}.`,
  ]);
  return findings.every(({ allowed }) => allowed !== undefined) ? ExitCode.ok : ExitCode.failure;
}
