import { type Kind, kindOf, wrong } from './kinds.ts';

/**
 * Secret keys of age, one a line, as age-keygen writes them: empty lines and those that begin with # do not count. The value is the
 * text. No message repeats any of it.
 */
export const ageIdentities: Kind<string> = kindOf('secret keys of age', (text) => {
  const keys = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const fix =
    'Set it to the secret key of `catatlas backup key` or age-keygen (AGE-SECRET-KEY-1…), with every character.';
  if (keys.length === 0) return wrong('has no secret key in it', fix);
  if (keys.some((key) => key.toLowerCase().startsWith('age1')))
    return wrong('has a recipient in it, which is the public half of a key', fix);
  const bad = keys.filter((key) => !isIdentity(key)).length;
  if (bad > 0)
    return wrong(`has ${bad === 1 ? 'a line that is no secret key' : `${bad} lines that are no secret keys`}`, fix);
  return { value: text };
});

const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

/** Bech32 (BIP 173) in one case, with a checksum that is right. Those of plugins and of hybrid keys are as long as they are. */
function isIdentity(key: string): boolean {
  if (key !== key.toUpperCase()) return false;
  const text = key.toLowerCase();
  const end = text.lastIndexOf('1');
  const [prefix, data] = [text.slice(0, end), [...text.slice(end + 1)].map((letter) => alphabet.indexOf(letter))];
  if (!prefix.startsWith('age-secret-key-') || data.length < 6 || data.includes(-1)) return false;
  // 32 bytes and six letters of checksum.
  if (prefix === 'age-secret-key-' && data.length !== 58) return false;
  const head = [...prefix].map((letter) => letter.charCodeAt(0));
  return checksum([...head.map((code) => code >> 5), 0, ...head.map((code) => code & 31), ...data]) === 1;
}

function checksum(values: readonly number[]): number {
  const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (const [bit, generator] of generators.entries()) if ((top >>> bit) & 1) sum ^= generator;
  }
  return sum >>> 0;
}
