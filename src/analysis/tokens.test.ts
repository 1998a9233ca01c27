import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keywords, TagCount, topTags } from './tokens.ts';

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

test('tags are whole words of every script that puts spaces between them', () => {
  const tags = (text: string) => topTags(text, 8);
  assert.deepEqual(tags('Weiße Kätzin, süß. Weiße Pfoten'), ['weiße', 'kätzin', 'süß', 'pfoten']);
  assert.deepEqual(tags('Серая кошка у дома'), ['серая', 'кошка', 'дома']);
  assert.deepEqual(tags('γάτα με μαύρη ουρά'), ['γάτα', 'μαύρη', 'ουρά']);
  assert.deepEqual(tags('قطة رمادية'), ['قطة', 'رمادية']);
  assert.deepEqual(tags('ca\u0301t cát'), ['cát'], 'one word has one spelling');
  assert.deepEqual(tags('3cats a_b-c x-1 über-süß'), ['cats', 'a_b-c', 'x-1', 'über-süß']);
  assert.deepEqual(tags('灰色の猫が歩いている แมวสีเทา cat'), ['cat'], 'a sentence without spaces is no word');
});

test('matching compares what it always has: words of ASCII letters', () => {
  assert.deepEqual([...keywords('Weiße Kätzin')], ['wei', 'tzin']);
});

test('tags of many texts are counted in bounded memory, and fast', () => {
  const tags = new TagCount();
  tags.add('grey tabby');
  for (let text = 0; text < 300; text += 1)
    tags.add(Array.from({ length: 500 }, (_, word) => `w${text}x${word}`).join(' '));
  tags.add('tabby');
  const began = performance.now();
  assert.deepEqual(tags.top(2), ['tabby', 'grey']);
  assert.ok(performance.now() - began < 200);
  tags.add('new new new new');
  assert.deepEqual(tags.top(1), ['tabby'], 'what comes first when there are fifty thousand others is not counted');
});
