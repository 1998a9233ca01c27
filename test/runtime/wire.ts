import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An HTTP/1.1 connection by hand: what `fetch` hides about connections can be seen, and kept open. */
export interface Wire {
  readonly socket: Socket;
  /** Sends as it is. */
  send(text: string): void;
  /** Sends a request without a body and reads the answer, by its content-length. */
  get(path: string): Promise<WireAnswer>;
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
  const readAnswer = async (): Promise<WireAnswer> => {
    let end = -1;
    while ((end = received.indexOf('\r\n\r\n')) < 0) await more();
    const [statusLine = '', ...lines] = received.subarray(0, end).toString('latin1').split('\r\n');
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      }),
    );
    const length = Number(headers.get('content-length'));
    if (!Number.isSafeInteger(length)) throw new Error(`an answer without content-length: ${statusLine}`);
    while (received.length < end + 4 + length) await more();
    const body = received.subarray(end + 4, end + 4 + length).toString('utf8');
    received = received.subarray(end + 4 + length);
    return { status: Number(statusLine.split(' ')[1]), headers, body };
  };
  return {
    socket,
    closed,
    send: (text) => void socket.write(text),
    get(path) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
      return readAnswer();
    },
    destroy: () => void socket.destroy(),
  };
}
