import type { Build } from '../build.ts';
import { checkAddresses } from './address.ts';
import { type Check, checkOf, describeError, type Finding, isPrivateHost } from './check.ts';
import type { Answer, CertificateFacts, CrossOrigin, ServerView } from './server-facts.ts';

const titles = {
  'server.address': 'DNS',
  'server.health': 'Health',
  'server.ready': 'Readiness',
  'server.read': 'Reads through the API',
  'server.version': 'Version',
  'server.docs': 'Documentation',
  'server.cors': 'CORS, allowed origins',
  'server.foreign': 'CORS, foreign origins',
  'server.certificate': 'Certificate',
  'server.redirect': 'Redirect from HTTP',
  'server.headers': 'Security headers',
  'server.time': 'Response time',
} as const;

type CheckId = keyof typeof titles;

const check = (id: CheckId) => checkOf(id, titles[id]);

type Judge = ReturnType<typeof checkOf>;

/** Every check of a running server, when none was named. */
export function checkNoServer(): Check[] {
  return Object.entries(titles).map(([id, title]) =>
    checkOf(id, title).unknown('no server was named', 'Name one: catatlas doctor --url https://…'),
  );
}

/** Judges a running server by what it answered. `now`: milliseconds since 1970. */
export function checkServer(view: ServerView, build: Build, now: number): Check[] {
  const { rest, health } = view;
  const address = checkAddresses(check('server.address'), view.url.hostname, view.addresses);
  const certificate = checkCertificate(view, now);
  if (rest === undefined || 'error' in health) {
    const problem = 'error' in health ? describeUnanswered(health.error) : '';
    return Object.keys(titles).map((id) => {
      if (id === 'server.address') return address;
      if (id === 'server.certificate') return certificate;
      if (id === 'server.health')
        return check('server.health').fail(
          `${view.url.origin}: ${problem}`,
          'See that the server runs, that the address is right, and that nothing between here and there blocks it.',
        );
      return check(id as CheckId).unasked(`/health of ${view.url.origin} was not answered: ${problem}`);
    });
  }
  return [
    address,
    judge('server.health', health, (answer) => judgeHealth(answer, view.url)),
    judge('server.ready', rest.ready, judgeReadiness),
    judge('server.read', rest.read, judgeRead),
    judge('server.version', rest.version, (answer) => judgeVersion(answer, build)),
    judge('server.docs', rest.page, (page) => judgeDocumentation(page, rest.document)),
    judgeAllowed(rest.allowed),
    judgeForeign(rest.foreign),
    certificate,
    judgePlain(rest.plain, view.url),
    judge('server.headers', health, (answer) => judgeHeaders(answer, view.url)),
    judgeTimes(rest.times),
  ];
}

function judge(id: CheckId, finding: Finding<Answer>, work: (answer: Answer, judge: Judge) => Check): Check {
  const title = check(id);
  return 'value' in finding
    ? work(finding.value, title)
    : title.fail(describeUnanswered(finding.error), 'Other requests are answered: see the log of the server.');
}

function describeUnanswered(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'ENOTFOUND') return 'there is no such host';
  return describeError(error);
}

