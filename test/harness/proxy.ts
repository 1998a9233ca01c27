import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { inTime } from '../runtime/process.ts';

/** A TCP proxy in front of a server, for making faults. */
export interface FaultProxy {
  readonly port: number;
  /** How many connections are open now. */
  connections(): number;
  /** How many it has accepted since it was started. */
  accepted(): number;
  /** From now on nothing is forwarded in either direction, and nothing is closed. New connections are accepted and left alone. */
  blackhole(): void;
  /** Forwards again, beginning with what was held back; accepts connections again. */
  resume(): void;
  /** Cuts every open connection with a TCP reset. */
  resetAll(): void;
  /** Closes every open connection and refuses new ones. */
  refuse(): Promise<void>;
  /** Forwards everything this much later, in milliseconds, and up to `jitter` later than that; in order all the same. */
  delay(milliseconds: number, jitter?: number): void;
  /** How much later than that it was, in milliseconds, at worst since this was asked last: this process has other things to do. */
  lateness(): number;
  close(): Promise<void>;
}

/** How long closing may take, in milliseconds. */
const closeDeadline = 10_000;

/** Starts a proxy on a free port of 127.0.0.1 that forwards to `targetPort` there. */
export async function startProxy(targetPort: number): Promise<FaultProxy> {
  /** By name, for what is wrong when one of them is left over. */
  const sockets = new Map<Socket, string>();
  let held: (() => void)[] | undefined;
  let slowness = { milliseconds: 0, jitter: 0 };
  let accepted = 0;
  let lateness = 0;

  const forward = (from: Socket, to: Socket, name: string) => {
    sockets.set(from, name);
    let due = 0;
    /** Runs `step` now, after the delay, or when the black hole ends, but never before an earlier one. */
    const schedule = (step: () => void) => {
      const run = () => (held ? held.push(step) : step());
      const now = performance.now();
      const at = Math.max(due, now + slowness.milliseconds + Math.random() * slowness.jitter);
      due = at;
      const runLate = () => {
        lateness = Math.max(lateness, performance.now() - at);
        run();
      };
      if (at > now) setTimeout(runLate, at - now);
      else run();
    };
    from.on('data', (chunk) => schedule(() => to.destroyed || to.write(chunk)));
    from.on('end', () => schedule(() => to.destroyed || to.end()));
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      // What was sent before the end still arrives, and during a black hole not even the end does.
      schedule(() => to.destroyed || to.end());
    });
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [client, upstream]) socket.setNoDelay(true);
    accepted += 1;
    forward(client, upstream, `the client ${client.remotePort}`);
    forward(upstream, client, `the server's of client ${client.remotePort}`);
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    return address.port;
  };
  const port = await listen(0);
  const closeListener = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets.keys()) socket.destroy();
    await inTime(closed, closeDeadline, () => {
      const left = [...sockets.values()].join(', ') || 'no socket';
      return `the proxy is not closed after ${closeDeadline} ms: ${left} left`;
    });
  };
  return {
    port,
    connections: () => Math.ceil(sockets.size / 2),
    accepted: () => accepted,
    blackhole() {
      held ??= [];
    },
    resume() {
      const steps = held ?? [];
      held = undefined;
      for (const step of steps) step();
      if (!server.listening) void listen(port);
    },
    resetAll() {
      for (const socket of sockets.keys()) socket.resetAndDestroy();
    },
    refuse: closeListener,
    delay(milliseconds, jitter = 0) {
      slowness = { milliseconds, jitter };
    },
    lateness() {
      const worst = lateness;
      lateness = 0;
      return worst;
    },
    async close() {
      held = undefined;
      await closeListener();
    },
  };
}
