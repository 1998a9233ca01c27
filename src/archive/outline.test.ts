import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { makeEmptyArchive } from './empty-archive.fixture.ts';
import { encryptBytes } from './encryption.ts';
import { findFlaw } from './outline.ts';

const folder = mkdtempSync(join(tmpdir(), 'catatlas-outline-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const archive = await makeEmptyArchive();

async function flawOf(content: Uint8Array | string): Promise<string | undefined> {
  const path = join(folder, 'file');
  writeFileSync(path, content);
  return await findFlaw(path);
}

async function encrypt(bytes: Uint8Array, recipients: number): Promise<Buffer> {
  const keys = await Promise.all(
    Array.from({ length: recipients }, async () => identityToRecipient(await generateX25519Identity())),
  );
  const chunks: Uint8Array[] = [];
  const source = async function* () {
    yield bytes;
  };
  for await (const chunk of encryptBytes(source(), keys)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('a whole archive has no flaw, however long it is', async () => {
  assert.equal(await flawOf(archive), undefined);
  const longer = Buffer.concat([archive.subarray(0, 4096), Buffer.alloc(512 * 400), archive.subarray(-2048)]);
  assert.equal(await flawOf(longer), undefined);
});

test('an archive that is cut off anywhere has one', async () => {
  for (let length = 1; length < archive.length; length += 37)
    assert.match((await flawOf(archive.subarray(0, length))) ?? 'none', /cut off|not a CatAtlas archive/, `${length}`);
  for (let length = 512; length < archive.length; length += 512)
    assert.match((await flawOf(archive.subarray(0, length))) ?? 'none', /cut off/, `${length}`);
});

test('what is no archive is called that', async () => {
  assert.equal(await flawOf(''), 'it is empty');
  assert.equal(await flawOf('done\n'), 'it is not a CatAtlas archive');
  assert.equal(await flawOf(Buffer.alloc(100_000)), 'it is not a CatAtlas archive');
  assert.match((await flawOf(Buffer.concat([archive, Buffer.alloc(512)]))) ?? 'none', /does not end with its checksum/);
});

test('an encrypted archive is judged by its size', async () => {
  for (const recipients of [1, 3])
    for (const blocks of [0, 100, 126, 127, 128, 129, 1000]) {
      const content = Buffer.concat([archive, Buffer.alloc(512 * blocks)]);
      assert.equal(await flawOf(await encrypt(content, recipients)), undefined, `${blocks} blocks`);
    }
  const whole = await encrypt(Buffer.concat([archive, Buffer.alloc(512 * 1000)]), 2);
  let passed = 0;
  const lengths = [1, 30, 200, 4096, 65_536, whole.length - 1];
  for (let length = 1000; length < whole.length; length += 997) lengths.push(length);
  for (const length of lengths) if ((await flawOf(whole.subarray(0, length))) === undefined) passed += 1;
  // Of the sizes one in 512 is possible.
  assert.ok(passed <= 2, `${passed} of ${lengths.length} cut archives passed`);
});
