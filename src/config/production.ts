import type { SettingProblem } from './settings.ts';

/** The values that the rules look at, each with its source; undefined where it is not set or was not readable. */
export interface ProductionFacts {
  databaseGiven: boolean;
  databaseType: 'postgresql' | 'sqlite' | undefined;
  jwtSecret: string | undefined;
  /** False when it is set but could not be read: that is a problem of its own already. */
  jwtSecretMissing: boolean;
  jwtAlgorithm: 'HS256' | 'HS384' | 'HS512' | undefined;
  allowedOrigins: readonly string[] | undefined;
  sourceOf(name: 'DATABASE_URL' | 'DATABASE_TYPE' | 'JWT_SECRET' | 'ALLOWED_ORIGINS'): string;
}

/** Everything that forbids a start with DEBUG=False. What a secret is, is never said. */
export function findProductionProblems(facts: ProductionFacts): SettingProblem[] {
  const problems: SettingProblem[] = [];
  const add = (name: Parameters<ProductionFacts['sourceOf']>[0], problem: string, fix: string) =>
    problems.push({ name, source: facts.sourceOf(name), problem, fix });
  if (!facts.databaseGiven)
    add(
      'DATABASE_URL',
      'is missing: DEBUG is False, and the embedded database is for development and small trials only',
      'Set it to postgresql://USER:PASSWORD@HOST:5432/DATABASE, or set DEBUG=True to try the server out.',
    );
  if (facts.databaseType === 'sqlite')
    add(
      'DATABASE_TYPE',
      'is sqlite, and production must use PostgreSQL, not SQLite',
      'Set it to postgresql, or leave it out.',
    );
  const make = 'Make one with `catatlas secret` and keep it where your platform keeps secrets.';
  const weakness =
    facts.jwtSecret === undefined ? undefined : findSecretWeakness(facts.jwtSecret, facts.jwtAlgorithm ?? 'HS256');
  if (facts.jwtSecretMissing) add('JWT_SECRET', 'is missing: whoever guesses it can sign in as anybody', make);
  else if (weakness !== undefined) add('JWT_SECRET', weakness, make);
  if (facts.allowedOrigins?.includes('*'))
    add(
      'ALLOWED_ORIGINS',
      '"*" would let every website read and write in the name of its visitors',
      'Name the origins of your own frontend, such as https://catatlas.com.',
    );
  return problems;
}

/** The secret that the deployment plan prints as an example: public, and so worthless. */
const printedExample = 'e259263dc4eb1b49ff6c82fec74f4cca7634bb9d4fac49c0081326dc2777dd5d';

/** Secrets of tutorials, templates and other people's defaults, as letters only. */
const exactPlaceholders = [
  'secret',
  'jwtsecret',
  'password',
  'passwort',
  'none',
  'null',
  'undefined',
  'test',
  'dev',
  'development',
];
const placeholderParts = [
  'changeme',
  'changethis',
  'changeit',
  'replaceme',
  'replacethis',
  'replacewith',
  'yoursecret',
  'yourjwt',
  'yoursuper',
  'yourkey',
  'supersecret',
  'mysecret',
  'jwtsecret',
  'secretkey',
  'secrethere',
  'notasecret',
  'devsecret',
  'testsecret',
  'placeholder',
  'generatewith',
  'generatedby',
  'insecure',
  'donotuse',
  'forproduction',
  'inproduction',
  'example',
  'development',
  'opensslrand',
];

/** Length of the hash's output in bytes: an HMAC key must not be shorter (RFC 7518 section 3.2). */
const shortest = { HS256: 32, HS384: 48, HS512: 64 } as const;

/**
 * Why a text must not sign tokens, without repeating it: a known placeholder, the printed example, shorter than the algorithm
 * needs, or repetitive. Undefined when nothing speaks against it.
 */
export function findSecretWeakness(secret: string, algorithm: keyof typeof shortest): string | undefined {
  const plain = secret.trim().toLowerCase();
  const letters = plain.replace(/[^a-z]/g, '');
  if (plain.includes(printedExample)) return 'is the example printed in the deployment plan, which everybody can read';
  if (/^<.*>$|^\$?\{.*\}$|^\$\(/s.test(plain)) return 'is a placeholder that nothing has replaced';
  if (exactPlaceholders.includes(letters) && letters.length * 2 > plain.length) return 'is a well-known placeholder';
  const changeMe =
    letters.indexOf('change') >= 0 &&
    letters.indexOf('me', letters.indexOf('change') + 6) >= 0 &&
    letters.length * 2 > plain.length;
  if (changeMe || placeholderParts.some((part) => letters.includes(part))) return 'is a well-known placeholder';
  const least = shortest[algorithm];
  if (secret.trim().length < least)
    return `is shorter than ${least} characters, the least that ${algorithm} needs (RFC 7518 section 3.2)`;
  if (isRepetitive(plain)) return 'is repetitive: it is far easier to guess than its length suggests';
  return undefined;
}

/** Few different characters, a short block over and over, mostly what came before, or mostly runs such as aaaa, abcd and 4321. */
function isRepetitive(text: string): boolean {
  if (new Set(text).size < 8) return true;
  for (let period = 1; period < 32 && period * 2 <= text.length; period++) {
    if ([...text.slice(period)].every((character, index) => character === text[index])) return true;
  }
  if (countNew(text) * 2 <= text.length) return true;
  let steps = 0;
  for (let index = 1; index < text.length; index++)
    if (Math.abs(text.charCodeAt(index) - text.charCodeAt(index - 1)) <= 1) steps++;
  return steps * 2 > text.length;
}

/** How many characters are left when every stretch of three or more that stood there before is taken out (as LZ77 compresses). */
function countNew(text: string): number {
  let fresh = 0;
  for (let index = 0; index < text.length; ) {
    let length = 0;
    while (index + length < text.length && text.slice(0, index).includes(text.slice(index, index + length + 1)))
      length++;
    if (length < 3) fresh++;
    index += length < 3 ? 1 : length;
  }
  return fresh;
}
