import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Proof } from '../../test/harness/proof.ts';
import type { Engine, Runtime } from '../../test/harness/target.ts';
import { costOf } from './costs.ts';
import type { Step } from './schedule.ts';

/** What can be proven by itself: `bun run test --only PART`, `.ci/run PART`. */
export const parts = [
  'check',
  'unit',
  'deno',
  'engine',
  'database',
  'contract',
  'runtime',
  'faults',
  'migrations',
  'archive',
  'ship',
  'browser',
  'fuzz',
  'k6',
  'clients',
  'scaling',
] as const;
export type Part = (typeof parts)[number];

/** Those that need programs from outside npm whoever runs them: `bun run test` leaves them to `.ci/run`. */
export const outsideParts: readonly Part[] = ['check', 'fuzz', 'k6', 'clients', 'scaling'];

export const runtimes: readonly Runtime[] = ['bun', 'deno', 'binary'];
export const engines: readonly Engine[] = ['embedded', '15', '18'];

/** On every push each runtime and each engine, the two of the executable first: it is what is deployed. */
const pairsOfCi: readonly string[] = [
  'binary on embedded',
  'binary on 18',
  'bun on 15',
  'deno on 18',
  'deno on embedded',
];

/** What only operators type, and how much memory a server takes: on the executable. That the source does it too is proven at night. */
const binaryFilesOfCi: readonly string[] = [
  'commands.test.ts',
  'doctor.test.ts',
  'selftest.test.ts',
  'bounded-process.test.ts',
];

