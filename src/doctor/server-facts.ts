import { Buffer } from 'node:buffer';
import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls';
import { type Addresses, openResolver, readAddresses } from './address.ts';
import { attempt, type Finding, isPrivateHost } from './check.ts';

/** An answer of the server. */
export interface Answer {
  status: number;
  /** By name in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  body: string;
}

/** What a browser would be told about requests from one origin. */
export interface CrossOrigin {
  origin: string;
  preflight: Finding<Answer>;
  plain: Finding<Answer>;
}

/** The certificate that the server shows. */
export interface CertificateFacts {
  subject: string;
  issuer: string;
  names: string;
  expires: Date;
  protocol: string;
  /** Why this machine would not trust it; null when it would. */
  distrust: string | null;
}

/** A running server, seen from here. */
export interface ServerView {
  url: URL;
  /** Undefined for a host that is an address, or known on this network only. */
  addresses: Finding<Addresses> | undefined;
  health: Finding<Answer>;
  /** Undefined when not even /health could be asked: then nothing else was. */
  rest?: {
    ready: Finding<Answer>;
    version: Finding<Answer>;
    page: Finding<Answer>;
    document: Finding<Answer>;
    read: Finding<Answer>;
    allowed: CrossOrigin[];
    foreign: CrossOrigin[];
    /** What is answered by HTTP where the world asks by HTTPS; undefined where there is no such place. */
    plain: Finding<Answer> | undefined;
    /** In milliseconds, one request after the other on one connection. */
    times: Finding<number[]>;
  };
  /** Undefined for http. */
  certificate: Finding<CertificateFacts> | undefined;
}

/** How long one answer may take, in milliseconds. */
const deadline = 5000;
const timedRequests = 7;
const mostBytes = 8 * 1024 * 1024;

/** A read that goes through routes, validation and the database, and that is quick however much there is. */
const readPath = '/entries/by-area?lat=0&lon=0&radius=1';

/** Origins that nobody allows: of nobody, of any sandboxed page, and one that only begins like an allowed one. */
export function foreignOrigins(allowed: readonly string[]): string[] {
  const [first] = allowed;
  const alike = first === undefined ? [] : [`${first.replace(/:\d+$/, '')}.catatlas-doctor.invalid`];
  return ['https://catatlas-doctor.invalid', 'null', ...alike];
}

/** Asks a running server. Only with GET and OPTIONS: nothing is changed there. */
export async function readServer(url: URL, origins: readonly string[]): Promise<ServerView> {
  const addresses = await readAddresses(url.hostname, openResolver());
  const certificate = url.protocol === 'https:' ? await attempt(() => readCertificate(url)) : undefined;
  const health = await attempt(() => ask(url, '/health'));
  if ('error' in health) return { url, addresses, health, certificate };
  const get = (path: string, headers: Record<string, string> = {}) => attempt(() => ask(url, path, { headers }));
  const crossing = (origin: string) => readCrossOrigin(url, origin);
  const [ready, version, page, document, read, allowed, foreign, plain] = await Promise.all([
    get('/health/ready'),
    get('/version'),
    get('/swagger', { accept: 'text/html' }),
    get('/swagger/json'),
    get(readPath),
    Promise.all(origins.map(crossing)),
    Promise.all(foreignOrigins(origins).map(crossing)),
    readPlain(plainCounterpart(url)),
  ]);
  const times = await attempt(() => measure(url));
  const rest = { ready, version, page, document, read, allowed, foreign, plain, times };
  return { url, addresses, health, certificate, rest };
}

/** Where somebody ends up who writes http:// for https://. Known for the usual ports and hosts of the world only. */
export function plainCounterpart(url: URL): URL | undefined {
  if (url.protocol !== 'https:' || url.port !== '' || isPrivateHost(url.hostname)) return undefined;
  return new URL(url.href.replace(/^https/, 'http'));
}

/** What is answered there. A redirect is an answer like any other: it is not followed. */
export async function readPlain(base: URL | undefined): Promise<Finding<Answer> | undefined> {
  return base && (await attempt(() => ask(base, '/health')));
}

async function readCrossOrigin(url: URL, origin: string): Promise<CrossOrigin> {
  const [preflight, plain] = await Promise.all([
    attempt(() =>
      ask(url, '/entries', {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type',
        },
      }),
    ),
    attempt(() => ask(url, '/health', { headers: { origin } })),
  ]);
  return { origin, preflight, plain };
}

