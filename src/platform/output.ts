import { fstatSync, writeSync } from 'node:fs';
import { FileError } from './file-error.ts';

type Done = (error?: FileError) => void;

/** Writes to an output of the process. Then calls `done`, with the reason when it could not. */
export type Write = (data: string | Uint8Array, done: Done) => void;

/** Opens standard output or standard error. `name` is what errors call it. */
export function openOutput(stream: NodeJS.WriteStream & { fd: number }, name: string): Write {
  const tell = (done: Done, error: unknown) => done(error ? new FileError(name, error) : undefined);
  if (stream.isTTY || isPipe(stream.fd)) {
    // Whoever wrote is told. An event that nobody listens to would end the process.
    stream.on('error', () => {});
    return (data, done) => void stream.write(data, (error) => tell(done, error));
  }
  // The streams do not wait for files either, but after one error that of Deno 2.9.6 writes nothing any more, and keeps it all in memory.
  return (data, done) => {
    let failure: unknown;
    try {
      writeAll(stream.fd, Buffer.from(data));
    } catch (error) {
      failure = error;
    }
    tell(done, failure);
  };
}

function isPipe(fd: number): boolean {
  const kind = fstatSync(fd);
  return kind.isFIFO() || kind.isSocket();
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
