import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, describeError, isLoopback, isPrivateHost, sayBytes } from './check.ts';

test('addresses that the world cannot reach', () => {
  const within = [
    'localhost',
    '127.0.0.1',
    '127.9.9.9',
    '[::1]',
    '10.1.2.3',
    '192.168.0.9',
    '172.16.0.1',
    '172.31.255.1',
    '169.254.1.1',
    'fd12::1',
    '[fe80::1]',
    'db',
    'catatlas-db.internal',
    'CATATLAS-DB.FLYCAST',
    'printer.local',
  ];
  const world = [
    'catatlas.com',
    '8.8.8.8',
    '172.32.0.1',
    '11.0.0.1',
    '[2a09:8280:1::1]',
    'internal.example',
    'fd.example',
  ];
  for (const host of within) assert.equal(isPrivateHost(host), true, host);
  for (const host of world) assert.equal(isPrivateHost(host), false, host);
  for (const host of ['localhost', '127.0.0.1', '::1', '[::1]']) assert.equal(isLoopback(host), true, host);
  for (const host of ['10.0.0.1', 'localhost.example', '128.0.0.1']) assert.equal(isLoopback(host), false, host);
});

test('bytes as people say them', () => {
  assert.deepEqual([0, 999, 1000, 1_540_000, 99_940_000, 100_000_000, 2e13].map(sayBytes), [
    '0 bytes',
    '999 bytes',
    '1.0 kB',
    '1.5 MB',
    '99.9 MB',
    '100 MB',
    '20.0 TB',
  ]);
});

test('an attempt that fails is a finding; errors are told in one line', async () => {
  const error = Object.assign(new Error(''), { code: 'ECONNRESET' });
  assert.deepEqual(await attempt(() => Promise.reject(error)), { error });
  assert.deepEqual(await attempt(async () => 7), { value: 7 });
  assert.equal(describeError(error), 'ECONNRESET');
  assert.equal(describeError(new Error('one\ntwo')), 'one');
  assert.equal(describeError('odd'), 'odd');
});
