// Random sequences of statements on a pool, in and out of transactions, and the question after each whether the pool still answers
// as a fresh connection does.
import assert from 'node:assert/strict';
import { connectPostgres, type Database, type Queryable, type Sql } from '../../src/database/connect.ts';
import type { FaultProxy } from '../harness/proxy.ts';
import { eventually } from '../runtime/process.ts';
import { type Action, actions, type World } from './statement-actions.ts';

/** The most connections of a pool. */
const mostConnections = 8;

/** A sequence that takes longer hangs, in milliseconds. */
const patience = 30_000;

/** What any statement may end with when its connection is cut. */
const lostCodes = ['CONNECTION_CLOSED', 'ECONNRESET', 'EPIPE', '57P01'];

const places = ['pool', 'pool', 'pool', 'transaction', 'transaction', 'savepoint', 'session'] as const;

export interface FuzzServer {
  /** Through the proxy. */
  url: string;
  proxy: FaultProxy;
  /** Past the proxy, one connection, which nothing happens to. */
  fresh: Sql;
}

/** Makes the tables that sequences write to. */
export async function prepareFuzz({ fresh }: FuzzServer): Promise<void> {
  await fresh.unsafe(`
    create table lines (id int primary key, text text);
    create table deferred (id int unique deferrable initially deferred)`);
}

/** Numbers that look random, the same for the same seed: mulberry32. */
function dice(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * count);
  };
}

function pick<T>(draw: World['draw'], from: readonly T[]): T {
  const one = from[draw(from.length)];
  assert.ok(one !== undefined);
  return one;
}

let keys = 0;

/** Runs the sequence of a seed. Throws what went wrong, with everything that was done until then. */
export async function runSequence(seed: number, server: FuzzServer): Promise<void> {
  const draw = dice(seed);
  const connections = 1 + Math.min(draw(mostConnections), draw(mostConnections));
  const story: string[] = [`seed ${seed}, ${connections} connections`];
  const statements = { begun: 0, open: new Set<string>(), twice: [] as string[] };
  const database = connectPostgres({
    url: server.url,
    applicationName: 'fuzz',
    maxConnections: connections,
    statementTimeout: 25,
    // Now and then what a pooler gets.
    pooled: draw(4) === 0,
    onStatement({ text }) {
      statements.begun += 1;
      const name = `${statements.begun}: ${text}`;
      statements.open.add(name);
      return () => {
        if (!statements.open.delete(name)) statements.twice.push(name);
      };
    },
  });
  const world: World = { draw, next: () => ++keys, kept: [], never: [] };
  try {
    await inTime(patience, async () => {
      for (let batch = 1 + draw(3); batch > 0; batch -= 1) {
        const losing = await runBatch({ database, server, world, connections, story });
        await assertAsFresh(database, server, connections, losing);
      }
      await assertRows(server.fresh, world);
      assert.deepEqual([...statements.open], [], 'statements have not ended');
      assert.deepEqual(statements.twice, [], 'statements have ended twice');
      // A reader that fails is told at once, and its connection is free when the server has answered: until then it counts as in use.
      await eventually('no connection is in use', () => database.connectionsInUse() === 0 || undefined);
    });
  } catch (error) {
    throw new Error(`${story.join('\n  ')}\n${error instanceof Error ? error.stack : error}`, { cause: error });
  } finally {
    await database.close();
  }
}

interface Batch {
  database: Database;
  server: FuzzServer;
  world: World;
  connections: number;
  story: string[];
}

