// Backups on real servers and on the embedded engine: what goes in comes out, and what is wrong never comes in.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { ArchiveError, ArchiveTargetError } from '../../src/archive/archive-error.ts';
import { askAsTheApi } from '../../src/archive/ask.ts';
import { decryptBytes, encryptBytes } from '../../src/archive/encryption.ts';
import { listArchives, readArchiveFile, writeArchiveFile } from '../../src/archive/files.ts';
import type { Manifest, Part } from '../../src/archive/format.ts';
import { decodeArchive } from '../../src/archive/read.ts';
import { restore } from '../../src/archive/restore.ts';
import { readSnapshot } from '../../src/archive/snapshot.ts';
import { encodeArchive } from '../../src/archive/write.ts';
import { systemClock } from '../../src/clock.ts';
import { type Child, startChild } from '../../src/database/child-process.fixture.ts';
import { connectEmbedded, type Database } from '../../src/database/connect.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { parseHeader } from '../../src/migrator/header.ts';
import { loadCatalog } from '../../src/migrator/migration-catalog.ts';
import { MigrationError } from '../../src/migrator/migration-error.ts';
import { type Log, silentLog } from '../../src/observability/log.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import {
  backUp,
  connectUnlimited,
  contentOf,
  describeDatabase,
  emptyParts,
  fillDatabase,
  inChunks,
  programVersion,
} from './sample.ts';

const program = { programVersion, clock: systemClock };
/** What goes all the way round; the rest does with less. */
const manyEntries = 20_000;
const entries = 2_000;
const newest = loadCatalog().length;
const slow = { timeout: 120_000 };

const directory = mkdtempSync(join(tmpdir(), 'catatlas-archive-'));
const servers: RunningPostgres[] = [];
const open: Database[] = [];
let source: Database;
let archive: Buffer;
let original: Manifest;

async function newDatabase(server: RunningPostgres): Promise<Database> {
  const database = connectUnlimited(await server.createDatabase());
  open.push(database);
  return database;
}

async function newScratch(): Promise<Database> {
  const database = await openScratch();
  open.push(database);
  return database;
}

const restoreBytes = (database: Database, bytes: Uint8Array, replace = false) =>
  restore({ database, parts: decodeArchive(inChunks(bytes)), replace, ...program });

/** What a restoration that was refused may not change: everything that the database has. */
async function everything(database: Database): Promise<unknown> {
  const rows = await database.sql`
    select nspname || '.' || relname as name, pg_class.oid::int as oid, relfilenode::int as file
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname not like 'pg\\_%' and nspname <> 'information_schema' order by 1`;
  return { relations: rows.map((row) => ({ ...row })), content: contentOf(await describeDatabase(database)) };
}

async function rejection(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => assert.fail('it was not refused'),
    (error: Error) => error,
  );
}

before(async () => {
  for (const version of testedVersions) servers.push(await startPostgres({ version }));
  source = await newScratch();
  await fillDatabase(source, entries);
  archive = await backUp(source);
  original = await describeDatabase(source);
}, slow);

after(async () => {
  for (const database of open) await database.close();
  for (const server of servers) await server.stop();
  rmSync(directory, { recursive: true, force: true });
}, slow);

