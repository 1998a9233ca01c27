import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy in front of a server that stops the conversation in front of a chosen message of the client. */
export interface MessageGate {
  /** The same database, reached through the gate. */
  url(databaseUrl: string): string;
  /** Messages that clients have sent so far, over all connections; what one of them sends at once counts as one. */
  messages(): number;
  /** Resolves once message number `count` has come, which is held back, as everything after it in both directions. */
  closeAt(count: number): Promise<void>;
  /** Cuts every connection and forwards again; counting starts anew. */
  open(): void;
  stop(): Promise<void>;
}

/** Starts a gate on a free port of 127.0.0.1 that forwards to `targetPort` there. */
export async function startMessageGate(targetPort: number): Promise<MessageGate> {
  const sockets = new Set<Socket>();
  let messages = 0;
  let last = Number.POSITIVE_INFINITY;
  let closed: (() => void) | undefined;

  const pair = (from: Socket, to: Socket, forwards: () => boolean) => {
    sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (chunk) => forwards() && !to.destroyed && to.write(chunk));
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer((client) => {
    const upstream = connect({ port: targetPort, host: '127.0.0.1' });
    pair(client, upstream, () => {
      messages += 1;
      if (messages >= last) closed?.();
      return messages < last;
    });
    pair(upstream, client, () => messages < last);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gate has no port');
  const { port } = address;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url(databaseUrl) {
      const url = new URL(databaseUrl);
      url.port = String(port);
      return url.href;
    },
    messages: () => messages,
    closeAt(count) {
      last = count;
      return new Promise((resolve) => (closed = resolve));
    },
    open() {
      cut();
      messages = 0;
      last = Number.POSITIVE_INFINITY;
      closed = undefined;
    },
    async stop() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
