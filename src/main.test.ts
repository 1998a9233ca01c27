import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const runtime = process.versions['bun'] === undefined ? ['run', '-A', '--no-check'] : ['--no-env-file'];

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

interface Options {
  env?: Record<string, string>;
  cwd?: string;
  /** What is run in place of the program itself. */
  main?: string;
  /** Called once the process runs. */
  started?(kill: (signal: NodeJS.Signals) => void): void;
}

/** Runs the program from its source, on the runtime of this test, with an environment of its own. Kills it after a minute. */
function run(
  argv: readonly string[],
  { env = {}, cwd, main = pathOf('./main.ts'), started }: Options = {},
): Promise<Outcome> {
  const { PATH = '', HOME = '/', DENO_DIR } = process.env;
  const child = spawn(process.execPath, [...runtime, main, ...argv], {
    timeout: 60_000,
    killSignal: 'SIGKILL',
    env: { PATH, HOME, NO_COLOR: '1', ...(DENO_DIR === undefined ? {} : { DENO_DIR }), ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    const outcome = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      outcome.stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      outcome.stderr += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...outcome }));
    const { pid } = child;
    // Not child.kill(): Deno then reports that the process died of the signal, whatever it made of it.
    if (pid !== undefined) started?.((signal) => process.kill(pid, signal));
  });
}

describe('the program', () => {
  test('answers with output and exit code', async () => {
    const [version, help, unknown, problems] = await Promise.all([
      run(['--version']),
      run(['--help']),
      run(['servee']),
      run(['config', 'check'], { env: { DEBUG: 'False', PORT: 'x' } }),
    ]);
    assert.equal(version.code, 0);
    assert.match(version.stdout, /^catatlas \d/);
    assert.deepEqual({ code: help.code, stderr: help.stderr }, { code: 0, stderr: '' });
    assert.match(help.stdout, /Usage: catatlas/);
    assert.deepEqual({ code: unknown.code, stdout: unknown.stdout }, { code: 2, stdout: '' });
    assert.match(unknown.stderr, /Did you mean serve\?/);
    assert.equal(problems.code, 2);
    assert.match(problems.stderr, /3 settings are wrong/);
  });

  test('reads nothing from the directory it is started in', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'catatlas-'));
    try {
      for (const name of ['.env', '.env.local', '.env.production'])
        await writeFile(join(directory, name), 'PORT=1\nDEBUG=x\n');
      await writeFile(join(directory, 'config.json'), '{"PORT":1}');
      const { code, stdout } = await run(['config', 'print'], { cwd: directory });
      assert.equal(code, 0);
      assert.match(stdout, /^PORT +8000 +default$/m);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('ends with an error when its command waits for what can never come', async () => {
    const { code, stderr } = await run(['--version'], { main: pathOf('./main.fixture.ts') });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /"nothing is left to wait for, stopping"/);
  });

  test('a first signal asks a command to end', async () => {
    let tell = (): void => {};
    const server = createServer(() => tell());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const PORT = String((server.address() as AddressInfo).port);
    try {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        const { code, stderr } = await run(['healthcheck', '--timeout', '60'], {
          env: { PORT },
          started: (kill) => {
            tell = () => kill(signal);
          },
        });
        assert.equal(code, 1, signal);
        assert.match(stderr, /^unhealthy: /);
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
