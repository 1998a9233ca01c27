// The restore drill of backup.yml, run as it stands there: with the executable, an archive of it, and a real PostgreSQL.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import openSql from 'postgres';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { commandLine } from '../harness/target.ts';
import { type Stage, setStage } from './fakes.ts';

const title = 'Restore it, compare every row, and bring the schema up';
const count = 40;

describe('the restore drill', () => {
  let postgres: RunningPostgres;
  let stage: Stage;
  let folder: string;
  let key: string;
  const [program] = commandLine([], 'binary');
  const run = (args: string[], env: Record<string, string> = {}) =>
    execFileSync(program, args, { cwd: folder, encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', ...env } });
  const drill = async (env: Record<string, string> = {}) =>
    await stage.runStep(
      'backup.yml',
      'drill',
      title,
      { BACKUP_IDENTITY: key, TARGET: await postgres.createDatabase(), ...env },
      folder,
    );

  before(
    async () => {
      postgres = await startPostgres({ version: 18 });
      stage = await setStage({});
      folder = join(stage.temporary, 'drill');
      mkdirSync(join(folder, 'dist'), { recursive: true });
      symlinkSync(program, join(folder, 'dist/catatlas'));
      mkdirSync(join(folder, 'archive'));
      const keys = run(['backup', 'key']);
      key = /^AGE-SECRET-KEY-.*$/m.exec(keys)?.[0] ?? assert.fail(keys);
      const recipient = /^# recipient.*: (age1\S+)$/m.exec(keys)?.[1] ?? assert.fail(keys);
      const source = { DATABASE_URL: await postgres.createDatabase() };
      run(['migrate', 'up'], source);
      run(['seed', '--entries', String(count), '--yes'], source);
      run(['backup', 'create', 'archive/one.age', '--recipient', recipient], source);
      execFileSync('sh', ['-c', 'cd archive && sha256sum -- *.age > SHA256SUMS'], { cwd: folder });
    },
    { timeout: 120_000 },
  );
  after(async () => {
    await stage?.close();
    await postgres?.stop();
  });

  test('passes: every row is in the server, and the run says how long it took', async () => {
    const target = await postgres.createDatabase();
    const { code, output, summary } = await drill({ TARGET: target });
    assert.equal(code, 0, output);
    assert.match(output, /^Verified: restored, compared row by row/m);
    assert.match(output, /^The schema is what the files up to version \d+ make/m);
    assert.match(summary, /^Restored and compared in \d+ s$/m);
    const sql = openSql(target, { max: 1 });
    try {
      const [row] = await sql<[{ entries: number }]>`select count(*)::int as entries from entries`;
      assert.equal(row.entries, count);
    } finally {
      await sql.end();
    }

    const again = await drill({ TARGET: target });
    assert.notEqual(again.code, 0, 'into a database that has data');
  });

  test('fails: with another key, and with an archive that is not as it was', async () => {
    const other = /^AGE-SECRET-KEY-.*$/m.exec(run(['backup', 'key']))?.[0] ?? '';
    for (const ended of [await drill({ BACKUP_IDENTITY: other }), await drill({ BACKUP_IDENTITY: '' })]) {
      assert.notEqual(ended.code, 0);
      assert.doesNotMatch(ended.output, /Verified|Restored and/);
    }
    appendFileSync(join(folder, 'archive/one.age'), 'x');
    const changed = await drill();
    assert.notEqual(changed.code, 0);
    assert.match(changed.output, /one\.age: FAILED/);
    for (const name of readdirSync(join(folder, 'archive'))) rmSync(join(folder, 'archive', name));
    assert.notEqual((await drill()).code, 0, 'without an archive');
  });
});
