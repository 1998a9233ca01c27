import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { openWire, type Wire, type WireAnswer } from '../runtime/wire.ts';

/**
 * What stands between clients and several servers, and does as Fly.io's proxy: asks each for its readiness now and then, prefers those
 * that are ready, keeps connections to them for some seconds. A request that fails is a 502: it is never sent twice.
 */
export interface Balancer {
  readonly url: string;
  /** Requests may go to this server, too, once it is ready. */
  add(server: string): void;
  /** How many answers came from a server. */
  answers(server: string): number;
  /** The bodies of the answers with status 200 to `POST /entries`. */
  readonly made: string[];
  close(): Promise<void>;
}

interface Backend {
  url: string;
  ready: boolean;
  underway: number;
  answers: number;
  /** The number of the request that it was last chosen for. */
  turn: number;
  idle: { wire: Wire; since: number }[];
}

/** How often a server is asked for its readiness, and for how long an idle connection is kept, in milliseconds. */
const checkMilliseconds = 500;
const keepMilliseconds = 4000;

/** About one connection of a message, not about what it says (RFC 9110, 7.6.1); and what is said anew for the next one. */
const hopHeaders = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'te',
  'trailer',
]);

export async function startBalancer(servers: readonly string[]): Promise<Balancer> {
  const backends = new Map<string, Backend>();
  const made: string[] = [];
  let turns = 0;
  let checking = true;
  const checks: Promise<void>[] = [];
  // Each on its own: one that answers late holds up no news of the others.
  const keepChecking = async (backend: Backend) => {
    while (checking) {
      await check(backend);
      await new Promise((resolve) => setTimeout(resolve, checkMilliseconds));
    }
  };
  const add = (url: string) => {
    const backend = { url, ready: false, underway: 0, answers: 0, turn: 0, idle: [] };
    backends.set(url, backend);
    checks.push(keepChecking(backend));
  };
  for (const server of servers) add(server);

  const server = createServer((request, response) => {
    forward(request, response).catch((error: unknown) => response.writeHead(502).end(String(error)));
  });

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const backend = choose([...backends.values()]);
    if (backend === undefined) {
      response.writeHead(503).end('no server is ready');
      return;
    }
    backend.underway += 1;
    turns += 1;
    backend.turn = turns;
    try {
      const answer = await exchange(backend, request, body);
      backend.answers += 1;
      if (request.method === 'POST' && request.url === '/entries' && answer.status === 200) made.push(answer.body);
      const headers = [...answer.headers].filter(([name]) => !hopHeaders.has(name));
      response.writeHead(answer.status, Object.fromEntries(headers)).end(answer.body);
    } finally {
      backend.underway -= 1;
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    add,
    answers: (url) => backends.get(url)?.answers ?? 0,
    made,
    async close() {
      checking = false;
      await Promise.all(checks);
      for (const { idle } of backends.values()) for (const { wire } of idle) wire.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The ready one with the least to do; of several, the one whose turn is longest ago. */
function choose(backends: readonly Backend[]): Backend | undefined {
  return backends
    .filter(({ ready }) => ready)
    .sort((one, other) => one.underway - other.underway || one.turn - other.turn)[0];
}

async function check(backend: Backend): Promise<void> {
  try {
    const wire = await openWire(backend.url);
    backend.ready = (await wire.get('/health/ready')).status === 200;
    wire.destroy();
  } catch {
    backend.ready = false;
  }
}

/** One request and its answer, on a kept connection if there is one. */
async function exchange(backend: Backend, request: IncomingMessage, body: Buffer): Promise<WireAnswer> {
  const wire = takeIdle(backend) ?? (await openWire(backend.url));
  const headers = Object.entries(request.headers).filter(([name]) => !hopHeaders.has(name));
  const lines = [...headers, ['content-length', String(body.length)]].map(([name, value]) => `${name}: ${value}\r\n`);
  wire.send(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('')}\r\n${body.toString('utf8')}`);
  const answer = await wire.read();
  if (answer.headers.get('connection') === 'close') wire.destroy();
  else backend.idle.push({ wire, since: performance.now() });
  return answer;
}

/** The connection that was used last, unless that is too long ago. One that the server has closed is found out by using it. */
function takeIdle({ idle }: Backend): Wire | undefined {
  for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) {
    if (performance.now() - kept.since < keepMilliseconds) return kept.wire;
    kept.wire.destroy();
  }
  return undefined;
}
