// The embedded database when its process dies at any moment, and two processes that want one directory.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Entry } from '../../src/entries/schemas.ts';
import { clientOf } from '../harness/client.ts';
import { repetitions } from '../harness/proof.ts';
import { runtime } from '../harness/target.ts';
import { chooseSeed, openWorkshop, type Program, randomFrom, type Workshop } from './process.ts';

const rounds = runtime === 'binary' ? repetitions({ ci: 10, nightly: 50 }) : 5;
const firstStarts = runtime === 'binary' ? repetitions({ ci: 4, nightly: 10 }) : 4;
const writers = 4;
/** How long the writers write before the end, at most, in milliseconds. */
const longestWriting = 350;

let workshop: Workshop;
const seed = chooseSeed();
const random = randomFrom(seed);

before(() => {
  workshop = openWorkshop();
  console.log(`durability on ${runtime}: CATATLAS_TEST_SEED=${seed}`);
});
after(() => workshop.close());

const serve = (dataDir: string) => workshop.launch(['serve'], { env: { DATA_DIR: dataDir } });

async function ready(program: Program): Promise<ReturnType<typeof clientOf>> {
  await program.logged('ready');
  return clientOf(await program.url());
}

const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What the writers of all rounds were told, and what they may have done without being told. */
class Ledger {
  /** Acknowledged: the text of an entry. */
  readonly texts = new Map<number, string>();
  /** Sent, without an answer when the process died: entry -> the text that it may have got. */
  readonly pendingEdits = new Map<number, string>();
  readonly pendingTexts = new Set<string>();
}

/** Makes entries, and edits every third of them, one after the other, until the server is gone. Returns how many answers it got. */
async function write(call: ReturnType<typeof clientOf>, name: string, ledger: Ledger): Promise<number> {
  for (let count = 0; ; count += 1) {
    // From a few bytes to more than half a page of the database.
    const text = `${name} ${count} ${'meow '.repeat(Math.floor(random() ** 4 * 960))}end`;
    ledger.pendingTexts.add(text);
    const made = await call<Entry>('POST', '/entries', { json: { text } }).catch(() => undefined);
    if (made === undefined) return count;
    assert.equal(made.status, 200, made.text);
    ledger.pendingTexts.delete(text);
    ledger.texts.set(made.body.id, text);
    if (count % 3 !== 0) continue;
    const { id } = made.body;
    const edited = `${text}, edited`;
    ledger.pendingEdits.set(id, edited);
    const answer = await call<Entry>('PATCH', `/entries/${id}`, { json: { text: edited } }).catch(() => undefined);
    if (answer === undefined) return count + 1;
    assert.equal(answer.status, 200, answer.text);
    ledger.pendingEdits.delete(id);
    ledger.texts.set(id, edited);
  }
}

/** Every acknowledged write is there, and nothing that nobody sent. Entries of unanswered requests join the ledger. */
function settle(entries: readonly Entry[], ledger: Ledger): void {
  const found = new Map(entries.map((entry) => [entry.id, entry.text]));
  for (const [id, text] of ledger.texts) {
    const kept = found.get(id);
    if (kept !== undefined && kept === ledger.pendingEdits.get(id)) ledger.texts.set(id, kept);
    else assert.equal(kept?.slice(0, 60), text.slice(0, 60), `entry ${id} is not what was acknowledged`);
    if (kept !== ledger.pendingEdits.get(id)) assert.ok(kept === text, `entry ${id} has lost a part of its text`);
  }
  for (const [id, text] of found) {
    if (ledger.texts.has(id)) continue;
    assert.ok(ledger.pendingTexts.has(text), `entry ${id} has a text that nobody sent: ${text.slice(0, 60)}`);
    ledger.texts.set(id, text);
  }
  ledger.pendingEdits.clear();
  ledger.pendingTexts.clear();
}