describe('an archive on its way', () => {
  it('goes from the embedded engine through every server and back, and is the same to the last bit', slow, async () => {
    const first = await newScratch();
    await fillDatabase(first, manyEntries);
    const expected = contentOf(await describeDatabase(first));
    let bytes = await backUp(first);
    for (const database of [...(await Promise.all(servers.map(newDatabase))), await newScratch()]) {
      const manifest = await restoreBytes(database, bytes);
      assert.deepEqual(contentOf(manifest), expected);
      assert.deepEqual(contentOf(await describeDatabase(database)), expected);
      assert.deepEqual(await askAsTheApi(database.sql, manifest), []);
      bytes = await backUp(database);
    }
    assert.equal(
      expected.tables.find(({ name }) => name === 'entries')?.rows,
      manyEntries + 2 - Math.floor(manyEntries / 997),
    );
  });

  it('does not depend on how a database or a role is set up', slow, async () => {
    for (const server of servers) {
      const database = await newDatabase(server);
      await restoreBytes(database, archive);
      const [row] = await database.sql<[{ name: string }]>`select current_database() as name`;
      for (const setting of [
        `DateStyle = 'SQL, DMY'`,
        `TimeZone = 'Pacific/Chatham'`,
        'extra_float_digits = -5',
        `bytea_output = 'escape'`,
      ])
        await database.sql.unsafe(`alter database ${row.name} set ${setting}`);
      const again = connectUnlimited(`${server.url.replace(/[^/]+$/, '')}${row.name}`);
      open.push(again);
      assert.deepEqual(contentOf(await describeDatabase(again)), contentOf(original));
    }
  });

  it('can be opened with tar, gunzip and sha256sum', slow, async () => {
    const file = join(directory, 'open.tar');
    const unpacked = mkdtempSync(join(directory, 'unpacked-'));
    writeFileSync(file, archive);
    const { status, stderr } = spawnSync('tar', ['xf', file, '-C', unpacked], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(readFileSync(join(unpacked, 'manifest.json'), 'utf8')).tables, original.tables);
    for (const { name, sha256 } of original.tables) {
      const sum = spawnSync('sh', ['-c', `cat ${name}/*.gz | gunzip`], { cwd: unpacked, maxBuffer: 1 << 30 });
      assert.equal(createHash('sha256').update(sum.stdout).digest('hex'), sha256, name);
    }
    const checksum = readFileSync(join(unpacked, 'archive.sha256'), 'utf8').trim();
    assert.equal(createHash('sha256').update(archive.subarray(0, -2048)).digest('hex'), checksum);
  });

  it('is written as a file of the owner alone, whole or not at all, and is listed', slow, async () => {
    const place = mkdtempSync(join(directory, 'list-'));
    const file = join(place, 'one.tar');
    const write = (bytes: AsyncIterable<Uint8Array>) => writeArchiveFile(file, bytes);
    const failing = async function* () {
      yield archive.subarray(0, 1000);
      throw new Error('the connection is gone');
    };
    await assert.rejects(write(failing()), /the connection is gone/);
    assert.deepEqual(readdirSync(place), []);
    // What others left that were killed, and in a container had the same number.
    writeFileSync(`${file}.part-${process.pid}`, 'half');
    assert.equal(await write(inChunks(archive)), archive.length);
    await assert.rejects(write(inChunks(archive)), /exists already and is not overwritten/);
    writeFileSync(join(place, 'note.txt'), 'no archive');
    const listed = await listArchives(place, []);
    assert.deepEqual(
      listed.map(({ file: name, header, bytes }) => [name, header?.schemaVersion, bytes]),
      [
        ['note.txt', undefined, 10],
        ['one.tar', newest, archive.length],
      ],
    );
    const database = await newScratch();
    await restore({ database, parts: decodeArchive(readArchiveFile(file)), replace: false, ...program });
    assert.deepEqual(contentOf(await describeDatabase(database)), contentOf(original));
  });

  it('numbers new rows behind the old ones', slow, async () => {
    for (const server of servers) {
      const database = await newDatabase(server);
      await restoreBytes(database, archive);
      const [cat] = await database.sql<[{ id: number }]>`insert into cats (created_at) values (now()) returning id`;
      assert.equal(cat.id, Math.ceil(entries / 20) + 1);
    }
  });

  it('of an older version of the schema is brought to the newest', slow, async () => {
    for (const database of [await newScratch(), ...(await Promise.all(servers.map(newDatabase)))]) {
      await restore({ database, parts: emptyParts(1), replace: false, ...program });
      const rows = await database.sql`select version, state from catatlas_migrations order by version`;
      assert.deepEqual(
        rows.map((row) => ({ ...row })),
        loadCatalog().map(({ version }) => ({ version, state: 'done' })),
      );
      const [index] = await database.sql`select indexdef from pg_indexes where indexname = 'entries_by_creation'`;
      assert.match(index?.['indexdef'], /public\.entries/);
      const left = await database.sql`select nspname from pg_namespace where nspname like 'catatlas%'`;
      assert.equal(left.length, 0);
    }
  });

  it('has every index and constraint that migrations make', slow, async () => {
    const describeSchema = async (database: Database) => {
      const indexes =
        await database.sql`select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1`;
      const constraints = await database.sql`
        select conname, pg_get_constraintdef(oid) as definition, convalidated from pg_constraint
        where connamespace = 'public'::regnamespace and contype <> 'n' order by 1`;
      return { indexes: indexes.map((row) => ({ ...row })), constraints: constraints.map((row) => ({ ...row })) };
    };
    for (const server of servers) {
      const migrated = await newDatabase(server);
      for (const { file, sql } of loadCatalog()) {
        const { up } = parseHeader(file, sql);
        await migrated.sql.unsafe(sql.slice(up.start, up.end));
      }
      const restored = await newDatabase(server);
      await restoreBytes(restored, archive);
      const found = await describeSchema(restored);
      const isHistory = (name: unknown) => String(name).startsWith('catatlas_migrations');
      assert.deepEqual(
        {
          indexes: found.indexes.filter((row) => !isHistory(row['indexname'])),
          constraints: found.constraints.filter((row) => !isHistory(row['conname'])),
        },
        await describeSchema(migrated),
      );
    }
  });
});

