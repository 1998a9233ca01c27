import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sentimentOf, temperamentOf } from './sentiment.ts';

test('more distinct positive words are positive, more negative ones negative', () => {
  assert.equal(sentimentOf('Orange tabby cat torn ear near park benches, friendly and good'), 'positive');
  assert.equal(sentimentOf('Black cat hissing, bad mood, thin'), 'negative');
  assert.equal(sentimentOf('good good good but bad'), 'neutral', 'repetition does not count');
  assert.equal(sentimentOf('good, great; but BAD'), 'positive');
  assert.equal(sentimentOf('a nice cat: broken tail, stuck'), 'negative');
});

test('words are whole, apostrophes included', () => {
  assert.equal(sentimentOf("the good's gone"), 'neutral');
  assert.equal(sentimentOf("'good'"), 'neutral');
  assert.equal(sentimentOf('goodness, hardly failing'), 'neutral');
  assert.equal(sentimentOf('good-bad'), 'neutral');
  assert.equal(sentimentOf('very_good'), 'positive');
});

test('friendly, aggressive, and nothing at all carry no sentiment', () => {
  for (const text of ['friendly', 'aggressive hiss', '', ' \n', '🐈', 'gute Katze']) {
    assert.equal(sentimentOf(text), 'neutral', text);
  }
});

test('every listed word counts', () => {
  for (const word of 'good great nice love fun happy win success worked improved'.split(' ')) {
    assert.equal(sentimentOf(word), 'positive', word);
  }
  for (const word of 'bad hard confusing stuck fail error issue frustrating broken'.split(' ')) {
    assert.equal(sentimentOf(word), 'negative', word);
  }
});

test('temperament follows sentiment', () => {
  assert.equal(temperamentOf('happy'), 'friendly');
  assert.equal(temperamentOf('bad'), 'defensive / cautious');
  assert.equal(temperamentOf(''), 'unknown / neutral');
});
