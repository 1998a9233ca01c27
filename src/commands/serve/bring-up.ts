import { applicationName } from '../../cli/application-name.ts';
import { asCommandFailure } from '../../cli/database-failure.ts';
import { explainClosedDoor, explainDenial, migratorOptions, requireOpenSchema } from '../../cli/maintenance.ts';
import type { Settings } from '../../config/settings.ts';
import { type Database, lookAround } from '../../database/connect.ts';
import type { EmbeddedDatabaseError } from '../../database/embedded-failure.ts';
import { isDatabaseUnreachable } from '../../database/errors.ts';
import { openDatabase, openForMaintenance } from '../../database/open.ts';
import type { Lifecycle } from '../../lifecycle.ts';
import { readHistory } from '../../migrator/history.ts';
import { requireReachable } from '../../migrator/home.ts';
import { loadCatalog, relationsMadeBy } from '../../migrator/migration-catalog.ts';
import { MigrationError } from '../../migrator/migration-error.ts';
import { type Plan, planMigrations, requireAgreement, requireCompatible } from '../../migrator/migration-plan.ts';
import { pause } from '../../migrator/pause.ts';
import type { Log } from '../../observability/log.ts';
import type { OnStatement } from '../../observability/statements.ts';

interface BringUp {
  settings: Settings;
  lifecycle: Lifecycle;
  log: Log;
  shutdown: AbortSignal;
  /** Told of each statement. */
  onStatement: OnStatement | undefined;
  /** Told of the database as soon as it is open, so that health checks can ask it. Told again of one that takes its place. */
  onOpen(database: Database): void;
  /** Told when the embedded database has stopped by itself. */
  onStopped(error: EmbeddedDatabaseError): void;
}

const firstRetryMilliseconds = 250;
const lastRetryMilliseconds = 5000;

/** How often a server that does not migrate itself looks whether somebody else has. */
const lookAgainMilliseconds = 1000;

/**
 * Opens the database and sees to its schema as MIGRATE_ON_BOOT says. A server that cannot be reached yet is waited for; what
 * waiting cannot cure (a wrong password, a directory in use, an edited migration) throws CommandFailure with its exit code.
 */
export async function bringUpDatabase(given: BringUp): Promise<void> {
  const { settings, log, onStatement, onOpen, onStopped } = given;
  const options = { settings, applicationName: applicationName('serve'), log, onStatement, onStopped };
  try {
    let database = await openDatabase(options);
    onOpen(database);
    await untilReachable(given, async () => {
      if (database.kind === 'postgresql' && !database.pooled) {
        const { pooled, home } = await lookAround(database.sql);
        if (pooled) {
          await database.close();
          database = await openDatabase(options, true);
          onOpen(database);
          log.info('the database is reached through a pooler: no prepared statements, no session settings');
        } else {
          database = { ...database, home };
        }
      }
      await requireOpenSchema(database, 'serve');
      await makeSchemaCurrent(database, given).catch(async (error: unknown) => {
        throw await explainDenial(error, database, 'serve');
      });
    });
  } catch (error) {
    throw asCommandFailure(explainClosedDoor(error, { ...settings, DIRECT_DATABASE_URL: undefined }));
  }
}

async function untilReachable(
  { log, lifecycle, shutdown }: Pick<BringUp, 'log' | 'lifecycle' | 'shutdown'>,
  attempt: () => Promise<void>,
): Promise<void> {
  let delay = firstRetryMilliseconds;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const cause = error instanceof MigrationError ? error.cause : error;
      if (!isDatabaseUnreachable(cause)) throw error;
      if (shutdown.aborted) return;
      lifecycle.schema = { state: 'waiting', reason: 'the database cannot be reached' };
      log.warn('the database cannot be reached: trying again', { retry_in_ms: delay, error: cause });
      await pause(delay, shutdown);
      delay = Math.min(delay * 2, lastRetryMilliseconds);
    }
  }
}

/** Returns once the schema is what this binary works on, or at shutdown. */
async function makeSchemaCurrent(database: Database, given: BringUp): Promise<void> {
  const { settings, lifecycle, log, shutdown } = given;
  const catalog = loadCatalog();
  let migrated = false;
  for (let looks = 0; !shutdown.aborted; looks += 1) {
    // A look without the lock: usually there is nothing to do.
    const plan = planMigrations(catalog, await readHistory(database.sql));
    requireAgreement(plan);
    requireCompatible(plan);
    if (plan.pending.length === 0) {
      const warning = await requireReachable(database.sql, relationsMadeBy(catalog));
      if (warning !== undefined) log.warn(warning);
      if (plan.unknown.length > 0)
        log.warn('the database is newer than this binary; what is new is compatible', {
          database_version: plan.current,
          binary_version: plan.target,
        });
      lifecycle.schema = { state: 'current', version: plan.current };
      return;
    }
    if (settings.MIGRATE_ON_BOOT === 'require') throw pendingError(plan);
    const replica = await isReadOnly(database);
    if (settings.MIGRATE_ON_BOOT === 'auto' && !replica) {
      if (migrated) throw elsewhereError();
      await migrate(database, given, plan.current);
      migrated = true;
      continue;
    }
    const waitsFor = replica ? 'the primary to be migrated: this is a read-only replica' : 'catatlas migrate';
    const reason = `the schema is at version ${plan.current} of ${plan.target}, waiting for ${waitsFor}`;
    lifecycle.schema = { state: 'waiting', reason };
    if (looks % 30 === 0) log.warn(reason);
    await pause(lookAgainMilliseconds, shutdown);
  }
}

/** Applies what is pending beyond this version. */
async function migrate(
  database: Database,
  { settings, lifecycle, log, shutdown }: BringUp,
  applied: number,
): Promise<void> {
  // Only a server that has something to migrate needs all of this.
  const { migrateUp } = await import('../../migrator/migration-run.ts');
  const began = performance.now();
  const maintenance = await openForMaintenance(
    { settings, applicationName: applicationName('migrate'), log },
    database,
  );
  try {
    await migrateUp({
      ...migratorOptions({ settings, database: maintenance, log, shutdown }),
      applied,
      onProgress: (progress) => {
        lifecycle.schema = { state: 'migrating', began, ...progress };
      },
    });
  } catch (error) {
    throw await explainDenial(error, maintenance, 'migrate');
  } finally {
    await maintenance.close();
  }
}

/** Everything was applied, and is pending all the same. */
function elsewhereError(): MigrationError {
  return new MigrationError(
    'refused',
    'the migrations were applied, but not to the database that DATABASE_URL names: DIRECT_DATABASE_URL must lead to the same database and schema.',
  );
}

function pendingError({ current, target, pending }: Plan): MigrationError {
  const files = pending.map(({ file }) => `  migrations/${file}`);
  return new MigrationError(
    'pending',
    [
      `the schema is at version ${current}, this binary needs ${target}, and MIGRATE_ON_BOOT=require forbids applying what is pending here:`,
      ...files,
      'To see what they would do: catatlas migrate plan. To apply them: catatlas migrate up',
    ].join('\n'),
  );
}

/** A replica, or a server that was told to take no writes. */
async function isReadOnly({ sql }: Database): Promise<boolean> {
  const [row] = await sql<[{ read_only: boolean }]>`
    select pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as read_only`;
  return row.read_only;
}