/** Some actions at once, perhaps more than the pool has connections. Says whether connections were lost. */
async function runBatch({ database, server, world, connections, story }: Batch): Promise<boolean> {
  const { draw } = world;
  const size = 1 + draw(connections + 2);
  const cut = draw(10) === 0;
  const possible = actions.filter(({ several }) => !several || connections > 1);
  const members = Array.from({ length: size }, () => ({ action: pick(draw, possible), place: pick(draw, places) }));
  story.push(`${cut ? 'cut: ' : ''}${members.map(({ action, place }) => `${action.name} (${place})`).join(', ')}`);
  const under = members.map(async ({ action, place }) => {
    const ends = cut ? [...action.ends, ...lostCodes] : action.ends;
    await run(database.sql, action, place, ends, world);
  });
  const outcomes = Promise.allSettled(under);
  if (cut) {
    await new Promise((resolve) => setTimeout(resolve, draw(8)));
    server.proxy.resetAll();
  }
  for (const outcome of await outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return cut || members.some(({ action }) => action.loses);
}

/** Thrown in a transaction so that it is rolled back. */
class GivenUp extends Error {
  readonly code = 'given up';
}

async function run(sql: Sql, action: Action, place: (typeof places)[number], ends: readonly string[], world: World) {
  const own: World = { ...world, kept: [], never: [] };
  const { draw } = world;
  const end = await endOf(async () => {
    if (place === 'pool' || action.outside) return await action.run(sql, own);
    if (place === 'session') return await inSession(sql, action, own);
    return await inTransaction(sql, action, place, own, draw);
  });
  if (end.code === 'ERR_ASSERTION') throw end.error;
  const allowed = place === 'transaction' || place === 'savepoint' ? [...ends, 'given up'] : ends;
  assert.ok(
    allowed.includes(end.code),
    `${action.name} (${place}) ended with ${end.code}, not ${ends.join(' or ')}: ${end.error}`,
  );
  world.never.push(...own.never);
  // Of what was under way when a connection was lost, nobody knows.
  if (end.code === 'ok') world.kept.push(...own.kept);
  else if (!lostCodes.includes(end.code)) world.never.push(...own.kept);
}

async function endOf(work: () => Promise<unknown>): Promise<{ code: string; error?: unknown }> {
  try {
    await work();
    return { code: 'ok' };
  } catch (error) {
    const { code, name } = error as { code?: string; name?: string };
    return { code: code ?? name ?? 'unknown', error };
  }
}

async function inSession(sql: Sql, action: Action, world: World): Promise<void> {
  const session = await sql.reserve();
  try {
    await action.run(session, world);
  } finally {
    if (!action.loses) await endOf(async () => assert.equal((await session`select 5 as five`)[0]?.['five'], 5));
    session.release();
  }
}

async function inTransaction(
  sql: Sql,
  action: Action,
  place: 'transaction' | 'savepoint',
  world: World,
  draw: World['draw'],
): Promise<void> {
  const write = async (on: Queryable) => {
    const key = world.next();
    await on`insert into lines values (${key}, 'in a transaction')`;
    world.kept.push(key);
  };
  await sql.begin(async (tx) => {
    if (draw(2) === 0) await write(tx);
    if (place === 'transaction') await action.run(tx, world);
    else {
      const inner: World = { ...world, kept: [] };
      const end = await endOf(async () => await tx.savepoint(async (point) => await action.run(point, inner)));
      if (end.code === 'ok') world.kept.push(...inner.kept);
      else if (action.ends.includes('ok') || lostCodes.includes(end.code) || action.loses) throw end.error;
      else {
        world.never.push(...inner.kept);
        assert.ok(action.ends.includes(end.code), `${action.name} in a savepoint ended with ${end.code}: ${end.error}`);
        await write(tx);
        throw end.error;
      }
    }
    if (draw(3) === 0) throw new GivenUp('given up');
    if (draw(2) === 0) await write(tx);
  });
}

/** Statements whose answers do not depend on what was done before, if nothing of it is left. */
const probes: readonly ((sql: Sql) => Promise<unknown>)[] = [
  async (sql) => shown(await sql`select 7 as seven`),
  async (sql) => shown(await sql`select n, 'row ' || n as text from generate_series(1, 3) n`),
  async (sql) => shown(await sql`select ${'text'}::text as given, ${3}::int as number`),
  async (sql) => shown(await sql`select n from generate_series(1, 0) n`),
  async (sql) => ((await sql.unsafe('select 1 as a; select 2 as b')) as unknown as Shown[]).map(shown),
  async (sql) => shown(await sql`update lines set text = text where false`),
  async (sql) => shown(await sql.begin(async (tx) => await tx`select 'inside' as place`)),
  // In a transaction that somebody has left open, it began earlier; and settings that somebody has left.
  async (sql) =>
    shown(
      await sql`select now() = statement_timestamp() as alone, current_setting('transaction_isolation') as isolation,
        current_setting('DateStyle') as style`,
    ),
];

interface Shown extends Iterable<unknown> {
  count?: number | null;
  command?: string;
  columns?: { name: string; type: number }[];
}

/** All that an answer says. */
function shown(rows: Shown): unknown {
  const columns = rows.columns?.map(({ name, type }) => [name, type]);
  return { rows: [...rows], count: rows.count, command: rows.command, columns };
}

let answers: Promise<unknown[]> | undefined;

/** Asks every connection of the pool, and compares with what a fresh one said. */
async function assertAsFresh(database: Database, { fresh }: FuzzServer, connections: number, losing: boolean) {
  answers ??= Promise.all(probes.map((probe) => probe(fresh)));
  const right = await answers;
  // Where connections were cut, the pool may learn of one only from the statement that meets it.
  let spare = losing ? connections : 0;
  const ask = async (index: number): Promise<unknown> => {
    for (;;) {
      const end = await endOf(async () => assert.deepEqual(await probes[index]?.(database.sql), right[index]));
      if (end.code === 'ok') return;
      if (spare-- <= 0 || !lostCodes.includes(end.code)) throw end.error;
    }
  };
  // One for each connection, and then each probe.
  await Promise.all(Array.from({ length: connections }, (_, index) => ask(index % probes.length)));
  await Promise.all(probes.map((_, index) => ask(index)));
}

/** What was answered with success is there, what was answered with an error is not. */
async function assertRows(sql: Sql, { kept, never }: World): Promise<void> {
  if (kept.length + never.length === 0) return;
  const rows = await sql`select id from lines where id = any(${`{${[...kept, ...never].join(',')}}`}::int[])`;
  const there = new Set(rows.map((row) => row['id'] as number));
  assert.deepEqual(
    { lost: kept.filter((key) => !there.has(key)), left: never.filter((key) => there.has(key)) },
    { lost: [], left: [] },
  );
}

async function inTime(milliseconds: number, work: () => Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs: nothing for ${milliseconds} ms`)), milliseconds);
  });
  try {
    await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
