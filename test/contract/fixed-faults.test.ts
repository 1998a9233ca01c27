import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RenamedCat } from '../../src/cats/queries.ts';
import type { Comment } from '../../src/comments/schemas.ts';
import type { Entry } from '../../src/entries/schemas.ts';
import type { Insight } from '../../src/insights/insight.ts';
import type { SuggestedGroup } from '../../src/matching/groups.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { assertError, assertInvalid, assertKeys, bodyOf } from './answers.ts';
import { createCat, createEntry } from './records.ts';

/** One test for each line of docs/decisions/0003-fixed-faults.md, in its order. */

const origin = 'http://localhost:5173';

let site: Site;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    await sql`insert into cats (id, created_at) values (500, '2026-01-01T00:00:00Z')`;
    await sql`
      insert into entries (id, text, created_at, cat_id, location, location_normalized, location_lat, location_lon) values
        (501, 'same moment', '2026-01-01T00:00:00Z', 500, null, null, null, null),
        (502, 'same moment', '2026-01-01T00:00:00Z', 500, null, null, null, null),
        (503, 'same moment', '2026-01-01T00:00:00Z', 500, null, null, null, null),
        (510, 'on the equator', '2026-01-01T00:00:00Z', null, 'Libreville', 'Libreville, Gabon', 0, 9.45),
        (511, 'by the wall', '2026-01-01T00:00:00Z', null, null, null, 52.520308, 179.12345678901235),
        (512, 'west of the line', '2026-01-01T00:00:00Z', null, null, null, 10, 179.9998),
        (513, 'east of the line', '2026-01-01T00:00:00Z', null, null, null, 10, -179.9999)`;
    for (const id of [501, 502, 503])
      await sql`
        insert into cat_comments (id, cat_id, author_name, content, created_at, updated_at)
        values (${id}, 500, 'Mia', 'same moment', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')`;
    for (const table of ['cats', 'entries', 'cat_comments'])
      await sql`alter table ${sql(table)} alter column id restart with 1000`;
    // A fault of the server that no request can cause: the database refuses a text for a reason nobody foresaw.
    await sql.unsafe(`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'private words'; end $$;
      create trigger refuse before insert on entries for each row when (new.text = 'make it fail') execute function refuse();
      create function revoke() returns trigger language plpgsql as $$
        begin raise insufficient_privilege using message = 'private words'; end $$;
      create trigger revoke before insert on entries for each row when (new.text = 'no privilege') execute function revoke();`);
  });
  call = clientOf((await site.start()).url);
});
after(() => site.close());

test('PATCH /cats/{id} with {} changes nothing; a name has 100 characters', async () => {
  const { id, createdAt } = await createCat(call, { name: 'Tom' });
  const untouched = bodyOf(await call<RenamedCat>('PATCH', `/cats/${id}`, { json: {} }));
  assert.deepEqual(untouched, { id, name: 'Tom', updatedAt: createdAt.replace('Z', '+00:00') });
  const longest = '🐈'.repeat(100);
  const renamed = bodyOf(await call<RenamedCat>('PATCH', `/cats/${id}`, { json: { name: longest } }));
  assert.equal(renamed.name, longest);
  assertInvalid(await call('PATCH', `/cats/${id}`, { json: { name: 'x'.repeat(101) } }), [
    'string_too_long',
    'body',
    'name',
  ]);
  assert.deepEqual(bodyOf(await call('PATCH', `/cats/${id}`, { json: {} })), renamed);
});

test('POST /cats/from-sightings with unknown ids only is 404, and nothing is made', async () => {
  const cats = async () => (await call('GET', '/cats')).text;
  const earlier = await cats();
  const answer = await call('POST', '/cats/from-sightings', { json: { entry_ids: [424242, -1], name: 'Tom' } });
  assertError(answer, 404, 'ENTRY_NOT_FOUND', 'Entry not found');
  assert.equal(await cats(), earlier);
});

test('whitespace-only comments are 422', async () => {
  assertInvalid(
    await call('POST', '/cats/500/comments', { json: { author_name: ' \t', content: '\u0085\u001c\n' } }),
    ['string_too_short', 'body', 'author_name'],
    ['string_too_short', 'body', 'content'],
  );
});

