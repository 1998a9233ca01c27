import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, afterEach, before, describe, it } from 'node:test';
import postgres from 'postgres';
import { silentLog } from '../observability/log.ts';
import { startChild } from './child-process.fixture.ts';
import { type EmbeddedDatabase, openEmbedded } from './embedded.ts';
import { damaged, explainFileError } from './embedded-directory.ts';

/** Each test starts a process or an engine or several: 5 s, Bun's default, is little on a busy machine. */
const slow = { timeout: 60_000 };

/** The one that the tests of damages copy. */
const keptDirectory = 'parent-healthy';

const scratch = mkdtempSync(join(tmpdir(), 'embedded-'));
// A database is a thousand files: they go after each test, or removing them all takes longer than a hook may.
afterEach(() => {
  for (const name of readdirSync(scratch)) {
    if (name !== keptDirectory) rmSync(join(scratch, name), { recursive: true, force: true });
  }
}, slow);
after(() => rmSync(scratch, { recursive: true, force: true }), slow);

let directories = 0;
function newPath(): string {
  directories += 1;
  return join(scratch, `parent-${directories}`, 'data');
}

type Options = postgres.Options<Record<string, never>>;

function connect(database: EmbeddedDatabase) {
  return postgres({ max: 1, onnotice() {}, socket: () => database.socket() } as Options);
}

/** Opens, runs, closes. */
async function withDatabase<Result>(
  dataDir: string,
  run: (sql: ReturnType<typeof connect>, database: EmbeddedDatabase) => Promise<Result>,
): Promise<Result> {
  // Being closed is no stop.
  const onStopped = (error: unknown) => assert.fail(String(error));
  const database = await openEmbedded({ dataDir, onStopped });
  const sql = connect(database);
  try {
    return await run(sql, database);
  } finally {
    await sql.end({ timeout: 5 });
    await database.close();
  }
}

/** A program that opens `dataDir`, then writes rows and prints each id once it is acknowledged. */
function startWriter(dataDir: string) {
  return startChild(
    scratch,
    `import postgres from ${JSON.stringify(import.meta.resolve('postgres'))};
     import { openEmbedded } from 'src/database/embedded.ts';
     console.log('starting');
     const database = await openEmbedded({ dataDir: ${JSON.stringify(dataDir)} });
     console.log('open');
     const sql = postgres({ max: 1, onnotice() {}, socket: () => database.socket() });
     await sql\`create table if not exists written (id bigint generated always as identity primary key, filler text)\`;
     for (;;) {
       const [row] = await sql\`insert into written (filler) values (repeat('x', 500)) returning id\`;
       console.log(row.id);
     }`,
  );
}

