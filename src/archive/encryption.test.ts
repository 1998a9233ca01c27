import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { ArchiveError } from './archive-error.ts';
import { decryptBytes, encryptBytes, parseKeys } from './encryption.ts';

const plain = Buffer.alloc(300_000, 'a sighting of a cat, ');

async function* inChunks(bytes: Uint8Array, size = 50_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function refusal(bytes: Uint8Array, identities: readonly string[]): Promise<string> {
  const error = await collect(decryptBytes(inChunks(bytes), identities)).then(
    () => assert.fail('not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ArchiveError, String(error));
  return error.message;
}

describe('encryption', () => {
  it('is undone by each recipient alone, and by nobody else', async () => {
    const identities = [await generateX25519Identity(), await generateHybridIdentity()];
    const recipients = await Promise.all(identities.map((identity) => identityToRecipient(identity)));
    const bytes = await collect(encryptBytes(inChunks(plain), recipients));
    assert.equal(bytes.indexOf('sighting'), -1);
    for (const identity of identities) {
      const decrypted = await collect(decryptBytes(inChunks(bytes), [identity]));
      assert.ok(decrypted.equals(plain));
    }
    const wrong = await generateX25519Identity();
    const message = await refusal(bytes, [wrong]);
    assert.match(message, /encrypted for others/);
    assert.match(await refusal(bytes, []), /is encrypted: name a file/);
    assert.ok(!message.includes(wrong));
  });

  it('refuses what is cut off or changed', async () => {
    const identity = await generateX25519Identity();
    const bytes = await collect(encryptBytes(inChunks(plain), [await identityToRecipient(identity)]));
    const header = bytes.indexOf('\n---') + 50;
    const boundary = header + 16 + 2 * (64 * 1024 + 16);
    for (const length of [30, header, header + 20, boundary, bytes.length - 70_000, bytes.length - 1])
      assert.match(await refusal(bytes.subarray(0, length), [identity]), /damaged or cut off/, `${length} bytes`);
    for (const at of [60, 150, header + 20, boundary, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await refusal(changed, [identity]);
    }
    await refusal(Buffer.concat([bytes, Buffer.from('x')]), [identity]);
  });

  it('passes on what is not encrypted', async () => {
    for (const size of [1, 7, 1000]) {
      const bytes = plain.subarray(0, 2000);
      assert.ok((await collect(decryptBytes(inChunks(bytes, size), []))).equals(bytes));
    }
    assert.equal((await collect(decryptBytes(inChunks(Buffer.alloc(0)), []))).length, 0);
  });

  it('says once which keys are wrong, and not what they are', async () => {
    const right = await identityToRecipient(await generateX25519Identity());
    assert.throws(
      () => encryptBytes(inChunks(plain), [right, 'age1secretofsomebody', 'AGE-SECRET-KEY-1X']),
      new ArchiveError('2 of 3 keys cannot be used: number 2 is not an age recipient (age1…).'),
    );
  });

  it('passes on a failure of the source as it is', async () => {
    const identity = await generateX25519Identity();
    const bytes = await collect(encryptBytes(inChunks(plain), [await identityToRecipient(identity)]));
    const failing = async function* () {
      yield bytes.subarray(0, 100_000);
      throw new Error('the disk is gone');
    };
    await assert.rejects(collect(decryptBytes(failing(), [identity])), /^Error: the disk is gone$/);
  });

  it('reads key files as age-keygen writes them', () => {
    assert.deepEqual(parseKeys('# created: 2026-11-22\r\n# public key: age1x\r\nAGE-SECRET-KEY-1X\r\n\n'), [
      'AGE-SECRET-KEY-1X',
    ]);
  });
});
