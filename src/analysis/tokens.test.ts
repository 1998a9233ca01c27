import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keywords, topTags } from './tokens.ts';

// Written by Python 3.11: re.findall(r'[a-zA-Z][a-zA-Z0-9_-]{2,}', text.lower()), stopwords left out.
const PYTHON: [string, string[]][] = [
  ["Café 3cats a_b-c x-1 it's _foo -bar Tabby", ['caf', 'cats', 'a_b-c', 'x-1', 'foo', 'bar', 'tabby']],
  ['kätzin weißen Кошка 猫 ネコ', ['tzin', 'wei']],
  ['İSTANBUL KEDİ \u212aitten ΣΟΦΟΣ', ['stanbul', 'kedi', 'kitten']],
  ['xxx ab abc abcd-', ['xxx', 'abc', 'abcd-']],
  [
    "Mrs. O'Malley's cat--the one--with a 12kg fat-tail_ IS here",
    ['mrs', 'malley', 'cat--the', 'one--with', 'fat-tail_', 'here'],
  ],
  ['', []],
  [' \n\t', []],
  ['🐈🐈🐈', []],
];

test('keywords are the tokens that Python finds', () => {
  for (const [text, expected] of PYTHON) assert.deepEqual([...keywords(text)], expected, text);
});

test('stopwords are no keywords', () => {
  const stopwords =
    'the a an and or but if then so to of in on for with is are was were be been it this that i you we they my at as by from into about over after before again';
  assert.equal(stopwords.split(' ').length, 39);
  assert.deepEqual([...keywords(stopwords)], []);
  assert.deepEqual([...keywords('The cat WITH that tail, again')], ['cat', 'tail']);
});

test('lower case brings in ASCII letters for the same characters as in Python: the Kelvin sign and U+0130', () => {
  const found: number[] = [];
  for (let code = 0x80; code < 0x110000; code += 1) {
    if (/[a-z0-9_'-]/.test(String.fromCodePoint(code).toLowerCase())) found.push(code);
  }
  assert.deepEqual(found, [0x130, 0x212a]);
});

test('tags are ordered by frequency, then by first appearance', () => {
  assert.deepEqual(topTags('b a cat dog dog cat bird zebra yak emu eel', 5), ['cat', 'dog', 'bird', 'zebra', 'yak']);
  assert.deepEqual(topTags('one two two three three three', 2), ['three', 'two']);
  assert.deepEqual(topTags('Orange tabby cat torn ear near park benches, friendly and good', 5), [
    'orange',
    'tabby',
    'cat',
    'torn',
    'ear',
  ]);
  assert.deepEqual(topTags('', 5), []);
  assert.deepEqual(topTags('constructor __proto__ constructor', 5), ['constructor', 'proto__']);
});
