import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { type Answer, type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';

// What holds for every operation: contract sections 1 and 2.

interface Field {
  type: string;
  loc: (string | number)[];
  msg: string;
  input: unknown;
  ctx?: Record<string, unknown>;
}

interface Problem {
  detail: unknown;
  message: string;
  code: string;
  retryable: boolean;
  request_id: string;
}

let site: Site;
let url: string;
let call: Client;
/** A sighting that is there for reading. */
let known: number;

before(async () => {
  site = await openSite();
  url = (await site.start()).url;
  call = clientOf(url);
  known = (await call<{ id: number }>('POST', '/entries', { json: { text: 'Grey kitten' } })).body.id;
});
after(() => site.close());

function assertProblem(answer: Answer<unknown>, status: number, code: string): Problem {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const body = answer.body as Problem;
  assert.deepEqual(Object.keys(body), ['detail', 'message', 'code', 'retryable', 'request_id']);
  assert.equal(body.code, code);
  assert.equal(body.retryable, false);
  assert.equal(body.request_id, answer.headers.get('x-request-id'));
  assert.ok(typeof body.message === 'string' && body.message.length > 0);
  return body;
}

/** The 422 list of an answer; its message names each field of it. */
function fieldsOf(answer: Answer<unknown>): Field[] {
  const { detail, message } = assertProblem(answer, 422, 'VALIDATION_FAILED');
  assert.ok(Array.isArray(detail) && detail.length > 0, answer.text);
  for (const { loc, msg } of detail as Field[])
    if (typeof loc.at(-1) === 'string') assert.ok(message.includes(`${loc.join('.')}: ${msg}`), message);
  return detail as Field[];
}

const typesOf = (answer: Answer<unknown>) => fieldsOf(answer).map(({ type, loc }) => `${loc.join('.')} ${type}`);

/** The answer to a request line as it is: fetch puts paths right before it sends them. */
async function exchange(line: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`${line} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
  return await text(socket);
}

test('errors whose detail is a text', async () => {
  const cases: [method: string, path: string, json: unknown, status: number, code: string, detail: string][] = [
    ['GET', '/nothing/here', undefined, 404, 'NOT_FOUND', 'Not Found'],
    ['PUT', '/entries', undefined, 405, 'METHOD_NOT_ALLOWED', 'Method Not Allowed'],
    ['GET', '/entries/424242', undefined, 404, 'ENTRY_NOT_FOUND', 'Entry not found'],
    ['POST', '/entries/424242/favorite', undefined, 404, 'ENTRY_NOT_FOUND', 'Entry not found'],
    ['POST', '/entries/424242/analyze', undefined, 404, 'ENTRY_NOT_FOUND', 'Entry not found'],
    ['GET', '/entries/424242/matches', undefined, 404, 'ENTRY_NOT_FOUND', 'Entry not found'],
    ['GET', '/entries/424242/nearby', undefined, 404, 'ENTRY_NOT_FOUND', 'Entry not found'],
    ['POST', '/entries/424242/normalize-location', undefined, 404, 'ENTRY_NOT_FOUND', 'Entry not found'],
    ['GET', '/entries/424242/analysis', undefined, 404, 'ANALYSIS_NOT_FOUND', 'No analysis found for this entry'],
    ['GET', '/cats/424242/profile', undefined, 404, 'CAT_NOT_FOUND', 'Cat not found'],
    ['POST', '/cats/424242/insights', { mode: 'care' }, 404, 'CAT_NOT_FOUND', 'Cat not found'],
    ['POST', '/cats/424242/link-sightings', { entry_ids: [1] }, 404, 'CAT_NOT_FOUND', 'Cat not found'],
    ['POST', '/entries', { text: ' \n ' }, 400, 'TEXT_EMPTY', 'text must not be empty'],
    [
      'GET',
      `/entries/${known}/nearby`,
      undefined,
      400,
      'NO_COORDINATES',
      'Entry has no coordinates. Use POST /entries/{id}/normalize-location first.',
    ],
  ];
  for (const [method, path, json, status, code, detail] of cases) {
    const problem = assertProblem(await call(method, path, { json }), status, code);
    assert.equal(problem.detail, detail, `${method} ${path}`);
    assert.equal(problem.message, detail);
  }
});

test('errors whose detail is an object: the operations of the profile page', async () => {
  const comment = { author_name: 'Mia', content: 'Seen at six' };
  const cases: [method: string, path: string, json: unknown, code: string, message: string][] = [
    ['GET', '/cats/424242/profile/enhanced', undefined, 'CAT_NOT_FOUND', 'Cat with ID 424242 not found'],
    ['GET', '/cats/424242/sightings', undefined, 'CAT_NOT_FOUND', 'Cat with ID 424242 not found'],
    ['PATCH', '/cats/424242', { name: 'Smokey' }, 'CAT_NOT_FOUND', 'Cat with ID 424242 not found'],
    ['GET', '/cats/424242/comments', undefined, 'CAT_NOT_FOUND', 'Cat with ID 424242 not found'],
    ['POST', '/cats/424242/comments', comment, 'CAT_NOT_FOUND', 'Cat with ID 424242 not found'],
    ['DELETE', '/cats/3/comments/424242', undefined, 'COMMENT_NOT_FOUND', 'Comment 424242 not found for cat 3'],
  ];
  for (const [method, path, json, code, message] of cases) {
    const problem = assertProblem(await call(method, path, { json }), 404, code);
    assert.deepEqual(problem.detail, { code, message, retryable: false }, `${method} ${path}`);
    assert.equal(problem.message, message);
  }
});

test('an error as problem details, when asked for', async () => {
  const ask = (method: string, path: string, accept: string, json?: unknown) =>
    call(method, path, { json, headers: { accept } });
  const missing = await ask('GET', '/entries/424242/matches?x=1', 'application/json, application/problem+json');
  assert.equal(missing.status, 404);
  assert.match(missing.headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.deepEqual(missing.body, {
    type: '/docs/errors#entry_not_found',
    title: 'Entry not found',
    status: 404,
    detail: 'Entry not found',
    instance: '/entries/424242/matches',
    code: 'ENTRY_NOT_FOUND',
    retryable: false,
    request_id: missing.headers.get('x-request-id'),
  });
  const page = await call('GET', '/docs/errors');
  assert.ok(page.text.includes('id="entry_not_found"'), 'the type leads to words about it');

  const invalid = await ask('POST', '/entries', 'application/problem+json', {});
  assert.equal(invalid.status, 422);
  assert.equal(invalid.body['detail'], 'body.text: Field required');
  assert.deepEqual(invalid.body['errors'], [
    { type: 'missing', loc: ['body', 'text'], msg: 'Field required', input: null },
  ]);

  for (const [method, path, status] of [
    ['GET', '/nothing', 404],
    ['PUT', '/entries', 405],
    ['POST', '/upload/image', 501],
  ] as const) {
    const answer = await ask(method, path, 'application/problem+json');
    assert.equal(answer.status, status);
    assert.equal(answer.body['status'], status);
  }
  for (const accept of ['*/*', 'application/json', 'text/html'])
    assertProblem(await ask('GET', '/nothing', accept), 404, 'NOT_FOUND');
});

test('a wrong method is 405 and names the right ones; OPTIONS does so too', async () => {
  const paths: [path: string, allowed: string[], refused: string[]][] = [
    ['/', ['GET', 'HEAD', 'OPTIONS'], ['POST']],
    ['/health', ['GET', 'HEAD', 'OPTIONS'], ['POST', 'DELETE']],
    ['/entries', ['GET', 'HEAD', 'OPTIONS', 'POST'], ['PUT', 'PATCH', 'DELETE']],
    ['/entries/7', ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH'], ['POST', 'PUT']],
    ['/entries/7/favorite', ['OPTIONS', 'POST'], ['GET', 'HEAD', 'DELETE']],
    ['/entries/7/cat', ['DELETE', 'OPTIONS'], ['GET']],
    ['/entries/7/assign/3', ['OPTIONS', 'POST'], ['GET', 'DELETE']],
    ['/entries/by-area', ['GET', 'HEAD', 'OPTIONS'], ['POST', 'PATCH', 'DELETE']],
    ['/entries/with-image', ['OPTIONS', 'POST'], ['GET', 'HEAD', 'PATCH', 'DELETE']],
    ['/cats/from-sightings', ['OPTIONS', 'POST'], ['GET', 'PATCH', 'DELETE']],
    ['/cats/3/comments', ['GET', 'HEAD', 'OPTIONS', 'POST'], ['DELETE']],
    ['/cats/3/comments/1', ['DELETE', 'OPTIONS'], ['GET', 'PATCH']],
  ];
  for (const [path, allowed, refused] of paths) {
    for (const method of refused) {
      const answer = await call(method, path, method === 'GET' || method === 'HEAD' ? {} : { json: {} });
      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.equal(answer.headers.get('allow'), allowed.join(', '));
      if (method !== 'HEAD')
        assert.equal(assertProblem(answer, 405, 'METHOD_NOT_ALLOWED').detail, 'Method Not Allowed');
    }
    const options = await call('OPTIONS', path);
    assert.equal(options.status, 204, `OPTIONS ${path}`);
    assert.equal(options.headers.get('allow'), allowed.join(', '));
    assert.equal(options.text, '');
  }
  assertProblem(await call('OPTIONS', '/nothing'), 404, 'NOT_FOUND');
});

test('HEAD answers as GET does, without a body', async () => {
  for (const path of ['/entries', '/cats', `/entries/${known}`, '/health', '/', '/entries/424242', '/nothing']) {
    const [head, get] = [await call('HEAD', path), await call('GET', path)];
    assert.equal(head.status, get.status, path);
    assert.equal(head.text, '', path);
    assert.equal(head.headers.get('content-type'), get.headers.get('content-type'), path);
  }
});

test('a trailing slash is a redirect that keeps method, body and query', async () => {
  for (const [path, location] of [
    ['/entries/', '/entries'],
    ['/entries/?a=1&a=2', '/entries?a=1&a=2'],
    [`/entries/${known}/`, `/entries/${known}`],
    ['/cats///', '/cats'],
    ['/health/', '/health'],
  ]) {
    const answer = await call('GET', String(path));
    assert.equal(answer.status, 307, path);
    const found = new URL(answer.headers.get('location') ?? '', `${url}${path}`);
    assert.equal(`${found.pathname}${found.search}`, location);
    // Behind a proxy that takes a prefix off, it leads to the same place there.
    const behind = new URL(answer.headers.get('location') ?? '', `https://proxy.example/cats/api${path}`);
    assert.equal(behind.href, `https://proxy.example/cats/api${location}`);
  }
  const followed = await call('POST', '/entries/', { json: { text: 'by the long way' }, redirect: 'follow' });
  assert.equal(followed.status, 200);
  assert.equal(followed.body['text'], 'by the long way');
  assertProblem(await call('GET', '/nothing/'), 404, 'NOT_FOUND');
  // A Location of `//host` would send the caller to another server.
  for (const path of ['//entries/', '//evil.example/entries/', '///entries/', '/\\entries/'])
    assert.match(await exchange(`GET ${path}`), /^HTTP\/1.1 404 /, path);
});

