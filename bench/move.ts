// Moving data, side by side with psql: `catatlas backup restore` and `catatlas import sqlite` beside `\copy` of the same rows into the same
// tables, in turns, on one PostgreSQL 18. Peak memory beside that of a seed of one entry. `bun bench/move.ts [ENTRIES]`
import { Database } from 'bun:sqlite';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { firstServerSchema } from '../src/import/sqlite-file.fixture.ts';
import { sourceTables } from '../src/import/sqlite-tables.ts';
import { startPostgres } from '../test/harness/postgres.ts';

const entries = Number(process.argv[2] ?? 1_000_000);
const rounds = 2;
const binary = fileURLToPath(new URL('../dist/catatlas', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'catatlas-bench-'));
const archive = join(folder, 'cats.tar');
const sqlite = join(folder, 'learninglog.db');
const names = sourceTables.map(({ name }) => name);

/** Runs a program to its end. Seconds, and the most memory it held at once, in MB. */
async function measure(command: string, args: string[], url: string): Promise<{ seconds: number; megabytes: number }> {
  const began = performance.now();
  const child = spawn(command, args, {
    env: { ...process.env, DATABASE_URL: url, HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let peak = 0;
  const watch = setInterval(() => {
    try {
      const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      peak = Math.max(peak, Number(kilobytes ?? 0) / 1024);
    } catch {
      // It has just ended.
    }
  }, 50);
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  const code = await new Promise((resolve) => child.once('exit', resolve));
  clearInterval(watch);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${code}\n${errors.slice(-2000)}`);
  return { seconds: (performance.now() - began) / 1000, megabytes: peak };
}

function run(command: string, args: string[], url = ''): void {
  const { status, stderr } = spawnSync(command, args, {
    env: { ...process.env, DATABASE_URL: url, HOME: folder },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

const server = await startPostgres({ version: 18, settings: { shared_buffers: '512MB', max_wal_size: '4GB' } });
try {
  const migrated = async () => {
    const url = await server.createDatabase();
    run(binary, ['migrate'], url);
    return url;
  };
  const idle = await measure(binary, ['seed', '--entries', '1', '--yes'], await migrated());
  const source = await migrated();
  const seed = await measure(binary, ['seed', '--entries', String(entries), '--yes'], source);
  const create = await measure(binary, ['backup', 'create', archive], source);
  for (const name of names) run('psql', [source, '-qc', `\\copy ${name} to '${join(folder, name)}'`]);
  await writeSqliteFile(source);

  const times: Record<'psql' | 'restore' | 'import', { seconds: number; megabytes: number }[]> = {
    psql: [],
    restore: [],
    import: [],
  };
  for (let round = 0; round < rounds; round += 1) {
    const copies = names.flatMap((name) => ['-c', `\\copy ${name} from '${join(folder, name)}'`]);
    const into = await migrated();
    times.psql.push(await measure('psql', [into, '-q1', ...copies], into));
    times.restore.push(await measure(binary, ['backup', 'restore', archive], await server.createDatabase()));
    times.import.push(await measure(binary, ['import', 'sqlite', sqlite], await migrated()));
  }

  const least = (values: { seconds: number }[]) => Math.min(...values.map(({ seconds }) => seconds));
  const most = (values: { megabytes: number }[]) => Math.max(...values.map(({ megabytes }) => megabytes));
  const line = (what: string, { seconds, megabytes }: { seconds: number; megabytes: number }, ratio = '') =>
    console.log(
      `${what.padEnd(16)} ${seconds.toFixed(1).padStart(7)} s  +${(megabytes - idle.megabytes).toFixed(0)} MB  ${ratio}`,
    );
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores; ${entries} entries, PostgreSQL 18; best of ${rounds}`);
  line('seed', seed);
  line('backup create', create);
  const copy = least(times.psql);
  console.log(`${'psql \\copy'.padEnd(16)} ${copy.toFixed(1).padStart(7)} s`);
  for (const what of ['restore', 'import'] as const)
    line(
      what,
      { seconds: least(times[what]), megabytes: most(times[what]) },
      `${((copy / least(times[what])) * 100).toFixed(0)} % of the rate of psql`,
    );
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** The rows of a database as the first server kept them. */
async function writeSqliteFile(url: string): Promise<void> {
  const file = new Database(sqlite);
  file.run('pragma synchronous = off');
  const sql = postgres(url, { max: 1, types: {}, fetch_types: false });
  try {
    for (const { name, columns } of sourceTables) {
      file.run(firstServerSchema[name]);
      const values = columns.map(({ target, kind }) => {
        if (kind === 'moment') return `to_char(${target} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
        if (kind === 'flag') return `${target}::int`;
        return kind === 'tags' || kind === 'insight' ? `${target}::text` : target;
      });
      const marks = columns.map(() => '?').join(', ');
      const insert = file.prepare(
        `insert into ${name} (${columns.map((each) => each.source).join(', ')}) values (${marks})`,
      );
      for await (const rows of sql
        .unsafe(`select ${values.join(', ')} from ${name}`)
        .values()
        .cursor(10_000)) {
        file.run('begin');
        for (const row of rows) insert.run(...(row as string[]));
        file.run('commit');
      }
    }
  } finally {
    await sql.end();
    file.close();
  }
}
