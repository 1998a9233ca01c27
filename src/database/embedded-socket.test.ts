import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, it } from 'node:test';
import postgres from 'postgres';
import { type EmbeddedDatabase, openEmbedded } from './embedded.ts';
import { createEmbeddedServer } from './embedded-socket.ts';

/** 5 s, Bun's default, is little on a busy machine. */
const slow = { timeout: 60_000 };

let database: EmbeddedDatabase;
before(async () => {
  database = await openEmbedded({ dataDir: 'memory' });
}, slow);
after(() => database.close());

type Options = postgres.Options<Record<string, never>>;

function connect(options: Options = {}, socket: () => Duplex = () => database.socket()) {
  return postgres({ max: 1, onnotice() {}, ...options, socket } as Options);
}

/** Runs a test with a connection of its own and checks that it closes at once. */
async function withConnection(run: (sql: ReturnType<typeof connect>) => Promise<void>, options: Options = {}) {
  const sql = connect(options);
  try {
    await run(sql);
  } finally {
    const start = performance.now();
    await sql.end({ timeout: 10 });
    assert.ok(performance.now() - start < 9000, 'end() waited for its deadline');
  }
}

/** What a rejected query was rejected with. */
async function failure(query: PromiseLike<unknown>): Promise<Error & { code?: string; constraint_name?: string }> {
  try {
    await query;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  assert.fail('the query should have failed');
}

describe('a connection to the embedded database', () => {
  it('applies what the client asks for at its start', slow, () =>
    withConnection(
      async (sql) => {
        const [row] =
          await sql`select current_setting('application_name') as name, current_setting('timezone') as zone`;
        assert.deepEqual({ ...row }, { name: "cat's atlas", zone: 'Europe/Istanbul' });
      },
      { connection: { application_name: "cat's atlas", TimeZone: 'Europe/Istanbul' } },
    ),
  );

  it('reports a setting that does not exist', slow, async () => {
    const sql = connect({ connection: { no_such_setting_here: 'x' } as Record<string, string> });
    assert.equal((await failure(sql`select 1`)).code, '42704');
    await sql.end({ timeout: 1 });
  });

  it('leaves nothing of its session to the next connection', slow, async () => {
    await withConnection(async (sql) => {
      await sql`create temp table left_behind (a int)`;
      await sql`set timezone to 'Asia/Tokyo'`;
      await sql`select pg_advisory_lock(7)`;
    });
    await withConnection(async (sql) => {
      const [row] = await sql`
        select to_regclass('left_behind') as relation, current_setting('timezone') as zone,
          (select count(*)::int from pg_locks where locktype = 'advisory') as locks,
          (select count(*)::int from pg_prepared_statements where statement like 'set timezone%') as statements`;
      assert.deepEqual({ ...row }, { relation: null, zone: 'UTC', locks: 0, statements: 0 });
    });
  });

  it('commits and rolls back transactions, and savepoints in them', slow, () =>
    withConnection(async (sql) => {
      await sql`create table steps (name text primary key)`;
      await sql.begin(async (tx) => {
        await tx`insert into steps values ('kept')`;
        const inner = tx.savepoint(async (point) => {
          await point`insert into steps values ('undone')`;
          throw new Error('back');
        });
        await assert.rejects(inner, /back/);
        await tx`insert into steps values ('kept too')`;
      });
      const lost = sql.begin(async (tx) => {
        await tx`insert into steps values ('lost')`;
        throw new Error('all back');
      });
      await assert.rejects(lost, /all back/);
      const rows = await sql`select name from steps order by name`;
      assert.deepEqual(
        rows.map((row) => row['name']),
        ['kept', 'kept too'],
      );
    }),
  );

  it('rolls back what a vanished connection had begun, even in the middle of a pipeline', slow, async () => {
    await withConnection(async (sql) => void (await sql`create table vanishing (a int)`));
    let socket: Duplex | undefined;
    const sql = connect({}, () => {
      socket = database.socket();
      return socket;
    });
    const begun = sql.begin(async (tx) => {
      await tx`insert into vanishing values (1)`;
      // An error and no Sync: PostgreSQL would now drop whatever comes, whoever sends it.
      socket?.write(Buffer.concat([message('P', 'gone\0this is not sql\0\0\0'), message('H', '')]));
      await new Promise((resolve) => setImmediate(resolve));
      socket?.destroy();
      await tx`select 1`;
    });
    assert.equal((await failure(begun)).code, 'CONNECTION_CLOSED');
    await sql.end({ timeout: 1 });
    await withConnection(async (next) => {
      assert.equal((await next`select * from vanishing`).length, 0);
    });
  });

  it('gives errors their SQLSTATE and constraint, and goes on', slow, () =>
    withConnection(async (sql) => {
      await sql`create table named (id int constraint named_pk primary key)`;
      await sql`insert into named values (1)`;
      const error = await failure(sql`insert into named values (${1})`);
      assert.equal(error.code, '23505');
      assert.equal(error.constraint_name, 'named_pk');
      assert.equal((await failure(sql`select * from nowhere`)).code, '42P01');
      assert.equal((await failure(sql`select 1/${0}::int`)).code, '22012');
      assert.equal((await failure(sql.unsafe('select 1; select 1/0'))).code, '22012');
      assert.deepEqual([...(await sql`select 1 as one`)], [{ one: 1 }]);
    }),
  );

  it('fails only the failing query of a pipeline', slow, () =>
    withConnection(async (sql) => {
      const queries = Array.from({ length: 30 }, (_, at) => sql`select 10 / ${at % 3}::int as share`);
      const outcomes = await Promise.allSettled(queries);
      outcomes.forEach((outcome, at) => {
        assert.equal(outcome.status, at % 3 === 0 ? 'rejected' : 'fulfilled');
      });
    }),
  );

  for (const prepare of [true, false]) {
    it(`carries values of 5 MB both ways (prepare: ${prepare})`, slow, () =>
      withConnection(
        async (sql) => {
          const text = 'çğ猫'.repeat(600_000);
          const bytes = Buffer.alloc(5_000_000, 'miyav');
          const [row] = await sql`select ${text}::text as text, ${bytes}::bytea as bytes`;
          assert.ok(row?.['text'] === text);
          assert.ok(bytes.equals(row['bytes']));
        },
        { prepare },
      ),
    );
  }

  it('passes notices on', slow, async () => {
    const notices: (string | undefined)[] = [];
    await withConnection(
      async (sql) => {
        await sql`do $$ begin raise notice 'the cat is in the box'; end $$`;
      },
      { onnotice: (notice) => notices.push(notice['message']) },
    );
    assert.deepEqual(notices, ['the cat is in the box']);
  });

  it('reads with a cursor, also when it is left early', slow, () =>
    withConnection(async (sql) => {
      const sizes: number[] = [];
      for await (const rows of sql`select generate_series(1, 25)`.cursor(10)) sizes.push(rows.length);
      assert.deepEqual(sizes, [10, 10, 5]);
      for await (const rows of sql`select generate_series(1, 25)`.cursor(10)) {
        assert.equal(rows.length, 10);
        break;
      }
      assert.deepEqual([...(await sql`select 1 as one`)], [{ one: 1 }]);
    }),
  );

  it('copies out and in', slow, () =>
    withConnection(async (sql) => {
      await sql`create table copied (a int, b text)`;
      const lines = Array.from({ length: 3000 }, (_, at) => `${at}\t${'x'.repeat(100)}\n`);
      await pipeline(Readable.from(lines), await sql`copy copied (a, b) from stdin`.writable());
      const [row] = await sql`select count(*)::int as count, sum(a)::int as sum from copied`;
      assert.deepEqual({ ...row }, { count: 3000, sum: (3000 * 2999) / 2 });
      let text = '';
      for await (const chunk of await sql`copy (select * from copied order by a) to stdout`.readable()) text += chunk;
      assert.equal(text, lines.join(''));
    }),
  );

  it('survives a copy that cannot work', slow, () =>
    withConnection(async (sql) => {
      await sql`create table uncopied (a int)`;
      // Not alone, not simple, and given up by the client: each of them ends an unguarded engine.
      assert.equal((await failure(sql.unsafe('select 1; copy uncopied from stdin'))).code, '57014');
      assert.equal((await failure(sql`copy uncopied from stdin`)).code, '57014');
      const writable = await sql`copy uncopied from stdin`.writable();
      writable.on('error', () => {});
      writable.destroy(new Error('changed my mind'));
      assert.deepEqual([...(await sql`select count(*)::int as count from uncopied`)], [{ count: 0 }]);
    }),
  );

  it('refuses a second connection while one is open, with 53300', slow, () =>
    withConnection(async (sql) => {
      await sql`select 1`;
      const second = connect();
      const error = await failure(second`select 1`);
      assert.equal(error.code, '53300');
      assert.match(error.message, /one connection at a time/);
      await second.end({ timeout: 1 });
      assert.deepEqual([...(await sql`select 1 as one`)], [{ one: 1 }]);
    }),
  );
});

function message(kind: string, body: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(4 + Buffer.byteLength(body));
  return Buffer.concat([Buffer.from(kind), length, Buffer.from(body)]);
}

/** Reads from a socket until it has had `count` bytes. */
async function readBytes(socket: Duplex, count: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < count) {
    const chunk: Buffer | null = socket.read();
    if (chunk) bytes = Buffer.concat([bytes, chunk]);
    else await once(socket, 'readable');
  }
  return bytes;
}

