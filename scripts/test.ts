// Every test that needs no tool from outside npm. `bun run test [--only unit|deno|database|contract|runtime|faults|migrations|archive|ship|browser] [--runtime bun,deno,binary] [--engine embedded,15,18]`
//
// Unit tests run on Bun and on Deno; the black-box suites run on {Bun source, Deno source, binary} x {embedded, PostgreSQL 15, 18}.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { type RunningPostgres, startPostgres } from '../test/harness/postgres.ts';
import { endOf } from './deploy/program.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    runtime: { type: 'string', default: 'bun,deno,binary' },
    engine: { type: 'string', default: 'embedded,15,18' },
  },
});

interface Step {
  name: string;
  command: [string, ...string[]];
  env?: Record<string, string>;
}

/** A suite that hangs is a failure, not a wait. */
const perTestMilliseconds = 120_000;
/** So much of a step that failed is shown again at the end. */
const failureLines = 40;
const bunTest = (...paths: string[]): [string, ...string[]] => [
  'bun',
  'test',
  `--timeout=${perTestMilliseconds}`,
  ...paths,
];

const servers: RunningPostgres[] = [];

async function plan(): Promise<Step[]> {
  const wanted = (name: string) => values.only === undefined || values.only.includes(name);
  const steps: Step[] = [];
  if (wanted('unit'))
    steps.push({ name: 'unit on Bun', command: bunTest('src/', 'scripts/', 'test/architecture.test.ts') });
  if (wanted('deno'))
    steps.push({ name: 'unit on Deno', command: ['deno', 'test', '-A', '--no-check', '--quiet', 'src/'] });
  if (wanted('database')) steps.push({ name: 'database', command: bunTest('test/database/') });
  const runtimes = values.runtime.split(',');
  const engines = values.engine.split(',');
  if (
    runtimes.includes('binary') &&
    ['contract', 'runtime', 'faults', 'migrations', 'archive', 'ship', 'browser'].some(wanted)
  )
    steps.push({ name: 'build', command: ['bun', 'run', 'build'] });
  if (wanted('contract')) {
    const urls: Record<string, string> = {};
    for (const engine of engines) {
      if (engine === 'embedded') continue;
      const server = await startPostgres({ version: engine === '15' ? 15 : 18 });
      servers.push(server);
      urls[`CATATLAS_TEST_POSTGRES_${engine}`] = server.url;
    }
    for (const runtime of runtimes) {
      for (const engine of engines) {
        steps.push({
          name: `contract: ${runtime} on ${engine}`,
          command: bunTest('test/contract/'),
          env: { ...urls, CATATLAS_TEST_RUNTIME: runtime, CATATLAS_TEST_ENGINE: engine },
        });
      }
    }
  }
  if (wanted('runtime')) {
    for (const runtime of runtimes)
      steps.push({
        name: `runtime: ${runtime}`,
        command: bunTest('test/runtime/'),
        env: { CATATLAS_TEST_RUNTIME: runtime },
      });
  }
  if (wanted('faults')) {
    for (const runtime of runtimes)
      steps.push({
        name: `faults: ${runtime}`,
        command: bunTest(...faultTests()),
        env: { CATATLAS_TEST_RUNTIME: runtime },
      });
  }
  const binary = { CATATLAS_TEST_RUNTIME: 'binary' };
  if (wanted('migrations'))
    steps.push({ name: 'migrations', command: bunTest(...migrationTests(), 'test/upgrade/'), env: binary });
  if (wanted('archive')) steps.push({ name: 'archive', command: bunTest('test/archive/'), env: binary });
  if (wanted('ship') && asRoot()) steps.push({ name: 'ship', command: bunTest('test/ship/') });
  if (wanted('browser') && has('Chromium', existsSync(process.env['CHROMIUM'] ?? '/usr/bin/chromium')))
    steps.push({ name: 'browser', command: bunTest('test/browser/') });
  return steps;
}

/** What npm does not bring: on a laptop its tests are left out, and that is said; in CI they fail. */
function has(what: string, there: boolean): boolean {
  if (!there) console.log(`Without ${what}: some tests are left out.`);
  return there || process.env['CI'] === 'true';
}

const asRoot = () => has('root on Linux', process.platform === 'linux' && process.getuid?.() === 0);

function faultTests(): string[] {
  if (asRoot()) return ['test/faults/'];
  return without('test/faults', ['disk-full.test.ts', 'embedded-disk-full.test.ts', 'output-disk-full.test.ts']);
}

function migrationTests(): string[] {
  if (has('PgBouncer', existsSync('/usr/sbin/pgbouncer'))) return ['test/migrations/'];
  return without('test/migrations', ['pooler.test.ts', 'harness.test.ts']);
}

/** The test files of a folder but these. */
function without(folder: string, needing: readonly string[]): string[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.test.ts') && !needing.includes(file));
  return files.map((file) => `${folder}/${file}`);
}

/** Runs a command, shows what it prints, and returns that too. */
async function runShown([program, ...args]: Step['command'], env: Step['env']) {
  const child = spawn(program, args, { stdio: ['inherit', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const chunks: Uint8Array[] = [];
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const)
    from.on('data', (chunk: Uint8Array) => {
      chunks.push(chunk);
      to.write(chunk);
    });
  const { code, reason } = await endOf(child);
  return { passed: code === 0, output: `${Buffer.concat(chunks)}\n${program}: ${reason}` };
}

/** What was not good in the output of a test runner: nearly all of it without the lines of tests that passed. */
function withoutPassed(output: string): string {
  const passed = /^\((pass|skip)\) | \.\.\. ok\b/;
  const rest = stripVTControlCharacters(output)
    .split('\n')
    .filter((line) => !passed.test(line));
  return rest.slice(-failureLines).join('\n').trim();
}

const results: { name: string; passed: boolean; seconds: number; output: string }[] = [];
try {
  for (const { name, command, env } of await plan()) {
    console.log(`\n=== ${name}`);
    const began = performance.now();
    const { passed, output } = await runShown(command, env);
    results.push({ name, passed, seconds: (performance.now() - began) / 1000, output });
    // Without a binary there is nothing to test in it.
    if (name === 'build' && !passed) break;
  }
} finally {
  for (const server of servers) await server.stop();
}

console.log('');
for (const { name, passed, seconds } of results)
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${name} (${seconds.toFixed(1)} s)`);
const failed = results.filter((result) => !result.passed);
// Again, at the end: above it is lost among thousands of lines.
for (const { name, output } of failed) console.log(`\n=== what failed in ${name}\n${withoutPassed(output)}`);
console.log(`\n${results.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 && results.length > 0 ? 0 : 1;