test('a letter in a path may be encoded, once; a slash or a percent sign that is encoded is none', async () => {
  for (const [line, status] of [
    ['GET /c%61ts', 200],
    ['GET /%65ntries?x=%61', 200],
    ['GET /%63%61%74%73/', 307],
    [`GET /entr%69es/${known}`, 200],
    ['GET /health%2Flive', 404],
    ['GET /health%2flive', 404],
    ['GET /c%2561ts', 404],
    ['GET /c%%361ts', 404],
    ['GET /cats%00', 404],
    ['GET /cats/%2e%2e/health', 200],
    ['GET /%2e%2e/%2e%2e/health', 200],
    ['GET /%2Fevil.example/entries/', 404],
    ['PUT /c%61ts', 405],
    ['GET /sw%61gger', 200],
  ] as const)
    assert.match(await exchange(line), new RegExp(`^HTTP/1.1 ${status} `), line);
  const answer = await call('GET', `/%65ntries/${known}`);
  assert.equal(answer.body['id'], known);
});

test('the body has to be JSON, of a size that can be valid', async () => {
  const post = (raw: BodyInit, type: string) => call('POST', '/entries', { raw, headers: { 'content-type': type } });
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/xml',
    'application/jsonp',
    'json',
  ]) {
    const answer = await post('{"text":"Grey"}', type);
    const { message } = assertProblem(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
    assert.ok(message.includes('application/json') && message.includes(type), message);
  }
  for (const type of ['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/merge-patch+json'])
    assert.equal((await post('{"text":"Grey"}', type)).status, 200, type);
  // Any website may have a browser send one without a content type, or with that of a form, and is not asked first.
  const before = (await call('GET', '/entries')).text;
  const untyped = await fetch(`${url}/entries`, {
    method: 'POST',
    body: new TextEncoder().encode('{"text":"without a content type"}'),
  });
  assert.equal(untyped.status, 415);
  assert.equal(untyped.headers.get('accept-post'), 'application/json');
  assert.match(((await untyped.json()) as Problem).message, /Content-Type: application\/json$/);
  assert.equal((await call('GET', '/entries')).text, before);

  const large = JSON.stringify({ text: 'Grey', unknown: 'x'.repeat(131_072) });
  assertProblem(await post(large, 'application/json'), 413, 'PAYLOAD_TOO_LARGE');
  const chunked = await fetch(`${url}/entries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Blob([large]).stream(),
    duplex: 'half',
  } as RequestInit);
  assert.equal(chunked.status, 413, 'counted, not taken from Content-Length');
  await chunked.body?.cancel();
  const room = 131_072 - '{"text":"Grey","unknown":""}'.length;
  const largest = JSON.stringify({ text: 'Grey', unknown: 'x'.repeat(room) });
  assert.equal((await post(largest, 'application/json')).status, 200);
});

test('a compressed body is 415, says what is taken, and is not unpacked', async () => {
  const gzip = async (text: string) =>
    await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer();
  const bomb = await gzip('a'.repeat(50_000_000));
  for (const [encoding, raw] of [
    ['gzip', await gzip('{"text":"Grey"}')],
    ['x-gzip', bomb],
    ['GZIP', bomb],
    ['br', 'whatever'],
    ['identity, gzip', bomb],
  ] as const) {
    const answer = await call('POST', '/entries', { raw, headers: { 'content-encoding': encoding } });
    const { message } = assertProblem(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
    assert.match(message, /must not be compressed/);
    assert.equal(answer.headers.get('accept-encoding'), 'identity');
  }
  const plain = { raw: '{"text":"Grey"}', headers: { 'content-encoding': 'identity' } };
  assert.equal((await call('POST', '/entries', plain)).status, 200);
});

test('a syntax error in the body says where it is', async () => {
  const deep = (levels: number) => `{"text":"deep","x":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  const cases: [raw: BodyInit, offset: number][] = [
    ['{"text": ', 9],
    ['{"text":"a",}', 12],
    ['{"text" "a"}', 8],
    ['{text:"a"}', 1],
    ["{'text':'a'}", 1],
    ['[1,2', 4],
    ['{"text":"a"} x', 13],
    ['nul', 0],
    ['   ', 3],
    [new Uint8Array([0x7b, 0xff, 0xfe]), 0],
    [deep(60_000), 82],
  ];
  for (const [raw, offset] of cases) {
    const [field, ...rest] = fieldsOf(await call('POST', '/entries', { raw }));
    assert.equal(rest.length, 0);
    assert.equal(field?.type, 'json_invalid', String(raw).slice(0, 40));
    assert.deepEqual(field.loc, ['body', offset], String(raw).slice(0, 40));
    assert.equal(field.msg, 'JSON decode error');
    assert.deepEqual(field.input, {});
    assert.equal(typeof field.ctx?.['error'], 'string');
  }
  assert.equal((await call('POST', '/entries', { raw: deep(60) })).status, 200);
});

test('a body that is no object', async () => {
  const cases: [raw: string | undefined, type: string, input: unknown][] = [
    [undefined, 'missing', null],
    ['', 'missing', null],
    ['null', 'missing', null],
    ['[]', 'model_attributes_type', null],
    ['"text"', 'model_attributes_type', 'text'],
    ['5', 'model_attributes_type', 5],
    ['true', 'model_attributes_type', true],
  ];
  for (const [method, path] of [
    ['POST', '/entries'],
    ['POST', '/cats'],
    ['PATCH', `/entries/${known}`],
    ['POST', '/cats/3/comments'],
  ] as const) {
    for (const [raw, type, input] of cases) {
      const fields = fieldsOf(await call(method, path, raw === undefined ? {} : { raw }));
      assert.equal(fields.length, 1);
      assert.deepEqual({ ...fields[0], msg: '' }, { type, loc: ['body'], msg: '', input }, `${method} ${path} ${raw}`);
    }
  }
  assert.equal((await call('POST', '/cats', { json: {} })).status, 200, 'an empty object is an object');
});

test('body-less operations take no notice of a content type or a body', async () => {
  const path = `/entries/${known}/favorite`;
  const { isFavorite } = (await call<{ isFavorite: boolean }>('GET', `/entries/${known}`)).body;
  let expected = isFavorite;
  const requests: { raw?: BodyInit; headers?: Record<string, string> }[] = [
    {},
    { raw: '' },
    { raw: '{}' },
    { raw: 'not json' },
    { raw: 'x=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    { raw: 'x', headers: { 'content-type': 'multipart/form-data' } },
  ];
  for (const request of requests) {
    const answer = await call('POST', path, request);
    expected = !expected;
    assert.equal(answer.status, 200, `${JSON.stringify(request)}: ${answer.text}`);
    assert.equal(answer.body['isFavorite'], expected);
  }
  const bare = await fetch(`${url}/entries/${known}/analyze`, { method: 'POST' });
  assert.equal(bare.status, 200);
  await bare.body?.cancel();
});

test('body fields: the types of the 422 list, each where it belongs', async () => {
  const cases: [json: unknown, expected: Omit<Field, 'msg'> & { msg?: string }][] = [
    [{}, { type: 'missing', loc: ['body', 'text'], msg: 'Field required', input: null }],
    [{ text: '' }, { type: 'string_too_short', loc: ['body', 'text'], input: '', ctx: { min_length: 1 } }],
    [{ text: null }, { type: 'string_type', loc: ['body', 'text'], input: null }],
    [{ text: 5 }, { type: 'string_type', loc: ['body', 'text'], input: 5 }],
    [{ text: true }, { type: 'string_type', loc: ['body', 'text'], input: true }],
    [{ text: ['a'] }, { type: 'string_type', loc: ['body', 'text'], input: null }],
    [{ text: { a: 1 } }, { type: 'string_type', loc: ['body', 'text'], input: null }],
    [
      { text: 'a'.repeat(5001) },
      {
        type: 'string_too_long',
        loc: ['body', 'text'],
        msg: 'String should have at most 5000 characters',
        input: `${'a'.repeat(100)}…`,
        ctx: { max_length: 5000 },
      },
    ],
    [
      { text: 'a', nickname: 7 },
      { type: 'string_type', loc: ['body', 'nickname'], input: 7 },
    ],
    [
      { text: 'a', location_zip: '1'.repeat(21) },
      { type: 'string_too_long', loc: ['body', 'location_zip'], input: '1'.repeat(21), ctx: { max_length: 20 } },
    ],
  ];
  for (const [json, expected] of cases) {
    const fields = fieldsOf(await call('POST', '/entries', { json }));
    assert.equal(fields.length, 1, JSON.stringify(fields));
    assert.deepEqual(fields[0], { msg: fields[0]?.msg, ...expected });
  }
});

test('lengths count code points, before trimming', async () => {
  const accepted = await call<{ text: string }>('POST', '/entries', { json: { text: '🐈'.repeat(5000) } });
  assert.equal(accepted.status, 200);
  assert.equal(accepted.body.text, '🐈'.repeat(5000));
  for (const text of ['🐈'.repeat(5001), ' '.repeat(5001), `${'a'.repeat(5000)} `])
    assert.deepEqual(typesOf(await call('POST', '/entries', { json: { text } })), ['body.text string_too_long']);
  assertProblem(await call('POST', '/entries', { json: { text: ' '.repeat(5000) } }), 400, 'TEXT_EMPTY');
});

test('whole numbers in paths and queries are read leniently, within their range', async () => {
  for (const id of [`${known}.0`, `+${known}`, `%20${known}%20`, `0${known}`, `%3${known}`]) {
    const answer = await call('GET', `/entries/${id}`);
    assert.equal(answer.status, 200, `${id}: ${answer.text}`);
    assert.equal(answer.body['id'], known);
  }
  for (const id of ['0', '-1', '-0', '9007199254740991', '-9007199254740991'])
    assertProblem(await call('GET', `/entries/${id}`), 404, 'ENTRY_NOT_FOUND');
  for (const id of [`0_${known}`, `${known}.00`]) assert.equal((await call('GET', `/entries/${id}`)).body['id'], known);
  assert.equal((await call('GET', `/entries/${known}/matches?top_k=1_0&min_score=0.1_0`)).status, 200);
  assert.deepEqual(typesOf(await call('GET', `/entries/${known}/matches?top_k=2_1`)), ['query.top_k less_than_equal']);
  assert.equal((await call('GET', '/entries/by-area?lat=5_2.5&lon=1_3.&radius=1_000')).status, 200);
  for (const id of [
    'abc',
    '1.',
    '1_',
    '_1',
    '1__0',
    '1_0.',
    '1.5',
    '1e3',
    '0x1',
    '1,2',
    'NaN',
    '1%2F2',
    '%00',
    '1%00',
    '%D9%A1',
    '--1',
  ])
    assert.deepEqual(typesOf(await call('GET', `/entries/${id}`)), ['path.entry_id int_parsing'], id);
  for (const id of ['9007199254740992', '-9223372036854775809', '9'.repeat(60)])
    assert.deepEqual(typesOf(await call('GET', `/entries/${id}`)), ['path.entry_id int_parsing_size'], id.slice(0, 30));
  for (const id of ['%FF', '%E0%A4%A', '%'])
    assert.equal((await call('GET', `/entries/${id}`)).status, 422, `${id} is not UTF-8`);

  const matches = `/entries/${known}/matches`;
  for (const query of ['top_k=1.0', 'top_k=%2B1', 'top_k=20', 'min_score=1e-1', 'min_score=.5', 'min_score=1', ''])
    assert.equal((await call('GET', `${matches}?${query}`)).status, 200, query);
  const refused: [query: string, field: string, type: string, ctx?: Record<string, number>][] = [
    ['top_k=0', 'top_k', 'greater_than_equal', { ge: 1 }],
    ['top_k=21', 'top_k', 'less_than_equal', { le: 20 }],
    ['top_k=1.5', 'top_k', 'int_parsing'],
    ['top_k=', 'top_k', 'int_parsing'],
    ['top_k=99999999999999999999', 'top_k', 'int_parsing_size'],
    ['min_score=1.01', 'min_score', 'less_than_equal', { le: 1 }],
    ['min_score=-0.1', 'min_score', 'greater_than_equal', { ge: 0 }],
    ['min_score=0,5', 'min_score', 'float_parsing'],
    ['min_score=', 'min_score', 'float_parsing'],
    ['min_score=nan', 'min_score', 'finite_number'],
    ['min_score=-Infinity', 'min_score', 'finite_number'],
  ];
  for (const [query, field, type, ctx] of refused) {
    const [found, ...rest] = fieldsOf(await call('GET', `${matches}?${query}`));
    assert.equal(rest.length, 0);
    const { msg: _, ...facts } = found ?? { msg: '' };
    const input = query.slice(query.indexOf('=') + 1);
    assert.deepEqual(facts, { type, loc: ['query', field], input, ...(ctx ? { ctx } : {}) }, query);
  }
});

test('booleans in queries', async () => {
  const path = `/entries/${known}/normalize-location`;
  for (const word of ['true', 'false', '1', '0', 'yes', 'no', 'on', 'off', 't', 'f', 'y', 'n', 'TRUE', 'Off'])
    assert.equal((await call('POST', `${path}?force=${word}`)).status, 200, word);
  for (const word of ['', '2', 'null', 'wahr', '%20true', 'true,true'])
    assert.deepEqual(typesOf(await call('POST', `${path}?force=${word}`)), ['query.force bool_parsing'], word);
});

test('of a repeated query key the last value counts, and a comma is a character', async () => {
  const path = `/entries/${known}/matches`;
  assert.equal((await call('GET', `${path}?top_k=99&top_k=abc&top_k=1`)).status, 200);
  assert.deepEqual(typesOf(await call('GET', `${path}?top_k=1&top_k=99`)), ['query.top_k less_than_equal']);
  assert.deepEqual(typesOf(await call('GET', `${path}?top_k=1,2`)), ['query.top_k int_parsing']);
  for (const query of ['top_k%5B%5D=x', 'x=1&__proto__=2&constructor=3&toString=4', '%00=%00', 'a=%FF&%=1', '&&=&'])
    assert.equal((await call('GET', `${path}?${query}`)).status, 200, `${query} is none of its keys`);
});

test('NUL and lone surrogates are refused wherever a text is taken', async () => {
  const bad: [name: string, escaped: string, type: string][] = [
    ['NUL', '\\u0000', 'value_error'],
    ['high surrogate', '\\ud83d', 'string_unicode'],
    ['low surrogate', '\\udc08', 'string_unicode'],
  ];
  const places: [method: string, path: string, field: string, body: (text: string) => string][] = [
    ['POST', '/entries', 'text', (text) => `{"text":"a${text}b"}`],
    ['POST', '/entries', 'location_city', (text) => `{"text":"a","location_city":"${text}"}`],
    ['PATCH', `/entries/${known}`, 'nickname', (text) => `{"nickname":"${text}"}`],
    ['POST', '/cats', 'name', (text) => `{"name":"a${text}"}`],
    ['POST', '/cats/1/comments', 'content', (text) => `{"author_name":"Mia","content":"a${text}"}`],
    ['POST', '/cats/1/insights', 'question', (text) => `{"mode":"care","question":"${text}a"}`],
  ];
  for (const [name, escaped, type] of bad) {
    for (const [method, path, field, body] of places) {
      const answer = await call(method, path, { raw: body(escaped) });
      assert.deepEqual(typesOf(answer), [`body.${field} ${type}`], `${name}: ${method} ${path}`);
      assert.ok(answer.text.isWellFormed() && !answer.text.includes('\\u0000'), 'not sent back either');
    }
  }
  const pair = await call('POST', '/entries', { raw: '{"text":"\\ud83d\\udc08"}' });
  assert.equal(pair.body['text'], '🐈', 'a pair of surrogates is one character');
});

test('what an operation of the first server ignores, it says in a header', async () => {
  const warning = async (...request: Parameters<Client>) => {
    const answer = await call(...request);
    assert.equal(answer.status, 200, answer.text);
    return answer.headers.get('warning');
  };
  const coordinates = { location_lat: 52.5, location_lon: 13.4 };
  assert.equal(
    await warning('POST', '/entries', { json: { text: 'Grey', ...coordinates } }),
    '299 - "ignored: body location_lat, body location_lon"',
  );
  assert.equal(await warning('GET', '/entries?limit=5&sort=asc'), '299 - "ignored: query limit, query sort"');
  assert.equal(await warning('HEAD', '/entries?limit=5'), '299 - "ignored: query limit"');
  assert.equal(await warning('GET', `/entries/${known}/matches?top_k=3&limit=5`), '299 - "ignored: query limit"');
  assert.equal(
    await warning('POST', '/cats?x=1', { json: { colour: 'grey' } }),
    '299 - "ignored: query x, body colour"',
  );
  // Names are a stranger's words: nothing of them that would mean something in a header, and not more than a few.
  assert.equal(await warning('GET', '/entries?a%22%0d%0ab=1&%E7%8C%AB=2'), '299 - "ignored: query a???b, query ?"');
  const many = Array.from({ length: 2000 }, (_, index) => `p${index}=1`).join('&');
  assert.match((await warning('GET', `/entries?${many}`)) ?? '', /query p9 and 1990 more"$/);
  for (const [method, path, sent] of [
    ['POST', '/entries', { json: { text: 'Grey', nickname: null } }],
    ['GET', `/entries/${known}/matches?top_k=3`, {}],
    ['GET', '/entries', {}],
    ['POST', `/entries/${known}/favorite`, { raw: '{"x":1}' }],
    ['GET', '/health?x=1', {}],
    ['GET', '/swagger?x=1', {}],
  ] as const)
    assert.equal(await warning(method, path, sent), null, `${method} ${path}`);
});

test('a newer operation refuses query parameters that it does not know, with all other problems', async () => {
  assert.deepEqual(fieldsOf(await call('GET', `/entries/${known}?include=cat&fields=id`)), [
    { type: 'extra_forbidden', loc: ['query', 'include'], msg: 'Extra inputs are not permitted', input: 'cat' },
    { type: 'extra_forbidden', loc: ['query', 'fields'], msg: 'Extra inputs are not permitted', input: 'id' },
  ]);
  assert.deepEqual(typesOf(await call('PATCH', '/entries/x?dry_run=1', { json: { nickname: 1 } })), [
    'path.entry_id int_parsing',
    'query.dry_run extra_forbidden',
    'body.nickname string_type',
  ]);
  for (const [method, path] of [
    ['GET', '/cats/1?x'],
    ['HEAD', `/entries/${known}?x=1`],
    ['DELETE', `/entries/${known}?soft=true`],
    ['DELETE', `/entries/${known}/cat?x=1`],
  ] as const)
    assert.equal((await call(method, path)).status, 422, `${method} ${path}`);
  assert.equal((await call('GET', `/entries/${known}`)).status, 200, 'it was not deleted');
  for (const path of ['/health/live?x=1', '/health/ready?x=1', '/version?x=1', '/?utm_source=x'])
    assert.equal((await call('GET', path)).status, 200, 'a probe may say what it likes');
});

test('coordinates cannot be set by a change: 422, and null takes the sighting off the map', async () => {
  const path = `/entries/${known}`;
  const answer = await call('PATCH', path, { json: { nickname: 'Tom', location_lat: 52.5, location_lon: '13.4' } });
  const [first, second] = fieldsOf(answer);
  assert.deepEqual(
    [first?.loc, second?.loc],
    [
      ['body', 'location_lat'],
      ['body', 'location_lon'],
    ],
  );
  assert.match(first?.msg ?? '', /cannot be set/);
  assert.equal((await call('GET', path)).body['nickname'], null);
  assert.equal((await call('PATCH', path, { json: { location_lat: null, location_lon: null } })).status, 200);
});

test('unknown keys are ignored', async () => {
  const raw = `{"text":"Grey","id":77,"isFavorite":true,"cat_id":1,"createdAt":"2001-01-01T00:00:00Z",
    "__proto__":{"nickname":"evil"},"constructor":{"prototype":{}},"toString":1}`;
  const { status, body } = await call('POST', '/entries', { raw });
  assert.equal(status, 200);
  assert.notEqual(body['id'], 77);
  assert.equal(body['isFavorite'], false);
  assert.equal(body['cat_id'], null);
  assert.equal(body['nickname'], null);
  assert.ok(String(body['createdAt']) > '2025');
});

test('texts are kept as they are, and written as UTF-8', async () => {
  for (const text of [
    '<script>alert("x")</script><img src=x onerror=alert(1)>',
    `'; drop table entries; -- "quoted" \\ %s $1 {0} \${x}`,
    'javascript:alert(1)',
    'Kätzchen 猫 🐈‍⬛ e\u0301 \u202e \u{10ffff}',
    'line\r\nbreak\ttab\u0001',
    '{"a":[1]}',
    '[update] second line',
  ]) {
    const { status, body } = await call<{ id: number; text: string }>('POST', '/entries', { json: { text } });
    assert.equal(status, 200);
    assert.equal(body.text, text);
    const again = await call<{ text: string }>('GET', `/entries/${body.id}`);
    assert.equal(again.body.text, text);
    if (text.includes('猫')) assert.ok(again.text.includes('Kätzchen 猫 🐈'), 'not escaped');
  }
  assert.equal((await call('GET', '/entries')).status, 200, 'the table is still there');
});

test('a request id is taken over when it is usable, else replaced', async () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
  const idFor = async (offered?: string, path = '/health') =>
    (await call('GET', path, offered === undefined ? {} : { headers: { 'x-request-id': offered } })).headers.get(
      'x-request-id',
    );
  for (const id of ['abc-1', 'a'.repeat(128), '1-5759e988-bd862e3fe1be46a994272793', 'Root=1:2.3_4'])
    assert.equal(await idFor(id), id);
  for (const id of ['a'.repeat(129), 'two words', 'a"b', '<b>', 'a,b', '%0a', 'é'])
    assert.match((await idFor(id)) ?? '', uuid, id);
  const [first, second] = [await idFor(), await idFor()];
  assert.match(first ?? '', uuid);
  assert.notEqual(first, second);
  const failed = await call('GET', '/entries/424242', { headers: { 'x-request-id': 'mine' } });
  assert.equal(assertProblem(failed, 404, 'ENTRY_NOT_FOUND').request_id, 'mine');
});

test('all problems are told at once: path, query, body, each in the order of its fields', async () => {
  assert.deepEqual(
    typesOf(await call('GET', '/entries/abc/nearby?include_assigned=maybe&top_k=0&radius_meters=5001&min_score=9')),
    [
      'path.entry_id int_parsing',
      'query.radius_meters less_than_equal',
      'query.top_k greater_than_equal',
      'query.include_assigned bool_parsing',
    ],
  );
  assert.deepEqual(typesOf(await call('GET', '/entries/by-area')), ['query.lat missing', 'query.lon missing']);
  assert.deepEqual(
    typesOf(await call('PATCH', '/entries/1.5', { json: { nickname: 'n'.repeat(101), text: '', photo_url: 1 } })),
    [
      'path.entry_id int_parsing',
      'body.text string_too_short',
      'body.nickname string_too_long',
      'body.photo_url string_type',
    ],
  );
  assert.deepEqual(typesOf(await call('POST', '/entries/x/assign/y')), [
    'path.entry_id int_parsing',
    'path.cat_id int_parsing',
  ]);
  assert.deepEqual(typesOf(await call('POST', '/cats/x/comments', { json: { content: '' } })), [
    'path.cat_id int_parsing',
    'body.author_name missing',
    'body.content string_too_short',
  ]);
});

test('every answer carries the security headers', async () => {
  for (const [method, path, status] of [
    ['GET', '/entries', 200],
    ['GET', '/nothing', 404],
    ['PUT', '/entries', 405],
    ['POST', '/upload/image', 501],
    ['GET', '/entries/', 307],
    ['OPTIONS', '/entries', 204],
  ] as const) {
    const answer = await call(method, path);
    assert.equal(answer.status, status);
    const header = (name: string) => answer.headers.get(name) ?? '';
    assert.equal(header('x-content-type-options'), 'nosniff', path);
    assert.equal(header('x-frame-options'), 'DENY');
    assert.equal(header('referrer-policy'), 'no-referrer');
    assert.match(header('content-security-policy'), /default-src 'none'/);
  }
});
