import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInstant, parseInteger } from './connect.ts';

test('parseInstant() keeps six digits and drops a fraction of exactly zero', () => {
  const cases: [string, string][] = [
    ['2026-11-22 13:13:34.577339+00', '2026-11-22T13:13:34.577339Z'],
    ['2026-11-22 13:13:34.5+00', '2026-11-22T13:13:34.500000Z'],
    ['2026-11-22 13:13:34.000001+00', '2026-11-22T13:13:34.000001Z'],
    ['2026-11-22 13:13:34+00', '2026-11-22T13:13:34Z'],
    ['0001-01-01 00:00:00+00', '0001-01-01T00:00:00Z'],
    ['9999-12-31 23:59:59.999999+00', '9999-12-31T23:59:59.999999Z'],
  ];
  for (const [text, instant] of cases) assert.equal(parseInstant(text), instant);
});

test('parseInstant() throws on what an Instant cannot say', () => {
  const impossible = [
    'infinity',
    '-infinity',
    '10000-01-01 00:00:00+00',
    '0044-03-15 00:00:00+00 BC',
    '2026-11-22 18:43:34+05:30',
  ];
  for (const text of impossible) assert.throws(() => parseInstant(text), RangeError, text);
});

test('parseInteger() throws where a number would be another one', () => {
  assert.equal(parseInteger('9007199254740991'), 9007199254740991);
  assert.equal(parseInteger('-9007199254740991'), -9007199254740991);
  for (const text of ['9007199254740992', '-9223372036854775808']) assert.throws(() => parseInteger(text), RangeError);
});
