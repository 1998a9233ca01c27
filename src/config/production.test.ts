import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { findSecretWeakness } from './production.ts';

/** Bytes that look random and are the same in each run: of 32 random digits, one in 400 000 is mostly runs, and is refused. */
const bytes = (round: number, length: number) =>
  createHash('sha512').update(`${round} ${length}`).digest().subarray(0, length);

test('accepts random secrets', () => {
  for (let round = 0; round < 500; round++) {
    assert.equal(findSecretWeakness(bytes(round, 32).toString('hex'), 'HS512'), undefined);
    assert.equal(findSecretWeakness(bytes(round, 16).toString('hex'), 'HS256'), undefined);
    assert.equal(findSecretWeakness(bytes(round, 48).toString('base64'), 'HS512'), undefined);
    assert.equal(findSecretWeakness(bytes(round, 24).toString('base64url'), 'HS256'), undefined);
  }
  assert.equal(findSecretWeakness('Tb9!qW2#zL7$mK4%vX8^pN1&cR6*hJ3(', 'HS256'), undefined);
  assert.equal(findSecretWeakness('correct horse battery staple orbit', 'HS256'), undefined);
});

test('refuses weak secrets, and does not repeat them', () => {
  const printed = 'e259263dc4eb1b49ff6c82fec74f4cca7634bb9d4fac49c0081326dc2777dd5d';
  const block = 'q7Zt0pLm';
  for (const [secret, pattern] of [
    [printed, /printed in the deployment plan/],
    [printed.toUpperCase(), /printed in the deployment plan/],
    [` ${printed}\n`, /printed in the deployment plan/],
    ['<GENERATE_WITH_COMMAND_BELOW>', /placeholder/],
    ['<output of catatlas secret>', /placeholder/],
    [['$', '{JWT_SECRET}'].join(''), /placeholder/],
    ['{{ jwt_secret }}', /placeholder/],
    ['$(openssl rand -hex 32)', /placeholder/],
    ['changeme', /placeholder/],
    ['CHANGE_ME', /placeholder/],
    ['change-me-please-change-me-please-0', /placeholder/],
    ['please-change-this-secret-for-me-now', /placeholder/],
    ['secret', /placeholder/],
    ['password123', /placeholder/],
    ['your-secret-key', /placeholder/],
    ['your-secret-key-change-in-production', /placeholder/],
    ['your_super_secret_jwt_key_here_1234567', /placeholder/],
    ['dev-secret-key-do-not-use-in-production', /placeholder/],
    ['this-is-an-example-of-a-long-enough-key', /placeholder/],
    ['09d25e094faa6ca2556c81', /shorter than 32/],
    ['k3J9x'.repeat(6), /shorter than 32/],
    ['', /shorter than 32/],
    ['0'.repeat(64), /repetitive/],
    ['passwordpasswordpasswordpassword1234', /repetitive/],
    ['x9-catatlas-Q-catatlas-v-catatlas-7-catatlas', /repetitive/],
    ['ab'.repeat(32), /repetitive/],
    ['deadbeef'.repeat(8), /repetitive/],
    [block.repeat(5), /repetitive/],
    [`${block.repeat(5)}q7Z`, /repetitive/],
    ['0123456789abcdef0123456789abcdef', /repetitive/],
    ['abcdefghijklmnopqrstuvwxyz0123456789', /repetitive/],
    ['aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffgggggggghhhhhhhh', /repetitive/],
  ] as const) {
    const weakness = findSecretWeakness(secret, 'HS256');
    assert.match(weakness ?? 'accepted', pattern, secret);
    if (secret.length > 8) assert.ok(!weakness?.includes(secret), secret);
  }
});

test('asks for as many characters as the algorithm has bytes', () => {
  const secret = (length: number) =>
    'q7Zt0pLmW3xV9bNcR5dF1gHjK8sQ2yTuE4wA6oIiP-_XzYkMnBvClDfGhJrStUaO'.slice(0, length);
  for (const [algorithm, least] of [
    ['HS256', 32],
    ['HS384', 48],
    ['HS512', 64],
  ] as const) {
    assert.equal(findSecretWeakness(secret(least), algorithm), undefined);
    assert.match(
      findSecretWeakness(secret(least - 1), algorithm) ?? '',
      new RegExp(`shorter than ${least} .*${algorithm}`),
    );
  }
});
