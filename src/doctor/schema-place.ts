import type { Sql } from '../database/connect.ts';
import { explainStray, findHome, type Home } from '../migrator/home.ts';
import { attempt, type Check, checkOf, describeError, type Finding } from './check.ts';

export const place = checkOf('schema.place', 'Place');

export async function readPlace(sql: Sql): Promise<Finding<Home>> {
  return await attempt(() => findHome(sql));
}

/** Judges whether new tables would go where the others are. */
export function checkPlace(finding: Finding<Home>): Check {
  if ('error' in finding) return place.unasked(`the schema could not be found: ${describeError(finding.error)}`);
  const { schema } = finding.value;
  if (schema === null) return place.unknown('no schema of the search path exists');
  const [stray, ...advice] = explainStray(finding.value)?.split('\n') ?? [];
  return stray === undefined
    ? place.pass(`schema ${schema}`)
    : place.fail(stray, advice.join(' ').replace('Nothing was changed. ', ''));
}
