import type { Queryable, Session } from '../database/connect.ts';
import { liftTransactionLimit } from '../database/transaction.ts';
import { type AdoptionReport, adoptPrototype } from './adopt/adopt.ts';
import { findHiddenPrototype, recognizeSchema } from './adopt/recognize.ts';
import { lockTimeoutMilliseconds, retryWhenBlocked, type WatchBlockers } from './blocked.ts';
import { createHistory, recordMigration } from './history.ts';
import { findHome, quoteName } from './home.ts';
import type { LockedSession, MigratorOptions } from './locked.ts';
import type { Migration } from './migration-catalog.ts';
import { MigrationError } from './migration-error.ts';
import { describeFailure } from './statement-failure.ts';

/** One file and its history row, both or neither. */
export async function applyInTransaction(
  { session, assertLocked }: LockedSession,
  migration: Migration,
  options: MigratorOptions,
  first: boolean,
): Promise<AdoptionReport | undefined> {
  return await retryWhenBlocked(options, `migrations/${migration.file}`, async (watch) => {
    await assertLocked();
    const limits = { watch, statementTimeoutSeconds: migration.statementTimeoutSeconds };
    return await runInTransaction(session, options, limits, async () => {
      const adopted = await carryOut(session, migration, options, first);
      // What is checked only now, such as deferred constraints, fails as part of the file.
      await session`set constraints all immediate`.catch((error: unknown) => {
        throw describeFailure(migration, undefined, error);
      });
      return adopted;
    });
  });
}

/** Commits when `work` resolves, rolls back when it throws. With the deadlines of a migration. */
export async function runInTransaction<T>(
  session: Session,
  options: MigratorOptions,
  { watch, statementTimeoutSeconds }: { watch: WatchBlockers; statementTimeoutSeconds: number },
  work: () => Promise<T>,
): Promise<T> {
  await session`begin`;
  let unwatch: (() => void) | undefined;
  try {
    unwatch = watch(await limitTimes(session, statementTimeoutSeconds, options));
    const result = await work();
    await session`commit`;
    return result;
  } catch (error) {
    await rollBack(session, options);
    throw error;
  } finally {
    unwatch?.();
  }
}

/** The statements and the history row of a file, in the transaction that is open. */
export async function carryOut(
  session: Session,
  migration: Migration,
  options: MigratorOptions,
  first: boolean,
): Promise<AdoptionReport | undefined> {
  const began = performance.now();
  if (first) await createHistory(session);
  const createTables = async () => await runStatements(session, migration);
  const adopted = first ? await takeOver(session, createTables, options) : undefined;
  if (!adopted) await createTables();
  await recordMigration(session, migration, {
    state: 'done',
    appliedAt: options.clock.now(),
    durationMilliseconds: Math.round(performance.now() - began),
    binaryVersion: options.binaryVersion,
  });
  return adopted;
}

/** The very first file meets a database that nobody, the first server, or somebody else has made tables in. */
async function takeOver(
  session: Session,
  createTables: () => Promise<void>,
  options: MigratorOptions,
): Promise<AdoptionReport | undefined> {
  const found = await recognizeSchema(session);
  if (found.kind === 'empty') {
    await requireNothingHidden(session);
    return undefined;
  }
  if (found.kind === 'foreign')
    throw new MigrationError(
      'refused',
      [
        'the database has tables with our names that neither this program nor the first server made:',
        ...found.differences.map((line) => `  ${line}`),
        'Nothing was changed. Use another database or schema, or bring these tables into the shape they had.',
        'If they are ours, and only their history is missing: catatlas migrate baseline N',
      ].join('\n'),
    );
  options.log.info('the tables of the first server are there: taking them over');
  return await adoptPrototype(session, {
    shape: found.shape,
    createTables,
    log: options.log,
    ...(options.repair ? { repair: options.repair } : {}),
  });
}

/** Throws MigrationError `refused` when new tables would hide the first server's, which are further behind in the search path. */
export async function requireNothingHidden(sql: Queryable): Promise<void> {
  const hidden = await findHiddenPrototype(sql);
  if (hidden === undefined) return;
  const { creation, role, database } = await findHome(sql);
  throw new MigrationError(
    'refused',
    [
      `the tables of the first server are in the schema ${hidden}, and new ones in the schema ${creation}, which stands before it in the search path of ${role}, would hide them. Nothing was changed.`,
      `To take them over, put ${hidden} first: alter role ${quoteName(role)} in database ${quoteName(database)} set search_path = ${quoteName(hidden)}`,
      `To begin anew in ${creation}, leave ${hidden} out of the search path.`,
    ].join('\n'),
  );
}

