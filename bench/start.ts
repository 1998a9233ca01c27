// From exec to the first good answer, side by side: our binary with a current PostgreSQL schema (/health/ready 200) and a bare
// compiled Elysia (GET / 200); and our binary on the embedded engine, first run and later runs. `bun bench/start.ts`
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../test/harness/postgres.ts';
import { describeTimes, median, timeStart } from './start-time.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const binary = join(root, 'dist/catatlas');
const rounds = 15;

const folder = mkdtempSync(join(tmpdir(), 'catatlas-bench-'));
const hello = join(folder, 'hello');
execFileSync('bun', [
  ...['build', '--compile', '--minify-whitespace', '--minify-syntax', '--bytecode', '--format=esm'],
  ...['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig', '--outfile', hello, join(root, 'bench/hello.ts')],
]);

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
      await timeStart(binary, [], { env: production, cwd: folder, path: '/health/ready' }),
      await timeStart(hello, [], { env: {}, cwd: folder, path: '/' }),
    ] as const;
    // The first two warm the page cache.
    if (round < 2) continue;
    ours.push(pair[0]);
    bare.push(pair[1]);
  }
  const first: number[] = [];
  const later: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const at = { env: { DATA_DIR: join(folder, `data-${round}`) }, cwd: folder, path: '/health/ready' };
    first.push(await timeStart(binary, [], at));
    later.push(await timeStart(binary, [], at));
  }
  console.log(
    `${cpus().length} x ${cpus()[0]?.model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${process.platform}, bun ${process.versions['bun']}`,
  );
  console.log(`binary: ${(statSync(binary).size / 1e6).toFixed(1)} MB`);
  console.log(describeTimes('ready, PostgreSQL 18 with a current schema', ours));
  console.log(describeTimes('bare compiled Elysia, first 200', bare));
  const ratios = ours.map((value, index) => value / (bare[index] ?? Number.NaN));
  console.log(
    `ratio, pair by pair: min ${Math.min(...ratios).toFixed(2)}  median ${median(ratios).toFixed(2)}  max ${Math.max(...ratios).toFixed(2)} (to reach: 2)`,
  );
  console.log(describeTimes('ready, embedded engine, first run (to reach: 2500)', first));
  console.log(describeTimes('ready, embedded engine, later runs (to reach: 800)', later));
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
