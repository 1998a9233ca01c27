// What the migrator adds to a start with nothing pending: our binary beside one built from the same tree whose start asks the database
// `select 1` and takes the schema to be current. From exec to /health/ready 200, in turns. `bun bench/boot-migrator.ts`
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, startPostgres } from '../test/harness/postgres.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pairs = 40;

const folder = mkdtempSync(join(tmpdir(), 'catatlas-bench-'));
for (const name of ['src', 'migrations', 'scripts', 'package.json', 'tsconfig.json', 'bunfig.toml', 'docs'])
  cpSync(join(root, name), join(folder, name), { recursive: true });
for (const name of ['node_modules', '.generated']) symlinkSync(join(root, name), join(folder, name));
const file = join(folder, 'src/commands/bring-up.ts');
const source = readFileSync(file, 'utf8');
const start = source.indexOf('async () => {', source.indexOf('await untilReachable(given'));
const end = source.indexOf('    });\n', start);
if (start < 0 || end < 0) throw new Error('bring-up.ts has changed: this benchmark no longer finds its place');
const without = `async () => {
      await database.sql\`select 1\`;
      given.lifecycle.schema = { state: 'current', version: 0 };
`;
writeFileSync(file, source.slice(0, start) + without + source.slice(end));
execFileSync('bun', ['scripts/build.ts'], { cwd: folder });

/** Milliseconds from exec until /health/ready answers 200. */
async function timeStart(binary: string, env: Record<string, string>): Promise<number> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(binary, [], {
    cwd: folder,
    env: { HOME: folder, LOG_FORMAT: 'json', HOST: '127.0.0.1', ...env, PORT: String(port) },
    stdio: 'ignore',
  });
  while ((await statusOf(port)) !== 200) await new Promise((resolve) => setTimeout(resolve, 1));
  const took = performance.now() - began;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
  return took;
}

function statusOf(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path: '/health/ready', agent: false }, (response) => {
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
    `${name.padEnd(24)} min ${Math.min(...values).toFixed(1)}  median ${median(values).toFixed(1)}  max ${Math.max(...values).toFixed(1)} ms`,
  );

const postgres = await startPostgres({ version: 18 });
try {
  const env = { DATABASE_URL: await postgres.createDatabase(), DEBUG: 'true' };
  execFileSync(join(root, 'dist/catatlas'), ['migrate'], { env: { HOME: folder, ...env } });
  const ours: number[] = [];
  const bare: number[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    ours.push(await timeStart(join(root, 'dist/catatlas'), env));
    bare.push(await timeStart(join(folder, 'dist/catatlas'), env));
  }
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores; ${pairs} pairs, PostgreSQL 18`);
  row('with the migrator', ours);
  row('without', bare);
  const differences = ours.map((value, index) => value - (bare[index] ?? Number.NaN));
  console.log(`the migrator adds ${median(differences).toFixed(1)} ms (median of the pairs' differences)`);
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
