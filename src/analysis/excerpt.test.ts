import assert from 'node:assert/strict';
import { test } from 'node:test';
import { excerpt, firstCodePoints, previewOf } from './excerpt.ts';

test('an excerpt of 161 letters has 160 with its ellipsis, one of 160 stays', () => {
  assert.equal(excerpt('a'.repeat(161), 160), `${'a'.repeat(159)}…`);
  assert.equal(excerpt('a'.repeat(160), 160), 'a'.repeat(160));
});

test('an excerpt folds whitespace before it measures, and trims before the ellipsis', () => {
  assert.equal(excerpt(`  a \n\n ${' '.repeat(300)}b\u0085 `, 10), 'a b');
  assert.equal(excerpt('abc def ghi', 5), 'abc…');
  assert.equal(excerpt('abc def ghi', 6), 'abc d…');
  assert.equal(excerpt('', 5), '');
  assert.equal(excerpt(' \t ', 5), '');
});

test('lengths are code points', () => {
  assert.equal(excerpt('🐈'.repeat(120), 120), '🐈'.repeat(120));
  assert.equal(excerpt('🐈'.repeat(121), 120), `${'🐈'.repeat(119)}…`);
  assert.equal(firstCodePoints('a🐈b', 2), 'a🐈');
  assert.equal(firstCodePoints('🐈', 1), '🐈');
  assert.equal(firstCodePoints('🐈', 0), '');
  assert.equal(firstCodePoints('ab', 5), 'ab');
});

test('a preview is the first 100 code points as they are', () => {
  assert.equal(previewOf('a'.repeat(100)), 'a'.repeat(100));
  assert.equal(previewOf('a'.repeat(101)), `${'a'.repeat(100)}...`);
  assert.equal(previewOf('🐈'.repeat(100)), '🐈'.repeat(100));
  assert.equal(previewOf(`${'🐈'.repeat(100)}x`), `${'🐈'.repeat(100)}...`);
  assert.equal(previewOf(' two  spaces\n'), ' two  spaces\n');
  const repeated = 'Orange tabby torn ear '.repeat(8).trim();
  assert.equal(previewOf(repeated), `${repeated.slice(0, 100)}...`);
});
