// Two servers on one database: whatever one has answered, the other knows at once. Nothing that a request needs is kept in a process.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Profile } from '../../src/cats/profile.ts';
import type { Cat } from '../../src/cats/schemas.ts';
import type { Entry } from '../../src/entries/schemas.ts';
import { bodyOf } from '../contract/answers.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { commandLine } from '../harness/target.ts';
import { openWorkshop, type Workshop } from '../runtime/process.ts';

const program = commandLine([], 'binary');
const rounds = 60;

describe('two servers on one database', () => {
  let workshop: Workshop;
  let server: RunningPostgres;
  let calls: [Client, Client];
  before(async () => {
    workshop = openWorkshop();
    server = await startPostgres({ version: 18 });
    const env = { DATABASE_URL: await server.createDatabase(), DEBUG: 'true' };
    const launch = async () => {
      const one = workshop.launch(['serve'], { program, env });
      await one.logged('ready');
      return clientOf(await one.url());
    };
    calls = [await launch(), await launch()];
  });
  after(async () => {
    await workshop?.close();
    await server?.stop();
  });

  /** Runs it again and again, each time with the servers changing places. */
  async function alternate(work: (here: Client, there: Client, round: number) => Promise<void>): Promise<void> {
    const [one, other] = calls;
    for (let round = 0; round < rounds; round += 1)
      await (round % 2 === 0 ? work(one, other, round) : work(other, one, round));
  }

  test('a sighting is made here, read and changed there, and gone here when it is deleted there', async () => {
    await alternate(async (here, there, round) => {
      const { id } = bodyOf(await here<Entry>('POST', '/entries', { json: { text: `sighting ${round}` } }));
      assert.equal(bodyOf(await there<Entry>('GET', `/entries/${id}`)).text, `sighting ${round}`);
      bodyOf(await there('PATCH', `/entries/${id}`, { json: { text: `changed ${round}` } }));
      assert.equal(bodyOf(await here<Entry>('GET', `/entries/${id}`)).text, `changed ${round}`);
      assert.equal(bodyOf(await here<Entry[]>('GET', '/entries'))[0]?.text, `changed ${round}`);
      assert.equal((await there('DELETE', `/entries/${id}`)).status, 204);
      assert.equal((await here('GET', `/entries/${id}`)).status, 404);
    });
  });

  test('the profile of a cat, which is costly and kept, is never out of date', async () => {
    const { id } = bodyOf(await calls[0]<Cat>('POST', '/cats', { json: { name: 'Mieze' } }));
    const profile = async (call: Client) => bodyOf(await call<Profile>('GET', `/cats/${id}/profile`));
    await alternate(async (here, there, round) => {
      // Both have it now, from before.
      assert.deepEqual((await profile(here)).sightings_count, round);
      assert.deepEqual(await profile(there), await profile(here));
      const entry = bodyOf(await here<Entry>('POST', '/entries', { json: { text: 'grey cat' } }));
      bodyOf(await here('POST', `/entries/${entry.id}/assign/${id}`));
      assert.equal((await profile(there)).sightings_count, round + 1);
      bodyOf(await here('PATCH', `/cats/${id}`, { json: { name: `Mieze ${round}` } }));
      assert.equal((await profile(there)).name, `Mieze ${round}`);
    });
  });

  test('a comment is made here and listed there', async () => {
    const { id } = bodyOf(await calls[0]<Cat>('POST', '/cats', { json: { name: 'Tom' } }));
    await alternate(async (here, there, round) => {
      const comment = { author_name: 'Mia', content: `comment ${round}` };
      assert.equal((await here('POST', `/cats/${id}/comments`, { json: comment })).status, 201);
      const listed = await there('GET', `/cats/${id}/comments`);
      assert.equal(listed.status, 200);
      assert.ok(listed.text.includes(`comment ${round}`));
    });
  });

  test('both make sightings at once: every one gets an id of its own', async () => {
    const made = await Promise.all(
      Array.from({ length: 200 }, async (_, number) => {
        const call = number % 2 === 0 ? calls[0] : calls[1];
        return bodyOf(await call<Entry>('POST', '/entries', { json: { text: `at once ${number}` } })).id;
      }),
    );
    assert.equal(new Set(made).size, made.length);
    for (const call of calls) {
      const listed = new Set(bodyOf(await call<Entry[]>('GET', '/entries')).map(({ id }) => id));
      assert.ok(made.every((id) => listed.has(id)));
    }
  });
});
