import { AddressError } from '../database/connect.ts';
import { DirectoryInUseError, EmbeddedDatabaseError } from '../database/embedded-failure.ts';
import { insufficientPrivilege, isDatabaseUnreachable, sqlStateOf } from '../database/errors.ts';
import { explainRefusedParameter, refusedParameterOf } from '../database/refused-parameter.ts';
import { explainTlsFailure } from '../database/tls-failure.ts';
import { AdoptionRefused } from '../migrator/adopt/refused.ts';
import { MigrationError, type MigrationFailureKind } from '../migrator/migration-error.ts';
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
  '28000': (address) =>
    `check the user in ${address} and pg_hba.conf of the server, which may ask for TLS (sslmode=require) or for a client certificate, which is never presented`,
  '3D000': (address) => `create it, or check the name in ${address}`,
};

/** Limits of time that end a session or its transaction, by SQLSTATE, and the setting of the role that has them. */
const limits: Record<string, string> = {
  '25P03': 'idle_in_transaction_session_timeout',
  '25P04': 'transaction_timeout',
  '57P05': 'idle_session_timeout',
};

/** A right is missing: `grants` are the statements that give it, as far as they are known. */
export function asDenial(error: unknown, grants: readonly string[]): CommandFailure {
  const message = error instanceof Error ? error.message : String(error);
  const advice =
    grants.length > 0
      ? `let the owner or a superuser run\n${grants.map((grant) => `  ${grant};\n`).join('')}and try again`
      : 'let the owner or a superuser grant what the server names; docs/rights.md lists what each command needs';
  return new CommandFailure(ExitCode.failure, `${message}: ${advice}`, { cause: error });
}

/** A database error as the end of a command: what went wrong, what to do, and the exit code that scripts go by. */
export function asCommandFailure(
  error: unknown,
  { address, directory }: Place = { address: 'DATABASE_URL', directory: 'DATA_DIR' },
): unknown {
  if (error instanceof CommandFailure) return error;
  if (error instanceof AddressError)
    return new CommandFailure(ExitCode.usage, `${address} ${error.message}`, { cause: error });
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
  const tls = explainTlsFailure(error);
  if (tls) return new CommandFailure(ExitCode.databaseUnreachable, `${tls.problem}: ${tls.advice}`, { cause: error });
  const state = sqlStateOf(error);
  if (state === insufficientPrivilege) return asDenial(error, []);
  const message = error instanceof Error ? error.message : String(error);
  const remedy = state === undefined ? undefined : remedies[state]?.(address);
  if (remedy) return new CommandFailure(ExitCode.databaseUnreachable, `${message}: ${remedy}`, { cause: error });
  if (state === '55P03') {
    const advice =
      'others hold a lock that is in the way. Wait for them, or see who they are (select pid, pg_blocking_pids(pid) from pg_stat_activity), then try again';
    return new CommandFailure(ExitCode.lockTimeout, `${message}: ${advice}`, { cause: error });
  }
  const limit = state === undefined ? undefined : limits[state];
  if (limit !== undefined) {
    const advice = `nothing was changed. Lift the limit for the role (alter role … set ${limit} = 0), then try again`;
    return new CommandFailure(ExitCode.failure, `${message} (${state}): ${advice}`, { cause: error });
  }
  if (isDatabaseUnreachable(error)) {
    const advice = `see that it runs and that ${address} names the right host and port`;
    return new CommandFailure(ExitCode.databaseUnreachable, `the database cannot be reached (${message}): ${advice}`, {
      cause: error,
    });
  }
  return error;
}
