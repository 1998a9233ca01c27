// The proof that all is well. `bun run test [--only PART]... [--runtime bun,deno,binary] [--engine embedded,15,18]`
//
// Without `--only` every part that needs no program from outside npm; with `--everything` the others too, as `.ci/run` does it. Steps run
// side by side: the plan is in proof/plan.ts. CATATLAS_PROOF=nightly: docs/explanation/testing.md.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { findBrowser } from '../test/harness/browser.ts';
import { type RunningPostgres, startPostgres } from '../test/harness/postgres.ts';
import { proof } from '../test/harness/proof.ts';
import { endCommands, lastOf, runCommand, withoutPassed } from './proof/command.ts';
import { type Choice, engines, outsideParts, parts, planOf, runtimes } from './proof/plan.ts';
import { type Result, runSteps, type Step } from './proof/schedule.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    everything: { type: 'boolean', default: false },
    runtime: { type: 'string' },
    engine: { type: 'string' },
  },
});

/** Those of the names that are asked for: all where nothing is. Throws with every name that is none of them. */
function chosen<T extends string>(
  what: string,
  asked: readonly string[] | undefined,
  names: readonly T[],
): readonly T[] {
  if (asked === undefined) return names;
  const unknown = asked.filter((one) => !names.some((name) => name === one));
  if (unknown.length > 0) throw new Error(`no ${what} ${unknown.join(', ')}: there are ${names.join(', ')}`);
  return names.filter((name) => asked.includes(name));
}

const inCi = process.env['CI'] === 'true';
const outside: Record<Parameters<Choice['has']>[0], readonly [what: string, there: () => boolean]> = {
  root: ['root on Linux', () => process.platform === 'linux' && process.getuid?.() === 0],
  pgbouncer: ['PgBouncer', () => existsSync('/usr/sbin/pgbouncer')],
  psql: ['psql', () => spawnSync('psql', ['--version']).status === 0],
  chromium: ['Chromium', () => findBrowser() !== undefined],
};

/** What npm does not bring: on a laptop its tests are left out, and that is said; in CI they fail. */
const has: Choice['has'] = (name) => {
  const [what, look] = outside[name];
  const there = look();
  if (!there && !inCi) console.log(`Without ${what}: some tests are left out.`);
  return there || inCi;
};

/** One server for all steps that test on this version. */
async function startServers(steps: readonly Step[]): Promise<RunningPostgres[]> {
  const versions = ([15, 18] as const).filter((version) =>
    steps.some(({ env }) => env?.['CATATLAS_TEST_ENGINE'] === String(version)),
  );
  return await Promise.all(versions.map((version) => startPostgres({ version, settings: { max_connections: '400' } })));
}

const labelOf = ({ step, passed, seconds, processorSeconds }: Result) =>
  `${passed ? 'ok  ' : 'FAIL'} ${step.name} (${seconds.toFixed(1)} s, ${processorSeconds.toFixed(1)} s of processor)`;

const steps = planOf({
  proof,
  parts:
    values.only === undefined && !values.everything
      ? parts.filter((part) => !outsideParts.includes(part))
      : chosen('part', values.only, parts),
  runtimes: chosen('runtime', values.runtime?.split(','), runtimes),
  engines: chosen('engine', values.engine?.split(','), engines),
  named: values.runtime !== undefined || values.engine !== undefined,
  tools: process.env['CATATLAS_TOOLS'],
  has,
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    console.log(`\nended by ${signal}`);
    endCommands();
    process.exit(1);
  });

const began = performance.now();
const minutes = () => {
  const seconds = Math.floor((performance.now() - began) / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
};
const servers = await startServers(steps);
const urls = Object.fromEntries(servers.map(({ version, url }) => [`CATATLAS_TEST_POSTGRES_${version}`, url]));
let results: Result[];
try {
  results = await runSteps(steps, {
    processors: availableParallelism(),
    run: (step) =>
      runCommand(step.env?.['CATATLAS_TEST_ENGINE'] === undefined ? step : { ...step, env: { ...step.env, ...urls } }),
    began: ({ name }) => console.log(`${minutes()} begins: ${name}`),
    ended: (result) => {
      const output = result.passed ? withoutPassed(result.output) : result.output;
      console.log(`\n=== ${minutes()} ${labelOf(result)}\n${output}\n`);
    },
  });
} finally {
  for (const server of servers) await server.stop();
}

console.log('');
for (const result of results) console.log(labelOf(result));
const processorSeconds = results.reduce((sum, result) => sum + result.processorSeconds, 0);
console.log(`${minutes()} in all, ${processorSeconds.toFixed(0)} s of processor`);
const failed = results.filter((result) => !result.passed);
// Again, at the end: above it is lost among thousands of lines.
for (const { step, output } of failed) console.log(`\n=== what failed in ${step.name}\n${lastOf(output)}`);
console.log(`\n${results.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 && results.length > 0 ? 0 : 1;
