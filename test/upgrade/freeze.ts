// Makes schema-N.sql for the last version of migrations/: the dump before it, migrated. Run once, when the version is released;
// a dump that is there is never made again. Needs pg_dump (Debian: postgresql-client).
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import postgres from 'postgres';
import { build } from '../../src/build.ts';
import { loadCatalog } from '../../src/migrator/migration-catalog.ts';
import { startPostgres } from '../harness/postgres.ts';
import { root } from '../harness/target.ts';

const version = loadCatalog().length;
const server = await startPostgres({ version: 15 });
try {
  const url = await server.createDatabase();
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(readFileSync(`${import.meta.dirname}/schema-${version - 1}.sql`, 'utf8'));
  await sql.end();
  const env = { ...process.env, DATABASE_URL: url, DEBUG: 'true' };
  execFileSync('bun', ['--no-env-file', 'src/main.ts', 'migrate'], { cwd: root, env, stdio: 'inherit' });
  const dump = execFileSync('pg_dump', ['--inserts', '--no-owner', '--no-privileges', url], { encoding: 'utf8' });
  // Comments, commands of psql, and settings that older servers do not know are not for a driver.
  const lines = dump
    .split('\n')
    .filter((line) => !/^(--|\\|SET transaction_timeout|SELECT pg_catalog\.set_config\('search_path')/.test(line));
  writeFileSync(
    `${import.meta.dirname}/schema-${version}.sql`,
    `-- A database at schema version ${version}, made by version ${build.version}, as pg_dump wrote it. Frozen.\n${lines.join('\n').replace(/\n{2,}/g, '\n\n')}`,
    { flag: 'wx' },
  );
} finally {
  await server.stop();
}