describe('a backup while others write', () => {
  it('is of one moment, and verifies', slow, async () => {
    for (const server of servers) {
      const database = await newDatabase(server);
      await restoreBytes(database, archive);
      const writer = connectUnlimited(urlOf(database, server));
      open.push(writer);
      let stop = false;
      let written = 0;
      const writing = (async () => {
        // A cat and its sighting, together: an archive with one and not the other is not of one moment.
        while (!stop) {
          await writer.sql.begin(async (tx) => {
            const [cat] = await tx<
              [{ id: number }]
            >`insert into cats (name, created_at) values ('pair', now()) returning id`;
            await tx`insert into entries (text, created_at, cat_id) values ('pair', now(), ${cat.id})`;
          });
          await writer.sql`delete from entries where id = (select min(id) from entries)`;
          written += 1;
        }
      })();
      while (written < 20) await new Promise((resolve) => setImmediate(resolve));
      const bytes = await backUp(database);
      const during = written;
      stop = true;
      await writing;
      assert.ok(during > 20, 'nothing was written meanwhile');
      const target = await newScratch();
      const manifest = await restoreBytes(target, bytes);
      assert.deepEqual(await askAsTheApi(target.sql, manifest), []);
      const [pairs] = await target.sql<[{ cats: number; entries: number }]>`
        select (select count(*) from cats where name = 'pair') as cats, (select count(*) from entries where text = 'pair') as entries`;
      assert.equal(pairs.cats, pairs.entries);
    }
  });
});

