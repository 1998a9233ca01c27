import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EmbeddedDatabaseError } from './embedded-failure.ts';
import { DatabaseTrouble, describeTrouble, SilentError } from './trouble.ts';

const failure = (code: string, more: object = {}) =>
  Object.assign(new Error('password of "keeper" at 10.0.0.7 is wrong'), { code, ...more });

test('describeTrouble() says what happened, and repeats neither addresses nor the words of the server', () => {
  const cases: [unknown, RegExp][] = [
    [failure('ECONNREFUSED'), /^refused the connection/],
    [failure('CONNECTION_CLOSED'), /^broke the connection off$/],
    [failure('ENOTFOUND'), /^its host has no address$/],
    [failure('CONNECT_TIMEOUT'), /in time$/],
    [failure('QUEUE_TIMEOUT'), /^every connection of the pool is in use$/],
    [failure('28P01', { severity: 'FATAL' }), /^refuses the password \(28P01\)$/],
    [failure('3D000', { severity: 'FATAL' }), /^does not exist \(3D000\)$/],
    [failure('42501'), /privilege is missing \(42501\)$/],
    [failure('55000', { severity: 'FATAL' }), /^refuses this server \(55000\)$/],
    [failure('57P03', { severity: 'FATAL' }), /^is starting or stopping \(57P03\)$/],
    [failure('SELF_SIGNED_CERT_IN_CHAIN'), /^its certificate or its TLS/],
    [failure('XX001'), /^is damaged \(XX001\)$/],
    [failure('22012'), /^failed \(22012\)$/],
    [new SilentError('did not answer within 1000 ms'), /^did not answer within 1000 ms$/],
    [new EmbeddedDatabaseError('ENGINE_STOPPED', 'no space in /secret'), /^has stopped: this server ends$/],
    [new TypeError('10.0.0.7'), /^failed$/],
    ['text', /^failed$/],
  ];
  for (const [error, words] of cases) {
    const said = describeTrouble(error);
    assert.match(said, words);
    assert.doesNotMatch(said, /keeper|10\.0|secret/);
  }
});

test('DatabaseTrouble: the same is news once a minute while it lasts, and again after it has ended', () => {
  const trouble = new DatabaseTrouble();
  assert.equal(trouble.endTrouble(), false);
  assert.equal(trouble.isNews(failure('28P01'), 0), true);
  assert.equal(trouble.isNews(failure('28P01'), 59_999), false);
  assert.equal(trouble.isNews(failure('ECONNREFUSED'), 59_999), true);
  assert.equal(trouble.isNews(failure('28P01'), 60_000), true);
  assert.equal(trouble.endTrouble(), true);
  assert.equal(trouble.isNews(failure('28P01'), 60_001), true);
});

test('DatabaseTrouble: damage stays', () => {
  const trouble = new DatabaseTrouble();
  assert.equal(trouble.damaged, false);
  trouble.noteDamage();
  trouble.endTrouble();
  assert.equal(trouble.damaged, true);
});
