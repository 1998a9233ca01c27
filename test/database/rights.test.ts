// The rights that commands need, against real servers: with those of the list a command works, without any one of them it ends with
// exit code 1 and the statement that grants it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseArguments } from '../../src/cli/arguments.ts';
import { CommandFailure } from '../../src/cli/command.ts';
import { ExitCode } from '../../src/cli/exit-codes.ts';
import { commands } from '../../src/commands/help.ts';
import { connectPostgres, type Sql } from '../../src/database/connect.ts';
import { findMissingGrants } from '../../src/database/rights.ts';
import { firstServerSchema, writeSqlite } from '../../src/import/sqlite-file.fixture.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { eventually, openWorkshop } from '../runtime/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'catatlas-rights-'));
const sqlite = join(folder, 'learninglog.db');
const now = `'2026-01-01T00:00:00Z'`;
const archive = join(folder, 'cats.tar');

before(() =>
  writeSqlite(
    sqlite,
    firstServerSchema.entries,
    `insert into entries (id, text, createdAt) values (1, 'good', ${now})`,
  ),
);
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command in this process, with the exit code and all that it writes. */
async function run(line: readonly string[], env: Record<string, string>) {
  let written = '';
  const write = (text: string) => {
    written += text;
  };
  const command = await commands.find(({ name }) => name === line[0])?.load();
  assert.ok(command);
  const io = { stdout: write, stderr: write, env, isTerminal: false, shutdown: new AbortController().signal };
  try {
    return { code: await command.run(parseArguments(command, line.slice(1)), io), written };
  } catch (error) {
    if (error instanceof CommandFailure) return { code: error.exitCode, written: `${written}${error.message}` };
    throw error;
  }
}

interface Trial {
  name: string;
  line(this: void): string[];
  /** What the database has: the schema with rows, the schema alone, or nothing. */
  start: 'rows' | 'schema' | 'first migration' | 'nothing';
  /** Each of them taken away alone keeps the command from working. */
  needs: readonly string[];
}

const connect = 'connect on database';
const usage = 'usage on schema public';
const owned = 'alter table public.cats owner';
let files = 0;

const trials: Trial[] = [
  {
    name: 'migrate, of an empty database',
    line: () => ['migrate', 'up'],
    start: 'nothing',
    needs: [connect, usage, 'create on schema public'],
  },
  {
    name: 'migrate',
    line: () => ['migrate', 'up'],
    start: 'first migration',
    needs: [connect, usage, 'create on schema public', 'alter table public.entries owner'],
  },
  {
    name: 'backup create',
    line: () => ['backup', 'create', join(folder, `${files++}.tar`)],
    start: 'rows',
    needs: [
      connect,
      usage,
      'select on public.entries',
      'select on public.catatlas_migrations',
      'select on sequence public.entries_id_seq',
    ],
  },
  {
    name: 'backup restore',
    line: () => ['backup', 'restore', archive, '--replace'],
    start: 'rows',
    needs: [connect, usage, 'create on database', 'create on schema public', owned],
  },
  {
    name: 'import',
    line: () => ['import', 'sqlite', sqlite, '--merge'],
    start: 'rows',
    needs: [connect, usage, 'temporary on database'],
  },
  {
    name: 'import into empty tables',
    line: () => ['import', 'sqlite', sqlite],
    start: 'schema',
    needs: [connect, usage, 'create on schema public', 'alter table public.entries owner'],
  },
  {
    name: 'seed',
    line: () => ['seed', '--entries', '5', '--yes'],
    start: 'schema',
    needs: [
      connect,
      usage,
      'select on public.entries',
      'select on public.catatlas_migrations',
      'insert on public.cats',
      'update on public.entries',
      'update on sequence public.entries_id_seq',
    ],
  },
];