describe('a target', () => {
  it('with data is refused, and emptied only when told', slow, async () => {
    for (const database of [await newScratch(), ...(await Promise.all(servers.map(newDatabase)))]) {
      await fillDatabase(database, 100);
      const found = await everything(database);
      const error = await rejection(restoreBytes(database, archive));
      assert.ok(error instanceof ArchiveTargetError, String(error));
      assert.match(error.message, /entries \(102 rows\).*--replace/);
      assert.deepEqual(await everything(database), found);
      await restoreBytes(database, archive, true);
      assert.deepEqual(contentOf(await describeDatabase(database)), contentOf(original));
    }
  });

  it('stays as it was when the archive is cut off or damaged', slow, async () => {
    for (const database of [await newScratch(), ...(await Promise.all(servers.map(newDatabase)))]) {
      await fillDatabase(database, 50);
      const found = await everything(database);
      for (let part = 0; part < 20; part += 1) {
        const cut = archive.subarray(0, Math.floor((archive.length * part) / 20));
        const error = await rejection(restoreBytes(database, cut, true));
        assert.ok(error instanceof ArchiveError, `cut at ${part}/20: ${error.stack}`);
      }
      for (let at = 100; at < archive.length; at += Math.floor(archive.length / 10)) {
        const damaged = Buffer.from(archive);
        damaged[at] = (damaged[at] ?? 0) ^ 4;
        const error = await rejection(restoreBytes(database, damaged, true));
        assert.ok(error instanceof ArchiveError, `changed at ${at}: ${error.stack}`);
      }
      assert.deepEqual(await everything(database), found);
    }
  });

  it('stays as it was when rows do not fit, or are not those of the manifest', slow, async () => {
    const changed = async function* (change: (text: string) => string): AsyncGenerator<Part> {
      for await (const part of decodeArchive(inChunks(archive))) {
        if (part.kind !== 'page' || part.page.table !== 'cat_comments') yield part;
        else yield { kind: 'page', page: { ...part.page, text: Buffer.from(change(part.page.text.toString())) } };
      }
    };
    for (const database of [await newScratch(), ...(await Promise.all(servers.map(newDatabase)))]) {
      await fillDatabase(database, 50);
      const found = await everything(database);
      const attempt = async (change: (text: string) => string) => {
        const error = await rejection(restore({ database, parts: changed(change), replace: true, ...program }));
        assert.ok(error instanceof ArchiveError, String(error.stack));
        assert.deepEqual(await everything(database), found);
        return error.message;
      };
      assert.match(await attempt((text) => text.replace(/^(\d+)\t\d+/, '$1\t999999')), /cat_comments.*foreign key/);
      assert.match(await attempt((text) => text.replace(/^\d+/, 'one')), /cat_comments.*invalid input syntax.*line 1/);
      assert.match(await attempt((text) => text.replace('Anna', 'Otto')), /cat_comments: \d+ rows, but not the same/);
      assert.match(await attempt((text) => text.replace(/^.*\n/, '')), /cat_comments: 50 rows expected, 49 found/);
      assert.match(await attempt((text) => text.replace('\n', '\n\\.\n')), /cat_comments/);
    }
  });

  it('stays as it was when the key is wrong', slow, async () => {
    const [right, wrong] = [await generateX25519Identity(), await generateX25519Identity()];
    const database = await newScratch();
    await fillDatabase(database, 50);
    const found = await everything(database);
    const attempt = (identity: string) =>
      restore({
        database,
        parts: decodeArchive(decryptBytes(encryptBytes(inChunks(archive), [recipient]), [identity])),
        replace: true,
        ...program,
      });
    const recipient = await identityToRecipient(right);
    assert.ok((await rejection(attempt(wrong))) instanceof ArchiveError);
    assert.deepEqual(await everything(database), found);
    assert.deepEqual(contentOf(await attempt(right)), contentOf(original));
  });

  it('keeps its owner and what others may do with it', slow, async () => {
    for (const server of servers) {
      const database = await newDatabase(server);
      await fillDatabase(database, 50);
      await database.sql.unsafe(`
        do $$ begin create role owner_of_cats; create role reader_of_cats; exception when duplicate_object then null; end $$;
        alter table cats owner to owner_of_cats; grant select on cats to reader_of_cats with grant option; grant select, insert on entries to public`);
      const rights = () => database.sql`
        select relname, pg_get_userbyid(relowner) as owner, privilege_type, grantee::regrole::text as grantee, is_grantable
        from pg_class, aclexplode(relacl) where relnamespace = 'public'::regnamespace and grantee <> relowner order by 1, 2, 3`;
      const expected = (await rights()).map((row) => ({ ...row }));
      assert.equal(expected.length, 3);
      await restoreBytes(database, archive, true);
      assert.deepEqual(
        (await rights()).map((row) => ({ ...row })),
        expected,
      );
    }
  });

  it('that others have built upon is not torn down', slow, async () => {
    for (const server of servers) {
      const database = await newDatabase(server);
      await fillDatabase(database, 50);
      await database.sql.unsafe('create view named_cats as select id, name from cats where name is not null');
      const found = await everything(database);
      const error = await rejection(restoreBytes(database, archive, true));
      assert.ok(error instanceof ArchiveTargetError, String(error));
      assert.match(error.message, /other objects depend on.*\nview public.named_cats depends on table public.cats\n/);
      assert.deepEqual(await everything(database), found);
    }
  });

  it('in use is waited for, and nobody waits for that', slow, async () => {
    for (const server of servers) {
      const database = await newDatabase(server);
      await fillDatabase(database, 50);
      const url = urlOf(database, server);
      // Nobody is to wait for longer than a second: the server measures that.
      const [reader, other] = [connectUnlimited(url), connectUnlimited(url, 1)];
      open.push(reader, other);
      const replacing = (lockTimeoutSeconds: number, log: Log = silentLog) =>
        restore({
          database,
          parts: decodeArchive(inChunks(archive)),
          replace: true,
          lockTimeoutSeconds,
          log,
          ...program,
        });
      const found = await everything(database);
      await reader.sql
        .begin(async (tx) => {
          await tx`select count(*) from cats -- a report`;
          const error = await rejection(replacing(4));
          assert.ok(error instanceof MigrationError, String(error));
          assert.equal(error.kind, 'lock_timeout');
          assert.match(error.message, /the restoration: .*\n {2}pid \d+, catatlas test, idle in transaction.*a report/);
          assert.deepEqual(await everything(other), found);

          let tries = 0;
          let over = false;
          const restored = replacing(60, { ...silentLog, warn: () => (tries += 1) }).finally(() => (over = true));
          while (tries < 3 && !over) {
            await other.sql`select count(*) from cats`;
            await other.sql`update cats set name = 'Minka' where id = 1`;
          }
          assert.equal(over, false, 'it did not wait');
          await tx`select 1`;
          return { restored };
        })
        .then(({ restored }) => restored);
      assert.deepEqual(contentOf(await describeDatabase(database)), contentOf(original));
    }
  });

  it('that is newer, or is being migrated, is refused', slow, async () => {
    for (const server of servers) {
      const database = await newDatabase(server);
      await fillDatabase(database, 50);
      await database.sql`
        insert into catatlas_migrations (version, name, checksum, applied_at, duration_ms, binary_version)
        values (${newest + 1}, 'later', 'v1:00', now(), 1, '9.1.0')`;
      assert.match(
        (await rejection(restoreBytes(database, archive, true))).message,
        /newer than this program.*9\.1\.0/,
      );
      assert.match((await rejection(backUp(database))).message, /newer than this program.*9\.1\.0/);
      await database.sql`delete from catatlas_migrations where version > ${newest}`;
      const other = connectUnlimited(urlOf(database, server));
      open.push(other);
      await other.sql.begin(async (tx) => {
        await tx`select pg_advisory_xact_lock(hashtextextended('catatlas migrations ' || current_database() || ' public', 0))`;
        assert.match((await rejection(restoreBytes(database, archive, true))).message, /is migrating this database/);
      });
      await restoreBytes(database, archive, true);
    }
  });

  it('without a schema has nothing to back up', slow, async () => {
    const database = await newScratch();
    assert.match((await rejection(backUp(database))).message, /no schema/);
  });
});

