import type { Queryable } from '../../database/connect.ts';
import type { Log } from '../../observability/log.ts';
import {
  type BadValue,
  copyRows,
  createJsonKind,
  digestNew,
  digestOld,
  dropJsonKind,
  findDuplicates,
  findProblems,
  movedTable,
  OLD_SCHEMA,
} from './conversion.ts';
import {
  type PrototypeColumn,
  type PrototypeShape,
  type PrototypeTable,
  prototype,
  prototypeTables,
} from './prototype.ts';
import { recognizeSchema } from './recognize.ts';
import { AdoptionRefused } from './refused.ts';
import { dropRepairs, type RepairCounts, repairedSource, repairRows } from './repair.ts';

export interface AdoptionOptions {
  /** As recognizeSchema saw it. */
  shape: PrototypeShape;
  /** Makes our tables in the current schema, on the same session. */
  createTables(): Promise<unknown>;
  log: Log;
  onProgress?(step: string): void;
  /** Puts bad values right instead of refusing them. Not given: they are refused. */
  repair?: RepairSink;
}

/** Takes the rows that are repaired or left out, as lines of JSON (docs/repairs.md). */
export interface RepairSink {
  /** A try begins. What an earlier one has written is void. */
  restart(): void;
  write(line: string): void;
}

/** What was taken over. */
export interface AdoptionReport {
  tables: AdoptedTable[];
  /** The schema that keeps the prototype's tables. */
  keptIn: string;
  /** Removes them, once nobody wants to go back. */
  removeWith: string;
  /** How long the old tables were locked, until everything was compared. The transaction may go on. */
  lockedMilliseconds: number;
}

export interface AdoptedTable {
  table: PrototypeTable;
  rows: number;
  /** SHA-256 in hexadecimal over what old and new rows have in common: all of it. */
  digest: string;
  /** The id that the next row gets; null where rows have none of their own. */
  nextId: number | null;
  /** Rows with other values in place of bad ones, and rows that no rule could save. */
  repaired: number;
  leftOut: number;
}

/**
 * Turns the prototype's tables into ours, in place: ids, moments to the microsecond, coordinates as the prototype showed them,
 * sequences and grants. The old tables stay, in a schema of their own. Everything happens in the transaction that the caller
 * has begun (READ COMMITTED, with its lock_timeout) and commits; whatever ends it early leaves the database as it was.
 *
 * @throws AdoptionRefused with every bad row, or when counts or digests of old and new rows differ. The caller rolls back.
 */
export async function adoptPrototype(session: Queryable, options: AdoptionOptions): Promise<AdoptionReport> {
  const { log } = options;
  const step = (text: string) => {
    log.info("adopting the prototype's tables", { step: text });
    options.onProgress?.(text);
  };
  const tables = prototypeTables.flatMap((table): Adopted[] => {
    const columns = options.shape[table];
    return columns === undefined ? [] : [{ table, columns }];
  });
  const names = tables.map(({ table }) => table);

  step('locking');
  await requireReadCommitted(session);
  await requireMayMove(session, names);
  await session.unsafe(`lock table ${names.join(', ')} in access exclusive mode`);
  const locked = performance.now();
  await requireUnchanged(session, options.shape);

  // Fewer digits than the default, set for the role or the database, would cut coordinates.
  await session`set local extra_float_digits = 1`;
  await session.unsafe(`create schema ${OLD_SCHEMA}`);
  await session.unsafe(createJsonKind);
  const repairs = options.repair
    ? await repairBadRows(session, { tables, shape: options.shape, step, sink: options.repair })
    : await refuseBadRows(session, { tables, shape: options.shape, step });
  await session.unsafe(dropJsonKind);
  const sourceOf = ({ table, columns }: Adopted) => (repairs ? repairedSource(table, columns) : movedTable(table));

  step('creating tables');
  const grants = await readGrants(session, names);
  for (const table of names) await session.unsafe(`alter table ${table} set schema ${OLD_SCHEMA}`);
  await options.createTables();

  for (const { table, columns } of tables) {
    step(`copying ${table}`);
    await session.unsafe(copyRows(table, columns, sourceOf({ table, columns })));
  }
  const report: AdoptedTable[] = [];
  for (const { table, columns } of tables) {
    step(`verifying ${table}`);
    const { rows, digest } = await verify(session, { table, columns }, sourceOf({ table, columns }));
    const nextId = await continueSequence(session, table);
    report.push({ table, rows, digest, nextId, ...(repairs?.get(table) ?? { repaired: 0, leftOut: 0 }) });
  }
  if (repairs) await dropRepairs(session, tables);
  for (const grant of grants) await session.unsafe(grant);
  // Nobody has looked at these tables yet: without statistics the first queries would get bad plans.
  await session.unsafe(`analyze ${names.join(', ')}`);
  log.info("the prototype's tables are adopted", { tables: report, kept_in: OLD_SCHEMA });
  return {
    tables: report,
    keptIn: OLD_SCHEMA,
    removeWith: `drop schema ${OLD_SCHEMA} cascade`,
    lockedMilliseconds: Math.round(performance.now() - locked),
  };
}

interface Adopted {
  table: PrototypeTable;
  columns: readonly PrototypeColumn[];
}

/** With one snapshot for the whole transaction, rows written while the lock was waited for would be left out. */
async function requireReadCommitted(session: Queryable): Promise<void> {
  const [row] = await session<[{ level: string }]>`select current_setting('transaction_isolation') as level`;
  if (row.level !== 'read committed')
    throw new Error(`adoption needs a READ COMMITTED transaction, this one is ${row.level.toUpperCase()}`);
}

