import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { ageIdentities } from './age-identities.ts';
import { readAs } from './kinds.ts';

const said = (text: string) => {
  const reading = readAs(ageIdentities, text);
  return 'value' in reading ? 'valid' : reading.wrong.map(({ problem, fix }) => `${problem} ${fix}`).join(' ');
};

test('takes what age takes', async () => {
  for (let round = 0; round < 20; round += 1) {
    const [one, two] = [await generateIdentity(), await generateIdentity()];
    assert.equal(said(one), 'valid');
    assert.equal(said(`# created: today\n# public key: age1x\n${one}\r\n\n${two}\n`), 'valid');
  }
});

test('refuses anything else, and never repeats it', async () => {
  const key = await generateIdentity();
  const canary = key.slice(20, 40);
  for (const [text, pattern] of [
    ['garbage', /a line that is no secret key/],
    [key.slice(0, -1), /no secret key/],
    [`${key}Q`, /no secret key/],
    [key.toLowerCase(), /no secret key/],
    [key.replace(canary, canary.split('').reverse().join('')), /no secret key/],
    [`${key}\n${key.slice(1)}\nx${canary}`, /2 lines that are no secret keys/],
    [await identityToRecipient(key), /public half/],
    ['# only a comment', /no secret key in it/],
    [' \n', /no secret key in it/],
  ] as const) {
    assert.match(said(text), pattern, text);
    assert.ok(!said(text).includes(canary));
  }
});
