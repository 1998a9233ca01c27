// What `catatlas migrate` does and says, run as an operator runs it.
import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { lastVersion, laterFile, makeVariant, type Variant } from '../harness/variant.ts';
import { type Ending, openWorkshop, type Workshop } from '../runtime/process.ts';
import { inDatabase } from './inspection.ts';

const newest = lastVersion + 2;
const colour = laterFile('add_colour');
const index = laterFile('index_colour', 2);

let server: RunningPostgres;
let workshop: Workshop;
/** Two files more than the program under test, one of them outside a transaction. */
let newer: Variant;

before(async () => {
  workshop = openWorkshop();
  server = await startPostgres({ version: 18 });
  newer = await makeVariant({
    version: '1.1.0',
    migrations: {
      [colour]:
        '-- compat: expand\n\nalter table cats add column colour text;\n\n-- down:\nalter table cats drop column colour;\n',
      [index]:
        '-- compat: expand\n-- transaction: none\n\ncreate index concurrently cats_by_colour on cats (colour);\n\n-- down:\ndrop index concurrently if exists cats_by_colour;\n',
    },
  });
});

after(async () => {
  await workshop.close();
  newer.dispose();
  await server.stop();
});

const run = (line: string, url: string | undefined, program?: Variant): Promise<Ending> =>
  workshop.run(['migrate', ...line.split(' ').filter((word) => word !== '')], {
    env: url === undefined ? {} : { DATABASE_URL: url, DEBUG: 'true' },
    program: program?.program,
  });

const tablesOf = (url: string) =>
  inDatabase(url, async (sql) => {
    const rows = await sql`select relname from pg_class where relnamespace = 'public'::regnamespace order by 1`;
    return rows.map((row) => row['relname'] as string);
  });

async function current(program?: Variant): Promise<string> {
  const url = await server.createDatabase();
  const { code, stderr } = await run('up', url, program);
  assert.equal(code, 0, stderr);
  return url;
}

describe('plan', () => {
  test('shows the SQL, the locks and whom they block, and changes nothing', async () => {
    const url = await current();
    const before = await tablesOf(url);
    const { code, stdout, stderr } = await run('plan', url, newer);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`== migrations/${colour}`));
    assert.match(stdout, /3 \| alter table cats add column colour text/);
    assert.match(stdout, /locks cats \(ACCESS EXCLUSIVE\): blocks reads and writes/);
    assert.match(stdout, /locks cats \(SHARE UPDATE EXCLUSIVE\): blocks .*schema changes/);
    assert.match(stdout, /no transaction; can be undone/);
    assert.deepEqual(await tablesOf(url), before);
  });

  test('says that nothing is to be done', async () => {
    assert.match((await run('plan', await current())).stdout, /^Nothing to do: the schema is at version \d+\.$/m);
  });
});