describe('the wire', () => {
  it('is understood in any pieces, and answers SSL and GSS requests with no', slow, async () => {
    const socket = database.socket();
    assert.equal((socket as Duplex & { readyState: string }).readyState, 'open');
    for (const code of [80877103, 80877104]) {
      const request = Buffer.alloc(8);
      request.writeUInt32BE(8);
      request.writeUInt32BE(code, 4);
      for (const byte of request) socket.write(Buffer.from([byte]));
      assert.equal((await readBytes(socket, 1)).toString(), 'N');
    }
    const startup = message('', '\0\x03\0\0user\0x\0\0');
    const query = message('Q', "select 'found'\0");
    for (const byte of Buffer.concat([startup, query])) socket.write(Buffer.from([byte]));
    let seen = '';
    while (!(seen.includes('found') && seen.endsWith('Z\0\0\0\x05I')))
      seen += (await readBytes(socket, 1)).toString('latin1');
    socket.end(message('X', ''));
    await once(socket, 'close');
    assert.equal((socket as Duplex & { readyState: string }).readyState, 'closed');
  });

  it('takes a cancel request for another connection, and hangs up', slow, () =>
    withConnection(async (sql) => {
      await sql`select 1`;
      const socket = database.socket();
      const request = Buffer.alloc(16);
      request.writeUInt32BE(16);
      request.writeUInt32BE(80877102, 4);
      socket.write(request);
      await once(socket, 'close');
      assert.deepEqual([...(await sql`select 1 as one`)], [{ one: 1 }]);
    }),
  );

  it('breaks off what is not the protocol', slow, async () => {
    const socket = database.socket();
    socket.write('GET / HTTP/1.1\r\n\r\n');
    const [error] = await once(socket, 'error');
    assert.match(String(error), /this is not the protocol/);
  });

  it('ends the connection when the engine dies, and says why to the next', slow, async () => {
    let dead = false;
    const server = createEmbeddedServer({
      exchange() {
        if (dead) throw new Error('the engine has died');
        dead = true;
        return Buffer.from('R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I', 'latin1');
      },
    });
    for (let attempt = 0; attempt < 2; attempt++) {
      const sql = connect({ fetch_types: false }, () => server.connect());
      assert.match((await failure(sql`select 1`)).message, /the engine has died/);
      await sql.end({ timeout: 1 });
    }
  });
});