function parse(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function judgeHealth({ status, body }: Answer, url: URL): Check {
  const { pass, fail } = check('server.health');
  return status === 200 && parse(body)?.['status'] === 'ok'
    ? pass(`${url.origin}/health answers 200`)
    : fail(
        `${url.origin}/health answers ${status}`,
        'See that the address is that of the API, and look into the log of the server.',
      );
}

function judgeReadiness({ status, body }: Answer, { pass, fail }: Judge): Check {
  const checks = parse(body)?.['checks'];
  const parts = Object.entries(typeof checks === 'object' && checks !== null ? checks : {}) as [
    string,
    { ok?: boolean; message?: string },
  ][];
  const say = (list: typeof parts) => list.map(([name, { message }]) => `${name}: ${message}`).join('; ');
  if (status === 200) return pass(say(parts) || 'ready');
  return fail(
    say(parts.filter(([, { ok }]) => ok !== true)) || `answers ${status}`,
    'The server says at /health/ready what it waits for; its log says why.',
  );
}

function judgeRead({ status, body }: Answer, { pass, fail }: Judge): Check {
  return status === 200 && Array.isArray(parse(body)?.['sightings'])
    ? pass('sightings of an area answer 200')
    : fail(
        `sightings of an area answer ${status}${codeIn(body)}`,
        'The API does not reach its data: see readiness, and the log of the server.',
      );
}

function codeIn(body: string): string {
  const code = parse(body)?.['code'];
  return typeof code === 'string' ? ` ${code}` : '';
}

function judgeVersion({ status, body }: Answer, build: Build): Check {
  const { pass, warn, fail, unknown } = check('server.version');
  const { version, commit } = parse(body) ?? {};
  if (status !== 200 || typeof version !== 'string' || typeof commit !== 'string')
    return fail(`/version answers ${status} and names no commit`, 'See that the address is that of this API.');
  const there = `${version}, commit ${commit}`;
  if (build.commit === 'source' || commit === 'source')
    return unknown(
      `${there}; this program is ${build.version}, ${build.commit === 'source' ? 'run from source' : `commit ${build.commit}`}`,
      'Ask with the binary that was deployed.',
    );
  return commit === build.commit
    ? pass(`${there}, the same as this program`)
    : warn(
        `${there}; this program is ${build.version}, commit ${build.commit}`,
        'The deployment is of another build: deploy again, or ask with its own binary.',
      );
}

function judgeDocumentation(page: Answer, document: Finding<Answer>): Check {
  const { pass, fail } = check('server.docs');
  const advice = 'Look into the log of the server; a proxy in front of it must pass on everything under /swagger.';
  if (page.status !== 200 || !page.body.includes('swagger/json'))
    return fail(`/swagger answers ${page.status}${page.status === 200 ? ' with another page' : ''}`, advice);
  if ('error' in document) return fail(`/swagger/json: ${describeUnanswered(document.error)}`, advice);
  const { openapi, paths } = parse(document.value.body) ?? {};
  return document.value.status === 200 && typeof openapi === 'string' && typeof paths === 'object' && paths !== null
    ? pass(`/swagger, and OpenAPI ${openapi} with ${Object.keys(paths).length} paths`)
    : fail(`/swagger/json answers ${document.value.status} and no OpenAPI document`, advice);
}

/** Everything that the front end does besides reading. */
const neededMethods = ['POST', 'PATCH', 'DELETE'];

function judgeAllowed(allowed: readonly CrossOrigin[]): Check {
  const { pass, fail, unknown } = check('server.cors');
  if (allowed.length === 0)
    return unknown(
      'no origin was named',
      'Name that of the front end, as a browser writes it: catatlas doctor --url … --origin https://…',
    );
  const problems = allowed.flatMap(({ origin, preflight, plain }) =>
    findRefusals(origin, preflight, plain).map((problem) => `${origin}: ${problem}`),
  );
  return problems.length === 0
    ? pass(`${allowed.map(({ origin }) => origin).join(', ')} may read and write`)
    : fail(
        problems.join('; '),
        'Put the origin into ALLOWED_ORIGINS of the server, as a browser writes it: scheme and host, no slash at the end.',
      );
}

/** Why a browser would not let scripts of an origin use the API (Fetch standard, CORS check and preflight). */
function findRefusals(origin: string, preflight: Finding<Answer>, plain: Finding<Answer>): string[] {
  if ('error' in preflight) return [`the preflight: ${describeUnanswered(preflight.error)}`];
  if ('error' in plain) return [`a read: ${describeUnanswered(plain.error)}`];
  const { status, headers } = preflight.value;
  if (status < 200 || status > 299) return [`the preflight is refused with ${status}`];
  if (!admits(preflight, origin)) return ['the preflight does not name it'];
  const methods = listOf(headers['access-control-allow-methods']);
  const missing = neededMethods.filter((method) => !methods.includes(method.toLowerCase()));
  return [
    ...(missing.length > 0 ? [`${missing.join(' and ')} not allowed`] : []),
    ...(listOf(headers['access-control-allow-headers']).includes('content-type') ? [] : ['Content-Type not allowed']),
    ...(admits(plain, origin) ? [] : ['the answer to a read does not name it']),
  ];
}

function listOf(header = ''): string[] {
  return header.split(',').map((item) => item.trim().toLowerCase());
}

function admits(finding: Finding<Answer>, origin: string): boolean {
  if ('error' in finding) return false;
  const named = finding.value.headers['access-control-allow-origin'];
  return named === origin || named === '*';
}

function judgeForeign(foreign: readonly CrossOrigin[]): Check {
  const { pass, fail, unasked } = check('server.foreign');
  const admitted = foreign.filter(({ origin, preflight, plain }) => admits(preflight, origin) || admits(plain, origin));
  if (admitted.length > 0)
    return fail(
      `allowed: ${admitted.map(({ origin }) => origin).join(', ')}`,
      'Any website may act in the name of its visitors: name your own origins in ALLOWED_ORIGINS of the server, and set DEBUG=False, which refuses *.',
    );
  const unanswered = foreign.flatMap(({ preflight, plain }) => [preflight, plain]).find((one) => 'error' in one);
  if (unanswered && 'error' in unanswered) return unasked(`no answer came: ${describeUnanswered(unanswered.error)}`);
  return pass(`refused: ${foreign.map(({ origin }) => origin).join(', ')}`);
}

/** Platforms renew a month ahead: what is left of less than this was not renewed. In days. */
const renewalLimits = { warn: 14, fail: 3 };
const millisecondsOfDay = 86_400_000;

function checkCertificate({ certificate, url }: ServerView, now: number): Check {
  const { pass, warn, fail, unknown } = check('server.certificate');
  if (certificate === undefined) return unknown(`${url.origin} is asked without TLS`);
  if ('error' in certificate)
    return fail(describeUnanswered(certificate.error), 'See that the server speaks TLS at this port.');
  const { value } = certificate;
  const days = Math.floor((value.expires.getTime() - now) / millisecondsOfDay);
  const found = describeCertificate(value, days);
  const renew = 'Have the platform renew it (Fly.io: fly certs check), or renew it.';
  const trust = 'Use a certificate of a public authority for exactly this name, sent with its intermediates.';
  if (value.distrust !== null)
    return fail(`${found}; not trusted: ${value.distrust}`, days < renewalLimits.warn ? `${trust} ${renew}` : trust);
  if (days < renewalLimits.fail) return fail(found, renew);
  return days < renewalLimits.warn ? warn(found, renew) : pass(found);
}

function describeCertificate({ issuer, names, subject, protocol, expires }: CertificateFacts, days: number): string {
  const left = days < 0 ? `expired on ${expires.toISOString().slice(0, 10)}` : `${days} days left`;
  return `${left}; for ${names || subject}; by ${issuer}; ${protocol}`;
}

function judgePlain(plain: Finding<Answer> | undefined, url: URL): Check {
  const { pass, warn, fail, unknown } = check('server.redirect');
  const redirect = 'Have the platform redirect to https (Fly.io: force_https).';
  if (plain === undefined)
    return unknown(
      url.protocol === 'http:'
        ? `${url.origin} is asked by http`
        : isPrivateHost(url.hostname)
          ? `${url.host} is an address of this network`
          : `${url.host} has a port of its own: which one is for http is not known`,
    );
  if ('error' in plain)
    return warn(
      `by http: ${describeUnanswered(plain.error)}`,
      `Nothing is sent in the clear, but whoever types the name finds nothing. ${redirect}`,
    );
  const { status, headers } = plain.value;
  const target = readTarget(headers['location'], url);
  if (status < 300 || status > 399 || target === undefined)
    return fail(`by http it answers ${status}: in the clear, for everybody on the way to read`, redirect);
  if (target.protocol !== 'https:' || target.host !== url.host)
    return fail(`http leads to ${target.origin}`, `It should lead to ${url.origin}. ${redirect}`);
  return status === 301 || status === 308
    ? pass(`http leads to https, ${status}`)
    : warn(`http leads to https for now, ${status}`, 'Let the redirect be permanent: 308, or 301.');
}

/** Where a redirect of the server leads, which may be written without scheme and host (RFC 9110, 10.2.2). */
function readTarget(location: string | undefined, { host }: URL): URL | undefined {
  const base = `http://${host}`;
  return location !== undefined && URL.canParse(location, base) ? new URL(location, base) : undefined;
}

/** What every answer of this program has, /health too (src/http/security-headers.ts). */
const securityHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** What is asked of who wants to be in the lists that browsers ship (https://hstspreload.org): a year, in seconds. */
const shortestPromise = 31_536_000;

function judgeHeaders({ headers }: Answer, url: URL): Check {
  const { pass, warn, fail } = check('server.headers');
  const wrong = Object.entries(securityHeaders).flatMap(([name, value]) => {
    const found = headers[name];
    if (found === value) return [];
    return [found === undefined ? `no ${name}` : `${name}: ${found}`];
  });
  if (wrong.length > 0)
    return fail(wrong.join('; '), 'The server sends them: see what a proxy in front of it takes away or changes.');
  const names = Object.keys(securityHeaders).join(', ');
  if (url.protocol === 'http:') return pass(names);
  const promise = headers['strict-transport-security'];
  const seconds = Number(/\bmax-age="?(\d+)/i.exec(promise ?? '')?.[1] ?? 0);
  return seconds >= shortestPromise
    ? pass(`${names}, strict-transport-security`)
    : warn(
        promise === undefined ? 'no strict-transport-security' : `strict-transport-security: ${promise}`,
        'The server sends it for two years when DEBUG is False and the proxy says X-Forwarded-Proto: https.',
      );
}

/** In milliseconds, for an answer that touches nothing; the way there and back is in it. */
const slow = { warn: 500, fail: 2000 };

function judgeTimes(times: Finding<number[]>): Check {
  const { pass, warn, fail } = check('server.time');
  if ('error' in times)
    return fail(describeUnanswered(times.error), 'Other requests are answered: see the log of the server.');
  const sorted = times.value.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.POSITIVE_INFINITY;
  const found = `median ${median.toFixed(median < 10 ? 1 : 0)} ms of ${sorted.length} requests to /health`;
  const advice = 'Far away, starting from cold, or short of CPU: see the platform, and keep one machine running.';
  if (median > slow.fail) return fail(found, advice);
  return median > slow.warn ? warn(found, advice) : pass(found);
}
