import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openForWriting, writeSqlite } from '../import/sqlite-file.fixture.ts';
import { openSqlite } from './sqlite.ts';

describe('openSqlite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'catatlas-sqlite-'));
  const path = join(folder, 'a.db');
  before(() =>
    writeSqlite(
      path,
      'create table t (id integer primary key, a, b)',
      `insert into t values (1, 'Grüße 🐈', 9223372036854775807), (2, cast(x'ff41' as text), 1.5), (3, x'00ff', null), (4, 'x' || char(0) || 'y', -1)`,
    ),
  );
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('gives each value in its type, whole numbers without loss', async () => {
    const reader = await openSqlite(path);
    const rows = reader.all('select id, a, b from t where id < 4 order by id').map((row) => ({ ...row }));
    assert.deepEqual(rows, [
      { id: 1n, a: 'Grüße 🐈', b: 9223372036854775807n },
      { id: 2n, a: '\ufffdA', b: 1.5 },
      { id: 3n, a: new Uint8Array([0, 255]), b: null },
    ]);
    reader.close();
  });

  it('gives the bytes of a text that is cast to blob', async () => {
    const reader = await openSqlite(path);
    const [row] = reader.all('select cast(a as blob) as bytes, octet_length(a) as octets from t where id = ?', 4n);
    assert.deepEqual({ ...row }, { bytes: new Uint8Array([0x78, 0, 0x79]), octets: 3n });
    reader.close();
  });

  it('says so where a page of the file is damaged', async () => {
    const broken = join(folder, 'broken.db');
    await writeSqlite(
      broken,
      'create table t (id integer primary key, a)',
      'with recursive n (i) as (select 1 union all select i + 1 from n where i < 3000) insert into t select i, hex(randomblob(100)) from n',
    );
    const file = openSync(broken, 'r+');
    writeSync(file, new Uint8Array(4096).fill(255), 0, 4096, 4096 * 60);
    closeSync(file);
    const reader = await openSqlite(broken);
    assert.equal(reader.all('select id from t where id < 10').length, 9);
    assert.throws(() => reader.all('select id, a from t'), /malformed/);
    reader.close();
  });

  it('does not write', async () => {
    const reader = await openSqlite(path);
    assert.throws(() => reader.all(`insert into t values (9, '', 0)`), /readonly/);
    reader.close();
    await assert.rejects(openSqlite(join(folder, 'none.db')), /unable to open/);
  });

  it('sees what another process has written ahead, and stays at one moment in a transaction', async () => {
    const other = join(folder, 'wal.db');
    const writer = await openForWriting(other);
    writer.exec('pragma journal_mode = wal');
    writer.exec('create table t (id integer primary key)');
    writer.exec('insert into t values (1)');
    const reader = await openSqlite(other);
    const count = () => reader.all('select count(*) as n from t')[0]?.['n'];
    assert.deepEqual(reader.all('begin'), []);
    assert.equal(count(), 1n);
    writer.exec('insert into t values (2)');
    assert.equal(count(), 1n);
    assert.deepEqual(reader.all('rollback'), []);
    assert.equal(count(), 2n);
    reader.close();
    writer.close();
  });
});
