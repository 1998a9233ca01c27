// What the migrator adds to a start with nothing pending: our binary beside one built from the same tree whose start asks the database
// `select 1` and takes the schema to be current. From exec to /health/ready 200, in turns. `bun bench/boot-migrator.ts`
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../test/harness/postgres.ts';
import { describeTimes, median, timeStart } from './start-time.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pairs = 40;

const folder = mkdtempSync(join(tmpdir(), 'catatlas-bench-'));
for (const name of ['src', 'migrations', 'scripts', 'package.json', 'tsconfig.json', 'bunfig.toml', 'docs'])
  cpSync(join(root, name), join(folder, name), { recursive: true });
for (const name of ['node_modules', '.generated']) symlinkSync(join(root, name), join(folder, name));
const file = join(folder, 'src/commands/serve/bring-up.ts');
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

const postgres = await startPostgres({ version: 18 });
try {
  const env = { DATABASE_URL: await postgres.createDatabase(), DEBUG: 'true' };
  execFileSync(join(root, 'dist/catatlas'), ['migrate'], { env: { HOME: folder, ...env } });
  const start = { env, cwd: folder, path: '/health/ready' };
  const ours: number[] = [];
  const bare: number[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    ours.push(await timeStart(join(root, 'dist/catatlas'), [], start));
    bare.push(await timeStart(join(folder, 'dist/catatlas'), [], start));
  }
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores; ${pairs} pairs, PostgreSQL 18`);
  console.log(describeTimes('with the migrator', ours));
  console.log(describeTimes('without', bare));
  const differences = ours.map((value, index) => value - (bare[index] ?? Number.NaN));
  console.log(`the migrator adds ${median(differences).toFixed(1)} ms (median of the pairs' differences)`);
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
