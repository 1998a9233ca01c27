import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Answer, type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { bodyOf } from './answers.ts';
import { createCat, createEntry } from './records.ts';

// What the tests of the first server pin, one by one: contract section 9.

let site: Site;
let call: Client;

before(async () => {
  site = await openSite();
  // Without any setting: the origins that are allowed are those of a development server.
  call = clientOf((await site.start()).url);
});
after(() => site.close());

/** `detail` is a text that holds these words, in whatever case. */
function assertDetail(answer: Answer<Record<string, unknown>>, status: number, words: string): void {
  assert.equal(answer.status, status, answer.text);
  const { detail } = answer.body;
  assert.equal(typeof detail, 'string');
  assert.ok(String(detail).toLowerCase().includes(words.toLowerCase()), String(detail));
}

test('words in the details', async () => {
  const [{ id }, cat] = [await createEntry(call), await createCat(call)];
  assertDetail(await call('GET', `/entries/${id}/nearby`), 400, 'no coordinates');
  assertDetail(
    await call('POST', `/cats/${cat.id}/insights`, { json: { mode: 'profile' } }),
    400,
    'No sightings assigned',
  );
  assertDetail(await call('POST', '/entries/424242/favorite'), 404, 'not found');
  assertDetail(await call('GET', '/cats/424242/profile'), 404, 'not found');
});

test('the profile of a cat', async () => {
  const empty = await createCat(call, { name: 'Momo' });
  const none = bodyOf(await call('GET', `/cats/${empty.id}/profile`));
  assert.ok(String(none['profile_text']).includes('No sightings assigned yet'));

  const cat = await createCat(call, { name: 'Smokey', texts: ['Orange tabby with a torn ear', 'Orange tabby asleep'] });
  const { id } = await createEntry(call, { text: 'Orange tabby again', location: 'Park A' });
  bodyOf(await call('POST', `/entries/${id}/assign/${cat.id}`));
  const profile = bodyOf(await call('GET', `/cats/${cat.id}/profile`));
  assert.ok(String(profile['profile_text']).includes('Smokey'));
  for (const key of ['top_tags', 'locations']) assert.ok((profile[key] as string[]).length > 0, key);
});

describe('422', () => {
  const long = (length: number) => 'a'.repeat(length);
  const area = '/entries/by-area?lat=52&lon=13';
  const groups = '/entries/by-area/suggested-groups?lat=52&lon=13&radius=500';
  const cases: [what: string, method: string, path: string, json: unknown, field: string][] = [
    ['empty text', 'POST', '/entries', { text: '' }, 'text'],
    ['missing text', 'POST', '/entries', {}, 'text'],
    ['over-long text', 'POST', '/entries', { text: long(5001) }, 'text'],
    ['over-long nickname', 'POST', '/entries', { text: 'a', nickname: long(101) }, 'nickname'],
    ['over-long location', 'POST', '/entries', { text: 'a', location: long(201) }, 'location'],
    ['over-long photo_url', 'POST', '/entries', { text: 'a', photo_url: long(1001) }, 'photo_url'],
    ['over-long name', 'POST', '/cats', { name: long(101) }, 'name'],
    ['over-long question', 'POST', '/cats/1/insights', { mode: 'care', question: long(501) }, 'question'],
    ['unknown mode', 'POST', '/cats/1/insights', { mode: 'horoscope' }, 'mode'],
    ['missing author', 'POST', '/cats/1/comments', { content: 'a' }, 'author_name'],
    ['empty author', 'POST', '/cats/1/comments', { author_name: '', content: 'a' }, 'author_name'],
    ['missing content', 'POST', '/cats/1/comments', { author_name: 'a' }, 'content'],
    ['empty content', 'POST', '/cats/1/comments', { author_name: 'a', content: '' }, 'content'],
    ['lat 100', 'GET', '/entries/by-area?lat=100&lon=13', undefined, 'lat'],
    ['lon -200', 'GET', '/entries/by-area?lat=52&lon=-200', undefined, 'lon'],
    ['radius 0', 'GET', `${area}&radius=0`, undefined, 'radius'],
    ['radius 20000', 'GET', `${area}&radius=20000`, undefined, 'radius'],
    ['cluster_radius 5', 'GET', `${groups}&cluster_radius=5`, undefined, 'cluster_radius'],
    ['min_sightings 1', 'GET', `${groups}&min_sightings=1`, undefined, 'min_sightings'],
    ['no integer', 'GET', '/entries/not_an_integer/analysis', undefined, 'entry_id'],
  ];
  for (const [what, method, path, json, field] of cases)
    test(what, async () => {
      const answer = await call<{ detail: { loc: string[] }[] }>(method, path, { json });
      assert.equal(answer.status, 422, answer.text);
      const { detail } = answer.body;
      assert.ok(Array.isArray(detail), 'can be iterated');
      assert.deepEqual(
        detail.map(({ loc }) => loc.at(-1)),
        [field],
      );
      assert.doesNotMatch(answer.text, /sqlite|postgres|select /i, 'nothing of what is behind');
    });
});

