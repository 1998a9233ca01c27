// The loss of a primary under load: three nodes of Patroni with synchronous replication, and two servers that find the primary in the
// two usual ways, by an address with every host and through HAProxy. Every write that was acknowledged is looked for afterwards.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import postgres from 'postgres';
import type { Entry } from '../../src/entries/schemas.ts';
import { clientOf } from '../harness/client.ts';
import { type RunningHaproxy, startHaproxy } from '../harness/haproxy.ts';
import { type PatroniCluster, type PatroniNode, startPatroni } from '../harness/patroni.ts';
import { commandLine } from '../harness/target.ts';
import { requireK6, startK6 } from '../k6/k6.ts';
import { eventually, openWorkshop, type Program, type Workshop } from '../runtime/process.ts';

/** How long the key of a leader that is gone may last, and what may pass from then to the first write. */
const promotionSeconds = 7;
/** What the server's own deadlines come to: see loadtest/failover.ts. */
const longestAnswerSeconds = 15;
/** How long the server waits for the answer to a statement. */
const statementSeconds = 6;
const writesPerSecond = 20;

type Way = 'every host' | 'HAProxy';
const ways: readonly Way[] = ['every host', 'HAProxy'];

let workshop: Workshop;
let cluster: PatroniCluster;
let haproxy: RunningHaproxy;
let databaseUrl: string;
let recoverySeconds: number;
const servers = new Map<Way, { program: Program; url: string }>();

const program = commandLine([], 'binary');

before(async () => {
  requireK6();
  assert.ok(existsSync(program[0]), `no binary at ${program[0]}: run \`bun run build\``);
  workshop = openWorkshop();
  cluster = await startPatroni();
  haproxy = await startHaproxy(cluster.nodes);
  databaseUrl = await cluster.createDatabase('catatlas');
  const throughHaproxy = new URL(cluster.urlOn(await cluster.leader(), databaseUrl));
  throughHaproxy.port = String(haproxy.port);
  for (const [way, url] of [
    ['every host', databaseUrl],
    ['HAProxy', throughHaproxy.href],
  ] as const) {
    const server = workshop.launch(['serve'], { program, env: environment(url) });
    await server.logged('ready');
    servers.set(way, { program: server, url: await server.url() });
  }
  // Patroni 3.0 takes the ttl of patroni.yml; 3.2 and later make 20 seconds of anything below that, and are that much later.
  recoverySeconds = (await cluster.leaseSeconds()) + promotionSeconds;
  assert.ok(recoverySeconds === 15 || recoverySeconds === 27, `${recoverySeconds} s`);
});
after(async () => {
  await workshop?.close();
  await haproxy?.stop();
  await cluster?.stop();
});

const environment = (url: string) => ({ DATABASE_URL: url, DEBUG: 'true', LOG_LEVEL: 'INFO' });

interface Write {
  status: number;
  /** Milliseconds of Unix time. */
  began: number;
  ended: number;
  text: string;
}

interface Outcome {
  writes: Write[];
  acknowledged: Write[];
  failed: Write[];
}

const writePattern = /msg="write (\d+) (\d+) (\d+) ([^"]+)"/g;

function readWrites(log: string): Write[] {
  return [...log.matchAll(writePattern)].map(([, status, began, duration, text]) => ({
    status: Number(status),
    began: Number(began),
    ended: Number(began) + Number(duration),
    text: String(text),
  }));
}

