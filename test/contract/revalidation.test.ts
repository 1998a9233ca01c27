// Profiles are kept, by the server and by browsers, and are never out of date: decision 0007.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { bodyOf } from './answers.ts';
import { createCat, createEntry } from './records.ts';

const origin = 'https://catatlas.example';

let site: Site;
let call: Client;
before(async () => {
  site = await openSite();
  const server = await site.start({ env: { ALLOWED_ORIGINS: origin } });
  call = clientOf(server.url);
});
after(() => site.close());

const paths = ['profile', 'profile/enhanced'] as const;

const ask = (catId: number, path: (typeof paths)[number], tag?: string) =>
  call('GET', `/cats/${catId}/${path}`, {
    headers: { origin, ...(tag === undefined ? {} : { 'if-none-match': tag }) },
  });

async function tagOf(catId: number, path: (typeof paths)[number]): Promise<string> {
  const { status, headers, text } = await ask(catId, path);
  assert.equal(status, 200, text);
  return headers.get('etag') ?? '';
}

for (const path of paths)
  describe(path, () => {
    test('has a tag, and is to be asked about each time', async () => {
      const cat = await createCat(call, { name: 'Mira', texts: ['A grey one'] });
      const { headers } = await ask(cat.id, path);
      assert.match(headers.get('etag') ?? '', /^"[0-9a-f]{32}"$/);
      assert.equal(headers.get('cache-control'), 'private, no-cache');
      assert.equal(headers.get('content-type'), 'application/json');
    });

    test('is 304 without a body for whoever has it, and may be read across origins all the same', async () => {
      const cat = await createCat(call, { name: 'Mira', texts: ['A grey one'] });
      const tag = await tagOf(cat.id, path);
      for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
        const { status, headers, text } = await ask(cat.id, path, known);
        assert.deepEqual([status, text, headers.get('etag')], [304, '', tag], known);
        assert.equal(headers.get('access-control-allow-origin'), origin);
        assert.match(headers.get('access-control-expose-headers') ?? '', /ETag/);
        assert.ok(headers.get('x-request-id'));
      }
      for (const other of ['"other"', tag.slice(1, -1), '']) assert.equal((await ask(cat.id, path, other)).status, 200);
    });

    test('a comment changes nothing of it', async () => {
      const cat = await createCat(call, { name: 'Mira', texts: ['A grey one'] });
      const tag = await tagOf(cat.id, path);
      bodyOf(await call('POST', `/cats/${cat.id}/comments`, { json: { author_name: 'Mia', content: 'Nice' } }), 201);
      assert.equal(await tagOf(cat.id, path), tag);
    });

    test('a cat that is gone is 404, whatever was kept', async () => {
      const cat = await createCat(call, { name: 'Mira', texts: ['A grey one'] });
      const tag = await tagOf(cat.id, path);
      assert.equal((await call('DELETE', `/cats/${cat.id}`)).status, 204);
      const { status, headers } = await ask(cat.id, path, tag);
      assert.deepEqual([status, headers.get('etag')], [404, null]);
    });

    test('a crowd gets one and the same profile', async () => {
      const cat = await createCat(call, { name: 'Mira', texts: ['A grey one', 'A grey one again'] });
      const answers = await Promise.all(Array.from({ length: 60 }, () => ask(cat.id, path)));
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
      assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    });
  });

describe('every write that a profile shows is in the next answer', () => {
  interface Case {
    what: string;
    /** The short profile does not know of insights. */
    shows?: (typeof paths)[number][];
    write(cat: { id: number; entryIds: number[] }): Promise<unknown>;
  }
  const cases: Case[] = [
    { what: 'a name', write: ({ id }) => call('PATCH', `/cats/${id}`, { json: { name: 'Nora' } }) },
    {
      what: 'a sighting linked',
      async write({ id }) {
        const entry = await createEntry(call, { text: 'A limping one' });
        return call('POST', `/cats/${id}/link-sightings`, { json: { entry_ids: [entry.id] } });
      },
    },
    {
      what: 'a sighting linked from its side',
      async write({ id }) {
        const entry = await createEntry(call, { text: 'A limping one' });
        return call('POST', `/entries/${entry.id}/assign/${id}`);
      },
    },
    { what: 'a sighting taken away', write: ({ entryIds }) => call('DELETE', `/entries/${entryIds[0]}/cat`) },
    { what: 'a sighting deleted', write: ({ entryIds }) => call('DELETE', `/entries/${entryIds[0]}`) },
    {
      what: 'a text changed',
      write: ({ entryIds }) => call('PATCH', `/entries/${entryIds[0]}`, { json: { text: 'A white one' } }),
    },
    {
      what: 'a place changed',
      write: ({ entryIds }) => call('PATCH', `/entries/${entryIds[0]}`, { json: { location: 'Pier 7' } }),
    },
    {
      what: 'a sighting moved to another cat',
      async write({ entryIds }) {
        const other = await createCat(call, { name: 'Other' });
        return call('POST', `/cats/${other.id}/link-sightings`, { json: { entry_ids: [entryIds[0]] } });
      },
    },
    {
      what: 'an insight',
      shows: ['profile/enhanced'],
      write: ({ id }) => call('POST', `/cats/${id}/insights`, { json: { mode: 'care' } }),
    },
  ];
  for (const { what, shows = [...paths], write } of cases)
    test(what, async () => {
      const cat = await createCat(call, { name: 'Mira', texts: ['A grey one', 'A grey one again'] });
      const before = new Map(await Promise.all(paths.map(async (path) => [path, await tagOf(cat.id, path)] as const)));
      const { status, text } = (await write(cat)) as { status: number; text: string };
      assert.ok(status < 300, text);
      for (const path of paths) {
        const tag = before.get(path) ?? '';
        const answer = await ask(cat.id, path, tag);
        assert.equal(answer.status, shows.includes(path) ? 200 : 304, `${path}: ${answer.text}`);
        if (shows.includes(path)) assert.notEqual(answer.headers.get('etag'), tag);
      }
    });
});
