import { Buffer } from 'node:buffer';
import { performance } from 'node:perf_hooks';
import { Duplex } from 'node:stream';

/** A PostgreSQL in this process with one session, spoken to in the wire protocol. */
export interface WireEngine {
  /** Runs whole protocol messages and returns the answer. Blocks. Throws when the engine has died. */
  exchange(messages: Buffer): Buffer;
  /** Called when a command has ended and no transaction is open: the moment for housekeeping. */
  onIdle?(): void;
}

/** Gives sockets to the one session of an engine. */
export interface EmbeddedServer {
  /** A socket as postgres.js's `socket` option wants it. */
  connect(): Duplex;
  /** Closes the open connection, rolling back what it has not committed. */
  close(): void;
}

// Message types and request codes: PostgreSQL documentation, "Message Formats" (protocol 3.0).
const type = {
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  copyInResponse: 0x47,
  error: 0x45,
  execute: 0x45,
  flush: 0x48,
  parameterStatus: 0x53,
  query: 0x51,
  ready: 0x5a,
  sync: 0x53,
  terminate: 0x58,
} as const;
const request = { cancel: 80877102, ssl: 80877103, gss: 80877104 } as const;
const protocolMajor = 3;
/** PostgreSQL itself allows messages of 1 GB; anything near it here is a broken client. */
const maxMessageBytes = 0x3fff_ffff;
/** A batch of queries gives way to the rest of the process after this long. */
const maxBlockingMilliseconds = 10;

/** What a client asks for that is set when the session starts, or is not for it to choose. */
const fixedParameters = new Set(['user', 'database', 'client_encoding', 'replication', 'options']);

const startup = frame(
  undefined,
  Buffer.from('\0\x03\0\0user\0postgres\0database\0postgres\0client_encoding\0UTF8\0\0', 'latin1'),
);
/**
 * Follows whatever may turn out to be COPY ... FROM STDIN. The engine reads the data of a COPY from the same buffer as the
 * command and dies at its end; this ends such a COPY with an error. Anything else ignores it ("Message Flow": a stray
 * CopyFail is dropped).
 */
const endOfCopy = frame(
  type.copyFail,
  text('COPY FROM STDIN must be alone in a simple query on the embedded database: send it with .writable()'),
);
/** Ends a pipeline that the client left unfinished, then its transaction, then everything else that a session keeps. */
const resetSession = Buffer.concat([
  frame(type.sync, Buffer.alloc(0)),
  simpleQuery('rollback'),
  simpleQuery('discard all'),
]);
const copyFromClient = /^\s*copy\b[\s\S]+\bfrom\s+stdin\b/i;

/** Serves `engine` to one connection after another. A second connection at the same time is refused with SQLSTATE 53300. */
export function createEmbeddedServer(engine: WireEngine): EmbeddedServer {
  let current: EmbeddedSocket | undefined;
  const seat: Seat = {
    take(socket) {
      if (current !== undefined && current !== socket) return false;
      current = socket;
      return true;
    },
    leave(socket) {
      if (current === socket) current = undefined;
    },
  };
  return {
    connect: () => new EmbeddedSocket(engine, seat),
    close: () => void current?.destroy(),
  };
}

/** The one place for a connection. */
interface Seat {
  take(socket: EmbeddedSocket): boolean;
  leave(socket: EmbeddedSocket): void;
}

/** The server's end and the client's end of a connection in one: what is written is run, what it answers can be read. */
class EmbeddedSocket extends Duplex {
  readonly #engine: WireEngine;
  readonly #seat: Seat;
  #seated = false;
  /** Nothing more is taken from the client. */
  #over = false;
  #pending: Buffer = Buffer.alloc(0);
  /** While a COPY takes data: the command and the data so far. */
  #copy: Buffer[] | undefined;

  constructor(engine: WireEngine, seat: Seat) {
    super({ allowHalfOpen: false });
    this.#engine = engine;
    this.#seat = seat;
  }

  /** As of net.Socket. postgres.js says good-bye only to an `open` socket, and then waits until it is `closed`. */
  get readyState(): 'open' | 'readOnly' | 'closed' {
    if (this.destroyed) return 'closed';
    return this.writableEnded ? 'readOnly' : 'open';
  }

