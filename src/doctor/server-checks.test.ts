import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { freePort } from '../../test/harness/postgres.ts';
import { checkNoServer, checkServer } from './server-checks.ts';
import {
  type Answer,
  type CertificateFacts,
  foreignOrigins,
  plainCounterpart,
  readPlain,
  type ServerView,
} from './server-facts.ts';

const build = { version: '1.0.0', commit: 'abc', builtAt: null, runtime: 'bun 1.4.5' };
const now = Date.parse('2026-06-01T12:00:00Z');
const origin = 'https://catatlas.com';

const answer = (body: unknown, headers: Answer['headers'] = {}, status = 200) => ({
  value: { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) },
});
const crossing = (
  of: string,
  named: string | undefined,
  methods = 'GET, HEAD, POST, PATCH, DELETE, OPTIONS',
  status = 200,
) => ({
  origin: of,
  preflight: answer(
    'OK',
    {
      'access-control-allow-origin': named,
      'access-control-allow-methods': methods,
      'access-control-allow-headers': 'content-type',
    },
    status,
  ),
  plain: answer({ status: 'ok' }, { 'access-control-allow-origin': named }),
});
const certificate: CertificateFacts = {
  subject: 'catatlas.com',
  issuer: 'R11, Some Authority',
  names: 'catatlas.com, www.catatlas.com',
  expires: new Date('2026-08-01T12:00:00Z'),
  protocol: 'TLSv1.3',
  distrust: null,
};
/** Written out again, so that a header that the server no longer sends is missed. */
const headers = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'strict-transport-security': 'max-age=63072000',
};
const rest: NonNullable<ServerView['rest']> = {
  ready: answer({ status: 'ready', checks: { database: { ok: true, message: 'answered in 1 ms' } } }),
  version: answer({ version: '1.0.0', commit: 'abc' }),
  page: answer('<html data-url="/swagger/json">'),
  document: answer({ openapi: '3.1.0', paths: { '/': {} } }),
  read: answer({ sightings: [] }),
  allowed: [crossing(origin, origin)],
  foreign: foreignOrigins([origin]).map((one) => crossing(one, undefined, '', 400)),
  plain: answer('', { location: 'https://catatlas.com/health' }, 301),
  times: { value: [9, 1, 5, 200, 4] },
};
const view: ServerView = {
  url: new URL('https://catatlas.com'),
  addresses: { value: { ipv4: ['66.241.124.1'], ipv6: ['2a09:8280:1::1'], alias: undefined } },
  health: answer({ status: 'ok' }, headers),
  certificate: { value: certificate },
  rest,
};

function judged(id: string, changed: Partial<ServerView['rest']>, more: Partial<ServerView> = {}): string {
  const checks = checkServer({ ...view, rest: { ...rest, ...changed }, ...more }, build, now);
  const check = checks.find((one) => one.id === `server.${id}`);
  return `${check?.verdict}: ${check?.found}`;
}

test('a healthy server passes in everything', () => {
  const checks = checkServer(view, build, now);
  assert.deepEqual(
    checks.filter(({ verdict }) => verdict !== 'pass'),
    [],
  );
  assert.deepEqual(
    checks.map(({ id }) => id),
    checkNoServer().map(({ id }) => id),
  );
  assert.match(judged('time', {}), /^pass: median 5\.0 ms of 5 requests/);
});

test('a server that does not answer: nothing else is known, but its addresses and its certificate', () => {
  const refused = { error: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) };
  const { rest: _unasked, ...unasked } = view;
  const checks = checkServer({ ...unasked, health: refused }, build, now);
  const known = checks.filter(({ verdict }) => verdict !== 'unasked').map(({ id, verdict }) => `${verdict} ${id}`);
  assert.deepEqual(known, ['pass server.address', 'fail server.health', 'pass server.certificate']);
  for (const { verdict, found } of checks)
    if (verdict === 'unasked') assert.match(found, /^not asked, because \/health of .* nothing listens there$/);
  assert.equal(checks.length, checkNoServer().length);
});

test('readiness says what is waited for', () => {
  const waiting = {
    status: 'not_ready',
    checks: { database: { ok: true, message: 'fine' }, schema: { ok: false, message: 'at version 1 of 2' } },
  };
  assert.equal(judged('ready', { ready: answer(waiting, {}, 503) }), 'fail: schema: at version 1 of 2');
});

test('the deployment is of the same build, of another, or of the source', () => {
  const of = (commit: string) => judged('version', { version: answer({ version: '1.0.1', commit }) });
  assert.match(of('def'), /^warn: 1\.0\.1, commit def; this program is 1\.0\.0, commit abc/);
  assert.match(of('source'), /^unknown: /);
  assert.match(judged('version', { version: answer({ name: 'another API' }) }), /^fail: /);
});

test('CORS: an origin has to be named, with everything that the front end does', () => {
  const allowed = (one: ReturnType<typeof crossing>) => judged('cors', { allowed: [one] });
  assert.match(allowed(crossing(origin, undefined, '', 400)), /^fail: .*refused with 400/);
  assert.match(allowed(crossing(origin, 'https://other.example')), /^fail: .*does not name it/);
  assert.match(allowed(crossing(origin, origin, 'GET, POST')), /^fail: .*PATCH and DELETE not allowed/);
  assert.match(judged('cors', { allowed: [] }), /^unknown: /);
});

