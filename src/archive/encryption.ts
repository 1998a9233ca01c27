import { Buffer } from 'node:buffer';
import { Decrypter, Encrypter } from 'age-encryption';
import { ArchiveError } from './archive-error.ts';
import { ageMagic } from './members.ts';

/**
 * Encrypts to these recipients (`age1…`): each of them can read it alone, and `age --decrypt` can.
 *
 * @throws {ArchiveError} one of them is not a recipient
 */
export function encryptBytes(
  bytes: AsyncIterable<Uint8Array>,
  recipients: readonly string[],
): AsyncIterable<Uint8Array> {
  const encrypter = new Encrypter();
  addEach(recipients, 'an age recipient (age1…)', (recipient) => encrypter.addRecipient(recipient));
  return (async function* () {
    yield* chunksOf(await encrypter.encrypt(streamOf(bytes)));
  })();
}

/**
 * Decrypts what is encrypted with age, and passes on what is not. `identities` are secret keys (`AGE-SECRET-KEY-1…`).
 *
 * @throws {ArchiveError} there is no identity, none of them is for this file, or the file is damaged or cut off
 */
export async function* decryptBytes(
  bytes: AsyncIterable<Uint8Array>,
  identities: readonly string[],
): AsyncGenerator<Uint8Array> {
  const { head, whole } = await peek(bytes, ageMagic.length);
  if (!head.equals(ageMagic)) {
    yield* whole;
    return;
  }
  if (identities.length === 0)
    throw new ArchiveError('the archive is encrypted: name a file with the identity (the secret key) that it is for.');
  const decrypter = new Decrypter();
  addEach(identities, 'an age identity (AGE-SECRET-KEY-1…)', (identity) => decrypter.addIdentity(identity));
  let broken: unknown;
  const remembering = async function* () {
    try {
      yield* whole;
    } catch (error) {
      broken = error;
      throw error;
    }
  };
  try {
    yield* chunksOf(await decrypter.decrypt(streamOf(remembering())));
  } catch (error) {
    // A file that cannot be read is not a wrong key.
    if (broken !== undefined) throw broken;
    const message = error instanceof Error ? error.message : String(error);
    throw new ArchiveError(
      /no identity matched/.test(message)
        ? 'the archive is encrypted for others: none of the identities can read it.'
        : `the encrypted archive is damaged or cut off (${message}).`,
      { cause: error },
    );
  }
}

/**
 * The keys in a file as age-keygen writes it: one a line, `#` begins a comment.
 */
export function parseKeys(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Never says the key itself: an identity is a secret. */
function addEach(keys: readonly string[], kind: string, add: (key: string) => void): void {
  const wrong = keys.flatMap((key, index) => {
    try {
      add(key);
      return [];
    } catch {
      return [index + 1];
    }
  });
  if (wrong.length === 0) return;
  // Of a file that holds something else, every line is wrong: one of them says it.
  throw new ArchiveError(`${wrong.length} of ${keys.length} keys cannot be used: number ${wrong[0]} is not ${kind}.`);
}

/** The first bytes (fewer when there are no more), and all of them again. */
async function peek(bytes: AsyncIterable<Uint8Array>, length: number) {
  const iterator = bytes[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  for (let over = false; start.length < length && !over; ) {
    const { done, value } = await iterator.next();
    if (done) over = true;
    else start = Buffer.concat([start, value]);
  }
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    try {
      if (start.length > 0) yield start;
      for (;;) {
        const { done, value } = await iterator.next();
        if (done) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  };
  return { head: start.subarray(0, length), whole: whole() };
}

/** A stream of the web's kind, which the library takes: read only as fast as it is read itself. */
function streamOf(bytes: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
