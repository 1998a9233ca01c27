import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/**
 * What the proxy of Fly.io does about `fly-replay`, by its documentation (https://fly.io/docs/networking/dynamic-request-routing/): sends
 * a request to the nearest region and, when the answer has the header, sends it again to the region that the header names, saying
 * where it comes from. When nobody there takes it and the header says `fallback=force_self`, the first server gets it again. What
 * is above 1 MB is not repeated.
 */
export interface RegionProxy {
  readonly url: string;
  close(): Promise<void>;
}

interface Upstream {
  message: IncomingMessage;
  body: Buffer;
}

const mostReplayed = 1_000_000;

/** Starts a proxy on 127.0.0.1 whose nearest region is `nearest`; `regions` has the server of each. */
export async function startRegionProxy(
  nearest: string,
  regions: Readonly<Record<string, string>>,
): Promise<RegionProxy> {
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing, nearest, regions).catch((error: unknown) => {
      outgoing.writeHead(502).end(String(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  nearest: string,
  regions: Readonly<Record<string, string>>,
): Promise<void> {
  const body = await buffer(incoming);
  const send = (region: string, headers: Record<string, string> = {}) =>
    ask(regions[region] ?? '', incoming, body, headers);
  const relay = ({ message, body: text }: Upstream) => {
    outgoing.writeHead(message.statusCode ?? 502, message.headers).end(text);
  };
  const first = await send(nearest);
  const replay = first.message.headers['fly-replay'];
  if (replay === undefined) return relay(first);
  if (body.length > mostReplayed) throw new Error('what is above 1 MB cannot be replayed');
  const fields = new Map(
    String(replay)
      .split(';')
      .map((field) => field.split('=', 2) as [string, string]),
  );
  const region = fields.get('region') ?? '';
  if (regions[region] === undefined) throw new Error(`fly-replay names a region without a server: ${replay}`);
  let second: Upstream;
  try {
    second = await send(region, { 'fly-replay-src': `region=${nearest}` });
  } catch (error) {
    if (fields.get('fallback') !== 'force_self') throw error;
    second = await send(nearest, { 'fly-replay-failed': `region=${region}` });
  }
  if (second.message.headers['fly-replay'] !== undefined) throw new Error('a replayed request was replayed again');
  relay(second);
}

/** One request to one server, on a connection of its own. */
async function ask(
  baseUrl: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  more: Record<string, string>,
): Promise<Upstream> {
  const outgoing = request(`${baseUrl}${url}`, { method, headers: { ...headers, ...more }, agent: false });
  outgoing.end(body);
  const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { message, body: await buffer(message) };
}
