import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textHash } from './text-hash.ts';

test('hashes the folded text', () => {
  // Written by Python 3.11: hashlib.sha256('a b c'.encode()).hexdigest()
  assert.equal(textHash(' a  b\n c '), '0e9f64031fcb2bc708b531c2a20441580425d151a38503f38592a7dd36019d3b');
  assert.equal(textHash('a b c'), textHash('\u0085a\u001cb\u3000c'));
  assert.notEqual(textHash('a b c'), textHash('abc'));
  assert.notEqual(textHash('a'), textHash('\ufeffa'));
});

test('hashes UTF-8', () => {
  // Written by Python 3.11: hashlib.sha256('Kätzin 🐈'.encode()).hexdigest()
  assert.equal(textHash('Kätzin  🐈'), '75939eb66091ebe7746a00ee907968a9e08ad731ce918cfcb15440836b49bbac');
  assert.equal(textHash(' '), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});
