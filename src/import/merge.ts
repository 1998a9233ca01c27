import type { Tx } from '../database/connect.ts';
import type { PresentTable } from './sqlite-file.ts';
import type { TableName } from './sqlite-tables.ts';

/** How many conflicts of a table are named; the rest is counted. */
const named = 50;

/** How the rows of a file and those of the database compare. */
export interface MergeState {
  table: TableName;
  /** Rows that only the file has. */
  missing: number;
  /** Rows that both have, equal in every column. */
  equal: number;
  /** Rows that contradict each other. */
  different: number;
  /** Rows that only the database has. */
  others: number;
  /** The first of those that contradict, in words. */
  conflicts: string[];
}

/** The table, seen by this transaction only, that takes the rows of a file to be compared. */
export function stagingName(table: TableName): string {
  return `catatlas_import_${table}`;
}

export async function makeStaging(tx: Tx, tables: readonly PresentTable[]): Promise<void> {
  for (const { name, columns } of tables)
    await tx.unsafe(
      `create temporary table ${stagingName(name)} (like ${name}, primary key (${columns[0].target})) on commit drop`,
    );
}

/** Compares what is staged with what is there. */
export async function mergeStateOf(tx: Tx, tables: readonly PresentTable[]): Promise<MergeState[]> {
  const states: MergeState[] = [];
  for (const table of tables) {
    await tx.unsafe(`analyze ${stagingName(table.name)}`);
    states.push(await compareTable(tx, table));
  }
  return states;
}

async function compareTable(tx: Tx, { name, columns, unique }: PresentTable): Promise<MergeState> {
  const staging = stagingName(name);
  const key = columns[0].target;
  const targets = columns.map(({ target }) => target);
  const row = (alias: string) => `(${targets.map((target) => `${alias}.${target}`).join(', ')})`;
  const [counts] = await tx.unsafe<[Omit<MergeState, 'table' | 'conflicts'>]>(`
    select count(*) filter (where stored.${key} is null) as missing,
      count(*) filter (where stored.${key} is not null and ${row('stored')} is not distinct from ${row('staged')}) as equal,
      count(*) filter (where stored.${key} is not null and ${row('stored')} is distinct from ${row('staged')}) as different,
      (select count(*) from ${name}) - count(stored.${key}) as others
    from ${staging} as staged left join ${name} as stored using (${key})`);
  const conflicts: string[] = [];
  if (counts.different > 0) {
    const found = await tx.unsafe<{ key: number; columns: string }[]>(`
      select staged.${key} as key, concat_ws(', ', ${targets
        .map((target) => `case when stored.${target} is distinct from staged.${target} then '${target}' end`)
        .join(', ')}) as columns
      from ${staging} as staged join ${name} as stored using (${key})
      where ${row('stored')} is distinct from ${row('staged')} order by 1 limit ${named}`);
    conflicts.push(...found.map((one) => `${name} ${one.key}: another ${one.columns}`));
  }
  const taken = unique ? await findTaken(tx, name, unique) : { total: 0, conflicts: [] };
  return {
    table: name,
    ...counts,
    different: counts.different + taken.total,
    conflicts: [...conflicts, ...taken.conflicts],
  };
}

/** Rows to be inserted whose unique columns another row of the database has. */
async function findTaken(
  tx: Tx,
  name: TableName,
  unique: readonly string[],
): Promise<{ total: number; conflicts: string[] }> {
  const found = await tx.unsafe<{ id: number; other: number; total: number }[]>(`
    select staged.id, stored.id as other, count(*) over () as total
    from ${stagingName(name)} as staged join ${name} as stored using (${unique.join(', ')})
    where stored.id <> staged.id order by 1 limit ${named}`);
  return {
    total: found[0]?.total ?? 0,
    conflicts: found.map(
      ({ id, other }) => `${name} ${id}: has the same ${unique.join(', ')} as ${name} ${other} there`,
    ),
  };
}

/** Inserts the staged rows that the database lacks. */
export async function insertMissing(tx: Tx, tables: readonly PresentTable[]): Promise<void> {
  for (const { name, columns } of tables) {
    const key = columns[0].target;
    const targets = columns.map(({ target }) => target).join(', ');
    await tx.unsafe(`
      insert into ${name} (${targets}) overriding system value
      select ${targets} from ${stagingName(name)} as staged
      where not exists (select 1 from ${name} as stored where stored.${key} = staged.${key}) order by ${key}`);
  }
}
