import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SqliteValue } from '../platform/sqlite.ts';
import { doubleText, escapeText, fieldText, momentText } from './fields.ts';
import type { FieldKind, SourceColumn } from './sqlite-tables.ts';

function field(kind: FieldKind, value: SqliteValue, nullable = false) {
  const problems: string[] = [];
  const column: SourceColumn = { source: 'x', target: 'x', kind, ...(nullable ? { nullable: true } : {}) };
  const text = fieldText(column, value, problems);
  return problems.length > 0 ? problems : text;
}

describe('momentText', () => {
  it('keeps the microseconds, and writes what PostgreSQL writes', () => {
    assert.equal(momentText('2025-12-27T22:06:09.468148Z'), '2025-12-27 22:06:09.468148+00');
    assert.equal(momentText('2025-12-27T22:06:09.468140Z'), '2025-12-27 22:06:09.46814+00');
    assert.equal(momentText('2025-12-31T23:59:59Z'), '2025-12-31 23:59:59+00');
    assert.equal(momentText('2025-12-31T23:59:59.000000Z'), '2025-12-31 23:59:59+00');
    assert.equal(momentText('0001-01-01T00:00:00.000001Z'), '0001-01-01 00:00:00.000001+00');
    assert.equal(momentText('2024-02-29T00:00:00.5Z'), '2024-02-29 00:00:00.5+00');
  });

  it('takes offsets, a space for the T, and no zone at all as UTC', () => {
    assert.equal(momentText('2026-11-22T13:13:34.577339+00:00'), '2026-11-22 13:13:34.577339+00');
    assert.equal(momentText('2026-01-01T00:30:00.25+01:00'), '2025-12-31 23:30:00.25+00');
    assert.equal(momentText('2026-12-31T20:00:00-05:30'), '2027-01-01 01:30:00+00');
    assert.equal(momentText('2026-11-22 13:13:34'), '2026-11-22 13:13:34+00');
    assert.equal(momentText('2026-11-22T13:13:34.577339'), '2026-11-22 13:13:34.577339+00');
  });

  it('refuses what is no moment', () => {
    for (const text of [
      '',
      'yesterday',
      '2026-11-22',
      '2026-02-29T00:00:00Z',
      '1900-02-29T00:00:00.123456Z',
      '2026-13-01T00:00:00.123456Z',
      '2026-04-31T00:00:00Z',
      '2026-01-00T00:00:00Z',
      '2026-01-01T24:00:00Z',
      '2026-01-01T00:60:00Z',
      '2026-01-01T00:00:60Z',
      '2026-01-01T00:00:00.1234567Z',
      '2026-01-01T00:00:00+1:00',
      '2026-01-01T00:00:00+16:00',
      '0000-01-01T00:00:00Z',
      '0001-01-01T00:00:00+01:00',
      '9999-12-31T23:59:59-01:00',
      '10000-01-01T00:00:00Z',
      '2026-01-01T00:00:00Z\n',
    ])
      assert.equal(momentText(text), undefined, text);
  });
});

describe('doubleText', () => {
  it('writes doubles as PostgreSQL does', () => {
    const expected: [number, string][] = [
      [0, '0'],
      [-0, '-0'],
      [52.520308, '52.520308'],
      [-73.95, '-73.95'],
      [0.0001, '0.0001'],
      [0.00001, '1e-05'],
      [-1.5e-7, '-1.5e-07'],
      [5e-324, '5e-324'],
      [0.1 + 0.2, '0.30000000000000004'],
    ];
    for (const [value, text] of expected) assert.equal(doubleText(value), text);
  });
});

describe('escapeText', () => {
  it('escapes what COPY would take for something else', () => {
    assert.equal(escapeText('a\tb\nc\rd\\e\bf\fg\vh\u0001 ü🐈'), 'a\\tb\\nc\\rd\\\\e\\bf\\fg\\vh\u0001 ü🐈');
    assert.equal(escapeText('\\N'), '\\\\N');
    assert.equal(escapeText('\\.'), '\\\\.');
  });
});

describe('fieldText', () => {
  it('writes what is right', () => {
    assert.equal(field('id', 7n), '7');
    assert.equal(field('id', 9007199254740991n), '9007199254740991');
    assert.equal(field('id', null, true), '\\N');
    assert.equal(field('text', ''), '');
    assert.equal(field('flag', 1n), 't');
    assert.equal(field('flag', 0n), 'f');
    assert.equal(field('latitude', -90n), '-90');
    assert.equal(field('longitude', 180), '180');
    assert.equal(field('sentiment', 'neutral'), 'neutral');
    assert.equal(field('mode', 'risk'), 'risk');
    assert.equal(field('tags', '["a\\tb","\\u00fc"]'), '["a\\\\tb", "ü"]');
  });

  it('says what is wrong', () => {
    const expected: [FieldKind, SqliteValue, string][] = [
      ['text', null, 'x is null'],
      ['id', 0n, 'x is 0: ids are from 1 to 2^53-1'],
      ['id', -1n, 'x is -1: ids are from 1 to 2^53-1'],
      ['id', 9007199254740992n, 'x is 9007199254740992: ids are from 1 to 2^53-1'],
      ['id', 'seven', 'x is text and not a whole number'],
      ['id', 1.5, 'x is a number and not a whole number'],
      ['flag', 2n, 'x is 2 and neither 0 nor 1'],
      ['flag', 'yes', 'x is "yes" and neither 0 nor 1'],
      ['text', new Uint8Array(1), 'x is a blob and not text'],
      ['text', 5n, 'x is a whole number and not text'],
      ['filled text', '', 'x is empty'],
      ['moment', 'soon', 'x is "soon" and not a moment such as 2026-11-22T13:13:34.577339Z'],
      ['latitude', 90.1, 'x is 90.1: it must be between -90 and 90'],
      ['longitude', -181n, 'x is -181: it must be between -180 and 180'],
      ['longitude', Number.POSITIVE_INFINITY, 'x is Infinity: it must be between -180 and 180'],
      ['latitude', 'north', 'x is text and not a number'],
      ['sentiment', 'great', 'x is "great": expected positive, neutral, negative'],
      ['mode', 'Profile', 'x is "Profile": expected profile, care, update, risk'],
      ['tags', '{}', 'x is JSON, but not an array of texts'],
      ['tags', '[1]', 'x is JSON, but not an array of texts'],
      ['insight', '[]', 'x is JSON, but not an object'],
    ];
    for (const [kind, value, problem] of expected) assert.deepEqual(field(kind, value), [problem]);
    assert.match(String(field('insight', '{"a":')), /^x is not JSON: /);
  });
});
