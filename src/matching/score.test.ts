import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roundTo } from '../analysis/rounding.ts';
import { jaccard, type MatchEntry, prepareEntry, scorePair } from './score.ts';

const nowhere = { location: null, latitude: null, longitude: null };

function score(a: Partial<MatchEntry>, b: Partial<MatchEntry>): { score: number; reasons: string[] } {
  const blank = { id: 0, text: '', ...nowhere };
  return scorePair(prepareEntry({ ...blank, ...a }), prepareEntry({ ...blank, ...b }));
}

test('jaccard is shared over all, and 0 for nothing', () => {
  const set = (text: string) => new Set(text.split(' '));
  assert.equal(jaccard(set('a b c'), set('b c d')), 0.5);
  assert.equal(jaccard(set('a'), set('a b c d e f g h')), 0.125);
  assert.equal(jaccard(new Set(), new Set()), 0);
  assert.equal(jaccard(set('a'), new Set()), 0);
});

test('with coordinates on both sides, text and distance count half each', () => {
  const here = { latitude: 52.520008, longitude: 13.404954 };
  const near = { latitude: 52.520308, longitude: 13.405254 };
  const far = { latitude: 52.53, longitude: 13.41 };
  const same = score({ text: 'grey cat', ...here }, { text: 'grey cat', ...here });
  assert.equal(same.score, 1);
  assert.deepEqual(same.reasons, ['text similarity 1.00', 'distance 0m (score 1.00)']);
  const close = score({ text: 'grey', ...here }, { text: 'black', ...near });
  assert.equal(roundTo(close.score, 3), 0.48);
  assert.deepEqual(close.reasons, ['distance 39m (score 0.96)']);
  assert.deepEqual(score({ text: 'grey', ...here }, { text: 'grey', ...far }), {
    score: 0.5,
    reasons: ['text similarity 1.00', 'distance 1162m (too far)'],
  });
  assert.deepEqual(score(here, far), { score: 0, reasons: ['distance 1162m (too far)'] });
});

test('coordinates win over location texts, and count only when all four are there', () => {
  const here = { latitude: 52.5, longitude: 13.4 };
  assert.deepEqual(score({ location: 'Park', ...here }, { location: 'Park', latitude: 0, longitude: 0 }).reasons, [
    'distance 5969782m (too far)',
  ]);
  assert.deepEqual(score({ location: 'Park', ...here }, { location: 'Park', latitude: 52.5 }), {
    score: 0.3,
    reasons: ['location text similarity 1.00'],
  });
  assert.equal(score({ latitude: 0, longitude: 0 }, { latitude: 0, longitude: 0 }).score, 0.5, '0 is a coordinate');
});

test('without coordinates, text counts seven parts and the location text three', () => {
  assert.deepEqual(score({ text: 'orange cat', location: 'Park A' }, { text: 'orange cat', location: 'Park B' }), {
    score: 1,
    reasons: ['text similarity 1.00', 'location text similarity 1.00'],
  });
  assert.deepEqual(score({ text: 'orange cat', location: 'Park A' }, { text: 'orange cat' }), {
    score: 0.7,
    reasons: ['text similarity 1.00'],
  });
  assert.deepEqual(score({ location: '' }, { location: '' }), { score: 0, reasons: ['low similarity'] });
  assert.deepEqual(score({ text: '🐈', location: ' ' }, { text: '🐈', location: ' ' }), {
    score: 0,
    reasons: ['low similarity'],
  });
});

test('ties in reasons go to the even digit', () => {
  const text = 'aaa bbb ccc ddd eee fff ggg hhh';
  assert.deepEqual(score({ text }, { text: 'aaa' }).reasons, ['text similarity 0.12']);
  assert.deepEqual(score({ text }, { text: 'aaa bbb ccc ddd eee' }).reasons, ['text similarity 0.62']);
});