  override _read(): void {
    // Answers are pushed when they are there.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    // A real socket never answers while it is being written to, and postgres.js loses what such an answer makes it write.
    queueMicrotask(() => this.#work(callback));
  }

  override _final(callback: (error?: Error | null) => void): void {
    callback();
    this.destroy();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    let failure = error;
    try {
      if (this.#seated) this.#engine.exchange(resetSession);
    } catch (resetError) {
      failure ??= asError(resetError);
    }
    this.#seat.leave(this);
    callback(failure);
  }

  /** Runs what has arrived completely, giving way to others now and then. */
  #work(callback: (error?: Error | null) => void): void {
    const start = performance.now();
    try {
      while (!this.destroyed) {
        const batch = this.#takeBatch();
        if (batch === undefined) break;
        this.#answer(batch);
        if (performance.now() - start > maxBlockingMilliseconds) {
          setImmediate(() => this.#work(callback));
          return;
        }
      }
      callback();
    } catch (error) {
      callback(asError(error));
    }
  }

  /** The next messages that belong together: up to the end of a command. Undefined when nothing is complete yet. */
  #takeBatch(): Buffer | undefined {
    const pending = this.#pending;
    if (this.#over) return undefined;
    if (!this.#seated) {
      if (pending.length < 8) return undefined;
      return this.#take(checkLength(pending.readUInt32BE(0)));
    }
    let end = 0;
    while (pending.length >= end + 5) {
      const next = end + 1 + checkLength(pending.readUInt32BE(end + 1));
      if (next > pending.length) break;
      const kind = pending[end];
      const alone = kind === type.query || kind === type.terminate || this.#copy !== undefined;
      if (alone && end > 0) break;
      end = next;
      if (alone || kind === type.sync) break;
    }
    return end === 0 ? undefined : this.#take(end);
  }

  #take(length: number): Buffer | undefined {
    if (this.#pending.length < length) return undefined;
    const batch = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    return batch;
  }

  #answer(batch: Buffer): void {
    if (!this.#seated) this.#greet(batch);
    else if (this.#copy !== undefined) this.#collectCopy(batch, this.#copy);
    else if (batch[0] === type.terminate) this.destroy();
    else if (batch[0] === type.query && copyFromClient.test(batch.toString('utf8', 5, Math.min(batch.length, 4096)))) {
      // The engine wants all the data at once: ask for it in its name.
      this.#copy = [batch];
      this.push(frame(type.copyInResponse, Buffer.from([0, 0, 0])));
    } else this.#deliver(withoutCopyRequest(this.#engine.exchange(withEndOfCopy(batch))));
  }

  #collectCopy(message: Buffer, collected: Buffer[]): void {
    const kind = message[0];
    // "Message Flow", COPY: Flush and Sync are ignored while data is expected.
    if (kind === type.flush || kind === type.sync) return;
    collected.push(message);
    if (kind === type.copyData) return;
    if (kind !== type.copyDone && kind !== type.copyFail) collected.push(endOfCopy);
    this.#copy = undefined;
    const answer = this.#engine.exchange(Buffer.concat(collected));
    const asked = answer[0] === type.copyInResponse ? 1 + answer.readUInt32BE(1) : 0;
    this.#deliver(answer.subarray(asked));
  }

  #deliver(answer: Buffer): void {
    if (answer.length > 0) this.push(answer);
    if (endsIdle(answer)) this.#engine.onIdle?.();
  }

  /** Startup: everything before the first command ("Start-up" in the protocol's message flow). */
  #greet(packet: Buffer): void {
    const code = packet.readUInt32BE(4);
    if (code === request.ssl || code === request.gss) this.push('N');
    // A command blocks this thread until it has ended, so there is never anything to cancel.
    else if (code === request.cancel) this.destroy();
    else if (code >>> 16 !== protocolMajor) this.#refuse('0A000', `protocol ${code >>> 16} is not supported`);
    else if (!this.#seat.take(this)) {
      this.#refuse(
        '53300',
        'the embedded database serves one connection at a time and it is taken: use the open pool, with max: 1',
      );
    } else {
      this.#seated = true;
      this.#startSession(readParameters(packet));
    }
  }

  #startSession(parameters: [string, string][]): void {
    const greeting = this.#engine.exchange(startup);
    const reports: Buffer[] = [];
    for (const [name, value] of parameters) {
      if (fixedParameters.has(name)) continue;
      const set = `select pg_catalog.set_config(${quote(name)}, ${quote(value)}, false)`;
      const answer = splitMessages(this.#engine.exchange(simpleQuery(set)));
      const error = answer.find((message) => message[0] === type.error);
      if (error) {
        this.#end(error);
        return;
      }
      reports.push(...answer.filter((message) => message[0] === type.parameterStatus));
    }
    const ready = splitMessages(greeting).pop() ?? Buffer.alloc(0);
    this.push(Buffer.concat([greeting.subarray(0, greeting.length - ready.length), ...reports, ready]));
  }

  #refuse(sqlState: string, message: string): void {
    const fields = { S: 'FATAL', V: 'FATAL', C: sqlState, M: message };
    const body = Object.entries(fields).map(([field, value]) => `${field}${value}\0`);
    this.#end(frame(type.error, text(body.join(''))));
  }

  /** Says a last word. Without half-open connections the stream closes itself once that has been read. */
  #end(lastWord: Buffer): void {
    this.#over = true;
    this.push(lastWord);
    this.push(null);
  }
}

