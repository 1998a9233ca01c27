// A server whose database goes away and comes back.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Entry } from '../../src/entries/schemas.ts';
import type { ReadinessReport } from '../../src/health/schemas.ts';
import { capacities } from '../../src/http/admission.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { type FaultProxy, startProxy } from '../harness/proxy.ts';
import { eventually, openWorkshop, type Program, type Workshop } from '../runtime/process.ts';
import { metricsUrl, scrape } from '../runtime/scrape.ts';
import { lockTables, through } from './interfere.ts';
import { assertUnavailable, boundMilliseconds, timed, watchHealth } from './watch.ts';

/** What takes a place among a few: the others wait for one. */
const profile = ['GET', '/cats/1/profile', undefined] as const;

/** One of everything that needs the database: reads, writes, transactions. */
const requests = [
  ['GET', '/entries', undefined],
  ['GET', '/cats', undefined],
  ['POST', '/entries', { text: 'during the outage' }],
  ['POST', '/entries/1/favorite', undefined],
  ['PATCH', '/entries/1', { nickname: 'Nobody' }],
  profile,
] as const;

/**
 * One with the deadlines of a default start, the other with short ones, so that what is about waiting is quick; not so short that requests
 * reach them while a busy machine brings them all to where they wait.
 */
const editions = [
  { version: 15, deadlines: { DATABASE_STATEMENT_TIMEOUT_SECONDS: '2', DATABASE_CONNECT_TIMEOUT_SECONDS: '1' } },
  { version: 18, deadlines: {} },
] as const;

