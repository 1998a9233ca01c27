import { isIP } from 'node:net';
import { hasContent, watchArrivals } from './arrivals.ts';
import { repairUrl } from './request-url.ts';

/** Who is on the other end of the connection. */
export interface Peer {
  address: string;
  port: number;
  /** To be told of what has been read of the body, so that a client that sends slowly is not taken for one that has stalled. */
  arrived(bytes: number): void;
  /** To be told that the body is there. */
  arrivedWhole(): void;
}

/** A client that has stalled in the middle of a body is cut off after so many seconds. */
const stallSeconds = 60;

/** So many bytes have to arrive within that time, or it has stalled: 270 a second, which any line can do. */
const leastBytes = 16_384;

export interface Server {
  hostname: string;
  port: number;
  /** Refuses new connections, waits for requests under way, closes idle keep-alive connections. */
  drain(): Promise<void>;
  /** Closes everything at once, requests under way included. */
  abort(): Promise<void>;
}

interface ServeOptions {
  hostname: string;
  /** 0 picks a free port. */
  port: number;
  /** How long a connection without a request is kept, in seconds, at most 255. Deno 2.9.6 closes none. */
  idleSeconds: number;
  /**
   * Reads a body by `request.body`, and has to limit what it reads. What it leaves is read and thrown away, so that every client
   * gets to the answer.
   */
  fetch(request: Request, peer: Peer): Response | Promise<Response>;
  /** Answers in place of a `fetch` that threw, where the runtimes would with a bare 500 that nobody hears of. May not throw. */
  failed(request: Request, error: unknown): Response;
}

interface Listening extends Pick<ServeOptions, 'hostname' | 'port' | 'idleSeconds'> {
  answer(request: Request, peer: Peer): Promise<Response>;
}

/** The address is taken by another process, or may not be used. `message` says which and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Listens for HTTP on Bun or Deno. Throws ListenError. */
export async function serve({ fetch, failed, ...address }: ServeOptions): Promise<Server> {
  const options: Listening = {
    ...address,
    async answer(request, peer) {
      try {
        repairUrl(request);
        return await fetch(request, peer);
      } catch (error) {
        return failed(request, error);
      }
    },
  };
  try {
    return typeof Bun === 'undefined' ? serveOnDeno(options) : serveOnBun(options);
  } catch (error) {
    throw new ListenError(explainListenFailure(error, options), { cause: error });
  }
}

function explainListenFailure(error: unknown, { hostname, port }: Listening): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const name = error instanceof Error ? error.name : '';
  if (code === 'EADDRINUSE' || name === 'AddrInUse')
    return `port ${port} on ${hostname} is in use by another process: stop that process, or choose another with PORT or --port`;
  if (code === 'EACCES' || name === 'PermissionDenied')
    return `not allowed to listen on port ${port}: choose one above 1023 with PORT or --port`;
  const advice = 'set HOST or --host to one of its own, such as 127.0.0.1 or 0.0.0.0';
  // Of a name that cannot be resolved Bun 1.4.5 gives the code of whatever failed last, and Deno 2.9.6 none.
  if (isIP(hostname) === 0) return `the name ${hostname} leads to no address of this machine: ${advice}`;
  if (code === 'EADDRNOTAVAIL' || name === 'AddrNotAvailable')
    return `this machine has no address ${hostname}: ${advice}`;
  return `cannot listen on ${hostname} port ${port}: ${error instanceof Error ? error.message : String(error)}`;
}

function serveOnBun({ hostname, port, idleSeconds, answer }: Listening): Server {
  const server = Bun.serve({
    hostname,
    port,
    // Bun would let a second process share the port silently.
    reusePort: false,
    // No limit of Bun's: it would answer 413 without headers and body, and mostly cut the connection before that arrives.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    // A connection that has not sent a whole head of its first request is closed after 12 s, whatever this says; a client that stops
    // reading, after this time. Deno 2.9.6 closes none of them.
    idleTimeout: idleSeconds,
    development: false,
    fetch(request, self) {
      const peer = self.requestIP(request);
      // What is set for a request holds for its connection until the next one. Bun counts from the last large piece: a body that comes a
      // kilobyte at a time is silence to it.
      if (hasContent(request.headers)) self.timeout(request, stallSeconds);
      let since = 0;
      return answer(request, {
        address: peer?.address ?? '',
        port: peer?.port ?? 0,
        arrived(bytes) {
          since += bytes;
          if (since < leastBytes) return;
          since = 0;
          self.timeout(request, stallSeconds);
        },
        arrivedWhole: () => self.timeout(request, idleSeconds),
      });
    },
  });
  return {
    hostname,
    port: server.port ?? port,
    drain: () => server.stop(),
    abort: () => server.stop(true),
  };
}

function serveOnDeno({ hostname, port, answer }: Listening): Server {
  const controller = new AbortController();
  const arrivals = watchArrivals();
  const listen = (on: number) =>
    Deno.serve(
      { hostname, port: on, signal: controller.signal, onListen() {} },
      (request: Request, { remoteAddr }: { remoteAddr: { hostname: string; port: number } }) =>
        arrivals.during(request, () =>
          answer(request, {
            address: remoteAddr.hostname,
            port: remoteAddr.port,
            arrived() {},
            arrivedWhole() {},
          }),
        ),
    );
  let server = listen(port);
  const { port: chosen } = server.addr;
  let ending = false;

  // Deno 2.9.6 gives up, with all its connections, when there is no file descriptor left for one more.
  const listenAgain = () => {
    if (ending) return;
    try {
      server = listen(chosen);
      server.finished.catch(listenAgain);
    } catch {
      setTimeout(listenAgain, 100);
    }
  };
  server.finished.catch(listenAgain);
  return {
    hostname,
    port: chosen,
    async drain() {
      // A shutdown of Deno 2.9.6 breaks off every body that is still arriving (denoland/deno#36809).
      await arrivals.none();
      if (ending) return;
      ending = true;
      await server.shutdown();
    },
    async abort() {
      // Once a shutdown has begun, Deno 2.9.6 has no way left to close what it still waits for (`BadResource`, thrown where it
      // cannot be caught): such requests end with the process.
      if (ending) return;
      ending = true;
      controller.abort();
      await server.finished;
    },
  };
}