/** Adds the guard against a COPY that would wait for data: see `endOfCopy`. */
function withEndOfCopy(batch: Buffer): Buffer {
  if (batch[0] === type.query) return Buffer.concat([batch, endOfCopy]);
  const parts: Buffer[] = [];
  for (const message of splitMessages(batch)) {
    parts.push(message);
    if (message[0] === type.execute) parts.push(endOfCopy);
  }
  return parts.length === 1 ? batch : Buffer.concat(parts);
}

/** Drops the request for the data of a COPY that `endOfCopy` has ended already, so that only the error is left. */
function withoutCopyRequest(answer: Buffer): Buffer {
  for (let at = 0; at < answer.length; ) {
    const end = at + 1 + answer.readUInt32BE(at + 1);
    if (answer[at] === type.copyInResponse) return Buffer.concat([answer.subarray(0, at), answer.subarray(end)]);
    at = end;
  }
  return answer;
}

/** Cuts the concatenation of whole messages. */
export function splitMessages(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    messages.push(bytes.subarray(at, end));
    at = end;
  }
  return messages;
}

/** Does an answer end with ReadyForQuery outside a transaction? Its 6 bytes are type, length 5, status `I`. */
function endsIdle(answer: Buffer): boolean {
  const at = answer.length - 6;
  return at >= 0 && answer[at] === type.ready && answer.readUInt32BE(at + 1) === 5 && answer[at + 5] === 0x49;
}

/** The names and values of a startup packet: zero-terminated texts after length and protocol, up to an empty name. */
function readParameters(packet: Buffer): [string, string][] {
  const texts = packet.toString('utf8', 8).split('\0');
  const parameters: [string, string][] = [];
  for (let at = 0; at + 1 < texts.length; at += 2) {
    const name = texts[at];
    if (!name) break;
    parameters.push([name, texts[at + 1] ?? '']);
  }
  return parameters;
}

/** One message: type (none in the startup packet), length including itself, body. */
function frame(kind: number | undefined, body: Buffer): Buffer {
  const prefix = kind === undefined ? 0 : 1;
  const message = Buffer.alloc(prefix + 4 + body.length);
  if (kind !== undefined) message[0] = kind;
  message.writeUInt32BE(4 + body.length, prefix);
  body.copy(message, prefix + 4);
  return message;
}

/** A simple query ("Q") as bytes. */
export function simpleQuery(sql: string): Buffer {
  return frame(type.query, text(sql));
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, 'utf8');
}

function quote(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function checkLength(length: number): number {
  if (length >= 4 && length <= maxMessageBytes) return length;
  throw new Error(`A message of ${length} bytes was announced to the embedded database: this is not the protocol.`);
}
