// What the fuzz of the driver does with a connection: statements that succeed, and that fail in every way there is.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import type postgres from 'postgres';
import type { Queryable } from '../../src/database/connect.ts';

/** What actions draw from, and what they leave. */
export interface World {
  /** A whole number from 0 to below `count`. */
  draw(count: number): number;
  /** A number that no other action of this run is given. */
  next(): number;
  /** Keys of rows that have to be there in the end, and keys of those that must not. */
  kept: number[];
  never: number[];
}

export interface Action {
  name: string;
  /** How it may end: codes of errors, `ok` without one. */
  ends: readonly string[];
  /** What it does. It looks at its own answers, and throws an AssertionError where one is wrong. */
  run(sql: Queryable, world: World): Promise<unknown>;
  /** Ends its connection. */
  loses?: boolean;
  /** Not where there is one connection: there the driver allows it. */
  several?: boolean;
  /** Not in a transaction: it would be another one's failure, or none. */
  outside?: boolean;
}

const ok = ['ok'];
const lost = ['57P01', 'CONNECTION_CLOSED', 'ECONNRESET'];

const numbers = (count: number) => Array.from({ length: count }, (_, index) => ({ n: index + 1 }));
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Cancels a query, perhaps before it is sent, perhaps after it has ended. */
async function cancelSoon(query: postgres.PendingQuery<postgres.Row[]>, world: World) {
  const outcome = query.then(
    () => undefined,
    (error: unknown) => error,
  );
  const wait = world.draw(4);
  if (wait > 0) await pause(wait * 3);
  query.cancel();
  const error = await outcome;
  if (error !== undefined) throw error;
}

const readable = (sql: Queryable, text: string) => sql.unsafe(text).readable();
const writable = (sql: Queryable) => sql.unsafe('copy lines from stdin').writable();

/** Sends lines of a COPY, and resolves when the server has taken them. */
async function send(stream: Writable, lines: readonly string[]) {
  await pipeline(Readable.from(lines.map((line) => `${line}\n`)), stream);
}

