import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An HTTP/1.1 connection by hand: what `fetch` hides about connections can be seen, and kept open. */
export interface Wire {
  readonly socket: Socket;
  /** Sends as it is. */
  send(text: string): void;
  /** Sends a request without a body, to this Host (default: the right one), and reads the answer, by its length or its chunks. */
  get(path: string, host?: string): Promise<WireAnswer>;
  /** The next answer. */
  read(): Promise<WireAnswer>;
  /** Resolves when the other side has closed the connection. */
  readonly closed: Promise<void>;
  destroy(): void;
}

export interface WireAnswer {
  status: number;
  /** Names in lower case. */
  headers: Map<string, string>;
  body: string;
}

/** Opens a connection to the server at `baseUrl`. Rejects when it is refused. */
export async function openWire(baseUrl: string): Promise<Wire> {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, 'connect');
  let received = Buffer.alloc(0);
  let wake = () => {};
  let over = false;
  const closed = new Promise<void>((resolve) => {
    const finish = () => {
      over = true;
      wake();
      resolve();
    };
    socket.on('end', finish);
    socket.on('close', finish);
  });
  // A reset is an end like another; `closed` tells.
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    wake();
  });
  const more = () =>
    new Promise<void>((resolve, reject) => {
      if (over) return reject(new Error(`closed after ${JSON.stringify(received.toString('latin1'))}`));
      wake = resolve;
    });
  const take = async (length: number) => {
    while (received.length < length) await more();
    const taken = received.subarray(0, length);
    received = received.subarray(length);
    return taken;
  };
  const readChunks = async () => {
    const chunks: Buffer[] = [];
    for (;;) {
      while (!received.includes('\r\n')) await more();
      const digits = await take(received.indexOf('\r\n') + 2);
      const length = Number.parseInt(digits.toString('latin1'), 16);
      chunks.push((await take(length + 2)).subarray(0, length));
      if (length === 0) return Buffer.concat(chunks);
    }
  };
  const readAnswer = async (): Promise<WireAnswer> => {
    while (!received.includes('\r\n\r\n')) await more();
    const end = received.indexOf('\r\n\r\n');
    const [statusLine = '', ...lines] = received.subarray(0, end).toString('latin1').split('\r\n');
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      }),
    );
    received = received.subarray(end + 4);
    const status = Number(statusLine.split(' ')[1]);
    const chunked = headers.get('transfer-encoding') === 'chunked';
    // 204 and 304 have none (RFC 9112, 6.3).
    const length = status === 204 || status === 304 ? 0 : chunked ? undefined : lengthOf(headers);
    const body = length === undefined ? await readChunks() : await take(length);
    return { status, headers, body: body.toString('utf8') };
  };
  return {
    socket,
    closed,
    read: readAnswer,
    send: (text) => void socket.write(text),
    get(path, host = `${hostname}:${port}`) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      return readAnswer();
    },
    destroy: () => void socket.destroy(),
  };
}

function lengthOf(headers: ReadonlyMap<string, string>): number {
  const length = Number(headers.get('content-length') ?? Number.NaN);
  if (!Number.isSafeInteger(length)) throw new Error('an answer with neither content-length nor chunks');
  return length;
}
