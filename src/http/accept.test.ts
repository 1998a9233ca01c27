import assert from 'node:assert/strict';
import { test } from 'node:test';
import { names, weightOf } from './accept.ts';

test('weights are read from a list, and are 1 where none is said', () => {
  const header = 'gzip;q=0.5, br ; Q=0, identity, *;q=0.1';
  assert.deepEqual(
    ['gzip', 'br', 'identity', '*', 'zstd'].map((name) => weightOf(header, name)),
    [0.5, 0, 1, 0.1, undefined],
  );
  assert.equal(weightOf(null, 'gzip'), undefined);
});

test('a media type is named as a whole, in any case, and not when it is unwanted', () => {
  assert.equal(names('text/html,application/xhtml+xml;q=0.9', 'text/html'), true);
  assert.equal(names('APPLICATION/PROBLEM+JSON; charset=utf-8', 'application/problem+json'), true);
  assert.equal(names('application/problem+json;q=0, application/json', 'application/problem+json'), false);
  assert.equal(names('text/html5, */*', 'text/html'), false);
});