test('a text of white space is 400', async () => {
  assertDetail(await call('POST', '/entries', { json: { text: ' \n\t ' } }), 400, 'empty');
});

test('comments: 201, 204, and at least one page', async () => {
  const { id } = await createCat(call);
  const path = `/cats/${id}/comments`;
  assert.equal(bodyOf(await call('GET', path))['totalPages'], 1);
  const ids: unknown[] = [];
  for (let number = 0; number < 10; number++) {
    const json = { author_name: 'Mia', content: `Comment ${number}` };
    ids.push(bodyOf(await call('POST', path, { json }), 201)['id']);
  }
  assert.equal(bodyOf(await call('GET', `${path}?limit=3`))['totalPages'], 4);
  const deleted = await call('DELETE', `${path}/${ids[0]}`);
  assert.deepEqual([deleted.status, deleted.text], [204, '']);
  assert.equal(bodyOf(await call('GET', `${path}?limit=3`))['totalPages'], 3);
});

test('sightings: at least one page', async () => {
  const { id } = await createCat(call);
  assert.equal(bodyOf(await call('GET', `/cats/${id}/sightings`))['totalPages'], 1);
});

test('mark-up, SQL and scripts are stored as they are', async () => {
  const cat = await createCat(call);
  for (const words of [
    '<script>alert(1)</script>',
    `'; DROP TABLE entries; --`,
    `1' OR '1'='1`,
    'javascript:alert(1)',
  ]) {
    const json = { text: words, nickname: words, location: words };
    const entry = bodyOf(await call('POST', '/entries', { json }));
    const stored = bodyOf(await call('GET', `/entries/${entry['id']}`));
    for (const key of Object.keys(json)) assert.equal(stored[key], words, key);
    const comment = { author_name: words, content: words };
    bodyOf(await call('POST', `/cats/${cat.id}/comments`, { json: comment }), 201);
    const [newest] = bodyOf(await call<{ comments: (typeof comment)[] }>('GET', `/cats/${cat.id}/comments`)).comments;
    assert.deepEqual({ author_name: newest?.author_name, content: newest?.content }, comment);
    assert.equal(bodyOf(await call('PATCH', `/cats/${cat.id}`, { json: { name: words } }))['name'], words);
  }
});

test('NUL is no reason to fail', async () => {
  assert.equal((await call('POST', '/entries', { json: { text: 'Grey\0kitten' } })).status, 422);
});

test('CORS for the front end of a development server', async () => {
  const origin = 'http://localhost:5173';
  const requests: [method: string, headers: Record<string, string>, json?: unknown][] = [
    ['OPTIONS', { 'access-control-request-method': 'POST', 'access-control-request-headers': 'Content-Type' }],
    ['GET', {}],
    ['POST', {}, { text: 'Grey kitten' }],
  ];
  for (const [method, headers, json] of requests) {
    const answer = await call(method, '/entries', { json, headers: { ...headers, origin } });
    assert.equal(answer.status, 200, method);
    assert.equal(answer.headers.get('access-control-allow-origin'), origin, method);
    assert.equal(answer.headers.get('access-control-allow-credentials'), 'true', method);
  }
});

test('asked twice, insight and analysis say the same', async () => {
  const cat = await createCat(call, { texts: ['Orange tabby, good and friendly', 'Orange tabby with a torn ear'] });
  const repeat = async (path: string, json?: unknown) => {
    const first = bodyOf(await call('POST', path, { json }));
    assert.deepEqual(bodyOf(await call('POST', path, { json })), first);
    return first;
  };
  for (const mode of ['profile', 'care', 'update', 'risk']) {
    const insight = await repeat(`/cats/${cat.id}/insights`, { mode });
    assert.equal(insight['mode'], mode);
    assert.equal(insight['prompt_version'], 'v1');
    assert.ok(String(insight['headline']).length > 0);
  }
  const { tags, summary } = await repeat(`/entries/${cat.entryIds[0]}/analyze`);
  assert.ok(Array.isArray(tags) && tags.length > 0);
  assert.ok(String(summary).length > 0);
});
