import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answer, type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';

// Cross-origin requests: contract section 1.

const origins = ['http://localhost:5173', 'https://catatlas.example'];
const lookAlikes = [
  'null',
  'constructor',
  '*',
  'localhost:5173',
  'http://localhost',
  'https://localhost:5173',
  'http://localhost:5173.evil',
  'http://localhost:51730',
  'http://localhost:5173/',
  'HTTP://LOCALHOST:5173',
  'http://evil.localhost:5173',
  'http://localhost:5173,https://catatlas.example',
  'https://evil-catatlas.example',
  'https://catatlas.example.evil',
  'https://catatlas.example:443',
];

let site: Site;
let call: Client;

before(async () => {
  site = await openSite();
  const { url } = await site.start({ env: { ALLOWED_ORIGINS: origins.join(', ') } });
  call = clientOf(url);
});
after(() => site.close());

const list = (value: string | null) => (value ?? '').split(',').map((item) => item.trim().toLowerCase());

function assertVaries(answer: Answer<unknown>, what: string): void {
  assert.ok(list(answer.headers.get('vary')).includes('origin'), what);
}

function assertAllowed(answer: Answer<unknown>, origin: string, what: string): void {
  assert.equal(answer.headers.get('access-control-allow-origin'), origin, what);
  assert.equal(answer.headers.get('access-control-allow-credentials'), 'true', what);
  assertVaries(answer, what);
}

const requests: [method: string, path: string, status: number, call?: Parameters<Client>[2]][] = [
  ['GET', '/', 200],
  ['GET', '/health', 200],
  ['GET', '/entries', 200],
  ['HEAD', '/entries', 200],
  ['POST', '/cats', 200, { json: {} }],
  ['GET', '/swagger/json', 200],
  ['OPTIONS', '/entries', 204],
  ['GET', '/entries/', 307],
  ['GET', '/docs', 308],
  ['POST', '/entries', 400, { json: { text: ' ' } }],
  ['GET', '/nothing', 404],
  ['GET', '/entries/424242', 404],
  ['PUT', '/entries', 405],
  ['PATCH', '/entries/by-area', 405],
  ['POST', '/entries', 413, { json: { text: 'x'.repeat(1_100_000) } }],
  ['POST', '/entries', 415, { raw: 'x', headers: { 'content-type': 'text/plain' } }],
  ['POST', '/entries', 422, { json: {} }],
  ['POST', '/entries', 422, { raw: '{' }],
  ['POST', '/upload/image', 501],
];

test('an allowed origin may read every answer, errors included', async () => {
  for (const origin of origins) {
    for (const [method, path, status, options] of requests) {
      const what = `${origin}: ${method} ${path} ${status}`;
      const answer = await call(method, path, { ...options, headers: { ...options?.headers, origin } });
      assert.equal(answer.status, status, what);
      assertAllowed(answer, origin, what);
      const exposed = list(answer.headers.get('access-control-expose-headers'));
      for (const header of ['retry-after', 'x-request-id']) assert.ok(exposed.includes(header), what);
    }
  }
});

test('another origin is answered as ever, but may not read it', async () => {
  for (const [method, path, status, options] of requests) {
    for (const origin of ['https://evil.example', undefined]) {
      const what = `${origin}: ${method} ${path} ${status}`;
      const headers = { ...options?.headers, ...(origin ? { origin } : {}) };
      const answer = await call(method, path, { ...options, headers });
      assert.equal(answer.status, status, what);
      assert.equal(answer.headers.get('access-control-allow-origin'), null, what);
      assertVaries(answer, what);
    }
  }
  for (const origin of lookAlikes) {
    const answer = await call('GET', '/health', { headers: { origin } });
    assert.equal(answer.text, '{"status":"ok"}');
    assert.equal(answer.headers.get('access-control-allow-origin'), null, origin);
  }
});

const preflight = (path: string, origin: string, method: string, requested?: string) =>
  call('OPTIONS', path, {
    headers: {
      origin,
      'access-control-request-method': method,
      ...(requested === undefined ? {} : { 'access-control-request-headers': requested }),
    },
  });

test('a preflight of an allowed origin', async () => {
  const paths: [path: string, method: string][] = [
    ['/entries', 'POST'],
    ['/entries', 'GET'],
    ['/entries/7', 'PATCH'],
    ['/cats/3/comments/1', 'DELETE'],
    ['/entries/with-image', 'POST'],
    // The answer to the request itself says that there is no such path; the browser has to be let through to see it.
    ['/nothing', 'GET'],
  ];
  for (const origin of origins) {
    for (const [path, method] of paths) {
      const answer = await preflight(path, origin, method, 'content-type');
      assert.equal(answer.status, 200, path);
      assert.equal(answer.text, 'OK');
      assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
      assertAllowed(answer, origin, path);
      assert.ok(list(answer.headers.get('access-control-allow-methods')).includes(method.toLowerCase()));
      assert.deepEqual(list(answer.headers.get('access-control-allow-headers')), ['content-type']);
      assert.equal(answer.headers.get('access-control-max-age'), '600');
    }
  }
  const echoed = await preflight('/entries', 'http://localhost:5173', 'POST', 'Content-Type, X-Trace, sentry-trace');
  assert.deepEqual(list(echoed.headers.get('access-control-allow-headers')), [
    'content-type',
    'x-trace',
    'sentry-trace',
  ]);
  const silent = await preflight('/entries', 'http://localhost:5173', 'POST');
  assert.ok(list(silent.headers.get('access-control-allow-headers')).includes('content-type'));
});

test('a preflight is refused for another origin and for a method that no operation has', async () => {
  for (const origin of ['https://evil.example', ...lookAlikes]) {
    const answer = await preflight('/entries', origin, 'POST', 'content-type');
    assert.equal(answer.status, 400, origin);
    assert.equal(answer.text, 'Disallowed CORS origin');
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
    assert.equal(answer.headers.get('access-control-allow-origin'), null, origin);
    assertVaries(answer, origin);
  }
  for (const method of ['TRACE', 'PUT', 'constructor']) {
    const answer = await preflight('/entries', 'http://localhost:5173', method);
    assert.equal(answer.status, 400, method);
    assert.equal(answer.text, 'Disallowed CORS method');
  }
});

test('an answer to what is no request of a script carries nothing for scripts, but says that it could differ', async () => {
  for (const [method, path, status, options] of requests) {
    for (const origin of [undefined, 'https://evil.example']) {
      const what = `${origin}: ${method} ${path} ${status}`;
      const headers = { ...options?.headers, ...(origin ? { origin } : {}) };
      const answer = await call(method, path, { ...options, headers });
      const found = [...answer.headers.keys()].filter((name) => name.startsWith('access-control-'));
      assert.deepEqual(found, [], what);
      assertVaries(answer, what);
    }
  }
});

test('OPTIONS without an Origin is no preflight: it is told the methods', async () => {
  for (const headers of [{ 'access-control-request-method': 'POST' }, {}]) {
    const answer = await call('OPTIONS', '/entries', { headers: headers as Record<string, string> });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers.get('allow'), 'GET, HEAD, OPTIONS, POST');
  }
  assert.equal(
    (await call('OPTIONS', '/nothing', { headers: { 'access-control-request-method': 'POST' } })).status,
    404,
  );
});