describe('up', () => {
  test('--to stops where it is told to, and goes on from there', async () => {
    const url = await server.createDatabase();
    assert.match((await run('up --to 1', url)).stdout, /the schema is at version 1\./);
    assert.equal((await run('status --exit-code', url)).code, 4);
    assert.equal((await run('up', url)).code, 0);
    assert.equal((await run('status --exit-code', url)).code, 0);
  });

  test('--to a version that there is none of is wrong usage', async () => {
    const { code, stderr } = await run(`up --to ${newest + 5}`, await server.createDatabase());
    assert.equal(code, 2);
    assert.match(stderr, /is no version of this binary/);
  });

  test('--dry-run does everything that can be rolled back, and rolls it back', async () => {
    const url = await current();
    const before = await tablesOf(url);
    const { code, stdout, stderr } = await run('up --dry-run', url, newer);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`${colour} +\\d+ ms`));
    assert.match(stdout, new RegExp(`${index} +not rehearsed`));
    assert.match(stdout, /nothing has changed/);
    assert.deepEqual(await tablesOf(url), before);
    assert.equal((await run('status --exit-code', url, newer)).code, 4);
  });

  test('a failure says where, what, SQLSTATE, hint and what is applied; nothing of the file stays', async () => {
    const broken = await makeVariant({
      version: '1.1.0',
      migrations: {
        [colour]:
          '-- compat: expand\n\nalter table cats add column colour text;\n\ncreate view ä_cats as\n  select nonsense_ä(id) as sort from cats;\n\n-- down:\nselect 1;\n',
      },
    });
    try {
      const url = await current();
      const before = await inDatabase(
        url,
        (sql) => sql`select attname from pg_attribute where attrelid = 'cats'::regclass`,
      );
      const { code, stderr } = await run('up', url, broken);
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        new RegExp(`migrations/${colour}:6:10: function nonsense_ä\\(bigint\\) does not exist \\(SQLSTATE 42883\\)`),
      );
      assert.match(stderr, /\| {3}select nonsense_ä\(id\) as sort from cats/);
      assert.match(stderr, /hint: /);
      assert.match(stderr, new RegExp(`It was rolled back; the schema is at version ${lastVersion}\\.`));
      const columns = await inDatabase(
        url,
        (sql) => sql`select attname from pg_attribute where attrelid = 'cats'::regclass`,
      );
      assert.deepEqual(columns, before);
      assert.equal((await run('status --exit-code', url, broken)).code, 4);
    } finally {
      broken.dispose();
    }
  });

  test('a statement may take as long as its file says', async () => {
    const slow = await makeVariant({
      version: '1.1.0',
      migrations: {
        [colour]: '-- compat: expand\n-- statement-timeout: 1s\n-- down: irreversible\n\nselect pg_sleep(20);\n',
      },
    });
    try {
      const began = performance.now();
      const { code, stderr } = await run('up', await current(), slow);
      assert.equal(code, 1, stderr);
      assert.match(stderr, new RegExp(`migrations/${colour}:5:1: .*statement timeout \\(SQLSTATE 57014\\)`));
      assert.ok(performance.now() - began < 15_000);
    } finally {
      slow.dispose();
    }
  });

  test('everything that is wrong with the database is told at once', async () => {
    const url = new URL(await server.createDatabase());
    await inDatabase(url.href, async (sql) => {
      await sql.unsafe(
        'create role weak login; alter role weak set search_path = nowhere; revoke create on schema public from public',
      );
    });
    url.username = 'weak';
    const { code, stderr } = await run('up', url.href);
    assert.equal(code, 1);
    assert.match(stderr, /no schema of the search_path exists/);
  });
});

describe('verify', () => {
  test('a schema that was changed by hand is told apart, with the SQL that puts it right', async () => {
    const url = await current();
    assert.equal((await run('verify', url)).code, 0);
    await inDatabase(url, async (sql) => {
      await sql`drop index entries_by_cat`;
      await sql`alter table entries add column mood text`;
      await sql`create table guests (id int)`;
    });
    const { code, stdout } = await run('verify', url);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /missing: index entries_by_cat/);
    assert.match(stdout, /unexpected: column entries\.mood/);
    assert.match(stdout, /not ours, left alone: table guests/);
    const statement = /^ {4}(create index concurrently entries_by_cat .*);$/im.exec(stdout)?.[1];
    assert.ok(statement, stdout);
    await inDatabase(url, async (sql) => {
      await sql.unsafe(statement);
      await sql`alter table entries drop column mood`;
    });
    assert.equal((await run('verify', url)).code, 0);
  });
});

describe('down', () => {
  test('shows what it would run; does it with --yes, newest first; up makes it again', async () => {
    const url = await current(newer);
    const shown = await run(`down --to ${lastVersion}`, url, newer);
    assert.equal(shown.code, 2);
    assert.match(
      shown.stdout,
      /drop index concurrently if exists cats_by_colour.*alter table cats drop column colour/s,
    );
    assert.match(shown.stdout, /Nothing was changed\. Make a backup, then add --yes/);
    assert.equal((await run('status --exit-code', url, newer)).code, 0);

    const undone = await run(`down --to ${lastVersion} --yes`, url, newer);
    assert.equal(undone.code, 0, undone.stderr);
    assert.equal((await run('verify', url)).code, 0);
    assert.equal((await run('up', url, newer)).code, 0);
    assert.equal((await run('verify', url, newer)).code, 0);
  });

  test('what is irreversible is named, all of it, and nothing is undone', async () => {
    const url = await current(newer);
    const { code, stderr } = await run('down --to 0 --yes', url, newer);
    assert.equal(code, 1);
    assert.match(stderr, /1 schema.*2 indexes|2 indexes.*1 schema/s);
    assert.equal((await run('status --exit-code', url, newer)).code, 0);
  });

  test('needs to be told how far', async () => {
    assert.equal((await run('down --yes', await current())).code, 2);
  });
});

