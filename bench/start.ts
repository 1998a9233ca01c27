// From exec to the first good answer, side by side: our binary with a current PostgreSQL schema (/health/ready 200) and a bare
// compiled Elysia (GET / 200); and our binary on the embedded engine, first run and later runs. `bun bench/start.ts`
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, startPostgres } from '../test/harness/postgres.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const binary = join(root, 'dist/catatlas');
const rounds = 15;

const folder = mkdtempSync(join(tmpdir(), 'catatlas-bench-'));
const hello = join(folder, 'hello');
execFileSync('bun', [
  ...['build', '--compile', '--minify-whitespace', '--minify-syntax', '--bytecode', '--format=esm'],
  ...['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig', '--outfile', hello, join(root, 'bench/hello.ts')],
]);

/** Milliseconds from exec until `path` answers 200. */
async function timeStart(command: string, args: string[], env: Record<string, string>, path: string): Promise<number> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(command, args, {
    cwd: folder,
    env: { HOME: folder, NODE_ENV: 'production', LOG_FORMAT: 'json', HOST: '127.0.0.1', ...env, PORT: String(port) },
    stdio: 'ignore',
  });
  while ((await statusOf(port, path)) !== 200) await new Promise((resolve) => setTimeout(resolve, 1));
  const took = performance.now() - began;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
  return took;
}

function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on('error', () => resolve(undefined));
    call.end();
  });
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const row = (name: string, values: number[]) =>
  console.log(
    `${name.padEnd(52)} min ${Math.min(...values).toFixed(0)}  median ${median(values).toFixed(0)}  max ${Math.max(...values).toFixed(0)} ms`,
  );

const postgres = await startPostgres({ version: 18 });
try {
  const production = {
    DATABASE_URL: await postgres.createDatabase(),
    JWT_SECRET: execFileSync(binary, ['secret']).toString().trim(),
  };
  execFileSync(binary, ['migrate'], { env: { ...production, HOME: folder } });
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds + 2; round += 1) {
    const pair = [
      await timeStart(binary, [], production, '/health/ready'),
      await timeStart(hello, [], {}, '/'),
    ] as const;
    // The first two warm the page cache.
    if (round < 2) continue;
    ours.push(pair[0]);
    bare.push(pair[1]);
  }
  const first: number[] = [];
  const later: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const env = { DATA_DIR: join(folder, `data-${round}`) };
    first.push(await timeStart(binary, [], env, '/health/ready'));
    later.push(await timeStart(binary, [], env, '/health/ready'));
  }
  console.log(
    `${cpus().length} x ${cpus()[0]?.model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${process.platform}, bun ${process.versions['bun']}`,
  );
  console.log(`binary: ${(statSync(binary).size / 1e6).toFixed(1)} MB`);
  row('ready, PostgreSQL 18 with a current schema', ours);
  row('bare compiled Elysia, first 200', bare);
  const ratios = ours.map((value, index) => value / (bare[index] ?? Number.NaN));
  console.log(
    `ratio, pair by pair: min ${Math.min(...ratios).toFixed(2)}  median ${median(ratios).toFixed(2)}  max ${Math.max(...ratios).toFixed(2)} (to reach: 2)`,
  );
  row('ready, embedded engine, first run (to reach: 2500)', first);
  row('ready, embedded engine, later runs (to reach: 800)', later);
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