for (const { version, deadlines } of editions) {
  describe(`PostgreSQL ${version}`, () => {
    let workshop: Workshop;
    let server: RunningPostgres;
    /** The database, past the proxy. */
    let url: string;
    let proxy: FaultProxy;
    let program: Program;
    let call: Client;
    let health: ReturnType<typeof watchHealth> | undefined;

    before(async () => {
      workshop = openWorkshop();
      // Killed servers are to remember what they acknowledged.
      server = await startPostgres({ version, settings: { synchronous_commit: 'on' } });
      proxy = await startProxy(server.port);
      url = await server.createDatabase();
      program = workshop.launch(['serve'], {
        env: { DATABASE_URL: through(proxy, url), DEBUG: 'true', LOG_LEVEL: 'INFO', METRICS_PORT: '0', ...deadlines },
      });
      await program.logged('ready');
      call = clientOf(await program.url());
      assert.equal((await call('POST', '/entries', { json: { text: 'Before all that' } })).status, 200);
      assert.equal((await call('POST', '/cats', { json: { name: 'Smokey' } })).status, 200);
    });
    afterEach(async () => {
      // A test that has failed leaves no black hole to the next.
      proxy.resume();
      await health?.stop();
      health = undefined;
    });
    after(async () => {
      await workshop.close();
      await proxy.close();
      await server.stop();
    });

    /** Fills the pool, so that an outage meets open connections and not only new ones. */
    const fillPool = () => Promise.all(Array.from({ length: 20 }, () => call('GET', '/entries')));

    const ask = ([method, path, json]: (typeof requests)[number], id?: string) =>
      timed(call(method, path, { ...(json ? { json } : {}), headers: id === undefined ? {} : { 'x-request-id': id } }));

    /** How many sightings there are, and how many of them say that all is well again. */
    const entriesNow = async () => {
      const { body } = await call<Entry[]>('GET', '/entries');
      return { count: body.length, healings: body.filter(({ text }) => text === 'After the outage').length };
    };

    /** How many profiles have been asked for, by the status of the answer, as the metrics have it. */
    const profiles = async (): Promise<Record<number, number | undefined>> => {
      const { samples } = await scrape(await metricsUrl(program));
      const name = (status: number) =>
        `catatlas_http_requests_total{method="GET",route="/cats/:cat_id/profile",status="${status}"}`;
      return { 200: samples.get(name(200)), 503: samples.get(name(503)) };
    };

    const readiness = () => call<ReadinessReport>('GET', '/health/ready');

    /**
     * Has all of the requests wait for a lock, in good time: a read that is a second old is not asked again (src/http/read-again.ts).
     * Where this machine was too busy to bring them there they are let go, and it begins anew.
     */
    async function holdRequests(name: string) {
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        const before = await entriesNow();
        const counted = await profiles();
        const lock = await lockTables(url);
        const began = performance.now();
        const under = requests.map((one, index) => {
          const id = `${name}.${attempt}.${index}`;
          return { id, method: one[0], work: ask(one, id) };
        });
        const waiting = lock.waiting(requests.length);
        // It ends with the lock where one of them is answered first, because it has waited too long.
        waiting.catch(() => {});
        const pids = await Promise.race([waiting, ...under.map(({ work }) => work.then(() => undefined))]);
        if (pids !== undefined && performance.now() - began < 500) return { before, counted, lock, under, pids, began };
        await lock.release();
        await Promise.all(under.map(({ work }) => work));
      }
      assert.fail('this machine does not bring six requests to a lock within half a second');
    }

    /** Works again, by itself: reads, writes, readiness. */
    async function heals(withinMilliseconds: number): Promise<number> {
      const began = performance.now();
      await eventually(
        'the API works again',
        async () => ((await call('GET', '/entries')).status === 200 ? true : undefined),
        withinMilliseconds,
      );
      await eventually(
        '/health/ready is 200 again',
        async () => ((await readiness()).status === 200 ? true : undefined),
        withinMilliseconds - (performance.now() - began),
      );
      const milliseconds = performance.now() - began;
      const made = await call<Entry>('POST', '/entries', { json: { text: 'After the outage' } });
      assert.equal(made.status, 200, made.text);
      assert.equal((await call<Entry>('GET', '/entries/1')).body.text, 'Before all that');
      // Every connection of the pool, not only a lucky one.
      for (const answer of await fillPool()) assert.equal(answer.status, 200, answer.text);
      // What has failed has given its place back. In the queue of the profiles, but not counted as one of them.
      const expensive = await call('GET', '/cats/1/profile/enhanced');
      assert.equal(expensive.status, 200, expensive.text);
      assert.equal(program.over(), false);
      return milliseconds;
    }

    test('killed: 503 at once, alive, not ready; back again: works within 3 s', async () => {
      await fillPool();
      health = watchHealth(call);
      await server.kill();
      for (const one of [...requests, ...requests]) {
        const { answer, milliseconds } = await ask(one);
        assertUnavailable(answer);
        assert.ok(milliseconds < 2000, `${one[0]} ${one[1]}: ${milliseconds} ms`);
      }
      const { answer, milliseconds } = await timed(readiness());
      assert.equal(answer.status, 503);
      assert.ok(milliseconds < 2000, `${milliseconds} ms`);
      assert.equal(answer.body.checks.database.ok, false);
      assert.deepEqual([answer.body.checks.schema.ok, answer.body.checks.accepting.ok], [true, true]);
      assert.ok(Number(answer.headers.get('retry-after')) > 0);

      await server.restart();
      const healed = await heals(3000);
      const { slowest, asked } = await health.stop();
      assert.ok(slowest < 1000, `/health took ${slowest} ms`);
      assert.ok(asked >= 4);
      console.log(`outage: PostgreSQL ${version} back, API healed after ${Math.round(healed)} ms`);
    });

    test('restarted under load: only 200 and 503, then works', async () => {
      health = watchHealth(call);
      let loading = true;
      const statuses = new Map<number, number>();
      const slowest = { milliseconds: 0 };
      const load = Promise.all(
        Array.from({ length: 8 }, async (_, worker) => {
          for (let count = worker; loading; count += 1) {
            const one = requests[count % 3] ?? requests[0];
            const { answer, milliseconds } = await ask(one);
            statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
            slowest.milliseconds = Math.max(slowest.milliseconds, milliseconds);
          }
        }),
      );
      try {
        await eventually('there is load', () => (statuses.get(200) ?? 0) > 20 || undefined);
        await server.restart();
        await heals(3000);
      } finally {
        loading = false;
        await load;
      }
      assert.deepEqual(
        [...statuses.keys()].filter((status) => status !== 200 && status !== 503),
        [],
      );
      assert.ok(slowest.milliseconds < boundMilliseconds, `${slowest.milliseconds} ms`);
    });

    for (const how of ['reset on the way', 'ended by the server'] as const)
      test(`${how} in the middle of queries: reads are asked once more, writes are not`, async () => {
        await fillPool();
        health = watchHealth(call);
        const { before, counted, lock, under, pids, began } = await holdRequests(how.replaceAll(' ', '-'));
        const cut = performance.now() - began;
        if (how === 'reset on the way') proxy.resetAll();
        else await lock.end(pids);
        // The reads are back, on new connections, before anything else is let through.
        const reads = under.filter(({ method }) => method === 'GET');
        await lock.waiting(reads.length, pids);
        await lock.release();
        const released = performance.now() - began;
        for (const { method, work } of under) {
          const { answer, milliseconds } = await work;
          if (method === 'GET') assert.equal(answer.status, 200, answer.text);
          else assertUnavailable(answer);
          // From when there was nothing to wait for any more: how long they were held is this test's own doing.
          const late = milliseconds - (method === 'GET' ? released : cut);
          assert.ok(late < 2000, `${late} ms`);
        }
        await heals(3000);
        // A write on a connection that the server did not see break may have been done; none was done twice.
        const after = await entriesNow();
        const made = after.count - after.healings - (before.count - before.healings);
        assert.ok(how === 'reset on the way' ? made <= 1 : made === 0, `${made}`);

        const ids = under.map(({ id }) => id);
        const numbered = (message: string) =>
          program.log.filter((line) => line.message === message && ids.includes(String(line['request_id'])));
        for (const [message, count] of [
          ['connection lost: the read is asked again', reads.length],
          ['request could not be served', requests.length - reads.length],
          ['request', requests.length],
        ] as const) {
          await eventually(`${count} times "${message}"`, () => numbered(message).length >= count || undefined);
          assert.equal(numbered(message).length, count, message);
        }
        const lineOfProfile = numbered('request').filter((line) => line['route'] === '/cats/:cat_id/profile');
        assert.deepEqual(
          lineOfProfile.map((line) => line['status']),
          [200],
          'one request, one line, one status',
        );
        assert.deepEqual(await profiles(), { ...counted, 200: (counted[200] ?? 0) + 1 });
      });

    test('refused: 503 at once; accepted again: works within 3 s', async () => {
      await proxy.refuse();
      for (const one of requests) {
        const { answer, milliseconds } = await ask(one);
        assertUnavailable(answer);
        assert.ok(milliseconds < 2000, `${milliseconds} ms`);
      }
      proxy.resume();
      await heals(3000);
    });

    test('silent: every request is answered in bounded time, more of them than the pool has connections; then works', async () => {
      await fillPool();
      health = watchHealth(call);
      proxy.blackhole();
      const notReady = timed(readiness());
      const under = Array.from({ length: 30 }, (_, index) => ask(requests[index % requests.length] ?? requests[0]));
      const outcomes = await Promise.all(under);
      // Of the profiles, two are at work at once. The others wait for their turn, which does not come in time: the database was not asked.
      const turnedAway = outcomes.filter(
        ({ answer }, index) => requests[index % requests.length] === profile && answer.body['code'] === 'SERVER_BUSY',
      );
      const waited = under.length / requests.length - capacities.profiles;
      assert.ok(turnedAway.length > 0 && turnedAway.length <= waited, `${turnedAway.length} of ${waited} turned away`);
      for (const outcome of outcomes) {
        assertUnavailable(outcome.answer, turnedAway.includes(outcome) ? 'SERVER_BUSY' : 'DATABASE_UNAVAILABLE');
        assert.ok(outcome.milliseconds < boundMilliseconds, `${outcome.milliseconds} ms`);
      }
      const { answer, milliseconds } = await notReady;
      assert.equal(answer.status, 503);
      assert.ok(milliseconds < 2000, `/health/ready took ${milliseconds} ms`);
      assert.equal(answer.body.checks.database.ok, false);
      // And those that come later, when no connection is left.
      const later = version === 15 ? await Promise.all(requests.map((one) => ask(one))) : [];
      for (const { answer, milliseconds } of later) {
        assertUnavailable(answer);
        assert.ok(milliseconds < boundMilliseconds, `${milliseconds} ms`);
      }
      proxy.resume();
      await heals(8000);
      const { slowest } = await health.stop();
      assert.ok(slowest < 1000, `/health took ${slowest} ms`);
      const longest = Math.max(...outcomes.map((one) => one.milliseconds));
      console.log(`outage: PostgreSQL ${version} silent, slowest answer ${Math.round(longest)} ms`);
    });

    // The same for the pool as silence, at the price of the same deadlines: once is enough.
    if (version === 15)
      test('stopped where it stands: bounded, then works', async () => {
        await fillPool();
        server.pause();
        try {
          for (const { answer, milliseconds } of await Promise.all(requests.map((one) => ask(one)))) {
            assertUnavailable(answer);
            assert.ok(milliseconds < boundMilliseconds, `${milliseconds} ms`);
          }
          assert.equal((await readiness()).status, 503);
        } finally {
          server.resume();
        }
        await heals(8000);
      });
  });
}
