import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jsonbText } from './json.ts';

const object = (json: string) => {
  const result = jsonbText(json, 'an object');
  return 'text' in result ? result.text : result.problem;
};

describe('jsonbText', () => {
  it('writes keys by length and then by bytes, the last of equal ones, with spaces', () => {
    assert.equal(
      object('{"bb":1,"a":[],"c":{},"B":null,"é":true,"a":[1,"x"]}'),
      '{"B": null, "a": [1, "x"], "c": {}, "bb": 1, "é": true}',
    );
    assert.equal(object('{"__proto__":1,"10":2,"9":3}'), '{"9": 3, "10": 2, "__proto__": 1}');
  });

  it('keeps the digits of numbers and unfolds exponents', () => {
    const numbers: [string, string][] = [
      ['1.0', '1.0'],
      ['0.510', '0.510'],
      ['-0', '0'],
      ['-0.0', '0.0'],
      ['12345678901234567890.123456789', '12345678901234567890.123456789'],
      ['1e2', '100'],
      ['1.5E+1', '15'],
      ['1.50e1', '15.0'],
      ['1e-05', '0.00001'],
      ['-12.5e-2', '-0.125'],
      ['0e5', '0'],
      ['100e-2', '1.00'],
    ];
    for (const [given, expected] of numbers) assert.equal(object(`{"n":${given}}`), `{"n": ${expected}}`);
  });

  it('escapes as PostgreSQL does', () => {
    assert.equal(object('{"t":"\\u00fc\\/\\u001f\\n\\"\\\\\\u007f🐈"}'), '{"t": "ü/\\u001f\\n\\"\\\\\u007f🐈"}');
  });

  it('refuses what jsonb cannot hold', () => {
    assert.match(object('{"a":NaN}'), /^is not JSON/);
    assert.equal(object('{"a":"\\u0000"}'), 'has a NUL character in it (\\u0000)');
    assert.equal(object('{"\\ud800":1}'), 'has half a character in it (a lone surrogate)');
    assert.equal(object('{"a":1e99999}'), 'has a number that is out of range: 1e99999');
    assert.deepEqual(jsonbText('["a",1]', 'an array of texts'), { problem: 'is JSON, but not an array of texts' });
  });
});
