// A server that writes down what clients say before they are let in, and lets nobody in.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** What a client has said on one connection. */
export interface Arrival {
  /** The name of the server that it came to. */
  server: string;
  /** Did it ask for TLS first? */
  asksForTls: boolean;
  /** From the startup message; undefined when there was none. */
  parameters: Record<string, string> | undefined;
  password: string | undefined;
}

const sslRequest = 80_877_103;
const gssRequest = 80_877_104;

/** Listens at a port of 127.0.0.1 or ::1, or at a path. It has no TLS, and asks for the password in clear text. */
export async function startRecorder(
  name: string,
  place: { port: number; host: string } | { path: string },
  arrivals: Arrival[],
): Promise<Server> {
  const server = createServer((socket) => record(socket, name, arrivals));
  server.listen(place);
  await once(server, 'listening');
  return server;
}

function record(socket: Socket, server: string, arrivals: Arrival[]): void {
  const arrival: Arrival = { server, asksForTls: false, parameters: undefined, password: undefined };
  arrivals.push(arrival);
  socket.on('error', () => {});
  socket.on('data', (message: Buffer) => {
    if (arrival.parameters !== undefined) {
      if (message[0] === 0x70) arrival.password = message.subarray(5, -1).toString();
      socket.end(refusal);
      return;
    }
    const code = message.length >= 8 ? message.readInt32BE(4) : 0;
    if (code === sslRequest || code === gssRequest) {
      arrival.asksForTls ||= code === sslRequest;
      socket.write('N');
      return;
    }
    const words = message.subarray(8).toString().split('\0');
    arrival.parameters = {};
    for (let index = 0; index + 1 < words.length && words[index] !== ''; index += 2)
      arrival.parameters[words[index] ?? ''] = words[index + 1] ?? '';
    // AuthenticationCleartextPassword
    socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
  });
}

const body = Buffer.from('SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0');
const refusal = Buffer.concat([Buffer.from([0x45, 0, 0, 0, body.length + 4]), body]);
