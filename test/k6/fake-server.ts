import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface FakeEntry {
  id: number;
  text: string;
  nickname: string | null;
  location: string | null;
  createdAt: string;
}

/** A stand-in that does what the smoke test looks at, so that one thing at a time can be wrong. */
export interface FakeServer {
  url: string;
  entries: Map<number, FakeEntry>;
  /** How often each `METHOD /path` was asked for, ids replaced. */
  asked: Map<string, number>;
  close(): Promise<void>;
}

export const fakeCommit = '0123456789abcdef0123456789abcdef01234567';
export const fakeOrigin = 'https://cats.example';

/** Answers instead of the stand-in; false to let it answer. It may do the work first. */
export type Fault = (call: { route: string; response: ServerResponse; work: () => void }) => boolean;

/** Starts it on a port of this machine: any free one unless told. */
export async function startFakeServer(fault: Fault = () => false, port = 0): Promise<FakeServer> {
  const entries = new Map<number, FakeEntry>();
  const asked = new Map<string, number>();
  let lastId = 0;

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? '/';
    const id = Number(/^\/entries\/(\d+)$/.exec(path)?.[1]);
    const route = `${request.method} ${Number.isNaN(id) ? path : '/entries/:id'}`;
    asked.set(route, (asked.get(route) ?? 0) + 1);
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { origin } = request.headers;
    if (origin === fakeOrigin) response.setHeader('access-control-allow-origin', origin);
    const json = (value: unknown, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const work = () => {
      switch (route) {
        case 'GET /health':
          return json({ status: 'ok' });
        case 'GET /health/ready':
          return json({ status: 'ready' });
        case 'GET /version':
          return json({ commit: fakeCommit });
        case 'GET /swagger':
          return response.end('<!doctype html><html lang="en"></html>');
        case 'GET /swagger/json':
          return json({ openapi: '3.1.0' });
        case 'OPTIONS /entries':
          if (origin !== fakeOrigin) return response.writeHead(400).end('Disallowed CORS origin');
          response.setHeader('access-control-allow-methods', 'GET, POST');
          response.setHeader('access-control-allow-headers', 'Content-Type');
          return response.end('OK');
        case 'POST /entries': {
          lastId += 1;
          const sent = JSON.parse(body) as Pick<FakeEntry, 'text'> & Partial<FakeEntry>;
          const createdAt = new Date().toISOString();
          const entry = { nickname: null, location: null, ...sent, id: lastId, createdAt };
          entries.set(lastId, entry);
          return json(entry);
        }
        case 'GET /entries':
          return json([...entries.values()].reverse());
        case 'GET /entries/:id':
          return entries.has(id) ? json(entries.get(id)) : json({ detail: 'Entry not found' }, 404);
        case 'DELETE /entries/:id':
          return response.writeHead(entries.delete(id) ? 204 : 404).end();
        default:
          return json({ detail: 'Not Found' }, 404);
      }
    };
    if (!fault({ route, response, work })) work();
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    entries,
    asked,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers 500 to one route. */
export const answer500 =
  (broken: string): Fault =>
  ({ route, response }) => {
    if (route !== broken) return false;
    response.writeHead(500).end('Internal Server Error');
    return true;
  };
