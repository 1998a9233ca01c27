import { DirectoryInUseError, EmbeddedDatabaseError } from '../database/embedded-failure.ts';
import { isDatabaseUnreachable, sqlStateOf } from '../database/errors.ts';
import { explainRefusedParameter, refusedParameterOf } from '../database/refused-parameter.ts';
import { AdoptionRefused } from '../migrator/adopt/refused.ts';
import { MigrationError, type MigrationFailureKind } from '../migrator/failure.ts';
import { CommandFailure } from './command.ts';
import { ExitCode } from './exit-codes.ts';

const exitCodes: Record<MigrationFailureKind, ExitCode> = {
  failed: ExitCode.failure,
  refused: ExitCode.failure,
  pending: ExitCode.migrationsPending,
  changed: ExitCode.migrationChanged,
  newer: ExitCode.databaseNewer,
  lock_timeout: ExitCode.lockTimeout,
  interrupted: ExitCode.failure,
};

/** Where the operator said which database: the setting or option that advice is about. */
interface Place {
  /** That of an address. */
  address: string;
  /** That of the directory of an embedded one. */
  directory: string;
}

/** What waiting does not cure, by SQLSTATE, and what to do about it. Follows what the server says is wrong. */
const remedies: Record<string, (address: string) => string> = {
  '28P01': (address) => `check the password in ${address}`,
  '28000': (address) => `check the user in ${address} and pg_hba.conf of the server`,
  '3D000': (address) => `create it, or check the name in ${address}`,
  '42501': () => 'give the user the privilege to create tables in the schema',
};

/** A database error as the end of a command: what went wrong, what to do, and the exit code that scripts go by. */
export function asCommandFailure(
  error: unknown,
  { address, directory }: Place = { address: 'DATABASE_URL', directory: 'DATA_DIR' },
): unknown {
  if (error instanceof MigrationError)
    return new CommandFailure(exitCodes[error.kind], error.message, { cause: error });
  if (error instanceof AdoptionRefused) return new CommandFailure(ExitCode.failure, error.message, { cause: error });
  if (error instanceof DirectoryInUseError || error instanceof EmbeddedDatabaseError) {
    const code = error instanceof DirectoryInUseError ? ExitCode.lockTimeout : ExitCode.failure;
    return new CommandFailure(code, error.message.replaceAll('DATA_DIR', directory), { cause: error });
  }
  const parameter = refusedParameterOf(error);
  if (parameter !== undefined) {
    const { problem, advice } = explainRefusedParameter(parameter);
    return new CommandFailure(ExitCode.usage, `${problem}: ${advice}`, { cause: error });
  }
  const state = sqlStateOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const remedy = state === undefined ? undefined : remedies[state]?.(address);
  if (remedy) return new CommandFailure(ExitCode.databaseUnreachable, `${message}: ${remedy}`, { cause: error });
  if (state === '55P03') {
    const advice =
      'others hold a lock that is in the way. Wait for them, or see who they are (select pid, pg_blocking_pids(pid) from pg_stat_activity), then try again';
    return new CommandFailure(ExitCode.lockTimeout, `${message}: ${advice}`, { cause: error });
  }
  if (isDatabaseUnreachable(error)) {
    const advice = `see that it runs and that ${address} names the right host and port`;
    return new CommandFailure(ExitCode.databaseUnreachable, `the database cannot be reached (${message}): ${advice}`, {
      cause: error,
    });
  }
  return error;
}
