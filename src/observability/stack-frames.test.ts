import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stackFrames } from './stack-frames.ts';

function withStack(message: string, stack: string): Error {
  const error = new Error(message);
  error.stack = stack;
  return error;
}

test('a real error: the innermost frame last, in a file of ours, without the path to it', () => {
  const frames = stackFrames(new Error('one'));
  const last = frames.at(-1);
  assert.equal(last?.filename, 'src/observability/stack-frames.test.ts');
  assert.equal(last.in_app, true);
  assert.ok(last.lineno > 0 && last.colno > 0);
});

test('paths lose their machine, libraries and the runtime are not ours', () => {
  const frames = stackFrames(
    withStack(
      'broken',
      [
        'TypeError: broken',
        '    at list (/home/anna/catatlas/src/cats/queries.ts:3:5)',
        '    at async <anonymous> (file:///app/node_modules/postgres/src/index.js:1:2)',
        '    at node:internal/timers:5:6',
        '    at /$bunfs/root/chunk-abc.js:7:8',
        '    at Object.apply (C:\\cats\\src\\http\\problem.ts:9:10)',
        '    at new Promise (<anonymous>)',
      ].join('\n'),
    ),
  );
  assert.deepEqual(
    frames.map(({ filename, in_app }) => [filename, in_app]),
    [
      ['src/http/problem.ts', true],
      ['chunk-abc.js', true],
      ['node:internal/timers', false],
      ['node_modules/postgres/src/index.js', false],
      ['src/cats/queries.ts', true],
    ],
  );
});

test('a message that looks like a frame is none', () => {
  const message = 'x\n    at secret (/home/anna/diary.txt:1:1)';
  const frames = stackFrames(withStack(message, `Error: ${message}\n    at main (/app/src/main.ts:1:1)`));
  assert.deepEqual(
    frames.map((frame) => frame.function),
    ['main'],
  );
});
