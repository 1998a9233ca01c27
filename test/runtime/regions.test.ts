// Several regions: a server beside a replica answers reads, and has the proxy of Fly.io repeat writes where the primary is.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Cat } from '../../src/cats/schemas.ts';
import type { Comment } from '../../src/comments/schemas.ts';
import type { Entry } from '../../src/entries/schemas.ts';
import { type Answer, type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { type RegionProxy, startRegionProxy } from '../harness/region-proxy.ts';
import { type Standby, startStandby } from '../harness/standby.ts';
import { openWorkshop, type Program, type Workshop } from './process.ts';

const origin = 'https://catatlas.example';

interface Document {
  paths: Record<string, Record<string, unknown>>;
}

/** The methods and route patterns of the requests that a server has answered, with the status. */
const answered = ({ log }: Program) =>
  log
    .filter(({ message }) => message === 'request')
    .map(({ method, route, path, status }) => `${method} ${route ?? path} ${status}`);

function assertReplayed(answer: Answer<Record<string, unknown>>): void {
  assert.equal(answer.status, 409, answer.text);
  assert.equal(answer.headers.get('fly-replay'), 'region=iad;timeout=10s;fallback=force_self');
  assert.deepEqual([answer.body['code'], answer.body['retryable']], ['WRITES_ELSEWHERE', false]);
}

for (const version of testedVersions) {
  describe(`PostgreSQL ${version} with a standby in another region`, () => {
    let workshop: Workshop;
    let primary: RunningPostgres;
    let standby: Standby;
    let url: string;
    let iad: Program;
    let fra: Program;
    let proxy: RegionProxy;
    /** As a client near fra: through the proxy. */
    let call: Client;
    /** Past the proxy. */
    let atFra: Client;
    let atIad: Client;

    const serve = (env: Record<string, string>) =>
      workshop.launch(['serve'], {
        env: { DATABASE_URL: url, DEBUG: 'true', ALLOWED_ORIGINS: origin, ...env },
      });
    const regions = (here: string) => ({
      FLY_REGION: here,
      PRIMARY_REGION: 'iad',
      REPLICA_DATABASE_URL: standby.url(url),
    });

    before(async () => {
      workshop = openWorkshop();
      primary = await startPostgres({ version });
      standby = await startStandby(primary);
      url = await primary.createDatabase();
      await standby.caughtUp();
      iad = serve(regions('iad'));
      fra = serve(regions('fra'));
      await Promise.all([iad.logged('ready'), fra.logged('ready')]);
      atIad = clientOf(await iad.url());
      atFra = clientOf(await fra.url());
      proxy = await startRegionProxy('fra', { fra: await fra.url(), iad: await iad.url() });
      call = clientOf(proxy.url);
    });
    after(async () => {
      await proxy?.close();
      await workshop.close();
      await standby?.stop();
      await primary.stop();
    });

    test('the one beside the replica waits until the primary has been migrated, and says where writes go', async () => {
      const line = await fra.logged('this region answers reads; the proxy is told to repeat writes in the primary one');
      assert.deepEqual(
        [line['region'], line['primary_region'], line['reads_from']],
        ['fra', 'iad', 'REPLICA_DATABASE_URL'],
      );
      assert.deepEqual(
        [iad, fra].map(({ log }) => log.some(({ message }) => message === 'migration applied')),
        [true, false],
      );
    });

    test('through the proxy everything works: writes by the primary region, reads by the near one', async () => {
      const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: 'Across the sea' } });
      const { body: other } = await call<Entry>('POST', '/entries', { json: { text: 'To be deleted' } });
      const { body: cat } = await call<Cat>('POST', '/cats', { json: { name: 'Sailor' } });
      const { body: comment } = await call<Comment>('POST', `/cats/${cat.id}/comments`, {
        json: { content: 'Ahoy', author_name: 'Ishmael' },
      });
      const writes = [
        await call('PATCH', `/entries/${entry.id}`, { json: { nickname: 'Sailor' } }),
        await call('POST', `/entries/${entry.id}/favorite`),
        await call('POST', `/entries/${entry.id}/analyze`),
        await call('POST', `/cats/${cat.id}/link-sightings`, { json: { entry_ids: [entry.id] } }),
        await call('POST', `/cats/${cat.id}/insights`, { json: { mode: 'profile' } }),
        await call('DELETE', `/cats/${cat.id}/comments/${comment.id}`),
        await call('DELETE', `/entries/${other.id}`),
      ];
      for (const { status, text } of writes) assert.ok(status >= 200 && status < 300, `${status} ${text}`);
      await standby.caughtUp();
      const read = await call<Entry>('GET', `/entries/${entry.id}`);
      assert.deepEqual(
        [read.body.text, read.body.nickname, read.body.isFavorite, read.body.cat_id],
        ['Across the sea', 'Sailor', true, cat.id],
      );
      assert.equal((await call('GET', `/entries/${other.id}`)).status, 404);
      assert.deepEqual(
        answered(iad).filter((line) => line.startsWith('GET')),
        [],
        'the primary region was asked for no read',
      );
      assert.deepEqual(
        answered(fra).filter((line) => !line.startsWith('GET') && !line.endsWith(' 409')),
        [],
        'the near one has taken no write',
      );
    });

    test('every read of the API has the same answer beside the replica: none of them writes', async () => {
      const { body: cat } = await call<Cat>('POST', '/cats', { json: { name: 'Read by all' } });
      const { body: entry } = await call<Entry>('POST', '/entries', { json: { text: 'A grey one, in the harbour' } });
      await call('POST', `/cats/${cat.id}/link-sightings`, { json: { entry_ids: [entry.id] } });
      await call('POST', `/entries/${entry.id}/analyze`);
      await standby.caughtUp();
      const { body: document } = await atIad<Document>('GET', '/swagger/json');
      const paths = Object.keys(document.paths)
        .filter((path) => document.paths[path]?.['get'] !== undefined && !/^\/(health|version|swagger|docs)/.test(path))
        .map((path) => path.replace('{entry_id}', String(entry.id)).replace('{cat_id}', String(cat.id)));
      assert.ok(paths.length > 10, paths.join(' '));
      let equal = 0;
      for (const path of paths) {
        const query = /by-area$/.test(path) ? '?min_lat=-90&max_lat=90&min_lon=-180&max_lon=180' : '';
        const [near, far] = await Promise.all([atFra('GET', path + query), atIad('GET', path + query)]);
        assert.doesNotMatch(path, /\{/, 'a parameter that this test does not know');
        assert.equal(near.status, far.status, `${path}: ${near.text}`);
        assert.ok(near.status < 500 || near.status === 501, `${path}: ${near.text}`);
        if (near.status >= 400) continue;
        assert.equal(near.text, far.text, path);
        equal += 1;
      }
      assert.ok(equal > 10, `${equal} of ${paths.join(' ')}`);
    });

    test('past the proxy a write gets an answer that says what it is', async () => {
      const answer = await atFra('POST', '/entries', { json: { text: 'x' }, headers: { origin } });
      assertReplayed(answer);
      assert.equal(answer.headers.get('access-control-allow-origin'), origin);
      assert.ok(answer.headers.get('x-request-id'));
      const problem = await atFra('DELETE', '/cats/1', { headers: { accept: 'application/problem+json' } });
      assert.deepEqual(
        [problem.status, problem.body['type'], problem.body['status']],
        [409, '/docs/errors#writes_elsewhere', 409],
      );
      const preflight = await atFra('OPTIONS', '/entries', {
        headers: { origin, 'access-control-request-method': 'POST' },
      });
      assert.deepEqual([preflight.status, preflight.headers.get('fly-replay')], [200, null]);
    });

    test('what is too large to be repeated is refused near by', async () => {
      const { status, body, headers } = await call('POST', '/entries', { json: { text: 'x'.repeat(1_100_000) } });
      assert.deepEqual([status, body['code'], headers.get('fly-replay')], [413, 'PAYLOAD_TOO_LARGE', null]);
    });

    test('commands use the primary, wherever they run', async () => {
      const { code, stderr } = await workshop.run(['migrate', 'up'], {
        env: { DATABASE_URL: url, DEBUG: 'true', ...regions('fra') },
      });
      assert.equal(code, 0, stderr);
    });

    test('doctor looks at the replica', async () => {
      const examine = async (replica: string) => {
        const env = { DATABASE_URL: url, DEBUG: 'true', REPLICA_DATABASE_URL: replica };
        const { stdout } = await workshop.run(['doctor', '--json'], { env });
        const { checks } = JSON.parse(stdout) as { checks: { id: string; verdict: string; found: string }[] };
        return checks.find(({ id }) => id === 'database.replica');
      };
      const good = await examine(standby.url(url));
      assert.equal(good?.verdict, 'pass', good?.found);
      const other = await examine(standby.url(url).replace(/[^/]*$/, 'postgres'));
      assert.match(`${other?.verdict} ${other?.found}`, /^fail .*another database/);
      const itself = await examine(url);
      assert.match(`${itself?.verdict} ${itself?.found}`, /^warn .*takes writes itself/);
    });

    test('a server that is not ready has writes repeated all the same', async () => {
      const starting = serve({ ...regions('ams'), REPLICA_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
      const atAms = clientOf(await starting.url());
      assertReplayed(await atAms('POST', '/entries', { json: { text: 'x' } }));
      assert.equal((await atAms('GET', '/entries')).body['code'], 'NOT_READY');
      await starting.kill();
    });

    const alone: Record<string, Record<string, string>> = {
      'in the region of the primary': { FLY_REGION: 'iad', PRIMARY_REGION: 'iad' },
      'that does not know where it is': { PRIMARY_REGION: 'iad' },
      'that does not know where the primary is': { FLY_REGION: 'fra' },
    };
    for (const [which, env] of Object.entries(alone))
      test(`off for a server ${which}, also when its database is read-only`, async () => {
        const program = serve({ ...env, DATABASE_URL: standby.url(url) });
        await program.logged('ready');
        const answer = await clientOf(await program.url())('POST', '/entries', { json: { text: 'x' } });
        assert.deepEqual([answer.status, answer.body['code']], [503, 'DATABASE_READ_ONLY']);
        assert.equal(answer.headers.get('fly-replay'), null);
        await program.kill();
      });

    test('without REPLICA_DATABASE_URL it reads from the primary, and its writes are repeated', async () => {
      const { REPLICA_DATABASE_URL: _, ...env } = regions('ams');
      const program = serve(env);
      await program.logged('ready');
      const atAms = clientOf(await program.url());
      const { body: made } = await call<Entry>('POST', '/entries', { json: { text: 'at once' } });
      assert.equal((await atAms<Entry>('GET', `/entries/${made.id}`)).body.text, 'at once');
      assertReplayed(await atAms('POST', '/entries', { json: { text: 'x' } }));
      await program.kill();
    });

    test('the primary region is lost: reads go on, writes are 503 in our words; it comes back: writes work', async () => {
      const env = { ...regions('iad'), PORT: new URL(await iad.url()).port };
      await iad.kill();
      await primary.kill();
      assert.equal((await call('GET', '/entries')).status, 200);
      const answer = await call('POST', '/entries', { json: { text: 'x' }, headers: { origin } });
      assert.deepEqual(
        [
          answer.status,
          answer.body['code'],
          answer.body['retryable'],
          answer.headers.get('access-control-allow-origin'),
        ],
        [503, 'DATABASE_READ_ONLY', true, origin],
      );
      assert.match(String(answer.body['detail']), /region iad/);
      assert.ok(Number(answer.headers.get('retry-after')) > 0);
      await primary.restart();
      const successor = serve(env);
      await successor.logged('ready');
      assert.equal((await call('POST', '/entries', { json: { text: 'back again' } })).status, 200);
    });
  });
}
