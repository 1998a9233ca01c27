// What a stranger may do. There are no accounts yet, so in production nobody may change or delete what is there.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Entry } from '../../src/entries/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { openWorkshop, type Program, type Workshop } from './process.ts';

const origin = 'https://catatlas.example';
const secret = 'kR7vQ2mZ9xT4wB6nY1cJ8hL3gD5sF0pA';

let workshop: Workshop;
let server: RunningPostgres;

before(async () => {
  workshop = openWorkshop();
  server = await startPostgres({ version: 18 });
});
after(async () => {
  await workshop.close();
  await server.stop();
});

const production = async (env: Record<string, string> = {}) => ({
  DATABASE_URL: await server.createDatabase(),
  JWT_SECRET: secret,
  ALLOWED_ORIGINS: origin,
  ...env,
});

async function start(env: Record<string, string>): Promise<{ program: Program; call: Client; url: string }> {
  const program = workshop.launch(['serve'], { env });
  await program.logged('ready');
  const url = await program.url();
  return { program, url, call: clientOf(url) };
}

/** A sighting and the cat it belongs to. */
async function populate(call: Client): Promise<{ entry: string; cat: string; unchanged(): Promise<void> }> {
  const made = await call<Entry>('POST', '/entries', { json: { text: 'Grey tom' } });
  const cat = await call('POST', '/cats/from-sightings', { json: { entry_ids: [made.body.id] } });
  assert.equal(cat.status, 200, cat.text);
  const paths = { entry: `/entries/${made.body.id}`, cat: `/cats/${cat.body['id']}` };
  const earlier = [(await call('GET', paths.entry)).text, (await call('GET', paths.cat)).text];
  return {
    ...paths,
    async unchanged() {
      assert.deepEqual([(await call('GET', paths.entry)).text, (await call('GET', paths.cat)).text], earlier);
    },
  };
}

/** Every operation that changes or deletes what another visitor may have made and that the first server did not have. */
const edits = ({ entry, cat }: { entry: string; cat: string }) =>
  [
    ['PATCH', entry, { json: { text: 'changed' } }, 200],
    ['PATCH', entry, { raw: 'not even json' }, 422],
    ['DELETE', `${entry}/cat`, {}, 200],
    ['DELETE', entry, {}, 204],
    ['DELETE', '/entries/424242', {}, 404],
    ['DELETE', '/entries/abc', {}, 422],
    ['DELETE', cat, {}, 204],
  ] as const;

test('in production a stranger can neither change nor delete, and a browser can read why', async () => {
  const { program, call } = await start(await production());
  const { access } = await program.logged('access');
  assert.match(String(access), /nobody may change or delete a sighting, delete a cat /);
  const there = await populate(call);
  for (const [method, path, sent] of edits(there)) {
    const answer = await call(method, path, { ...sent, headers: { origin } });
    assert.equal(answer.status, 403, `${method} ${path}: ${answer.text}`);
    const { detail, message, code, retryable } = answer.body;
    assert.deepEqual([code, retryable, detail], ['EDITS_CLOSED', false, message]);
    assert.equal(answer.headers.get('access-control-allow-origin'), origin);
  }
  await there.unchanged();
  // What the first server let everybody do stays open: its front end has no tokens.
  for (const [method, path, json, status] of [
    ['POST', `${there.entry}/favorite`, undefined, 200],
    ['PATCH', there.cat, { name: 'Tom' }, 200],
    ['POST', `${there.cat}/comments`, { author_name: 'Mia', content: 'Seen' }, 201],
    ['DELETE', `${there.cat}/comments/1`, undefined, 204],
    ['POST', '/entries', { text: 'another' }, 200],
  ] as const)
    assert.equal((await call(method, path, { json })).status, status, `${method} ${path}`);
});

test('with ALLOW_ANONYMOUS_EDITS=True they can, and the start warns of it', async () => {
  const { program, call } = await start(await production({ ALLOW_ANONYMOUS_EDITS: 'True' }));
  await program.logged('every visitor may change and delete what others have made');
  for (const [method, path, sent, status] of edits(await populate(call))) {
    const answer = await call(method, path, sent);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
  }
});

test('in development they can, unless ALLOW_ANONYMOUS_EDITS=False', async () => {
  const open = await start({ DATABASE_URL: await server.createDatabase(), DEBUG: 'True' });
  const { entry } = await populate(open.call);
  assert.equal((await open.call('DELETE', entry)).status, 204);
  const closed = await start({
    DATABASE_URL: await server.createDatabase(),
    DEBUG: 'True',
    ALLOW_ANONYMOUS_EDITS: 'False',
  });
  const there = await populate(closed.call);
  assert.equal((await closed.call('DELETE', there.entry)).status, 403);
  await there.unchanged();
});

test('doctor says what is open to everybody, and warns in production', async () => {
  const accessOf = async (env: Record<string, string>) => {
    const { stdout } = await workshop.run(['doctor', '--json'], { env });
    const { checks } = JSON.parse(stdout) as { checks: { id: string; verdict: string; found: string }[] };
    return checks.find(({ id }) => id === 'configuration.access');
  };
  const closed = await accessOf(await production());
  assert.equal(closed?.verdict, 'pass');
  assert.match(closed.found, /nobody may change or delete a sighting/);
  const open = await accessOf(await production({ ALLOW_ANONYMOUS_EDITS: 'True' }));
  assert.equal(open?.verdict, 'warn');
  assert.match(open.found, /everybody may also change and delete sightings/);
});

test('the document says of each operation that changes or deletes whether it is closed in production', async () => {
  const { stdout } = await workshop.run(['openapi']);
  const { paths } = JSON.parse(stdout) as {
    paths: Record<string, Record<string, { description: string; responses: Record<string, unknown> }>>;
  };
  const closed = new Set<string>();
  for (const [path, methods] of Object.entries(paths))
    for (const [method, { description, responses }] of Object.entries(methods)) {
      const isClosed = '403' in responses;
      assert.equal(description.includes('ALLOW_ANONYMOUS_EDITS'), isClosed, `${method} ${path}`);
      if (isClosed) closed.add(`${method} ${path}`);
      // Those of the first server: renaming a cat, replacing a photo, deleting a comment.
      else if (['patch', 'put', 'delete'].includes(method))
        assert.match(`${method} ${path}`, /^(patch \/cats\/\{cat_id\}|patch .*\/image|delete .*\/comments\/.*)$/);
    }
  assert.deepEqual([...closed].sort(), [
    'delete /cats/{cat_id}',
    'delete /entries/{entry_id}',
    'delete /entries/{entry_id}/cat',
    'patch /entries/{entry_id}',
  ]);
});