describe('openEmbedded', () => {
  it('makes the directory and its parents, keeps what is written, and leaves nothing beside it', slow, async () => {
    const dataDir = newPath();
    const exitCode = process.exitCode;
    await withDatabase(dataDir, async (sql, database) => {
      assert.match(database.version, /^18\./);
      assert.deepEqual(readdirSync(join(dataDir, '..')).toSorted(), ['data', 'data.lock']);
      assert.equal(JSON.parse(readFileSync(`${dataDir}.lock`, 'utf8')).pid, process.pid);
      await sql`create table kept (name text)`;
      await sql`insert into kept values ('Pamuk')`;
    });
    assert.deepEqual(readdirSync(join(dataDir, '..')), ['data']);
    assert.deepEqual(readdirSync(dataDir), ['postgres']);
    await withDatabase(dataDir, async (sql) => {
      assert.deepEqual([...(await sql`select name from kept`)], [{ name: 'Pamuk' }]);
    });
    assert.equal(process.exitCode, exitCode);
  });

  it('makes databases of UTF8, with a collation that does not depend on the machine', slow, async () => {
    await withDatabase('memory', async (sql) => {
      const [row] = await sql`
        select pg_encoding_to_char(encoding) as encoding, datcollate, datctype, current_setting('timezone') as zone
        from pg_database where datname = current_database()`;
      assert.deepEqual({ ...row }, { encoding: 'UTF8', datcollate: 'C', datctype: 'C.UTF-8', zone: 'UTC' });
    });
  });

  it(
    'refuses a directory that another process has, naming it, and gives it over when that was killed',
    slow,
    async () => {
      const dataDir = newPath();
      const child = startWriter(dataDir);
      assert.equal(await child.nextLine(), 'starting');
      assert.equal(await child.nextLine(), 'open');
      await assert.rejects(openEmbedded({ dataDir }), (error: Error & { pid?: number }) => {
        assert.equal(error.name, 'DirectoryInUseError');
        assert.equal(error.pid, child.pid);
        assert.ok(error.message.includes(`${child.pid}`) && error.message.includes(dataDir));
        return true;
      });
      await child.nextLine();
      await child.kill();
      await withDatabase(dataDir, async (sql) => {
        assert.ok((await sql`select id from written`).length > 0);
      });
    },
  );

  it('refuses itself, and works after a close', slow, async () => {
    const dataDir = newPath();
    const database = await openEmbedded({ dataDir });
    await assert.rejects(openEmbedded({ dataDir }), { name: 'DirectoryInUseError', pid: process.pid });
    await Promise.all([database.close(), database.close()]);
    await (await openEmbedded({ dataDir })).close();
  });

  it('starts after being killed at any moment of a first start', slow, async () => {
    for (let round = 0; round < 5; round++) {
      const dataDir = newPath();
      const child = startWriter(dataDir);
      assert.equal(await child.nextLine(), 'starting');
      // Not waiting for something: picking a moment. The start takes a few hundred milliseconds.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
      await child.kill();
      await withDatabase(dataDir, async (sql) => {
        await sql`create table alive (a int)`;
        assert.deepEqual(
          readdirSync(dataDir).filter((name) => name !== 'postgres'),
          [],
        );
      });
    }
  });

  it('finishes what was killed while it unpacked', slow, async () => {
    const dataDir = newPath();
    mkdirSync(join(dataDir, 'postgres.new-aBcDeF', 'base'), { recursive: true });
    writeFileSync(join(dataDir, 'postgres.new-aBcDeF', 'PG_VERSION'), '18\n');
    await withDatabase(dataDir, async (sql) => void (await sql`select 1`));
    assert.deepEqual(readdirSync(dataDir), ['postgres']);
  });

  it('keeps every acknowledged write of a killed process', slow, async () => {
    const dataDir = newPath();
    const acknowledged: number[] = [];
    for (let round = 0; round < 3; round++) {
      const child = startWriter(dataDir);
      assert.equal(await child.nextLine(), 'starting');
      assert.equal(await child.nextLine(), 'open');
      const enough = 1 + Math.floor(Math.random() * 600);
      for (let count = 0; count < enough; count++) acknowledged.push(Number(await child.nextLine()));
      await child.kill();
      acknowledged.push(...child.lines.map(Number));
    }
    await withDatabase(dataDir, async (sql) => {
      const found = new Set((await sql`select id::int as id from written`).map((row) => row['id']));
      assert.deepEqual(
        acknowledged.filter((id) => !found.has(id)),
        [],
      );
    });
  });

  it('does the housekeeping that no background process does', slow, async () => {
    const dataDir = newPath();
    await withDatabase(dataDir, async (sql) => {
      await sql`create table busy (id int primary key, filler text)`;
      await sql`insert into busy select id, repeat('x', 1000) from generate_series(1, 1000) id`;
      for (let round = 0; round < 600; round++) await sql`update busy set filler = filler || '' where id <= 100`;
      const [row] = await sql`
        select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') > 60e6 as written, n_dead_tup::int as dead, vacuum_count::int as vacuums
        from pg_stat_user_tables where relname = 'busy'`;
      assert.equal(row?.['written'], true);
      assert.ok(row['vacuums'] > 0);
      const wal = readdirSync(join(dataDir, 'postgres', 'pg_wal')).filter((name) => /^[0-9A-F]{24}$/.test(name));
      assert.ok(wal.length < 60, `${wal.length} MB of WAL are kept`);
    });
  });

  it('reports housekeeping that fails, and the connection goes on', slow, async () => {
    const warnings: unknown[] = [];
    const log = {
      ...silentLog,
      warn: (_message: string, fields?: Record<string, unknown>) => warnings.push(fields?.['error']),
    };
    const database = await openEmbedded({ dataDir: 'memory', log });
    const sql = connect(database);
    await sql`create role visitor`;
    await sql`revoke execute on function pg_control_checkpoint() from public`;
    await sql`set role visitor`;
    for (let count = 0; count < 300; count++) assert.equal((await sql`select 1`).length, 1);
    // In words, not in bytes of the protocol.
    assert.match(String(warnings[0]), /: ERROR 42501: permission denied for function pg_control_checkpoint$/);
    await sql.end();
    await database.close();
  });

  it('ends for good, and without hanging, when PostgreSQL ends', slow, async () => {
    const dataDir = newPath();
    const exitCode = process.exitCode;
    const stops: unknown[] = [];
    const database = await openEmbedded({ dataDir, onStopped: (error) => stops.push(error) });
    const sql = connect(database);
    await sql`create table kept (a int)`;
    await sql.end();
    const socket = database.socket();
    socket.resume();
    // A message type that does not exist is FATAL.
    const startup = Buffer.from('\0\0\0\x10\0\x03\0\0user\0x\0\0', 'latin1');
    startup.writeUInt32BE(startup.length);
    socket.write(Buffer.concat([startup, Buffer.from('~\0\0\0\x04S\0\0\0\x04', 'latin1')]));
    const [error] = await once(socket, 'error');
    assert.equal(error.code, 'ENGINE_STOPPED');
    assert.match(error.message, /invalid frontend message type/);
    const later = connect(database);
    await assert.rejects(async () => await later`select 1`, { code: 'ENGINE_STOPPED' });
    await later.end({ timeout: 1 });
    await database.close();
    assert.deepEqual(stops, [error]);
    assert.equal(process.exitCode, exitCode);
    await withDatabase(dataDir, async (next) => {
      assert.equal((await next`select * from kept`).length, 0);
    });
  });
});

