import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../harness/target.ts';
import { jobOf, shellOf, workflowOf } from './workflow.ts';

/** What one call of a fake program does. Later calls than there are steps repeat the last one. */
export interface Step {
  code?: number;
  stdout?: string;
}

/** Steps by the beginning of the command line: the longest that fits is taken. */
export type Script = Record<string, readonly Step[]>;

/** A call as it was made. */
export interface Call {
  program: string;
  args: string[];
  env: Record<string, string | undefined>;
  /** What came on its standard input. */
  input: string;
}

interface Ended {
  code: number | null;
  /** What it wrote, to both. */
  output: string;
  /** What it left for the workflow: outputs and summary. */
  summary: string;
}

export interface Stage {
  /** A checkout of git that knows three commits; `commit` is live, and checked out. Each has another fly.toml, and so has the folder. */
  folder: string;
  parent: string;
  commit: string;
  child: string;
  /** Where programs put what nobody keeps: TMPDIR, and RUNNER_TEMP. */
  temporary: string;
  /** A site that answers /version with that commit and everything else with 200. */
  url: string;
  /** No address has a server there. */
  nowhere: string;
  /** The folder of the fakes. */
  bin: string;
  calls(): Call[];
  /** What scripts find in their environment, beside what every one gets. */
  env: Record<string, string>;
  /** Runs a script of scripts/deploy in the folder. */
  run(script: string, ...args: string[]): Promise<Ended>;
  /**
   * Runs what a step of a workflow runs, as a runner would, in this repository or another folder. It has to be given the variables that
   * the step sets.
   */
  runStep(workflow: string, job: string, step: string, env: Record<string, string>, folder?: string): Promise<Ended>;
  close(): Promise<void>;
}

const recorded = ['BASE_URL', 'ALLOWED_ORIGIN', 'EXPECT_SHA', 'FLY_API_TOKEN'];

/** What every step finds in its environment. */
export const runner = {
  GITHUB_ACTOR: 'someone',
  GITHUB_REPOSITORY: 'Owner/Repo',
  GITHUB_RUN_ID: '7',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_SHA: 'b'.repeat(40),
};

/** A program that writes down how it was called and does the next step of its script. */
function fakeProgram(program: string, script: Script): string {
  return `#!${process.execPath}
const { appendFileSync, readFileSync, existsSync } = require('node:fs');
const script = ${JSON.stringify(script)};
const args = process.argv.slice(2);
const line = args.join(' ');
const log = process.env.FAKE_LOG;
const earlier = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\\n').map((text) => JSON.parse(text)) : [];
const input = readFileSync(0, 'utf8');
const env = Object.fromEntries(${JSON.stringify(recorded)}.map((name) => [name, process.env[name]]));
const key = Object.keys(script).filter((start) => line.startsWith(start)).sort((a, b) => b.length - a.length)[0];
const before = earlier.filter((call) => call.program === ${JSON.stringify(program)} && call.key === key).length;
appendFileSync(log, JSON.stringify({ program: ${JSON.stringify(program)}, key, args, env, input }) + '\\n');
if (key === undefined) { console.error('not expected: ' + line); process.exit(125); }
const step = script[key][Math.min(before, script[key].length - 1)];
if (step.stdout) process.stdout.write(step.stdout);
process.exit(step.code ?? 0);
`;
}

/** Sets the stage: fakes on PATH that record their calls, a checkout, a site. A program that is not given is not installed. */
export async function setStage(programs: Record<string, Script>): Promise<Stage> {
  const home = mkdtempSync(join(tmpdir(), 'catatlas-ship-'));
  const folder = join(home, 'checkout');
  const bin = join(home, 'bin');
  const log = join(home, 'calls');
  mkdirSync(folder);
  mkdirSync(bin);
  for (const [program, script] of Object.entries(programs)) {
    writeFileSync(join(bin, program), fakeProgram(program, script));
    chmodSync(join(bin, program), 0o755);
  }
  // git, and nothing of what this machine has installed as flyctl or k6.
  symlinkSync(execFileSync('which', ['git'], { encoding: 'utf8' }).trim(), join(bin, 'git'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.com', ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
  git('init', '--quiet');
  const write = (text: string) => writeFileSync(join(folder, 'fly.toml'), `app = "${text}"\n`);
  const commitAs = (text: string) => {
    write(text);
    git('add', '.');
    git('commit', '--quiet', '--no-verify', '--message', text);
    return git('rev-parse', 'HEAD').trim();
  };
  const parent = commitAs('as it was long ago');
  const commit = commitAs('as it was');
  const child = commitAs('as it will be');
  git('reset', '--quiet', '--hard', commit);
  write('as it is');

  const site = createServer((request, response) => {
    response.end(request.url === '/version' ? JSON.stringify({ commit }) : '{}');
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  const address = site.address();
  if (address === null || typeof address === 'string') throw new Error('the site has no port');

  const env: Record<string, string> = {};
  const start = async (command: readonly string[], cwd: string, path: string, more = {}): Promise<Ended> => {
    const summary = join(home, 'summary');
    writeFileSync(summary, '');
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      cwd,
      env: {
        PATH: path,
        HOME: home,
        TMPDIR: home,
        RUNNER_TEMP: home,
        FAKE_LOG: log,
        FLY_API_TOKEN: 'the token',
        GITHUB_OUTPUT: summary,
        GITHUB_STEP_SUMMARY: summary,
        ...env,
        ...more,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output, summary: readFileSync(summary, 'utf8') };
  };
  // A shell script is made of other programs.
  const everything = `${bin}:${dirname(process.execPath)}:${process.env['PATH']}`;
  return {
    folder,
    env,
    parent,
    commit,
    child,
    temporary: home,
    bin,
    url: `http://127.0.0.1:${address.port}`,
    // Port 1 (tcpmux) is nobody's.
    nowhere: 'http://127.0.0.1:1',
    calls() {
      if (!existsSync(log)) return [];
      const text = readFileSync(log, 'utf8').trim();
      return text.split('\n').map((line) => JSON.parse(line) as Call);
    },
    async run(script, ...args) {
      const file = join(root, 'scripts/deploy', script);
      if (script.endsWith('.sh')) return await start([file, ...args], folder, everything);
      return await start([process.execPath, file, ...args], folder, bin);
    },
    async runStep(name, id, title, given, where = root) {
      const workflow = workflowOf(name);
      const job = jobOf(name, id);
      const step = job.steps?.find((one) => one.name === title);
      if (step?.run === undefined) throw new Error(`${name}: ${id} has no step "${title}" that runs something`);
      const expected = Object.keys({ ...job.env, ...step.env }).sort();
      assert.deepEqual(Object.keys(given).sort(), expected, `the variables of "${title}"`);
      const script = join(home, 'step.sh');
      writeFileSync(script, step.run);
      return await start([...shellOf(workflow, step), script], where, everything, { ...runner, ...given });
    },
    async close() {
      site.close();
      site.closeAllConnections();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