test('entry_ids has at most 1000 ids', async () => {
  const { id } = await createCat(call);
  for (const path of [`/cats/${id}/link-sightings`, '/cats/from-sightings']) {
    const [found] = assertInvalid(await call('POST', path, { json: { entry_ids: Array(1001).fill(-1) } }), [
      'too_long',
      'body',
      'entry_ids',
    ]);
    assert.deepEqual(found?.ctx, { field_type: 'List', max_length: 1000, actual_length: 1001 });
  }
  const json = { entry_ids: Array(1000).fill(-1) };
  const { failed } = bodyOf(await call<{ failed: number[] }>('POST', `/cats/${id}/link-sightings`, { json }));
  assert.equal(failed.length, 1000);
});

test('NUL, lone surrogates and integers beyond range are 422', async () => {
  const nul = { json: { text: 'a\0b' } };
  assertInvalid(await call('POST', '/entries', nul), ['value_error', 'body', 'text']);
  assertInvalid(await call('PATCH', '/entries/501', nul), ['value_error', 'body', 'text']);
  assertInvalid(await call('POST', '/cats', { json: { name: '\0' } }), ['value_error', 'body', 'name']);
  assertInvalid(await call('POST', '/cats/500/insights', { json: { mode: 'care', question: '\0' } }), [
    'value_error',
    'body',
    'question',
  ]);
  for (const half of ['\\ud83d', 'x\\udc08x'])
    assertInvalid(await call('POST', '/entries', { raw: `{"text":"${half}"}` }), ['string_unicode', 'body', 'text']);
  for (const id of ['9007199254740992', '-9223372036854775809', '99999999999999999999999999'])
    assertInvalid(await call('GET', `/cats/${id}`), ['int_parsing_size', 'path', 'cat_id']);
  for (const id of ['1e30', '9007199254740992', '-1e400'])
    assert.equal((await call('POST', '/cats/from-sightings', { raw: `{"entry_ids":[${id}]}` })).status, 422);
  assert.equal((await call('GET', `/cats/${Number.MAX_SAFE_INTEGER}`)).status, 404);
});

test('a new comment has its id', async () => {
  const json = { author_name: 'Mia', content: 'Hello' };
  const [one, two] = [
    bodyOf(await call<Comment>('POST', '/cats/500/comments', { json }), 201),
    bodyOf(await call<Comment>('POST', '/cats/500/comments', { json }), 201),
  ];
  assert.ok(one.id > 0 && two.id > one.id);
  for (const { id } of [one, two]) assert.equal((await call('DELETE', `/cats/500/comments/${id}`)).status, 204);
});

test('two favourite clicks at once count as two; two insights at once are one', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { id: entryId } = await createEntry(call);
    const flip = () => call<Entry>('POST', `/entries/${entryId}/favorite`);
    const marks = (await Promise.all([flip(), flip()])).map((answer) => bodyOf(answer).isFavorite);
    assert.deepEqual(marks.sort(), [false, true]);

    const { id: catId } = await createCat(call, { texts: ['Grey'] });
    const ask = () => call('POST', `/cats/${catId}/insights`, { json: { mode: 'risk' } });
    const [one, two] = await Promise.all([ask(), ask()]);
    assert.deepEqual([one.status, two.status], [200, 200]);
    assert.equal(one.text, two.text);
  }
});

test('HEAD on a GET path is answered', async () => {
  for (const path of ['/entries', '/cats', '/cats/500/comments', '/health']) {
    const head = await call('HEAD', path);
    assert.deepEqual([head.status, head.text], [200, ''], path);
    assert.match(head.headers.get('content-type') ?? '', /^application\/json/);
  }
  assert.equal((await call('HEAD', '/cats/424242')).status, 404);
});

test('a body of another content type is 415', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
    const answer = await call('POST', '/entries', { raw: '{"text":"Grey"}', headers: { 'content-type': type } });
    const message = `The body must be JSON: send it with Content-Type: application/json, not ${type}`;
    assertError(answer, 415, 'UNSUPPORTED_MEDIA_TYPE', message);
  }
});

test('422 echoes at most 100 characters of a text, and no objects', async () => {
  const echoOf = async (text: unknown) => {
    const answer = await call('POST', '/entries', { json: { text } });
    const [found] = bodyOf(answer, 422)['detail'] as { input: unknown }[];
    return found?.input;
  };
  assert.equal(await echoOf('🐈'.repeat(5001)), `${'🐈'.repeat(100)}…`);
  assert.equal(await echoOf({ private: 'words' }), null);
  assert.equal(await echoOf(['private words']), null);
  assert.equal(await echoOf(17), 17);
  const [missing] = assertInvalid(await call('POST', '/entries', { json: { private: 'words' } }), [
    'missing',
    'body',
    'text',
  ]);
  assert.equal(missing?.input, null);
});

