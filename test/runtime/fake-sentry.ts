import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An envelope as it came: its header, and its items with what they hold. */
export interface Envelope {
  path: string;
  auth: string;
  header: Record<string, unknown>;
  items: { type: string; payload: SentryPayload }[];
  /** Every byte of it, headers of the request included, for finding what must not be in it. */
  raw: string;
}

/** The parts of an event that tests look at. */
export interface SentryPayload {
  event_id: string;
  level?: string;
  release?: string;
  environment?: string;
  transaction?: string;
  start_timestamp?: number;
  timestamp?: number;
  message?: { formatted: string };
  tags?: Record<string, string>;
  contexts?: { trace?: Record<string, string> };
  exception?: { values: { type: string; value: string; stacktrace?: { frames: Record<string, unknown>[] } }[] };
  spans?: Record<string, unknown>[];
}

/** How it answers: as Sentry does, not at all, or with this status and these headers. */
export type Manner = 'accepts' | 'hangs' | { status: number; headers?: Record<string, string> };

export interface FakeSentry {
  readonly dsn: string;
  readonly envelopes: Envelope[];
  manner: Manner;
  /** What came of a type: `event`, `transaction`. */
  of(type: string): SentryPayload[];
  close(): Promise<void>;
}

/** A server that takes Sentry's envelopes and keeps them. */
export async function startFakeSentry(): Promise<FakeSentry> {
  const envelopes: Envelope[] = [];
  const hanging = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const [header = '{}', ...rest] = body.split('\n');
      const items: Envelope['items'] = [];
      for (let at = 0; at + 1 < rest.length; at += 2)
        items.push({ type: JSON.parse(rest[at] ?? '{}').type, payload: JSON.parse(rest[at + 1] ?? '{}') });
      envelopes.push({
        path: `${request.method} ${request.url}`,
        auth: String(request.headers['x-sentry-auth']),
        header: JSON.parse(header),
        items,
        raw: `${JSON.stringify(request.headers)}\n${body}`,
      });
      const { manner } = fake;
      if (manner === 'hangs') hanging.add(response);
      else if (manner === 'accepts') response.end('{}');
      else response.writeHead(manner.status, manner.headers).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const fake: FakeSentry = {
    dsn: `http://public-key@127.0.0.1:${(server.address() as AddressInfo).port}/42`,
    envelopes,
    manner: 'accepts',
    of: (type) =>
      envelopes.flatMap(({ items }) => items.filter((item) => item.type === type).map(({ payload }) => payload)),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return fake;
}
