import type { Sql } from '../database/connect.ts';
import { readAtHome } from '../migrator/home.ts';
import { describeLag, isBehind, type Numbering, readNumbering, seeEveryRow } from '../migrator/numbering.ts';
import { type Check, checkOf, describeError, type Finding } from './check.ts';

export const numbering = checkOf('schema.numbering', 'Numbering');

/** How far the sequences of these tables are, and the highest numbers of their rows. Fails where row security hides rows. */
export async function readNumberingFacts(sql: Sql, tables: readonly string[]): Promise<Numbering[]> {
  return await readAtHome(sql, async (tx) => {
    await seeEveryRow(tx);
    return await readNumbering(tx, tables);
  });
}

/** Judges whether the next row of each table gets a number that is free. */
export function checkNumbering(finding: Finding<Numbering[]>): Check {
  if ('error' in finding)
    return numbering.unasked(`the sequences could not be compared with the rows: ${describeError(finding.error)}`);
  const behind = finding.value.filter(isBehind).map(describeLag);
  if (behind.length === 0)
    return finding.value.length === 0
      ? numbering.unknown('there are no tables that number their rows')
      : numbering.pass('every sequence is beyond the rows of its table');
  return numbering.fail(
    behind.map(({ object, expected, actual }) => `${object}: ${actual}, expected ${expected}`).join('; '),
    `New rows are refused (duplicate key). Run: ${behind.flatMap(({ statements }) => statements).join('; ')}`,
  );
}