describe('baseline', () => {
  test('gives a schema its history back, if it is what the files make', async () => {
    const url = await current();
    await inDatabase(url, (sql) => sql`drop table catatlas_migrations`);
    const refused = await run('up', url);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /catatlas migrate baseline/);
    const wrong = await run('baseline 1', url);
    assert.equal(wrong.code, 1, 'version 1 has none of these indexes');
    assert.match(wrong.stderr, /index entries_by_cat/);
    const right = await run(`baseline ${lastVersion}`, url);
    assert.equal(right.code, 0, right.stderr);
    assert.equal((await run('status --exit-code', url)).code, 0);
    assert.equal((await run(`baseline ${lastVersion}`, url)).code, 1, 'there is a history now');
  });
});

describe('repair', () => {
  test('drops the INVALID index of a file that did not end; the file is pending again', async () => {
    const url = await current();
    await run(`up --to ${lastVersion + 1}`, url, newer);
    await inDatabase(url, async (sql) => {
      await sql`insert into cats (colour, created_at) values ('red', now()), ('red', now())`;
      await sql`create unique index concurrently cats_by_colour on cats (colour)`.catch(() => {});
      await sql`
        insert into catatlas_migrations (version, name, checksum, applied_at, duration_ms, binary_version, state, compat, transactional)
        values (${newest}, 'index_colour', 'v1:x', now(), 0, '1.1.0', 'started', 'expand', false)`;
      await sql`update catatlas_migrations set checksum = (select 'v1:x') where version = ${newest}`;
    });
    const status = await run('status', url, newer);
    assert.match(status.stdout, new RegExp(`${index} +(started|CHANGED)`));
    const repaired = await run('repair', url, newer);
    assert.match(
      repaired.stdout,
      new RegExp(`${newest} index_colour: was started and did not end; it is pending again`),
    );
    assert.equal((await tablesOf(url)).includes('cats_by_colour'), false);
    const up = await run('up', url, newer);
    assert.equal(up.code, 0, up.stderr);
    assert.equal((await run('verify', url, newer)).code, 0);
  });

  test('leaves an empty database empty', async () => {
    const url = await server.createDatabase();
    for (const line of ['repair', 'repair --yes']) {
      const { code, stdout, stderr } = await run(line, url);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^Nothing was changed\.$/m);
      assert.deepEqual(await tablesOf(url), []);
    }
  });

  test('gives the history of version 1.0.0 its further columns when it writes to it', async () => {
    const url = await current();
    await inDatabase(url, async (sql) => {
      await sql`
        alter table catatlas_migrations
          drop column compat, drop column down_sql, drop column transactional, drop column state`;
      await sql`update catatlas_migrations set checksum = 'v1:edited' where version = 2`;
    });
    assert.equal((await run('repair', url)).code, 6);
    const accepted = await run('repair --yes', url);
    assert.equal(accepted.code, 0, accepted.stderr);
    assert.equal((await run('status --exit-code', url)).code, 0);
  });

  test('accepts edited files only with --yes, and only when the schema is what they make', async () => {
    const url = await current();
    await inDatabase(url, (sql) => sql`update catatlas_migrations set checksum = 'v1:edited' where version = 2`);
    assert.equal((await run('up', url)).code, 6);
    const asked = await run('repair', url);
    assert.equal(asked.code, 6);
    assert.match(asked.stdout, /add --yes/);
    await inDatabase(url, (sql) => sql`drop index entries_by_place`);
    const refused = await run('repair --yes', url);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /missing: index entries_by_place/);
    await inDatabase(
      url,
      (sql) =>
        sql`create index entries_by_place on entries using gist (point(location_lon, location_lat)) where location_lat is not null and location_lon is not null`,
    );
    assert.equal((await run('repair --yes', url)).code, 0);
    assert.equal((await run('status --exit-code', url)).code, 0);
  });
});

