// The generator on a copy of the tree with other migrations, as the harness of the tests makes one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { MigrationFile } from '../src/migrator/migration-catalog.ts';

const root = dirname(import.meta.dirname);

describe('the generator of migrations.gen.ts', () => {
  let copy: string;
  let generated: string;
  before(() => {
    copy = mkdtempSync(join(tmpdir(), 'catatlas-generate-'));
    generated = join(copy, 'src/migrator/migrations.gen.ts');
    for (const folder of ['scripts', 'src/migrator', 'src/config'])
      cpSync(join(root, folder), join(copy, folder), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  });
  after(() => rmSync(copy, { recursive: true, force: true }));
  beforeEach(() => {
    rmSync(join(copy, 'migrations'), { recursive: true, force: true });
    rmSync(generated, { force: true });
    mkdirSync(join(copy, 'migrations'));
  });

  const write = (file: string, sql: string) => writeFileSync(join(copy, 'migrations', file), sql);
  const run = (...args: string[]) => {
    const script = join(copy, 'scripts/generate-migrations.ts');
    const { status, stdout, stderr } = spawnSync('bun', [script, ...args], { encoding: 'utf8' });
    return { status, output: stdout + stderr };
  };
  const load = async () => {
    // Another name each time: a module is loaded once.
    const fresh = join(dirname(generated), `generated-${performance.now()}.ts`);
    cpSync(generated, fresh);
    return ((await import(fresh)) as { migrationFiles: MigrationFile[] }).migrationFiles;
  };
  const placed =
    '-- compat: expand\n-- Makes cats.\ncreate table cats (id bigint, name text);\n-- down:\ndrop table cats;\n';
  const indexed =
    '-- compat: expand\n-- transaction: none\ncreate index concurrently by_name on cats (name);\n-- down:\ndrop index concurrently if exists by_name;\n';

  test('writes what the files are, and can tell whether it is up to date', async () => {
    write('0001_cats.sql', placed);
    write('0002_names.sql', indexed);
    write('notes.txt', 'no migration');
    assert.deepEqual(run(), { status: 0, output: '' });
    const [first, second, ...others] = await load();
    assert.deepEqual(others, []);
    assert.deepEqual([first?.file, first?.sql], ['0001_cats.sql', placed]);
    assert.deepEqual(second?.facts, {
      statements: [
        {
          start: indexed.indexOf('create'),
          end: indexed.indexOf(';'),
          summary: 'create index concurrently by_name on cats',
          locks: [{ relation: 'cats', mode: 'SHARE UPDATE EXCLUSIVE', creates: false }],
        },
      ],
      downStatements: [
        {
          start: indexed.indexOf('drop'),
          end: indexed.lastIndexOf(';'),
          summary: 'drop index concurrently if exists by_name',
          locks: [{ relation: 'cats', mode: 'SHARE UPDATE EXCLUSIVE', creates: false }],
        },
      ],
      buildsIndex: 'by_name',
      findings: [],
    });
    assert.deepEqual(run('--check'), { status: 0, output: '' });
    write('0002_names.sql', indexed.replaceAll('by_name', 'by_title'));
    const { status, output } = run('--check');
    assert.equal(status, 1);
    assert.match(output, /migrations\.gen\.ts is out of date: run `bun run generate`/);
  });

  test('a checkout with CRLF makes the same', () => {
    write('0001_cats.sql', placed);
    write('0002_names.sql', indexed);
    assert.equal(run().status, 0);
    const made = readFileSync(generated, 'utf8');
    write('0001_cats.sql', placed.replaceAll('\n', '\r\n'));
    write('0002_names.sql', indexed.replaceAll('\n', '\r\n'));
    assert.equal(run().status, 0);
    assert.equal(readFileSync(generated, 'utf8'), made);
  });

  test('says everything that is wrong with every file, and writes nothing', () => {
    write('0001_cats.sql', placed);
    write('0002_names.sql', 'create tabel x ();');
    write('0003_age.sql', 'alter table cats add column age int;\nbegin;\n');
    write('0004_color.sql', '-- compat: expnad\nselect 1;\n');
    write('5_more.sql', 'select 1;');
    const { status, output } = run();
    assert.equal(status, 1);
    for (const line of [
      /^migrations\/0002_names\.sql:1:8 syntax: syntax error at or near "tabel"$/m,
      /^migrations\/0003_age\.sql:1:1 header-required: /m,
      /^migrations\/0003_age\.sql:1:1 down-required: /m,
      /^migrations\/0003_age\.sql:1:33 prefer-bigint: column age: /m,
      /^migrations\/0003_age\.sql:2:1 transaction-control: begin: /m,
      /^migrations\/0004_color\.sql: compat: expnad, expected expand or contract$/m,
      /^migrations\/5_more\.sql: a name looks like 0001_what_it_does\.sql$/m,
    ])
      assert.match(output, line);
    assert.throws(() => readFileSync(generated), /ENOENT/);
  });

  test('what a file allows is kept with its reason', async () => {
    write('0001_cats.sql', placed);
    write('0002_names.sql', indexed);
    write(
      '0003_stars.sql',
      '-- compat: expand\n-- down: irreversible\n-- Stars.\n-- allow: prefer-bigint "five" at most\nalter table cats add column stars int;\n',
    );
    assert.deepEqual(run(), { status: 0, output: '' });
    const [finding, ...others] = (await load())[2]?.facts.findings ?? [];
    assert.deepEqual(others, []);
    assert.deepEqual([finding?.rule, finding?.line, finding?.allowed], ['prefer-bigint', 5, '"five" at most']);
  });
});
