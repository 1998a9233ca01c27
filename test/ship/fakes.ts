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
import { join } from 'node:path';
import { root } from '../harness/target.ts';

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

export interface Stage {
  /** A checkout of git with a fly.toml, whose only commit is `commit`. */
  folder: string;
  commit: string;
  /** A site that answers /version with that commit and everything else with 200. */
  url: string;
  /** No address has a server there. */
  nowhere: string;
  calls(): Call[];
  /** What scripts find in their environment, beside what every one gets. */
  env: Record<string, string>;
  /** Runs a script of scripts/deploy in the folder. */
  run(script: string, ...args: string[]): Promise<{ code: number | null; output: string; summary: string }>;
  close(): Promise<void>;
}

const recorded = ['BASE_URL', 'ALLOWED_ORIGIN', 'EXPECT_SHA', 'FLY_API_TOKEN'];

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
  writeFileSync(join(folder, 'fly.toml'), 'app = "as it was"\n');
  git('init', '--quiet');
  git('add', '.');
  git('commit', '--quiet', '--no-verify', '--message', 'before');
  const commit = git('rev-parse', 'HEAD').trim();
  writeFileSync(join(folder, 'fly.toml'), 'app = "as it is"\n');

  const site = createServer((request, response) => {
    response.end(request.url === '/version' ? JSON.stringify({ commit }) : '{}');
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  const address = site.address();
  if (address === null || typeof address === 'string') throw new Error('the site has no port');

  const env: Record<string, string> = {};
  return {
    folder,
    env,
    commit,
    url: `http://127.0.0.1:${address.port}`,
    // Port 1 (tcpmux) is nobody's.
    nowhere: 'http://127.0.0.1:1',
    calls() {
      if (!existsSync(log)) return [];
      const text = readFileSync(log, 'utf8').trim();
      return text.split('\n').map((line) => JSON.parse(line) as Call);
    },
    async run(script, ...args) {
      const summary = join(home, 'summary');
      writeFileSync(summary, '');
      const file = join(root, 'scripts/deploy', script);
      const shell = script.endsWith('.sh');
      const child = spawn(shell ? file : process.execPath, shell ? args : [file, ...args], {
        cwd: folder,
        env: {
          // A shell script is made of other programs.
          PATH: shell ? `${bin}:${process.env['PATH']}` : bin,
          HOME: home,
          TMPDIR: home,
          FAKE_LOG: log,
          FLY_API_TOKEN: 'the token',
          GITHUB_OUTPUT: summary,
          GITHUB_STEP_SUMMARY: summary,
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, output, summary: readFileSync(summary, 'utf8') };
    },
    async close() {
      site.close();
      site.closeAllConnections();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