export const actions: readonly Action[] = [
  {
    name: 'rows',
    ends: ok,
    async run(sql, { draw }) {
      const count = draw(40);
      assert.deepEqual([...(await sql`select n from generate_series(1, ${count}::int) n`)], numbers(count));
    },
  },
  {
    name: 'rows of a text that is not prepared',
    ends: ok,
    async run(sql, { draw }) {
      const count = draw(40);
      assert.deepEqual([...(await sql.unsafe(`select n from generate_series(1, ${count}) n`))], numbers(count));
    },
  },
  {
    name: 'many rows',
    ends: ok,
    async run(sql) {
      const rows = await sql`select n, repeat('x', 500) as text from generate_series(1, 600) n`;
      assert.deepEqual([rows.length, rows.count, rows[599]?.['n']], [600, 600, 600]);
    },
  },
  {
    name: 'several statements at once',
    ends: ok,
    async run(sql) {
      const results = await sql.unsafe(
        'select 1 as a; select n from generate_series(1, 3) n; select 2 as b where false',
      );
      assert.deepEqual(
        (results as unknown as object[][]).map((rows) => [...rows]),
        [[{ a: 1 }], numbers(3), []],
      );
    },
  },
  {
    name: 'a row written',
    ends: ok,
    async run(sql, world) {
      const key = world.next();
      const rows = await sql`insert into lines values (${key}, 'written') returning id`;
      assert.deepEqual([...rows], [{ id: key }]);
      world.kept.push(key);
    },
  },
  {
    name: 'row by row',
    ends: ok,
    async run(sql) {
      const seen: number[] = [];
      await sql`select n from generate_series(1, 5) n`.forEach((row) => {
        seen.push(row['n'] as number);
      });
      assert.deepEqual(seen, [1, 2, 3, 4, 5]);
    },
  },
  {
    name: 'described',
    ends: ok,
    async run(sql) {
      const { columns, types } = await sql`select ${1}::int as n, 'x' as text`.describe();
      assert.deepEqual([columns.map(({ name }) => name), types], [['n', 'text'], [23]]);
    },
  },
  { name: 'fails before rows: syntax', ends: ['42601'], run: (sql) => sql`selct 1` },
  {
    name: 'fails before rows: no such column',
    ends: ['42703'],
    run: (sql) => sql`select ${1}::int, nothing from lines`,
  },
  { name: 'fails before rows: division', ends: ['22012'], run: (sql, { draw }) => sql`select 1 / ${draw(1)}::int` },
  { name: 'fails in mid-result', ends: ['22012'], run: (sql) => sql`select 1 / (5 - n) from generate_series(1, 10) n` },
  {
    name: 'fails in mid-result, with parameters',
    ends: ['22012'],
    run: (sql, { draw }) => sql`select 1 / (${draw(9) + 1}::int - n) from generate_series(1, 10) n`,
  },
  {
    name: 'fails in mid-result, not prepared',
    ends: ['22012'],
    run: (sql) => sql.unsafe('select 1 / (700 - n), repeat($$x$$, 200) from generate_series(1, 1000) n'),
  },
  {
    name: 'fails after its rows',
    ends: ['22012'],
    run: (sql) => sql.unsafe('select n from generate_series(1, 7) n; select 1 / 0'),
  },
  {
    name: 'fails after its rows: deferred constraint',
    ends: ['23505'],
    outside: true,
    run: (sql) => sql`insert into deferred select 1 from generate_series(1, 3) returning id`,
  },
  {
    name: 'raises',
    ends: ['P0001'],
    run: (sql) => sql.unsafe("do $$ begin perform 1; raise exception 'raised'; end $$"),
  },
  {
    name: 'fails here: a value that cannot be read',
    ends: ['RangeError'],
    outside: true,
    run: (sql) => sql`select 9007199254740990 + n as big from generate_series(1, 5) n`,
  },
  {
    name: 'fails here: row by row',
    ends: ['SyntaxError'],
    outside: true,
    run: (sql) =>
      sql`select n from generate_series(1, 9) n`.forEach((row) => {
        if ((row['n'] as number) > 3) throw new SyntaxError('the reader gives up');
      }),
  },
  {
    name: 'fails here: a value that cannot be sent',
    ends: ['TypeError'],
    outside: true,
    run: (sql) => sql`select ${Symbol('none') as unknown as string}::text`,
  },
  {
    name: 'fails here: too many values',
    ends: ['MAX_PARAMETERS_EXCEEDED'],
    outside: true,
    run: (sql) =>
      sql.unsafe(
        'select 1',
        Array.from({ length: 65_535 }, () => 1),
      ),
  },
  {
    name: 'runs into its deadline',
    ends: ['57014'],
    outside: true,
    run: (sql) => sql.unsafe('set statement_timeout = 15; select pg_sleep(10)'),
  },
  {
    name: 'runs into its deadline in mid-result',
    ends: ['57014'],
    outside: true,
    run: (sql) =>
      sql.unsafe(
        "set statement_timeout = 15; select n, pg_sleep(0.003), repeat('x', 3000) from generate_series(1, 5000) n",
      ),
  },
  { name: 'cancelled', ends: ['57014'], run: (sql, world) => cancelSoon(sql`select pg_sleep(20)`, world) },
  {
    name: 'cancelled in mid-result',
    ends: ['57014'],
    run: (sql, world) =>
      cancelSoon(sql`select n, pg_sleep(0.002), repeat('x', 3000) from generate_series(1, 5000) n`, world),
  },
  {
    name: 'cancelled when it may have ended',
    ends: ['57014', 'ok'],
    run: (sql, world) => cancelSoon(sql`select n from generate_series(1, 100) n`, world),
  },
  {
    name: 'begins a transaction by itself',
    ends: ['UNSAFE_TRANSACTION'],
    outside: true,
    several: true,
    run: (sql) => sql.unsafe('begin'),
  },
  {
    name: 'ends its connection',
    ends: lost,
    loses: true,
    run: (sql) => sql`select pg_terminate_backend(pg_backend_pid())`,
  },
  {
    name: 'ends its connection in mid-result',
    ends: lost,
    loses: true,
    run: (sql) =>
      sql`select n, repeat('x', 3000), case when n = 400 then pg_terminate_backend(pg_backend_pid()) end
        from generate_series(1, 500) n`,
  },
  {
    name: 'COPY out',
    ends: ok,
    async run(sql, { draw }) {
      const count = 1 + draw(1500);
      const chunks: Buffer[] = [];
      const stream = await readable(
        sql,
        `copy (select n, repeat('x', 100) from generate_series(1, ${count}) n) to stdout`,
      );
      for await (const chunk of stream) {
        chunks.push(chunk as Buffer);
        // A reader that is slower than the server, so that the socket stops.
        if (chunks.length % 500 === 0) await pause(1);
      }
      const lines = Buffer.concat(chunks).toString().trimEnd().split('\n');
      assert.deepEqual([lines.length, lines.at(-1)?.split('\t')[0]], [count, String(count)]);
    },
  },
  {
    name: 'COPY out fails in the middle',
    ends: ['22012'],
    async run(sql) {
      const stream = await readable(
        sql,
        `copy (select 1 / (900 - n), repeat('x', 100) from generate_series(1, 2000) n) to stdout`,
      );
      stream.resume();
      await finished(stream);
    },
  },
  {
    name: 'COPY out is given up by its reader',
    ends: ok,
    async run(sql, { draw }) {
      const stream = await readable(sql, `copy (select n, repeat('x', 1000) from generate_series(1, 600) n) to stdout`);
      for (let chunk = draw(3); chunk > 0; chunk -= 1) await once(stream, 'data');
      stream.destroy();
    },
  },
  {
    name: 'COPY in',
    ends: ok,
    async run(sql, world) {
      const keys = Array.from({ length: 1 + world.draw(200) }, () => world.next());
      await send(
        await writable(sql),
        keys.map((key) => `${key}\t${'copied '.repeat(20)}`),
      );
      world.kept.push(...keys);
    },
  },
  {
    name: 'COPY in fails in the middle',
    ends: ['22P02', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'],
    async run(sql, world) {
      const key = world.next();
      world.never.push(key);
      const rest = Array.from({ length: 200 }, () => `${world.next()}\t${'never '.repeat(500)}`);
      await send(await writable(sql), [`${key}\tnever`, 'no number\tnever', ...rest]);
    },
  },
  {
    name: 'COPY in fails after the last of the data',
    ends: ['23505'],
    async run(sql, world) {
      const key = world.next();
      world.never.push(key);
      await send(await writable(sql), [`${key}\tnever`, `${key}\tnever`]);
    },
  },
  {
    name: 'COPY in is given up by its writer',
    ends: ['57014'],
    async run(sql, world) {
      const key = world.next();
      world.never.push(key);
      const stream = await writable(sql);
      stream.write(`${key}\tnever\n`);
      stream.on('error', () => {});
      stream.destroy(new Error('given up'));
      // It has failed as a statement; outside a transaction there is nobody to tell.
      throw Object.assign(new Error('given up'), { code: '57014' });
    },
  },
  {
    name: 'a cursor',
    ends: ok,
    async run(sql, { draw }) {
      const count = draw(12);
      const seen: unknown[] = [];
      for await (const rows of sql`select n from generate_series(1, ${count}::int) n`.cursor(1 + draw(5)))
        seen.push(...rows);
      assert.deepEqual(seen, numbers(count));
    },
  },
  {
    name: 'a cursor that is left',
    ends: ok,
    async run(sql) {
      for await (const rows of sql`select n from generate_series(1, 10) n`.cursor(2)) {
        assert.deepEqual([...rows], numbers(2));
        break;
      }
    },
  },
  {
    name: 'a cursor fails in mid-result',
    ends: ['22012'],
    async run(sql, { draw }) {
      for await (const _ of sql`select 1 / (7 - n) from generate_series(1, ${10 + draw(1)}::int) n`.cursor(2));
    },
  },
  {
    name: 'a cursor whose reader fails',
    ends: ['SyntaxError'],
    outside: true,
    async run(sql, { draw }) {
      const last = draw(3);
      let batch = 0;
      await sql`select n from generate_series(1, 5) n`.cursor(2, async () => {
        await pause(1);
        if (batch++ === last) throw new SyntaxError('the reader gives up');
      });
    },
  },
  {
    name: 'a cursor over values that cannot be read',
    ends: ['RangeError'],
    outside: true,
    async run(sql) {
      for await (const _ of sql`select 9007199254740990 + n as big from generate_series(1, 9) n`.cursor(4));
    },
  },
  {
    name: 'a cursor whose connection ends between two reads',
    ends: lost,
    loses: true,
    async run(sql) {
      const reader = sql`select n, case when n = 3 then pg_terminate_backend(pg_backend_pid()) end as ended
        from generate_series(1, 9) n`
        .cursor(1)
        [Symbol.asyncIterator]();
      for (;;) {
        const { done } = await reader.next();
        assert.notEqual(done, true, 'the rows did not end, the connection did');
        await pause(2);
      }
    },
  },
];