async function measure(url: URL): Promise<number[]> {
  const agent = agentFor(url, true);
  try {
    await ask(url, '/health', { agent });
    const times: number[] = [];
    const end = performance.now() + deadline;
    while (times.length < timedRequests && performance.now() < end) {
      const began = performance.now();
      await ask(url, '/health', { agent });
      times.push(performance.now() - began);
    }
    return times;
  } finally {
    agent.destroy();
  }
}

/** Whatever the certificate, which is a check of its own: no secret is sent, and nothing that comes back is trusted. */
function agentFor(url: URL, keepAlive: boolean): HttpAgent | HttpsAgent {
  return url.protocol === 'https:'
    ? new HttpsAgent({ keepAlive, rejectUnauthorized: false })
    : new HttpAgent({ keepAlive });
}

interface Question {
  method?: string;
  headers?: Record<string, string>;
  agent?: HttpAgent | HttpsAgent;
}

/** node:http and not fetch: fetch would go through the proxy of HTTP_PROXY, and would not ask where the certificate is bad. */
function ask(base: URL, path: string, { method = 'GET', headers = {}, agent }: Question = {}): Promise<Answer> {
  const late = AbortSignal.timeout(deadline);
  const own = agent ?? agentFor(base, false);
  return new Promise<Answer>((resolve, reject) => {
    const fail = (error: unknown) =>
      reject(late.aborted ? new Error(`no answer within ${deadline / 1000} s`, { cause: error }) : error);
    const request = (base.protocol === 'https:' ? requestHttps : requestHttp)(
      addressOf(base, path),
      { method, agent: own, signal: late, headers: { 'user-agent': 'catatlas-doctor', ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > mostBytes) response.destroy(new Error(`the answer is larger than ${mostBytes} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(
              Object.entries(response.headers).map(([name, value]) => [
                name,
                value === undefined ? undefined : String(value),
              ]),
            ),
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    request.on('error', fail);
    request.end();
  }).finally(() => {
    if (agent === undefined) own.destroy();
  });
}

function addressOf(base: URL, path: string): URL {
  return new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base);
}

function readCertificate(url: URL): Promise<CertificateFacts> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return new Promise<CertificateFacts>((resolve, reject) => {
    const socket = connect({
      host,
      port: Number(url.port || 443),
      // A server name must not be an address (RFC 6066 section 3).
      ...(isIP(host) ? {} : { servername: host }),
      rejectUnauthorized: false,
    });
    const timer = setTimeout(() => socket.destroy(new Error(`no handshake within ${deadline / 1000} s`)), deadline);
    socket.once('secureConnect', () => {
      const shown = socket.getPeerCertificate();
      const authority = socket.authorized ? null : String(socket.authorizationError ?? 'not trusted');
      // By itself the runtime compares names only when it would refuse.
      const name = checkServerIdentity(host, shown);
      resolve({
        subject: nameOf(shown.subject),
        issuer: nameOf(shown.issuer),
        names: (shown.subjectaltname ?? '').replace(/\b(DNS|IP Address):/g, ''),
        expires: new Date(shown.valid_to),
        protocol: socket.getProtocol() ?? 'TLS',
        distrust: authority ?? (name ? name.message : null),
      });
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      reject(new Error('the connection was closed before the handshake ended'));
    });
  });
}

function nameOf(name: PeerCertificate['subject'] | undefined): string {
  return [name?.CN, name?.O].filter((part) => part !== undefined).join(', ') || 'nobody';
}