test('CORS: an origin that could not be asked about is not one that was refused', () => {
  const [first, ...others] = rest.foreign;
  const lost = { error: Object.assign(new Error('x'), { code: 'ECONNRESET' }) };
  assert.ok(first);
  for (const broken of [
    { ...first, preflight: lost },
    { ...first, plain: lost },
  ])
    assert.match(judged('foreign', { foreign: [...others, broken] }), /^unasked: not asked, because no answer came/);
});

test('CORS: one foreign origin that is let in is one too many', () => {
  const [first, ...others] = rest.foreign;
  assert.ok(first);
  assert.match(judged('foreign', { foreign: [...others, crossing('null', 'null')] }), /^fail: allowed: null$/);
  assert.match(judged('foreign', { foreign: [crossing(first.origin, '*')] }), /^fail: /);
});

test('certificates: a month is enough, a fortnight is late, distrust is distrust', () => {
  const ending = (expires: string, distrust: string | null = null) =>
    judged('certificate', {}, { certificate: { value: { ...certificate, expires: new Date(expires), distrust } } });
  assert.match(ending('2026-06-15T13:00:00Z'), /^pass: 14 days left; for catatlas\.com, www\.catatlas\.com; by R11/);
  assert.match(ending('2026-06-15T11:00:00Z'), /^warn: 13 days left/);
  assert.match(ending('2026-06-03T00:00:00Z'), /^fail: 1 days? left/);
  assert.match(ending('2026-05-31T00:00:00Z'), /^fail: expired on 2026-05-31/);
  assert.match(ending('2026-08-01T00:00:00Z', 'SELF_SIGNED'), /^fail: .*not trusted: SELF_SIGNED/);
  assert.match(judged('certificate', {}, { certificate: undefined }), /^unknown: /);
});

test('by HTTP there is a permanent redirect to HTTPS on the same host, or something is wrong', async () => {
  const asked: (string | undefined)[] = [];
  let reply = { status: 308, location: '' };
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(reply.status, reply.location === '' ? {} : { location: reply.location }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const host = `127.0.0.1:${address.port}`;
  const seen = async (status: number, location: string, port = address.port) => {
    reply = { status, location };
    const plain = await readPlain(new URL(`http://127.0.0.1:${port}`));
    return judged('redirect', { plain }, { url: new URL(`https://${host}`) });
  };
  try {
    assert.equal(await seen(308, `https://${host}/health`), 'pass: http leads to https, 308');
    assert.equal(await seen(301, `https://${host}/`), 'pass: http leads to https, 301');
    assert.match(await seen(302, `https://${host}/health`), /^warn: http leads to https for now, 302/);
    assert.match(await seen(200, ''), /^fail: by http it answers 200: in the clear/);
    assert.match(await seen(301, ''), /^fail: by http it answers 301/);
    assert.equal(await seen(301, 'https://elsewhere.example/'), 'fail: http leads to https://elsewhere.example');
    assert.equal(await seen(301, '/login'), `fail: http leads to http://${host}`);
    assert.match(await seen(301, `https://${host}/`, await freePort()), /^warn: by http: nothing listens there/);
    assert.deepEqual([...new Set(asked)], ['GET /health']);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('HTTP is asked where the world would, and nowhere else', () => {
  const of = (url: string) => plainCounterpart(new URL(url))?.href;
  assert.equal(of('https://catatlas.com/api'), 'http://catatlas.com/api');
  for (const url of ['http://catatlas.com', 'https://catatlas.com:8443', 'https://127.0.0.1', 'https://db.internal'])
    assert.equal(of(url), undefined, url);
  const unasked = (url: string) => judged('redirect', { plain: undefined }, { url: new URL(url) });
  assert.equal(unasked('http://catatlas.com'), 'unknown: http://catatlas.com is asked by http');
  assert.match(unasked('https://catatlas.com:8443'), /^unknown: .* has a port of its own/);
  assert.match(unasked('https://10.0.0.1'), /^unknown: 10\.0\.0\.1 is an address of this network/);
});

test('security headers: all of them, as they are sent, and by HTTPS the promise of HTTPS for a year', () => {
  const seen = (changed: Answer['headers'], url = 'https://catatlas.com') =>
    judged('headers', {}, { url: new URL(url), health: answer({ status: 'ok' }, { ...headers, ...changed }) });
  assert.match(seen({}), /^pass: x-content-type-options, .*, strict-transport-security$/);
  assert.equal(
    seen({ 'x-content-type-options': undefined, 'x-frame-options': 'SAMEORIGIN' }),
    'fail: no x-content-type-options; x-frame-options: SAMEORIGIN',
  );
  const promise = (value: string | undefined, url?: string) => seen({ 'strict-transport-security': value }, url);
  assert.equal(promise(undefined), 'warn: no strict-transport-security');
  assert.equal(promise('max-age=0'), 'warn: strict-transport-security: max-age=0');
  assert.match(promise('includeSubDomains; max-age="31536000"'), /^pass/);
  assert.match(promise(undefined, 'http://catatlas.com'), /^pass: (?!.*strict)/);
});

test('origins that only look like an allowed one are tried', () => {
  assert.deepEqual(foreignOrigins(['https://catatlas.com:8443']).slice(1), [
    'null',
    'https://catatlas.com.catatlas-doctor.invalid',
  ]);
});