describe('without a database', () => {
  test('show prints a file as it was built in', async () => {
    const { code, stdout } = await run('show 1', undefined);
    assert.equal(code, 0);
    assert.match(stdout, /^-- The five tables of CatAtlas/);
    assert.equal((await run('show 99', undefined)).code, 2);
  });

  test('lint finds nothing unsafe in what was released', async () => {
    const { code, stdout } = await run('lint', undefined, newer);
    assert.equal(code, 0);
    assert.match(stdout, /files, nothing unsafe|\[allowed: /);
  });

  test('an unsafe file cannot be built', async () => {
    const unsafe = makeVariant({
      version: '1.1.0',
      migrations: { [colour]: '-- compat: expand\n\ncreate index entries_by_text on entries (text);\n\n-- down:\n' },
    });
    await assert.rejects(unsafe, /require-concurrent-index-creation/);
  });
});

test('every action answers in JSON when asked to', async () => {
  const url = await current();
  for (const line of [
    'status',
    'plan',
    'verify',
    'up',
    'up --dry-run',
    'show 1',
    'lint',
    'repair',
    `down --to ${lastVersion}`,
  ]) {
    const { stdout, stderr } = await run(`${line} --json`, url);
    assert.equal(typeof JSON.parse(stdout), 'object', `${line}\n${stderr}`);
  }
});

describe('somebody else', () => {
  /** A statement of maintenance waits so long for a lock (src/database/open.ts), in milliseconds. */
  const lockMilliseconds = 10_000;

  test('who has locked the history is waited for, but not without end', async () => {
    const url = await current();
    await inDatabase(url, async (sql) => {
      await sql.begin(async (tx) => {
        await tx`lock table catatlas_migrations in access exclusive mode`;
        const endings = await Promise.all(['status', 'plan', 'verify', 'up'].map((line) => run(line, url)));
        for (const { code, stderr } of endings) {
          assert.match(stderr, /canceling statement due to lock timeout: others hold a lock that is in the way/);
          assert.equal(code, 7);
        }
      });
    });
    assert.equal((await run('status --exit-code', url)).code, 0);
  });

  test('whose transaction is old is waited for longer than that: an index that gives up is INVALID', async () => {
    const url = await current();
    await inDatabase(url, async (sql) => {
      await sql.unsafe('begin isolation level repeatable read; select 1 from entries');
      const program = workshop.launch(['migrate'], {
        env: { DATABASE_URL: url, DEBUG: 'true' },
        program: newer.program,
      });
      const ended = program.ended();
      await new Promise((resolve) => setTimeout(resolve, lockMilliseconds + 2000));
      assert.equal(program.over(), false, 'it did not wait');
      await sql.unsafe('commit');
      const { code, stderr } = await ended;
      assert.equal(code, 0, stderr);
    });
    assert.equal((await run('verify', url, newer)).code, 0);
  });
});

test('status on a current database takes at most three round trips', async () => {
  const url = new URL(await current());
  const counted = await countRoundTrips(Number(url.port));
  url.port = String(counted.port);
  url.searchParams.set('sslmode', 'disable');
  const { code, stderr } = await run('status', url.href);
  assert.equal(code, 0, stderr);
  // One of them is the start of the connection.
  assert.ok(counted.trips() <= 3, `${counted.trips()} round trips`);
  assert.ok(counted.trips() >= 2);
  counted.close();
});

/** A proxy in front of a local port that counts how often the client spoke after the server had. */
async function countRoundTrips(port: number) {
  let trips = 0;
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let last: 'server' | 'client' = 'server';
    client.on('data', (data) => {
      // Terminate (X) is not answered.
      if (last === 'server' && data[0] !== 0x58) trips += 1;
      last = 'client';
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      last = 'server';
      client.write(data);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    port: address.port,
    trips: () => trips,
    close() {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