test('500 is JSON with CORS headers and a request id, and tells nothing', async () => {
  const answer = await call('POST', '/entries', { json: { text: 'make it fail' }, headers: { origin } });
  assertError(answer, 500, 'INTERNAL_ERROR', 'Internal Server Error');
  assert.equal(answer.headers.get('access-control-allow-origin'), origin);
  assert.equal(answer.headers.get('access-control-allow-credentials'), 'true');
  assert.ok(answer.headers.get('x-request-id'));
  assert.doesNotMatch(answer.text, /private words|refuse|stack/);
});

test('a database that refuses the server is 503 with Retry-After, and works again by itself', async () => {
  const answer = await call<Record<string, unknown>>('POST', '/entries', { json: { text: 'no privilege' } });
  assert.deepEqual([answer.status, answer.body['code'], answer.body['retryable']], [503, 'DATABASE_UNAVAILABLE', true]);
  assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  assert.doesNotMatch(answer.text, /private words|privilege/);
  await createEntry(call, { text: 'a privilege again' });
});

test('errors have message, code, retryable and request_id beside detail; RFC 9457 on request', async () => {
  const requests: [string, string, unknown, number][] = [
    ['GET', '/entries/424242', undefined, 404],
    ['GET', '/cats/424242/sightings', undefined, 404],
    ['POST', '/entries', {}, 422],
    ['POST', '/entries', { text: ' ' }, 400],
    ['POST', '/entries', { text: 'make it fail' }, 500],
    ['GET', '/nowhere', undefined, 404],
    ['PUT', '/cats', {}, 405],
  ];
  for (const [method, path, json, status] of requests) {
    const plain = bodyOf(await call(method, path, { json }), status);
    assertKeys(plain, ['detail', 'message', 'code', 'retryable', 'request_id']);
    assert.equal(typeof plain['message'], 'string');
    assert.equal(plain['retryable'], status === 500);

    const answer = await call(method, path, { json, headers: { accept: 'application/problem+json' } });
    const problem = bodyOf(answer, status);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
    const keys = ['type', 'title', 'status', 'detail', 'instance', 'code', 'retryable', 'request_id'];
    assertKeys(problem, status === 422 ? [...keys, 'errors'] : keys);
    const { status: told, detail, instance, code } = problem;
    assert.deepEqual(
      { told, detail, instance, code },
      { told: status, detail: plain['message'], instance: path, code: plain['code'] },
    );
  }
});

test('sightings of a cat and comments neither repeat nor skip across pages', async () => {
  for (const list of ['sightings', 'comments']) {
    const ids: number[] = [];
    for (const page of [1, 2, 3]) {
      const body = bodyOf(
        await call<Record<string, { id: number }[]>>('GET', `/cats/500/${list}?page=${page}&limit=1`),
      );
      ids.push(...(body[list] ?? []).map(({ id }) => id));
    }
    assert.deepEqual(ids, [503, 502, 501], list);
  }
});

test('latitude 0 is a latitude', async () => {
  const known = bodyOf(await call('POST', '/entries/510/normalize-location?force=false'));
  assert.deepEqual(known, {
    entry_id: 510,
    original_location: 'Libreville',
    normalized_location: 'Libreville, Gabon',
    latitude: 0,
    longitude: 9.45,
    osm_id: null,
    status: 'already_normalized',
    message: null,
  });
  assert.deepEqual(bodyOf(await call('GET', '/entries/510/nearby')), []);
});

test('warning words are found only as words', async () => {
  const flagsOf = async (text: string) => {
    const { id } = await createCat(call, { texts: [text] });
    return bodyOf(await call<Insight>('POST', `/cats/${id}/insights`, { json: { mode: 'risk' } })).flags;
  };
  assert.deepEqual(await flagsOf('A glimpse of something within; I keep thinking of the whistle'), []);
  assert.deepEqual(await flagsOf('It limps. THIN!'), [
    'possible injury (limps mentioned)',
    'possible malnutrition (thin mentioned)',
  ]);
});

test('GET /health/geocoding says unavailable while there is no geocoder', async () => {
  assert.equal(
    (await call('GET', '/health/geocoding')).text,
    '{"service":"nominatim","circuit_state":"closed","failure_count":0,"last_failure":null,"status":"unavailable"}',
  );
});