async function runStatements(session: Session, migration: Migration): Promise<void> {
  for (const statement of migration.facts.statements) {
    try {
      await session.unsafe(migration.sql.slice(statement.start, statement.end));
    } catch (error) {
      throw describeFailure(migration, statement, error);
    }
  }
}

/**
 * The single statement of a file that refuses to run in a transaction. It is recorded as started, then as done. What a try
 * that did not come to its end left behind is an INVALID index, which `if not exists` would take for a whole one: it is
 * dropped and built again.
 */
export async function applyAlone(
  { session, assertLocked }: LockedSession,
  migration: Migration,
  options: MigratorOptions,
  startedBefore: boolean,
): Promise<void> {
  const record = (state: 'started' | 'done', began: number) =>
    recordMigration(session, migration, {
      state,
      appliedAt: options.clock.now(),
      durationMilliseconds: Math.round(performance.now() - began),
      binaryVersion: options.binaryVersion,
    });
  const began = performance.now();
  let begun = startedBefore;
  if (!begun) await record('started', began);
  await retryWhenBlocked(options, `migrations/${migration.file}`, async () => {
    await assertLocked();
    await withStatementLimit(session, migration.statementTimeoutSeconds, options, async () => {
      if (begun && (await settleIndex(session, migration.facts.buildsIndex, options)) === 'whole') return;
      begun = true;
      await runStatements(session, migration);
    });
  });
  await record('done', began);
}

/** Drops the index if an earlier try left it INVALID. Says whether a whole one is there. */
export async function settleIndex(
  session: Session,
  name: string | undefined,
  { log }: Pick<MigratorOptions, 'log'>,
): Promise<'absent' | 'whole'> {
  if (name === undefined) return 'absent';
  const [index] = await session<{ valid: boolean; identifier: string }[]>`
    select indisvalid and indisready as valid, indexrelid::regclass::text as identifier
    from pg_index join pg_class on pg_class.oid = indexrelid
    -- Another installation, further behind in the search path, has indexes of the same names.
    where relname = ${name} and relnamespace = (select oid from pg_namespace where nspname = current_schema())`;
  if (!index) return 'absent';
  if (index.valid) return 'whole';
  log.warn('an earlier try left the index INVALID: dropping it', { index: name });
  // Its own lock is short: nothing has used an INVALID index.
  await session.unsafe(`drop index concurrently if exists ${index.identifier}`);
  return 'absent';
}

/** Deadlines of the transaction that is open. Returns the process id of the server, to see who is in its way. */
export async function limitTimes(
  session: Session,
  statementTimeoutSeconds: number,
  { database }: MigratorOptions,
): Promise<number> {
  if (database.kind === 'embedded') return 0;
  await liftTransactionLimit(session);
  // A direct connection has the server look after its client already (endWithClient). Windows cannot, and would refuse.
  const [row] = await session<[{ pid: number }]>`
    select pg_backend_pid() as pid,
      case when ${database.pooled} and current_setting('dynamic_shared_memory_type') <> 'windows'
        then set_config('client_connection_check_interval', '1s', true) end as check_interval,
      set_config('lock_timeout', ${String(lockTimeoutMilliseconds)}, true) as lock_timeout,
      set_config('statement_timeout', ${String(statementTimeoutSeconds * 1000)}, true) as statement_timeout`;
  return row.pid;
}

/**
 * Runs `work` with the deadline of a statement outside a transaction. No lock_timeout: it would end the waiting for old
 * transactions, which blocks nobody, and leave an INVALID index. Behind a pooler a setting would stay with whoever gets the
 * connection next.
 */
export async function withStatementLimit<T>(
  session: Session,
  seconds: number,
  { database }: MigratorOptions,
  work: () => Promise<T>,
): Promise<T> {
  if (database.kind === 'embedded' || database.pooled) return await work();
  await session`
    select set_config('lock_timeout', '0', false) as lock_timeout,
      set_config('statement_timeout', ${String(seconds * 1000)}, false) as statement_timeout`;
  const result = await work();
  // After a failure nothing more is done on this connection than to try again.
  await session.unsafe('reset lock_timeout; reset statement_timeout');
  return result;
}

export async function rollBack(session: Session, { log }: Pick<MigratorOptions, 'log'>): Promise<void> {
  await session`rollback`.catch((error: unknown) => {
    // The connection is gone, and the server has rolled back by itself.
    log.debug('rollback after a failed migration', { error });
  });
}