/** Writes through both servers for this long, and calls `act` once both have got going. */
async function underLoad(seconds: number, act: () => Promise<void>): Promise<Map<Way, Outcome>> {
  const runs = ways.map((way) =>
    startK6('loadtest/failover.ts', {
      BASE_URL: servers.get(way)?.url ?? '',
      RATE: String(writesPerSecond),
      DURATION: `${seconds}s`,
    }),
  );
  for (const run of runs)
    await eventually(
      'k6 writes',
      () => (readWrites(run.logged()).length >= 2 * writesPerSecond ? true : undefined),
      20_000,
    );
  await act();
  const outcomes = new Map<Way, Outcome>();
  for (const [index, run] of runs.entries()) {
    const { code, stdout, stderr } = await run.ended;
    const way = ways[index] as Way;
    const writes = readWrites(stderr);
    assert.equal(code, 0, `${way}: ${stdout}\n${stderr.split('\n').slice(-30).join('\n')}\n${cluster.output()}`);
    outcomes.set(way, {
      writes,
      acknowledged: writes.filter(({ status }) => status === 200),
      failed: writes.filter(({ status }) => status !== 200),
    });
  }
  return outcomes;
}

/** The texts that the primary has now. */
async function textsOnPrimary(): Promise<string[]> {
  const sql = postgres(cluster.urlOn(await cluster.leader(), databaseUrl), { max: 1 });
  try {
    return (await sql<{ text: string }[]>`select text from entries`).map(({ text }) => text);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Holds of every fault: nothing acknowledged is lost or there twice, nothing hangs, writes work again in time, nobody was restarted. */
async function assertNothingLost(
  name: string,
  fault: number,
  outcomes: Map<Way, Outcome>,
  refusedUntilSeconds = recoverySeconds,
): Promise<void> {
  const present = new Map<string, number>();
  for (const text of await textsOnPrimary()) present.set(text, (present.get(text) ?? 0) + 1);
  for (const [way, { writes, acknowledged, failed }] of outcomes) {
    const title = `${name}, ${way}`;
    assert.deepEqual(
      acknowledged.filter(({ text }) => present.get(text) !== 1),
      [],
      title,
    );
    const again = acknowledged.filter(({ began }) => began > fault).map(({ ended }) => ended);
    const secondsUntilWritten = (Math.min(...again) - fault) / 1000;
    const secondsUntilLastFailure =
      failed.length === 0 ? 0 : (Math.max(...failed.map(({ ended }) => ended)) - fault) / 1000;
    const longest = Math.max(...writes.map(({ began, ended }) => ended - began)) / 1000;
    console.log(
      `${title}: ${acknowledged.length} acknowledged, ${failed.length} refused, written again after ${secondsUntilWritten.toFixed(1)} s, last refusal after ${secondsUntilLastFailure.toFixed(1)} s, longest answer ${longest.toFixed(1)} s`,
    );
    assert.ok(acknowledged.length >= 5 * writesPerSecond, `${title}: only ${acknowledged.length} writes`);
    assert.ok(
      acknowledged.some(({ ended }) => ended < fault),
      `${title}: nothing was written before`,
    );
    assert.ok(secondsUntilWritten < recoverySeconds, `${title}: written again after ${secondsUntilWritten} s`);
    assert.ok(
      secondsUntilLastFailure < refusedUntilSeconds,
      `${title}: last refusal after ${secondsUntilLastFailure} s`,
    );
    assert.ok(longest < longestAnswerSeconds, `${title}: an answer took ${longest} s`);
    const server = servers.get(way)?.program;
    assert.equal(server?.over(), false);
    assert.equal(server?.log.filter(({ message }) => message === 'listening').length, 1);
  }
}

describe('three nodes of Patroni, synchronous', () => {
  test('commands take an address with several hosts', async () => {
    const env = environment(databaseUrl);
    for (const args of [
      ['config', 'check'],
      ['migrate', 'status', '--exit-code'],
      ['migrate', 'verify'],
    ]) {
      const { code, stdout, stderr } = await workshop.run(args, { program, env });
      assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    }
    const { stdout } = await workshop.run(['doctor'], { program, env });
    assert.match(
      stdout,
      /127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/catatlas\?target_session_attrs=read-write/,
    );
  });

  test('a planned switchover costs moments', { timeout: 120_000 }, async () => {
    let fault = 0;
    const outcomes = await underLoad(12, async () => {
      fault = Date.now();
      await cluster.switchOver();
    });
    await assertNothingLost('switchover', fault, outcomes);
    await cluster.settled();
  });

  test('kill -9 of the primary and its Patroni', { timeout: 180_000 }, async () => {
    const lost = await cluster.leader();
    let fault = 0;
    const outcomes = await underLoad(recoverySeconds + 5, async () => {
      fault = Date.now();
      await lost.kill();
    });
    await assertNothingLost('kill', fault, outcomes);
    lost.start();
    const leading = await cluster.settled();
    assert.notEqual(leading.name, lost.name, 'it came back as a replica');
  });

  test('a primary that freezes, and wakes up again', { timeout: 180_000 }, async () => {
    const frozen = await cluster.leader();
    let fault = 0;
    const outcomes = await underLoad(recoverySeconds + 5, async () => {
      fault = Date.now();
      frozen.freeze();
    });
    // Who waits at its door gets in as soon as it wakes, before it knows that it has lost its place.
    const waiting = Array.from({ length: 5 }, (_, number) => writeOn(frozen, `on the one that slept ${number}`));
    frozen.thaw();
    const answers = await Promise.all(waiting);
    assert.deepEqual(new Set(answers), new Set(['refused']));
    const leading = await cluster.settled();
    assert.notEqual(leading.name, frozen.name, 'it came back as a replica');
    // What was sent to it before others were refused may still be waiting for its own deadline.
    await assertNothingLost('freeze', fault, outcomes, recoverySeconds + statementSeconds);
  });

  test('a Patroni that hangs while its PostgreSQL goes on: two primaries, and one of them acknowledges nothing', {
    timeout: 180_000,
  }, async () => {
    const old = await cluster.leader();
    let fault = 0;
    const outcomes = await underLoad(recoverySeconds + statementSeconds + 5, async () => {
      fault = Date.now();
      old.freezePatroni();
    });
    // Its standby has left it. Who goes on asking it must find out by the deadline of a statement.
    await assertNothingLost('hanging Patroni', fault, outcomes, recoverySeconds + statementSeconds);
    old.thaw();
    const leading = await cluster.settled();
    assert.notEqual(leading.name, old.name, 'it came back as a replica');
  });

  test('the control: without synchronous replication the same kill loses what was acknowledged', {
    timeout: 180_000,
  }, async () => {
    const url = servers.get('every host')?.url ?? '';
    const call = clientOf(url);
    const write = async (text: string) => (await call<Entry>('POST', '/entries', { json: { text } })).status;
    const first = await cluster.leader();
    assert.equal(first.holdBackReplication(), 2);
    assert.equal(await write('synchronous and held back'), 503, 'no standby has it, so it is not acknowledged');
    first.thaw();
    await cluster.configure({ synchronous_mode: false });
    const leading = await cluster.settled(false);
    assert.equal(leading.holdBackReplication(), 2);
    const texts = Array.from({ length: 20 }, (_, number) => `asynchronous and held back ${number}`);
    for (const text of texts) assert.equal(await write(text), 200);
    await leading.kill();
    await eventually(
      'writes work again',
      async () => ((await write('after the loss')) === 200 ? true : undefined),
      45_000,
    );
    const present = new Set(await textsOnPrimary());
    assert.ok(present.has('after the loss'));
    assert.deepEqual(
      texts.filter((text) => present.has(text)),
      [],
      'all of them are lost, though the server had said 200',
    );
  });
});

/** Tries to write on one node, past everything that leads to the primary. */
async function writeOn(node: PatroniNode, text: string): Promise<'acknowledged' | 'refused'> {
  const sql = postgres(cluster.urlOn(node, databaseUrl), { max: 1, connect_timeout: 20, onnotice: () => {} });
  try {
    await sql`insert into entries (text, created_at) values (${text}, now())`;
    return 'acknowledged';
  } catch {
    return 'refused';
  } finally {
    await sql.end({ timeout: 1 });
  }
}