test('coordinates are kept in double precision', async () => {
  const { location_lat, location_lon } = bodyOf(await call<Entry>('GET', '/entries/511'));
  assert.deepEqual([location_lat, location_lon], [52.520308, 179.12345678901235]);
});

test('a mean of longitudes across the antimeridian is on this side of the Earth', async () => {
  const query = 'lat=10&lon=180&radius=500';
  const { groups } = bodyOf(
    await call<{ groups: SuggestedGroup[] }>('GET', `/entries/by-area/suggested-groups?${query}`),
  );
  const [group] = groups;
  assert.equal(groups.length, 1);
  assert.deepEqual(group?.entry_ids, [513, 512]);
  assert.ok(Math.abs((group?.center_lon ?? 0) - 179.99995) < 1e-9, `${group?.center_lon}`);
  assert.ok(Math.abs((group?.center_lat ?? 0) - 10) < 1e-6, `${group?.center_lat}`);
  assert.equal(group?.radius_meters, 16.4);
});

test('photo_url is an address on the web', async () => {
  const post = (photo_url: unknown) => call<Entry>('POST', '/entries', { json: { text: 'Grey', photo_url } });
  for (const bad of [
    'javascript:alert(1)',
    ' JavaScript:alert(1)',
    'file:///etc/passwd',
    'data:text/html,x',
    'cat.jpg',
  ])
    assertInvalid(await post(bad), ['url_scheme', 'body', 'photo_url']);
  for (const bad of ['http:', 'https://', 'http:///x', 'https://a b/', 'https:\\\\evil', 'http://[', 'https://a/\nb'])
    assertInvalid(await post(bad), ['url_parsing', 'body', 'photo_url']);
  for (const good of ['https://cdn.example/a.jpg', 'HTTP://cdn.example/ä?x=1#y', 'https://10.0.0.1:8443/'])
    assert.equal(bodyOf(await post(good)).photo_url, good);
  for (const none of ['', ' ', null]) assert.equal(bodyOf(await post(none)).photo_url, null);
  const { id } = await createEntry(call);
  assertInvalid(await call('PATCH', `/entries/${id}`, { json: { photo_url: 'javascript:alert(1)' } }), [
    'url_scheme',
    'body',
    'photo_url',
  ]);
});

test('entry_ids may be digits in a text, but neither true nor a fraction', async () => {
  const { id } = await createCat(call);
  const link = (ids: unknown[]) => call('POST', `/cats/${id}/link-sightings`, { json: { entry_ids: ids } });
  const entry = await createEntry(call);
  for (const one of [entry.id, `${entry.id}`, `${entry.id}.0`, ` ${entry.id}`, `+${entry.id}`, `0_${entry.id}`]) {
    const { newly_linked, already_linked } = bodyOf(await link([one]));
    assert.deepEqual([...(newly_linked as number[]), ...(already_linked as number[])], [entry.id], `${one}`);
  }
  for (const [bad, type] of [
    ['1.5', 'int_parsing'],
    ['', 'int_parsing'],
    ['abc', 'int_parsing'],
    ['9'.repeat(30), 'int_parsing_size'],
    [1.5, 'int_from_float'],
    [true, 'int_type'],
    [null, 'int_type'],
    [[1], 'int_type'],
  ] as const)
    assertInvalid(await link([entry.id, bad]), [type, 'body', 'entry_ids', 1]);
});

test('nesting over 64, other charsets, compressed bodies and bodies of no type are refused', async () => {
  const deep = `{"text":"deep","x":${'['.repeat(64)}${']'.repeat(64)}}`;
  assert.equal((await call('POST', '/entries', { raw: deep })).status, 422);
  const utf16 = new Uint8Array(new Uint16Array([...'{"text":"Grey"}'].map((one) => one.charCodeAt(0))).buffer);
  const headers = { 'content-type': 'application/json; charset=utf-16' };
  assert.equal((await call('POST', '/entries', { raw: utf16, headers })).status, 422);
  assert.equal((await call('POST', '/entries', { raw: 'x', headers: { 'content-encoding': 'gzip' } })).status, 415);
});

test('errors name no charset, and the old paths of the documentation are 308', async () => {
  assert.match(
    (await call('GET', '/nowhere')).headers.get('content-type') ?? '',
    /^application\/json(;charset=utf-8)?$/,
  );
  for (const path of ['/docs', '/redoc', '/openapi.json']) assert.equal((await call('GET', path)).status, 308);
});