describe('kill -9 while restoring', () => {
  /** A process that restores the archive and waits, before each part, for a line on its standard input. */
  const startRestoring = (file: string, connect: string): Child =>
    startChild(
      directory,
      `import { createInterface } from 'node:readline';
      import { readFileSync } from 'node:fs';
      import { connectEmbedded, connectPostgres } from 'src/database/connect.ts';
      import { decodeArchive } from 'src/archive/read.ts';
      import { restore } from 'src/archive/restore.ts';
      import { systemClock } from 'src/clock.ts';
      const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
      const bytes = readFileSync(${JSON.stringify(file)});
      async function* slowly() {
        for await (const part of decodeArchive((async function* () { yield bytes; })())) {
          console.log(part.kind);
          await lines.next();
          yield part;
        }
      }
      const database = ${connect};
      await restore({ database, parts: slowly(), replace: true, programVersion: '1.0.0', clock: systemClock });
      console.log('restored');`,
    );

  /** With the last, the manifest, everything has been loaded. */
  const countParts = async () => {
    const parts: Part[] = [];
    for await (const part of decodeArchive(inChunks(archive))) parts.push(part);
    return parts.length;
  };

  const killAfter = async (parts: number, file: string, connect: string) => {
    const child = startRestoring(file, connect);
    for (let part = 0; part < parts; part += 1) {
      assert.notEqual(await child.nextLine(), 'restored');
      if (part + 1 < parts) child.tell('go on');
    }
    await child.kill();
  };

  it('leaves a server as it was, and does not stand in the way of the next try', slow, async () => {
    const file = join(directory, 'kill.tar');
    writeFileSync(file, archive);
    for (const server of servers) {
      const database = await newDatabase(server);
      await fillDatabase(database, 50);
      const found = await everything(database);
      const connect = `connectPostgres({ url: ${JSON.stringify(urlOf(database, server))}, applicationName: 'killed', unlimited: true })`;
      for (const parts of [2, 5, await countParts()]) {
        await killAfter(parts, file, connect);
        assert.deepEqual(await everything(database), found);
      }
      // The server notices on its own that nobody is there any more.
      for (;;) {
        const rows = await database.sql`select 1 from pg_stat_activity where application_name = 'killed'`;
        if (rows.length === 0) break;
      }
      await restoreBytes(database, archive, true);
      assert.deepEqual(contentOf(await describeDatabase(database)), contentOf(original));
    }
  });

  it('leaves the embedded database as it was', slow, async () => {
    const file = join(directory, 'kill.tar');
    writeFileSync(file, archive);
    const dataDir = join(directory, 'embedded');
    const first = await connectEmbedded({ dataDir });
    await fillDatabase(first, 50);
    const found = await everything(first);
    await first.close();
    for (const parts of [3, await countParts()]) {
      await killAfter(parts, file, `await connectEmbedded({ dataDir: ${JSON.stringify(dataDir)} })`);
      const again = await connectEmbedded({ dataDir });
      assert.deepEqual(await everything(again), found);
      await again.close();
    }
  });
});

function urlOf(database: Database, server: RunningPostgres): string {
  return `${server.url.replace(/[^/]+$/, '')}${database.sql.options.database}`;
}

describe('a slow reader', () => {
  it('is waited for', slow, async () => {
    const [server] = servers;
    assert.ok(server);
    const database = await newDatabase(server);
    await restoreBytes(database, archive);
    await database.sql.unsafe(`alter role postgres set idle_in_transaction_session_timeout to '200ms'`);
    try {
      const impatient = connectUnlimited(urlOf(database, server));
      open.push(impatient);
      await readSnapshot({ database: impatient, ...program }, async (parts) => {
        for await (const bytes of encodeArchive(parts)) {
          assert.ok(bytes.length > 0);
          await new Promise((resolve) => setTimeout(resolve, 250));
        }
      });
    } finally {
      await database.sql.unsafe('alter role postgres reset idle_in_transaction_session_timeout');
    }
  });
});