export interface Choice {
  proof: Proof;
  parts: readonly Part[];
  runtimes: readonly Runtime[];
  engines: readonly Engine[];
  /** Were runtimes or engines asked for by name? Then every pair of them is meant, whatever the proof. */
  named?: boolean;
  /** The folder that `.ci/install` puts programs into. Without one they are those of the PATH. */
  tools?: string | undefined;
  /** Is there what npm does not bring? Test files that need it are left out where there is not. */
  has(what: 'root' | 'pgbouncer' | 'psql' | 'chromium'): boolean;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A test that hangs is a failure, not a wait. In milliseconds. */
const perTest = 120_000;
/** A generator in Go is compiled first. */
const perClientTest = 600_000;
/** The worst of each operation, one after the other; at night on a million sightings. */
const perBoundedTest = { ci: 300_000, nightly: 1_800_000 } as const;
/** Clusters take their time. */
const perScalingTest = 180_000;

const bunTest = (paths: readonly string[], timeout = perTest): Step['command'] => [
  'bun',
  'test',
  `--timeout=${timeout}`,
  ...paths,
];

const denoTest = (...args: string[]): Step['command'] => ['deno', 'test', '-A', '--no-check', '--quiet', ...args];

/** Starts the embedded engine dozens of times: longer than all other tests in src/ together. */
const engineTest = 'src/database/embedded.test.ts';

const testFiles = (folder: string, without: readonly string[] = []) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.test.ts') && !without.includes(name))
    .sort();

/** The steps of a proof: every test file that was chosen, on everything it is to run on, and what these steps need. */
export function planOf(choice: Choice): Step[] {
  const { proof, tools, has } = choice;
  const steps: Step[] = [];
  const add = (name: string, command: Step['command'], more: Partial<Step> = {}) => {
    const [seconds, load] = costOf(name);
    steps.push({ name, command, seconds, load, ...more, env: { CATATLAS_PROOF: proof, ...more.env } });
  };
  /** The steps that install programs, where they are to be installed. */
  const installed = (...names: ('k6' | 'linters' | 'python' | 'debian')[]) =>
    tools === undefined ? [] : names.map((name) => `install ${name}`);
  const tool = (path: string, name: string) => (tools === undefined ? name : join(tools, path));
  /** A step for each file of a folder. */
  const addFiles = (folder: string, { without = [], ...more }: Partial<Step> & { without?: string[] } = {}) => {
    for (const file of testFiles(`test/${folder}`, without))
      add(`${folder}/${file}`, bunTest([`./test/${folder}/${file}`]), more);
  };
  const onBinary = { needs: ['build'], env: { CATATLAS_TEST_RUNTIME: 'binary' } };
  const of = (runtime: Runtime) => ({
    needs: runtime === 'binary' ? ['build'] : [],
    env: { CATATLAS_TEST_RUNTIME: runtime },
  });
  const nightly = proof === 'nightly';
  const everyPair = nightly || choice.named === true;

  const making: Record<Part, () => void> = {
    check() {
      add('check', ['bun', 'run', 'check']);
      add('secrets', [tool('go/gitleaks', 'gitleaks'), 'git', '--no-banner', '--redact', '--verbose', '.'], {
        needs: installed('linters'),
      });
      add('workflows', [tool('go/actionlint', 'actionlint')], { needs: installed('linters', 'debian') });
      const zizmor = tool('python/bin/zizmor', 'zizmor');
      add('workflows, security', [zizmor, '--offline', '--persona', 'pedantic', '.github'], {
        needs: installed('python'),
      });
      add('image', [tool('python/bin/hadolint', 'hadolint'), 'Dockerfile'], { needs: installed('python') });
      const scripts = readdirSync(join(root, 'scripts/deploy')).filter((name) => name.endsWith('.sh'));
      add('scripts', ['shellcheck', ...scripts.map((name) => `scripts/deploy/${name}`), '.ci/run', '.ci/install'], {
        needs: installed('debian'),
      });
      add('alerts', ['promtool', 'check', 'rules', 'deploy/prometheus/alerts.yml'], { needs: installed('debian') });
      add('alerts, tests', ['promtool', 'test', 'rules', 'deploy/prometheus/alerts.test.yml'], {
        needs: installed('debian'),
      });
      add('tree is as it was', ['git', 'diff', '--exit-code'], { alone: true });
    },
    unit() {
      add('unit', bunTest([`--path-ignore-patterns=${engineTest}`, 'src/', 'scripts/', 'test/architecture.test.ts']));
    },
    deno: () => add('unit on Deno', denoTest(`--ignore=${engineTest}`, 'src/')),
    engine() {
      add('engine', bunTest([engineTest]));
      add('engine on Deno', denoTest(engineTest));
    },
    database() {
      const env: Step['env'] = nightly ? { CATATLAS_FUZZ_SEQUENCES: '20000' } : {};
      const asksPsql = 'address.test.ts';
      addFiles('database', { env, without: [asksPsql] });
      if (has('psql'))
        add(`database/${asksPsql}`, bunTest([`./test/database/${asksPsql}`]), { env, needs: installed('debian') });
    },
    contract() {
      for (const runtime of choice.runtimes)
        for (const engine of choice.engines) {
          const pair = `${runtime} on ${engine}`;
          if (!everyPair && !pairsOfCi.includes(pair)) continue;
          const { needs, env } = of(runtime);
          add(`contract: ${pair}`, bunTest(['./test/contract/']), {
            needs,
            env: { ...env, CATATLAS_TEST_ENGINE: engine },
          });
        }
    },
    runtime() {
      for (const runtime of choice.runtimes)
        for (const file of testFiles('test/runtime')) {
          if (!everyPair && runtime !== 'binary' && binaryFilesOfCi.includes(file)) continue;
          add(`runtime/${file}: ${runtime}`, bunTest([`./test/runtime/${file}`]), of(runtime));
        }
    },
    faults() {
      const without = has('root')
        ? []
        : ['disk-full.test.ts', 'embedded-disk-full.test.ts', 'output-disk-full.test.ts'];
      for (const runtime of choice.runtimes)
        for (const file of testFiles('test/faults', without)) {
          if (!everyPair && runtime !== 'binary' && binaryFilesOfCi.includes(file)) continue;
          const { needs, env } = of(runtime);
          const bounded = file === 'bounded-process.test.ts';
          add(
            `faults/${file}: ${runtime}`,
            bunTest([`./test/faults/${file}`], bounded ? perBoundedTest[proof] : perTest),
            {
              needs,
              env: { ...env, ...(nightly && { CATATLAS_BOUNDED_SIGHTINGS: '1000000' }) },
              // It measures how long others wait while the server works.
              alone: bounded,
            },
          );
        }
    },
    migrations() {
      const pooled = ['pooler.test.ts', 'harness.test.ts'];
      for (const file of testFiles('test/migrations', has('pgbouncer') ? [] : pooled)) {
        const needs = [...onBinary.needs, ...(pooled.includes(file) ? installed('debian') : [])];
        add(`migrations/${file}`, bunTest([`./test/migrations/${file}`]), { ...onBinary, needs });
      }
      addFiles('upgrade', onBinary);
    },
    archive: () => addFiles('archive', onBinary),
    ship() {
      if (has('root')) addFiles('ship', { needs: ['build', ...installed('debian')] });
    },
    browser() {
      if (has('chromium')) addFiles('browser', { needs: installed('debian') });
    },
    fuzz() {
      for (const engine of ['18', 'embedded'] as const)
        add(`fuzz: binary on ${engine}`, ['bun', 'test/fuzz/run.ts', tool('python/bin/st', 'st')], {
          needs: ['build', ...installed('python')],
          env: { ...onBinary.env, CATATLAS_TEST_ENGINE: engine },
        });
    },
    k6() {
      const more = { needs: ['build', ...installed('k6')], env: { ...k6(tools) } };
      // They have thresholds: no request may fail, or be slow, at so many a second.
      const timed = ['load.test.ts', 'shutdown.test.ts'];
      addFiles('k6', { ...more, without: timed });
      for (const file of timed) add(`k6/${file}`, bunTest([`./test/k6/${file}`]), { ...more, alone: true });
    },
    clients() {
      for (const file of testFiles('test/clients'))
        add(`clients/${file}`, bunTest([`./test/clients/${file}`], perClientTest), onBinary);
    },
    scaling() {
      for (const file of testFiles('test/scaling'))
        add(`scaling/${file}`, bunTest([`./test/scaling/${file}`], perScalingTest), {
          needs: ['build', ...installed('k6', 'debian')],
          env: { ...k6(tools) },
        });
    },
  };
  for (const part of parts) if (choice.parts.includes(part)) making[part]();

  const needed = new Set(steps.flatMap(({ needs }) => needs ?? []));
  if (needed.has('build')) add('build', ['bun', 'scripts/build.ts']);
  for (const name of needed)
    if (name.startsWith('install ')) add(name, ['bash', '.ci/install', name.slice('install '.length)]);
  return steps;
}

const k6 = (tools: string | undefined) => (tools === undefined ? {} : { K6: join(tools, 'go/k6') });
