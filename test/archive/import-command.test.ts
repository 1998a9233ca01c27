import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseArguments } from '../../src/cli/arguments.ts';
import { type Command, CommandFailure, UsageError } from '../../src/cli/command.ts';
import { ExitCode } from '../../src/cli/exit-codes.ts';
import { command as importCommand } from '../../src/commands/import.ts';
import { command as migrateCommand } from '../../src/commands/migrate.ts';
import { command as seedCommand } from '../../src/commands/seed.ts';
import { connectPostgres } from '../../src/database/connect.ts';
import { firstServerSchema, writeSqlite } from '../../src/import/sqlite-file.fixture.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';

const now = `'2026-01-01T00:00:00Z'`;

describe('catatlas import and seed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'catatlas-import-command-'));
  const path = join(folder, 'learninglog.db');
  const bad = join(folder, 'bad.jsonl');
  let server: RunningPostgres;

  before(async () => {
    server = await startPostgres({ version: testedVersions.at(-1) ?? 18 });
    await writeSqlite(
      path,
      firstServerSchema.entries,
      `insert into entries (id, text, createdAt) values (1, 'good', ${now}), (2, '', ${now})`,
    );
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a command to its end. */
  async function run(command: Command, line: string[], env: Record<string, string>) {
    const written = { stdout: '', stderr: '' };
    const io = {
      stdout(text: string) {
        written.stdout += text;
      },
      stderr(text: string) {
        written.stderr += text;
      },
      env,
      isTerminal: false,
      shutdown: new AbortController().signal,
    };
    try {
      const code = await command.run(parseArguments(command, line), io);
      return { code, ...written };
    } catch (error) {
      if (error instanceof CommandFailure) return { code: error.exitCode, ...written, stderr: error.message };
      if (error instanceof UsageError) return { code: ExitCode.usage, ...written, stderr: error.message };
      throw error;
    }
  }

  it('rehearses in memory where there is nothing yet, as it would be done, and leaves nothing', async () => {
    const url = await server.createDatabase();
    const directory = join(folder, 'never-made');
    const places: Record<string, string>[] = [{ DATABASE_URL: url, DEBUG: 'True' }, { DATA_DIR: directory }];
    for (const [index, env] of places.entries()) {
      const refused = await run(importCommand, ['sqlite', path, '--dry-run'], env);
      assert.equal(refused.code, ExitCode.failure);
      assert.match(refused.stderr, /entries 2: text is empty/);
      const skipping = ['--skip-bad', join(folder, `dry-${index}.jsonl`)];
      const dry = await run(importCommand, ['sqlite', path, '--dry-run', ...skipping], env);
      assert.equal(dry.code, ExitCode.ok, dry.stderr);
      assert.match(dry.stdout, /entries +2 +1 +0 +1 +0 /);
      assert.match(dry.stdout, /This would work\./);
    }
    assert.deepEqual([existsSync(directory), existsSync(`${directory}.lock`)], [false, false]);
    const database = connectPostgres({ url, applicationName: 'test' });
    try {
      const tables = await database.sql`select relname from pg_class where relnamespace = 'public'::regnamespace`;
      assert.deepEqual([...tables], []);
    } finally {
      await database.close();
    }
  });

  it('takes a schema that is older for what it is in a dry run, and never that of somebody else', async () => {
    const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'True' };
    const older = { DATABASE_URL: await server.createDatabase(), DEBUG: 'True' };
    assert.equal((await run(migrateCommand, ['up', '--to', '1'], older)).code, ExitCode.ok);
    const dry = await run(importCommand, ['sqlite', path, '--dry-run'], older);
    assert.equal(dry.code, ExitCode.migrationsPending);
    assert.match(dry.stderr, /at version 1 of \d+: run catatlas migrate first/);
    const database = connectPostgres({ url: env.DATABASE_URL, applicationName: 'test' });
    try {
      await database.sql`create table entries (id integer)`;
      for (const also of [[], ['--dry-run']])
        assert.equal((await run(importCommand, ['sqlite', path, ...also], env)).code, ExitCode.migrationsPending);
      await database.sql`drop table entries`;
    } finally {
      await database.close();
    }
    const own = join(folder, 'brought-up.jsonl');
    assert.equal((await run(importCommand, ['sqlite', path, '--skip-bad', own], env)).code, ExitCode.ok);
  });

  it('stops at bad rows, or writes them into a file that only the owner reads', async () => {
    const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'True' };
    const refused = await run(importCommand, ['sqlite', path, '--json'], env);
    assert.equal(refused.code, ExitCode.failure);
    assert.match(refused.stderr, /entries 2: text is empty/);
    assert.deepEqual(JSON.parse(refused.stdout).bad_rows, [{ table: 'entries', id: 2, problems: ['text is empty'] }]);

    const imported = readFileSync(path);
    const itself = await run(importCommand, ['sqlite', path, '--skip-bad', path], env);
    assert.equal(itself.code, ExitCode.usage);
    assert.match(itself.stderr, /exists already and is not overwritten/);
    assert.deepEqual(readFileSync(path), imported);

    const done = await run(importCommand, ['sqlite', path, '--skip-bad', bad], env);
    assert.equal(done.code, ExitCode.ok);
    assert.match(done.stdout, /entries +2 +1 +0 +1 +0 {2}[0-9a-f]{64}\n/);
    assert.match(done.stdout, /1 × entries: text is empty/);
    const [line, ...rest] = readFileSync(bad, 'utf8').split('\n');
    assert.deepEqual(rest, ['']);
    const { row, ...facts } = JSON.parse(line ?? '');
    assert.deepEqual(facts, { table: 'entries', id: 2, problems: ['text is empty'], outcome: 'left out' });
    assert.equal(row.createdAt, '2026-01-01T00:00:00Z');
    assert.equal(statSync(bad).mode & 0o077, 0);

    const kept = readFileSync(bad, 'utf8');
    const over = await run(importCommand, ['sqlite', path, '--skip-bad', bad, '--dry-run'], env);
    assert.deepEqual([over.code, readFileSync(bad, 'utf8')], [ExitCode.usage, kept]);
    const other = join(folder, 'again.jsonl');
    const again = await run(importCommand, ['sqlite', path, '--skip-bad', other, '--json'], env);
    assert.equal(JSON.parse(again.stdout).outcome, 'nothing to do');

    const database = connectPostgres({ url: env.DATABASE_URL, applicationName: 'test' });
    await database.sql`update entries set text = 'edited'`;
    await database.close();
    const nowhere = await run(importCommand, ['sqlite', path, '--skip-bad', join(folder, 'no', 'x.jsonl')], env);
    assert.equal(nowhere.code, ExitCode.usage);
    assert.match(nowhere.stderr, /^--skip-bad: ENOENT/);
    const unused = join(folder, 'unused.jsonl');
    const differs = await run(importCommand, ['sqlite', path, '--skip-bad', unused], env);
    assert.deepEqual([differs.code, existsSync(unused)], [ExitCode.failure, false]);
  });

  it('repairs bad rows into a database that reads back, and lists them in a report that only the owner reads', async () => {
    const broken = join(folder, 'broken.db');
    await writeSqlite(
      broken,
      ...Object.values(firstServerSchema),
      `insert into cats values (-1, 'Browny', ${now}, null)`,
      `insert into entries (id, text, createdAt, cat_id, location_lat) values (0, 'first', ${now}, -1, 52.5), (4, '', 'never', 9, 1)`,
      `insert into cat_comments values (1, -1, 'Ali', '', ${now}, ${now}), (2, 9, 'Ali', 'of a cat that has gone', ${now}, ${now})`,
    );
    const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'True' };
    const refused = await run(importCommand, ['sqlite', broken], env);
    assert.equal(refused.code, ExitCode.failure);
    assert.match(refused.stderr, /let --repair put their bad values right/);
    const both = await run(importCommand, ['sqlite', broken, '--repair', '--skip-bad', 'x.jsonl'], env);
    assert.equal(both.code, ExitCode.usage);

    const here = process.cwd();
    const reports = join(folder, 'reports');
    mkdirSync(reports);
    process.chdir(reports);
    try {
      const done = await run(importCommand, ['sqlite', broken, '--repair'], env);
      assert.equal(done.code, ExitCode.ok, done.stderr);
      const [name = '', ...others] = readdirSync(reports);
      assert.deepEqual(others, []);
      assert.match(name, /^catatlas-repairs-\d{17}\.jsonl$/);
      assert.equal(statSync(name).mode & 0o077, 0);
      assert.ok(done.stdout.includes(`with its old values: ${realpathSync(name)}\n`), done.stdout);
      assert.match(done.stdout, /entries +2 +2 +0 +0 +2 /);
      const lines = readFileSync(name, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        lines.map(({ table, id, outcome, repaired }) => [table, id, outcome, repaired]),
        [
          ['cats', -1, 'repaired', { id: 1 }],
          [
            'entries',
            4,
            'repaired',
            {
              text: '[no text]',
              createdAt: '1970-01-01T00:00:00Z',
              cat_id: null,
              location_lat: null,
              location_lon: null,
            },
          ],
          ['entries', 0, 'repaired', { id: 5, cat_id: 1, location_lat: null, location_lon: null }],
          ['cat_comments', 1, 'repaired', { cat_id: 1, content: '[no text]' }],
          ['cat_comments', 2, 'left out', undefined],
        ],
      );
      assert.equal(lines[4].row.content, 'of a cat that has gone');
      const again = await run(importCommand, ['sqlite', broken, '--repair', '--json'], env);
      assert.equal(JSON.parse(again.stdout).outcome, 'nothing to do', again.stderr);
      assert.equal(readdirSync(reports).length, 2);
      const database = connectPostgres({ url: env.DATABASE_URL, applicationName: 'test' });
      const rows = await database.sql`select id, text, cat_id, location_lat from entries order by id`;
      await database.close();
      assert.deepEqual(
        [...rows],
        [
          { id: 4, text: '[no text]', cat_id: null, location_lat: null },
          { id: 5, text: 'first', cat_id: 1, location_lat: null },
        ],
      );
    } finally {
      process.chdir(here);
    }
  });

  it('leaves out and lists what other programs added to the file, when that is asked for', async () => {
    const replicated = join(folder, 'replicated.db');
    await writeSqlite(
      replicated,
      firstServerSchema.entries,
      'create table _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)',
      'alter table entries add column colour TEXT',
      `insert into entries (id, text, createdAt, colour) values (1, 'good', ${now}, 'red')`,
    );
    const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'True' };
    const refused = await run(importCommand, ['sqlite', replicated], env);
    assert.equal(refused.code, ExitCode.failure);
    assert.match(refused.stderr, /: --ignore-unknown$/);
    const done = await run(importCommand, ['sqlite', replicated, '--ignore-unknown'], env);
    assert.equal(done.code, ExitCode.ok, done.stderr);
    assert.match(done.stdout, /first server did not make it: column entries\.colour, table _litestream_seq\n/);
    const json = await run(importCommand, ['sqlite', replicated, '--ignore-unknown', '--json'], env);
    assert.deepEqual(JSON.parse(json.stdout).ignored, ['column entries.colour', 'table _litestream_seq']);
  });

  it('makes no file of bad rows where none is bad, so that the same command can be run again', async () => {
    const good = join(folder, 'good.db');
    await writeSqlite(
      good,
      firstServerSchema.entries,
      `insert into entries (id, text, createdAt) values (1, 'good', ${now})`,
    );
    const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'True' };
    const none = join(folder, 'none.jsonl');
    for (let time = 0; time < 2; time += 1) {
      const { code, stderr } = await run(importCommand, ['sqlite', good, '--skip-bad', none], env);
      assert.deepEqual([code, existsSync(none)], [ExitCode.ok, false], stderr);
    }
  });

  it('says what is wrong with a file before it asks for a database', async () => {
    const env = { DATABASE_URL: 'postgresql://127.0.0.1:1/none', DEBUG: 'True' };
    const missing = await run(importCommand, ['sqlite', join(folder, 'none.db')], env);
    assert.deepEqual([missing.code, missing.stderr], [ExitCode.failure, `there is no file ${join(folder, 'none.db')}`]);
    assert.equal((await run(importCommand, ['sqlite', path], env)).code, ExitCode.databaseUnreachable);
  });

  it('seeds the same rows again, and not into a database with rows', async () => {
    const reports = [];
    for (let time = 0; time < 2; time += 1) {
      const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'True' };
      const { code, stdout } = await run(seedCommand, ['--entries', '300', '--seed', '7', '--json'], env);
      assert.equal(code, ExitCode.ok);
      reports.push(JSON.parse(stdout));
      const full = await run(seedCommand, ['--entries', '1'], env);
      assert.equal(full.code, ExitCode.failure);
      assert.match(full.stderr, /the database has data: .*entries \(300 rows\)/);
    }
    assert.deepEqual(reports[0], reports[1]);
  });

  it('seeds beside rows that are there when that is asked for, as often as one likes', async () => {
    const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'True' };
    assert.equal((await run(migrateCommand, [], env)).code, ExitCode.ok);
    const database = connectPostgres({ url: env.DATABASE_URL, applicationName: 'test' });
    try {
      // What the README has people do first; and ids of rows that have gone are not given again.
      await database.sql`insert into entries (text, created_at) values ('mine', now()), ('gone', now())`;
      await database.sql`delete from entries where text = 'gone'`;
      const refused = await run(seedCommand, ['--entries', '60'], env);
      assert.deepEqual([refused.code, /To add .*: --append\.$/.test(refused.stderr)], [ExitCode.failure, true]);
      for (let time = 0; time < 2; time += 1) {
        const { code, stderr } = await run(seedCommand, ['--entries', '60', '--append'], env);
        assert.equal(code, ExitCode.ok, stderr);
      }
      const [row] = await database.sql`
        select count(*)::int as entries, max(id)::int as highest, count(*) filter (where text = 'mine')::int as mine,
          (select nextval(pg_get_serial_sequence('entries', 'id')))::int as next,
          (select count(*)::int from entries as one join entries as other on other.id = one.id + 60 and other.text = one.text
            and other.cat_id is not distinct from one.cat_id + (select count(*) / 2 from cats) where one.id between 3 and 62) as alike,
          (select count(*)::int from cat_insights, jsonb_array_elements(insight -> 'citations') as citation
            where not exists (select from entries where id = (citation ->> 'entry_id')::bigint and cat_id = cat_insights.cat_id)) as astray
        from entries`;
      assert.deepEqual(row, { entries: 121, highest: 122, mine: 1, next: 123, alike: 60, astray: 0 });
    } finally {
      await database.close();
    }
  });

  it('seeds production only when that is said', async () => {
    const env = {
      DATABASE_URL: await server.createDatabase(),
      DEBUG: 'False',
      JWT_SECRET: 'd3b07384d113edec49eaa6238ad5ff00d3b07384d113edec49eaa6238ad5ff00',
      ALLOWED_ORIGINS: 'https://cats.example.org',
    };
    const refused = await run(seedCommand, ['--entries', '5'], env);
    assert.equal(refused.code, ExitCode.usage);
    assert.match(refused.stderr, /add --yes/);
    assert.equal((await run(seedCommand, ['--entries', '5', '--yes'], env)).code, ExitCode.ok);
    for (const line of [[], ['--entries', '0'], ['--entries', '1.5'], ['--entries', '5', '--seed', '-1']])
      assert.equal((await run(seedCommand, line, env)).code, ExitCode.usage);
  });
});