describe('kill -9', () => {
  test(`while writing, ${rounds} times or more on one directory: every acknowledged write is there`, {
    timeout: 300_000,
  }, async () => {
    const dataDir = join(workshop.folder, 'written');
    const ledger = new Ledger();
    const first = serve(dataDir);
    await first.logged('ready');
    first.signal('SIGTERM');
    assert.equal((await first.ended()).code, 0);
    let acknowledged = 0;
    let restarts = 0;
    let kills = 0;
    // Chance may end each of them before anybody has written: then there are more.
    while (kills < rounds || acknowledged < rounds) {
      kills += 1;
      const program = serve(dataDir);
      const began = performance.now();
      const call = await ready(program);
      restarts += performance.now() - began;
      settle((await call<Entry[]>('GET', '/entries')).body, ledger);
      const work = Promise.all(
        Array.from({ length: writers }, (_, writer) => write(call, `round ${kills} writer ${writer}`, ledger)),
      );
      await later(random() * longestWriting);
      await program.kill();
      acknowledged += (await work).reduce((sum, count) => sum + count, 0);
    }
    const call = await ready(serve(dataDir));
    settle((await call<Entry[]>('GET', '/entries')).body, ledger);
    const { body: one } = await call<Entry>('POST', '/entries', { json: { text: 'after all that' } });
    assert.equal((await call<Entry>('GET', `/entries/${one.id}`)).body.text, 'after all that');
    console.log(
      `durability on ${runtime}: ${kills} kills, ${acknowledged} acknowledged entries, none lost; ` +
        `start after a kill ${Math.round(restarts / kills)} ms`,
    );
  });

  test(`during the very first start, ${firstStarts} times: the next start works`, { timeout: 120_000 }, async () => {
    const began = performance.now();
    const whole = serve(join(workshop.folder, 'first'));
    await whole.logged('ready');
    const startMilliseconds = performance.now() - began;
    await whole.kill();
    const lastWords: string[] = [];
    for (let round = 1; round <= firstStarts; round += 1) {
      const dataDir = join(workshop.folder, `first-${round}`);
      const doomed = serve(dataDir);
      // Evenly over the start and at random within each part of it; the last one between two migrations.
      if (round === firstStarts) await doomed.logged('migration applied');
      else await later(((round - 1 + random()) / (firstStarts - 1)) * startMilliseconds);
      await doomed.kill();
      lastWords.push(doomed.log.at(-1)?.message ?? 'nothing');
      const program = serve(dataDir);
      const call = await ready(program);
      const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: `round ${round}` } });
      const { body: entries } = await call<Entry[]>('GET', '/entries');
      assert.deepEqual(
        entries.map(({ id, text }) => ({ id, text })),
        [{ id: entry.id, text: `round ${round}` }],
      );
      assert.deepEqual(readdirSync(dataDir), ['postgres'], 'what the killed process left has been cleared away');
      await program.kill();
    }
    console.log(`durability on ${runtime}: the last words of the killed first starts: ${lastWords.join(', ')}`);
  });
});

describe('two processes on one DATA_DIR', () => {
  test('the second refuses and names the first; after kill -9 of the first another takes over', async () => {
    const dataDir = join(workshop.folder, 'shared');
    const first = serve(dataDir);
    const call = await ready(first);
    const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: 'of the first' } });

    const refused = await serve(dataDir).ended();
    assert.equal(refused.code, 7, refused.stderr);
    assert.match(refused.stderr, new RegExp(`in use by process ${first.pid} since`));
    assert.match(refused.stderr, /stop that process, choose another DATA_DIR/);
    assert.equal(refused.stdout.includes('"ready"'), false);
    const migrate = await workshop.run(['migrate', 'status'], { env: { DATA_DIR: dataDir } });
    assert.equal(migrate.code, 7, migrate.stderr);
    assert.match(migrate.stderr, new RegExp(`in use by process ${first.pid} since`));
    // The refused ones have not done the first any harm.
    assert.equal((await call<Entry>('GET', `/entries/${entry.id}`)).body.text, 'of the first');

    await first.kill();
    const heir = serve(dataDir);
    const inherited = await ready(heir);
    assert.equal((await inherited<Entry>('GET', `/entries/${entry.id}`)).body.text, 'of the first');
    assert.equal((await serve(dataDir).ended()).code, 7);

    heir.signal('SIGTERM');
    assert.equal((await heir.ended()).code, 0);
    assert.equal(existsSync(`${dataDir}.lock`), false, 'the lock is gone after an orderly end');
    const leftovers = readdirSync(dirname(dataDir)).filter((name) => name.startsWith('shared.lock'));
    assert.deepEqual(leftovers, []);
  });

  test('of many that start at once, one wins', async () => {
    const dataDir = join(workshop.folder, 'contested');
    const programs = Array.from({ length: 4 }, () => serve(dataDir));
    const outcomes = await Promise.all(
      programs.map((program) => Promise.race([program.logged('ready').then(() => 'ready'), program.ended()])),
    );
    const winners = programs.filter((_, index) => outcomes[index] === 'ready');
    const losers = outcomes.flatMap((outcome) => (typeof outcome === 'string' ? [] : [outcome]));
    assert.equal(winners.length, 1);
    assert.deepEqual(
      losers.map(({ code }) => code),
      [7, 7, 7],
    );
    for (const { stderr } of losers) assert.match(stderr, new RegExp(`process ${winners[0]?.pid} `));
    await winners[0]?.kill();
  });
});
