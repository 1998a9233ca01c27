import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxJsonBytes, offsetOfSyntaxError } from './body.ts';

test('where JSON goes wrong: at the token that may not be there', () => {
  const cases: [text: string, offset: number][] = [
    ['', 0],
    [' \t\r\n', 4],
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ['{a:1}', 1],
    ['[1,,2]', 3],
    ['[1}', 2],
    ['[]]', 2],
    ['[1 , 2', 6],
    ['[01]', 2],
    ['[-]', 1],
    ['[1.]', 2],
    ['[1e]', 2],
    ['[nul]', 1],
    ['{"a": true false}', 11],
    ['[true, "\\"\\\\\\/\\b\\f\\n\\r\\t\\u00eF", x]', 33],
    // What is wrong within a string is wrong about the string.
    ['["\\x"]', 1],
    ['["\\u12g4"]', 1],
    ['["\\u12', 1],
    ['["a\nb"]', 1],
    ['["a', 1],
    ['["a\\', 1],
    ['["a\\"', 1],
  ];
  for (const [text, offset] of cases) assert.equal(offsetOfSyntaxError(text), offset, JSON.stringify(text));
});

// Patterns that repeat a choice reach a limit of the engine from 100 kB on, and then find nothing.
test('the largest body has its offset too', () => {
  const pieces = ['a', 'é', '\\n', '\\u00e9', '\\\\'];
  for (const piece of pieces) {
    const long = piece.repeat(Math.floor((maxJsonBytes - 20) / piece.length));
    assert.equal(offsetOfSyntaxError(`{"text":"${long}", x}`), long.length + 12, piece);
    assert.equal(offsetOfSyntaxError(`["${long}`), 1, piece);
  }
  for (const piece of ['1,', '"",', ' ', '1', '[],']) {
    const long = `[${piece.repeat(Math.floor(maxJsonBytes / piece.length) - 2)}`;
    assert.equal(offsetOfSyntaxError(`${long}x`), long.length, piece);
  }
});
