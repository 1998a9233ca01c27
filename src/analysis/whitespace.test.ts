import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldWhitespace, trim, trimEnd } from './whitespace.ts';

// Written by Python 3.11: [c for c in range(0x110000) if chr(c).isspace()]; strip, split and \s agree with it.
const PYTHON_WHITESPACE = [
  0x9, 0xa, 0xb, 0xc, 0xd, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004,
  0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000,
];

test('whitespace is exactly what Python says, over all code points', () => {
  const expected = new Set(PYTHON_WHITESPACE);
  for (let code = 0; code < 0x110000; code += 1) {
    const character = String.fromCodePoint(code);
    const isSpace = expected.has(code);
    const name = `U+${code.toString(16)}`;
    assert.equal(trim(character) === '', isSpace, name);
    assert.equal(foldWhitespace(`a${character}b`) === 'a b', isSpace || code === 0x20, name);
  }
});

test('trims ends only', () => {
  assert.equal(trim(' \u0085\u001c a  b \u3000\n'), 'a  b');
  assert.equal(trimEnd(' a \u2028'), ' a');
  assert.equal(trim('\ufeffa\ufeff'), '\ufeffa\ufeff', 'a byte order mark is no whitespace');
  assert.equal(trim('\u200ba'), '\u200ba', 'nor is a zero width space');
  assert.equal(trim(''), '');
  assert.equal(trim(' \t\n'), '');
  assert.equal(trimEnd(' \t\n'), '');
});

test('folds runs to one space', () => {
  assert.equal(foldWhitespace(' a  b\n c '), 'a b c');
  assert.equal(foldWhitespace('a\u001d\u001e\t\r\nb'), 'a b');
  assert.equal(foldWhitespace('🐈\u00a0🐈'), '🐈 🐈');
  assert.equal(foldWhitespace(' \u0085 '), '');
});

test('a long run of spaces before a last word takes no quadratic time', () => {
  const text = `a${' '.repeat(1_000_000)}b`;
  const before = performance.now();
  assert.equal(foldWhitespace(text), 'a b');
  assert.equal(trim(text), text);
  assert.ok(performance.now() - before < 2000);
});
