// Reads from a replica: one server on the primary, one on its hot standby. With synchronous_commit = remote_apply a write is
// acknowledged once the standby shows it, so whoever has written may read there at once. With `on` the standby may be behind.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import postgres from 'postgres';
import type { Entry } from '../../src/entries/schemas.ts';
import { bodyOf } from '../contract/answers.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { type Standby, startStandby } from '../harness/standby.ts';
import { commandLine } from '../harness/target.ts';
import { eventually, openWorkshop, type Workshop } from '../runtime/process.ts';

const program = commandLine([], 'binary');
const writes = 300;
/** How much later the standby is made to show what it has, in the control, in milliseconds. */
const heldBack = 900;
const writesHeldBack = 10;

for (const version of testedVersions)
  describe(`a replica of PostgreSQL ${version}`, () => {
    let workshop: Workshop;
    let primary: RunningPostgres;
    let standby: Standby;
    /** The servers of a database, for each value of synchronous_commit that it has. */
    const servers = new Map<string, { write: Client; read: Client }>();
    before(async () => {
      workshop = openWorkshop();
      primary = await startPostgres({ version, settings: { synchronous_commit: 'remote_apply' } });
      standby = await startStandby(primary);
      const urls = { remote_apply: await primary.createDatabase(), on: await primary.createDatabase() };
      await inServer(urls.on, (sql) =>
        sql.unsafe(`alter database ${new URL(urls.on).pathname.slice(1)} set synchronous_commit = on`),
      );
      await setting(primary, 'synchronous_standby_names', '*');
      for (const [commit, url] of Object.entries(urls)) {
        const launch = async (databaseUrl: string) => {
          const one = workshop.launch(['serve'], { program, env: { DATABASE_URL: databaseUrl, DEBUG: 'true' } });
          await one.logged('ready');
          return clientOf(await one.url());
        };
        const write = await launch(url);
        await standby.caughtUp();
        servers.set(commit, { write, read: await launch(standby.url(url)) });
      }
    });
    after(async () => {
      await workshop?.close();
      await standby?.stop();
      await primary?.stop();
    });

    /** Writes through the primary's server, reads at once through the standby's. */
    async function writeAndRead(commit: string, count: number) {
      const { write, read } = servers.get(commit) ?? assert.fail(commit);
      let misses = 0;
      const took: number[] = [];
      for (let number = 0; number < count; number += 1) {
        const began = performance.now();
        const { id } = bodyOf(await write<Entry>('POST', '/entries', { json: { text: `write ${number}` } }));
        took.push(performance.now() - began);
        const { status } = await read('GET', `/entries/${id}`);
        assert.ok(status === 200 || status === 404, String(status));
        if (status === 404) misses += 1;
      }
      took.sort((one, other) => one - other);
      return { misses, median: took[Math.floor(count / 2)] ?? 0 };
    }

    test(`remote_apply: ${writes} writes are read at once, none is missed`, async () => {
      const applied = await writeAndRead('remote_apply', writes);
      const flushed = await writeAndRead('on', writes);
      console.log(
        `PostgreSQL ${version}, of ${writes}: remote_apply missed ${applied.misses}, a write ${applied.median.toFixed(1)} ms; on missed ${flushed.misses}, a write ${flushed.median.toFixed(1)} ms`,
      );
      assert.equal(applied.misses, 0);
    });

    test('the lag of the standby, as a client of its server sees it', async () => {
      const { write, read } = servers.get('on') ?? assert.fail('on');
      const lags: number[] = [];
      for (let number = 0; number < 100; number += 1) {
        const { id } = bodyOf(await write<Entry>('POST', '/entries', { json: { text: `lag ${number}` } }));
        const began = performance.now();
        let misses = 0;
        while ((await read('GET', `/entries/${id}`)).status === 404) {
          misses += 1;
          assert.ok(performance.now() - began < 20_000, 'the standby does not follow');
        }
        // Seen by the first look: it was there before anybody could ask.
        lags.push(misses === 0 ? 0 : performance.now() - began);
      }
      lags.sort((one, other) => one - other);
      console.log(`PostgreSQL ${version}: lag in ms: median ${lags[50]?.toFixed(1)}, most ${lags.at(-1)?.toFixed(1)}`);
    });

    test(`the control: a standby that shows everything ${heldBack} ms late is missed by \`on\`, and waited for by remote_apply`, async () => {
      await setting(standby.server, 'recovery_min_apply_delay', `${heldBack}ms`);
      const flushed = await writeAndRead('on', writesHeldBack);
      const applied = await writeAndRead('remote_apply', writesHeldBack);
      await setting(standby.server, 'recovery_min_apply_delay', '0');
      // Not all of them where this process stands still for so long between a write and its read.
      assert.ok(flushed.misses > writesHeldBack / 2, `${flushed.misses} of ${writesHeldBack} missed`);
      assert.equal(applied.misses, 0);
      assert.ok(applied.median >= heldBack * 0.9, `a write took ${applied.median} ms`);
    });
  });

async function inServer<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Changes a setting of a running server, and waits until it is so. */
async function setting(server: RunningPostgres, name: string, value: string): Promise<void> {
  await inServer(server.url, async (sql) => {
    await sql.unsafe(`alter system set ${name} = '${value}'`);
    await sql`select pg_reload_conf()`;
    await eventually(`${name} is ${value}`, async () => {
      const [row] = await sql<[{ value: string }]>`select current_setting(${name}) as value`;
      return row.value === value ? true : undefined;
    });
  });
}
