/**
 * What steps cost on two processors: how many seconds, and how many processors they keep busy meanwhile. The plan begins with the long ones
 * and fills the processors by the loads, so a wrong number makes a run longer and nothing else. Every run prints both for each step.
 */
export type Cost = readonly [seconds: number, load: number];

/** Of a step that stands in no list below. */
const ordinary: Cost = [20, 0.5];

/** By the whole name of a step, or by its name without the runtime. */
const costs: Readonly<Record<string, Cost>> = {
  build: [8, 1],
  'install debian': [60, 0.5],
  'install k6': [90, 1],
  'install linters': [60, 1],
  'install python': [30, 0.5],

  check: [40, 1],
  secrets: [10, 1],
  unit: [20, 1],
  'unit on Deno': [25, 1],
  engine: [40, 1],
  'engine on Deno': [50, 1],

  'contract: binary on embedded': [60, 1],
  'contract: deno on embedded': [100, 1],
  'contract: bun on embedded': [70, 1],
  'contract: binary on 18': [20, 1],
  'contract: bun on 15': [30, 1],
  'contract: deno on 18': [40, 1],

  'runtime/abandoned.test.ts': [15, 0.5],
  'runtime/commands.test.ts': [25, 0.5],
  'runtime/doctor.test.ts': [60, 0.5],
  'runtime/durability.test.ts': [40, 1],
  'runtime/metrics.test.ts': [12, 0.3],
  'runtime/regions.test.ts': [30, 0.5],
  'runtime/selftest.test.ts': [20, 1],
  'runtime/sentry.test.ts': [40, 0.3],
  'runtime/shutdown.test.ts': [55, 0.3],
  'runtime/start.test.ts': [70, 0.3],
  'runtime/tracing.test.ts': [9, 0.3],
  'faults/embedded-disk-full.test.ts': [15, 0.5],
  'faults/bounded-process.test.ts': [100, 2],
  'faults/flood.test.ts': [40, 0.6],
  'faults/limits.test.ts': [40, 0.3],
  'faults/outage.test.ts': [35, 0.3],

  'migrations/adopt.test.ts': [60, 0.7],
  'migrations/commands.test.ts': [90, 0.4],
  'migrations/concurrency.test.ts': [40, 1.5],
  'migrations/drift.test.ts': [50, 0.7],
  'migrations/kill.test.ts': [90, 0.8],
  'migrations/locking.test.ts': [45, 0.3],
  'migrations/versions.test.ts': [80, 0.6],

  'database/statement-fuzz.test.ts': [60, 0.8],
  'database/hosts.test.ts': [25, 0.3],
  'database/pool.test.ts': [20, 0.3],
  'ship/architectures.test.ts': [40, 0.8],
  'ship/bootstrap.test.ts': [13, 0.4],
  'ship/deploy.test.ts': [50, 0.3],
  'ship/drill.test.ts': [30, 0.3],
  'k6/shutdown.test.ts': [65, 0.5],
  'k6/load.test.ts': [120, 0.5],
  'clients/clients.test.ts': [200, 1],
  'clients/examples.test.ts': [12, 0.5],
  'scaling/failover.test.ts': [170, 0.5],
  'scaling/replica.test.ts': [60, 0.3],
  'fuzz: binary on 18': [90, 1.5],
  'fuzz: binary on embedded': [120, 1.5],
};

/** What a step costs, roughly. */
export function costOf(name: string): Cost {
  return costs[name] ?? costs[withoutRuntime(name)] ?? ordinary;
}

/** The names in the list that are those of no step. */
export function strayCosts(names: readonly string[]): string[] {
  const known = new Set(names.flatMap((name) => [name, withoutRuntime(name)]));
  return Object.keys(costs).filter((name) => !known.has(name));
}

const withoutRuntime = (name: string) => name.replace(/: (bun|deno|binary)$/, '');