for (const version of testedVersions) {
  describe(`rights on PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    before(async () => {
      server = await startPostgres({ version });
      if (existsSync(archive)) return;
      const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'True' };
      await run(['migrate', 'up'], env);
      assert.equal((await run(['backup', 'create', archive], env)).code, 0);
    });
    after(() => server.stop());

    /** A database for a role that may do nothing with it, and the superuser's handle on it. */
    async function prepare(start: Trial['start']) {
      const url = await server.createDatabase();
      const env = { DATABASE_URL: url, DEBUG: 'True' };
      if (start !== 'nothing') assert.equal((await run(['migrate', 'up'], env)).code, 0);
      const admin = connectPostgres({ url, applicationName: 'rights test', maxConnections: 1 });
      const role = `keeper_${randomUUID().slice(0, 8)}`;
      const [{ database }] = await admin.sql<[{ database: string }]>`select current_database() as database`;
      await admin.sql.unsafe(`create role ${role} login; revoke all on database ${database} from public;
        revoke all on schema public from public`);
      if (start === 'rows')
        await admin.sql.unsafe(`insert into entries (id, text, created_at) values (7, 'there', now())`);
      if (start === 'first migration') {
        const indexes = await admin.sql<{ name: string }[]>`
          select indexrelid::regclass::text as name from pg_index join pg_class on pg_class.oid = indexrelid
          where relnamespace = 'public'::regnamespace and not exists (select from pg_constraint where conindid = indexrelid)`;
        for (const { name } of indexes) await admin.sql.unsafe(`drop index ${name}`);
        await admin.sql`delete from catatlas_migrations where version > 1`;
      }
      return { admin, role, env: { ...env, DATABASE_URL: url.replace('postgres@', `${role}@`) } };
    }

    /** Takes back what a statement has granted. */
    async function takeBack(sql: Sql, statement: string): Promise<void> {
      await sql.unsafe(
        statement.startsWith('alter table')
          ? statement.replace(/owner to .*/, 'owner to postgres')
          : statement.replace('grant', 'revoke').replace(/ to (\w+)$/, ' from $1'),
      );
    }

    for (const { name, line, start, needs } of trials)
      test(`${name} names each right that is missing, and needs no other`, { timeout: 120_000 }, async () => {
        const { admin, role, env } = await prepare(start);
        try {
          // Without any: what is printed is run, until there is nothing more to print.
          const granted: string[] = [];
          const denied = await run(line(), env);
          assert.equal(denied.code, ExitCode.failure, denied.written);
          assert.match(denied.written, /permission denied for database.*grant connect on database/s);
          const { database } = (await admin.sql`select current_database() as database`)[0] as { database: string };
          granted.push(`grant connect on database ${database} to ${role}`);
          await admin.sql.unsafe(granted[0] ?? '');
          const told = await run(line(), env);
          assert.equal(told.code, ExitCode.failure, told.written);
          for (const [, statement = ''] of told.written.matchAll(/^ {2}(grant .*|alter table .*);$/gm)) {
            await admin.sql.unsafe(statement);
            granted.push(statement);
          }
          for (const need of needs) {
            const statement = granted.find((each) => each.includes(need) || matches(each, need));
            assert.ok(statement !== undefined, `${need} is not in ${told.written}`);
            await takeBack(admin.sql, statement);
            const { code, written } = await run(line(), env);
            assert.equal(code, ExitCode.failure, `without ${need}: ${written}`);
            assert.ok(
              written.includes(statement.replace(/^grant .* on (public|sequence)/, 'on $1').split(' to ')[0] ?? ''),
              `without ${need}: ${written}`,
            );
            await admin.sql.unsafe(statement);
          }
          const { code, written } = await run(line(), env);
          assert.equal(code, ExitCode.ok, written);
        } finally {
          await admin.close();
        }
      });

    test('serve reads and writes with its rights, and no others', { timeout: 120_000 }, async () => {
      const { admin, role, env } = await prepare('rows');
      const workshop = openWorkshop();
      try {
        const tables = ['cats', 'entries', 'analyses', 'cat_insights', 'cat_comments', 'catatlas_migrations'];
        await admin.sql.unsafe(`set role ${role}`);
        const statements = await findMissingGrants(admin.sql, 'serve', tables);
        await admin.sql.unsafe('reset role');
        for (const statement of statements) await admin.sql.unsafe(statement);
        const server = workshop.launch(['serve'], { env });
        const url = await server.url();
        const ready = async () => (await fetch(`${url}/health/ready`)).ok || undefined;
        await eventually('the server is ready', ready, 60_000);
        const headers = { 'content-type': 'application/json' };
        const posted = await fetch(`${url}/entries`, { method: 'POST', headers, body: '{"text":"a grey cat"}' });
        assert.equal(posted.status, 200, await posted.clone().text());
        const { id } = (await posted.json()) as { id: number };
        assert.equal((await fetch(`${url}/entries/${id}/analyze`, { method: 'POST' })).status, 200);
        assert.equal((await fetch(`${url}/entries/${id}`, { method: 'DELETE' })).status, 204);
      } finally {
        await workshop.close();
        await admin.close();
      }
    });
  });
}

/** Privileges of one object are granted together: `grant insert, select on public.cats to keeper`. */
function matches(statement: string, need: string): boolean {
  const [privilege = '', object = ''] = need.split(' on ');
  return new RegExp(`^grant [a-z, ]*\\b${privilege}\\b[a-z, ]* on ${object} `).test(statement);
}