/** Under the lock: the prototype adds columns when it starts, and may have started since. */
async function requireUnchanged(session: Queryable, shape: PrototypeShape): Promise<void> {
  const recognition = await recognizeSchema(session);
  if (recognition.kind === 'prototype' && JSON.stringify(recognition.shape) === JSON.stringify(shape)) return;
  throw new AdoptionRefused("The prototype's tables changed between looking at them and locking them", {
    problems: recognition.kind === 'foreign' ? recognition.differences : [],
    advice: 'Stop the old server, then try again.',
  });
}

async function requireMayMove(session: Queryable, names: readonly PrototypeTable[]): Promise<void> {
  const [row] = await session<[{ role: string; database: string; exists: boolean; may: boolean; others: string[] }]>`
    select current_user as role, current_database() as database,
      exists (select from pg_namespace where nspname = ${OLD_SCHEMA}) as exists,
      has_database_privilege(current_database(), 'CREATE') as may,
      (
        select coalesce(json_agg(relname || ' belongs to ' || pg_get_userbyid(relowner) order by relname), '[]')
        from pg_class
        where oid = any(${`{${names.join(',')}}`}::text[]::regclass[]) and not pg_has_role(relowner, 'USAGE')
      ) as others`;
  const problems: string[] = [];
  if (row.exists)
    problems.push(
      `the schema ${OLD_SCHEMA}, where the old tables would go, exists already: look what is in it, then rename or drop it`,
    );
  if (!row.may)
    problems.push(
      `the role ${row.role} may not create a schema: run "grant create on database ${row.database} to ${row.role}"`,
    );
  for (const other of row.others)
    problems.push(`the table ${other}, and the role ${row.role} may not move it: run this as its owner`);
  if (problems.length > 0)
    throw new AdoptionRefused("The prototype's tables cannot be moved", {
      problems,
      advice: 'Put this right, then try again.',
    });
}

async function refuseBadRows(
  session: Queryable,
  { tables, shape, step }: { tables: readonly Adopted[]; shape: PrototypeShape; step(text: string): void },
): Promise<undefined> {
  const problems: string[] = [];
  let total = 0;
  for (const { table } of tables) {
    step(`checking ${table}`);
    for (const question of [findProblems(table, shape), findDuplicates(table)]) {
      if (question === undefined) continue;
      const found = await session.unsafe<BadValue[]>(question);
      total += found[0]?.total ?? 0;
      for (const { key, name, value, problem } of found)
        problems.push(`${table} ${prototype[table].key} ${key}: ${name} ${JSON.stringify(value)} ${problem}`);
    }
  }
  if (total > 0)
    throw new AdoptionRefused(
      `The prototype's tables have ${total} ${total === 1 ? 'value' : 'values'} that cannot be taken over`,
      {
        problems,
        total,
        advice:
          "Correct these rows in the prototype's tables (update, or delete what means nothing: an empty comment, a cached analysis or insight, which are made again when asked for), or have them repaired with catatlas migrate up --repair (docs/repairs.md says what each value becomes; a report lists every row; with --dry-run nothing is kept), then try again.",
      },
    );
}

/** Makes what takes the place of bad rows, and tells the sink of each. */
async function repairBadRows(
  session: Queryable,
  given: { tables: readonly Adopted[]; shape: PrototypeShape; step(text: string): void; sink: RepairSink },
): Promise<Map<PrototypeTable, RepairCounts>> {
  given.step('repairing');
  given.sink.restart();
  return await repairRows(session, { tables: given.tables, shape: given.shape, report: given.sink.write });
}

/** Old and new rows, counted and digested independently of each other. */
async function verify(
  session: Queryable,
  { table, columns }: Adopted,
  source: string,
): Promise<{ rows: number; digest: string }> {
  const [old] = await session.unsafe<[{ rows: number; digest: string }]>(digestOld(table, columns, source));
  const [ours] = await session.unsafe<[{ rows: number; digest: string }]>(digestNew(table));
  if (old.rows !== ours.rows || old.digest !== ours.digest)
    throw new AdoptionRefused(`The rows of ${table} did not arrive as they were`, {
      problems: [`before: ${old.rows} rows, digest ${old.digest}`, `after: ${ours.rows} rows, digest ${ours.digest}`],
      advice: 'This should not be possible. Report it, with the version of the server and the definition of the table.',
    });
  return ours;
}

/** Lets ids go on where the old sequence was: ids of deleted rows are not given again. Never below the largest. */
async function continueSequence(session: Queryable, table: PrototypeTable): Promise<number | null> {
  if (prototype[table].key !== 'id') return null;
  const [old] = await session<[{ sequence: string }]>`
    select pg_get_serial_sequence(${`${OLD_SCHEMA}.${table}`}, 'id') as sequence`;
  const [row] = await session.unsafe<[{ next: number }]>(`
    select setval(
      pg_get_serial_sequence('${table}', 'id'),
      greatest(
        (select case when is_called then last_value + 1 else last_value end from ${old.sequence}),
        (select max(id) + 1 from ${table}),
        1
      ),
      false
    ) as next`);
  return row.next;
}

/** Statements that give others on our tables what they may do with the old ones; their owner too, when that is not us. */
async function readGrants(session: Queryable, names: readonly PrototypeTable[]): Promise<string[]> {
  const rows = await session<{ statement: string }[]>`
    select format(
      'grant %s on %I to %s%s',
      privilege_type,
      relname,
      case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
      case when is_grantable then ' with grant option' else '' end
    ) as statement
    from pg_class
    cross join lateral aclexplode(coalesce(relacl, acldefault('r', relowner))) as access
    join pg_roles as me on me.rolname = current_user
    where pg_class.oid = any(${`{${names.join(',')}}`}::text[]::regclass[]) and grantee <> me.oid
    order by relname, grantee, privilege_type`;
  return rows.map(({ statement }) => statement);
}
