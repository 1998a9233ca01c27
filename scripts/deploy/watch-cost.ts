// Does the app, or its database, have more or larger machines than deploy/budget.json allows? `bun scripts/deploy/watch-cost.ts --app APP
// [--database APP]`: the app of an unmanaged PostgreSQL; Managed Postgres has a fixed price.
//
// Fly.io has no spending limit and no alerts on the bill (docs/cost.md); what is rented can be counted, though. Exit codes: 0 within
// the budget, 1 beyond it, 2 wrong options or budget, 4 not known.
import { readFileSync } from 'node:fs';
import { listMachines, type Machine } from './fly.ts';
import { readOptions } from './program.ts';

export interface Budget {
  machines: number;
  regions: string[];
  size: string;
  memoryMegabytes: number;
}

/** Everything that costs more than agreed, in words. */
export function findExcess(machines: readonly Machine[], budget: Budget): string[] {
  const excess: string[] = [];
  if (machines.length > budget.machines)
    excess.push(`${machines.length} machines, ${budget.machines} agreed: fly scale count ${budget.machines}`);
  for (const { id, region, size, memoryMegabytes } of machines) {
    if (!budget.regions.includes(region))
      excess.push(`machine ${id} is in ${region}, agreed: ${budget.regions.join(', ')}`);
    if (size !== budget.size) excess.push(`machine ${id} is a ${size}, agreed: ${budget.size}`);
    if (memoryMegabytes > budget.memoryMegabytes)
      excess.push(`machine ${id} has ${memoryMegabytes} MB, agreed: ${budget.memoryMegabytes}`);
  }
  return excess;
}

/** Counts one app. */
async function watch(app: string, budget: Budget): Promise<0 | 1 | 4> {
  try {
    const machines = await listMachines(app);
    const excess = findExcess(machines, budget);
    for (const line of excess) console.log(`${app}: ${line}`);
    if (excess.length > 0) return 1;
    console.log(`${app}: ${machines.length} of ${budget.machines} machines, none larger than agreed.`);
    return 0;
  } catch (error) {
    console.error(`${app}: ${error instanceof Error ? error.message : error}`);
    return 4;
  }
}

if (import.meta.main) {
  try {
    const { app, database, budget } = readOptions(process.argv.slice(2), ['app'], {
      database: '',
      budget: 'deploy/budget.json',
    });
    const agreed = JSON.parse(readFileSync(budget, 'utf8')) as { app: Budget; database: Budget };
    const codes = [await watch(app, agreed.app)];
    if (database !== '') codes.push(await watch(database, agreed.database));
    // Too much of one is certain, whatever is not known of the other.
    process.exitCode = codes.includes(1) ? 1 : Math.max(...codes);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  }
}