describe('openEmbedded explains', () => {
  const healthy = join(scratch, keptDirectory, 'data');
  before(async () => await (await openEmbedded({ dataDir: healthy })).close(), slow);
  const copyHealthy = () => {
    const dataDir = newPath();
    cpSync(healthy, dataDir, { recursive: true });
    return dataDir;
  };

  it('a path that is a file, or goes through one', slow, async () => {
    const path = newPath();
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, 'not a directory');
    for (const dataDir of [path, join(path, 'below')]) {
      await assert.rejects(openEmbedded({ dataDir }), { name: 'EmbeddedDatabaseError', code: 'NOT_A_DIRECTORY' });
    }
    assert.equal(readFileSync(path, 'utf8'), 'not a directory');
  });

  it('a place that cannot be written', slow, () => {
    for (const code of ['EACCES', 'EROFS', 'ENOSPC']) {
      const error = explainFileError(Object.assign(new Error(code), { code }), '/srv/cats');
      assert.ok(error instanceof Error);
      assert.match(error.message, /cannot be kept in \/srv\/cats: .*Set DATA_DIR/);
    }
    // Nothing is damaged by that.
    const full = damaged('/srv/cats', 'could not write to file "pg_wal/xlogtemp.42": No space left on device');
    assert.match(full.message, /Nothing is lost: make room on that disk, then start again/);
    const other = new Error('something else');
    assert.equal(explainFileError(other, '/srv/cats'), other);
  });

  it('a database of another major version', slow, async () => {
    const dataDir = copyHealthy();
    writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '17\n');
    await assert.rejects(openEmbedded({ dataDir }), { code: 'OTHER_VERSION', message: /PostgreSQL 17.*embeds 18/ });
    assert.equal(existsSync(`${dataDir}.lock`), false);
  });

  it('the data directory of a PostgreSQL server', slow, async () => {
    const dataDir = newPath();
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, 'PG_VERSION'), '18\n');
    await assert.rejects(openEmbedded({ dataDir }), { code: 'FOREIGN' });
    assert.deepEqual(readdirSync(dataDir), ['PG_VERSION']);
  });

  const damages: Record<string, (place: string) => void> = {
    'no PG_VERSION': (place) => rmSync(join(place, 'PG_VERSION')),
    'no pg_control': (place) => rmSync(join(place, 'global', 'pg_control')),
    'an empty pg_control': (place) => truncateSync(join(place, 'global', 'pg_control')),
    'no write-ahead log': (place) => rmSync(join(place, 'pg_wal'), { recursive: true }),
    'an empty write-ahead log': (place) => {
      for (const name of readdirSync(join(place, 'pg_wal'))) {
        if (/^[0-9A-F]{24}$/.test(name)) truncateSync(join(place, 'pg_wal', name));
      }
    },
    'no tables': (place) => rmSync(join(place, 'base'), { recursive: true }),
    'no settings': (place) => rmSync(join(place, 'postgresql.conf')),
    'settings that make no sense': (place) =>
      writeFileSync(join(place, 'postgresql.conf'), 'shared_buffers = several\n'),
  };
  for (const [damage, inflict] of Object.entries(damages)) {
    it(`a damaged database: ${damage}`, slow, async () => {
      const dataDir = copyHealthy();
      inflict(join(dataDir, 'postgres'));
      await assert.rejects(openEmbedded({ dataDir }), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'DAMAGED', error.stack);
        assert.match(error.message, /cannot be opened: .+\. Nothing has been deleted/);
        return true;
      });
      assert.equal(existsSync(`${dataDir}.lock`), false);
      assert.ok(existsSync(join(dataDir, 'postgres')));
    });
  }
});
