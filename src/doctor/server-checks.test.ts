import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkNoServer, checkServer } from './server-checks.ts';
import { type Answer, type CertificateFacts, foreignOrigins, type ServerView } from './server-facts.ts';

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
const rest: NonNullable<ServerView['rest']> = {
  ready: answer({ status: 'ready', checks: { database: { ok: true, message: 'answered in 1 ms' } } }),
  version: answer({ version: '1.0.0', commit: 'abc' }),
  page: answer('<html data-url="/swagger/json">'),
  document: answer({ openapi: '3.1.0', paths: { '/': {} } }),
  read: answer({ sightings: [] }),
  allowed: [crossing(origin, origin)],
  foreign: foreignOrigins([origin]).map((one) => crossing(one, undefined, '', 400)),
  times: { value: [9, 1, 5, 200, 4] },
};
const view: ServerView = {
  url: new URL('https://catatlas.com'),
  health: answer({ status: 'ok' }),
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

test('a server that does not answer: nothing else is known, but its certificate', () => {
  const refused = { error: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) };
  const { rest: _unasked, ...unasked } = view;
  const checks = checkServer({ ...unasked, health: refused }, build, now);
  assert.deepEqual(
    checks.map(({ verdict }) => verdict),
    ['fail', 'unknown', 'unknown', 'unknown', 'unknown', 'unknown', 'unknown', 'pass', 'unknown'],
  );
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

test('origins that only look like an allowed one are tried', () => {
  assert.deepEqual(foreignOrigins(['https://catatlas.com:8443']).slice(1), [
    'null',
    'https://catatlas.com.catatlas-doctor.invalid',
  ]);
});
