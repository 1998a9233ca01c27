import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepProgressApart } from './command-progress.ts';
import { createProgressLine } from './progress-line.ts';

const erase = '\r\u001b[K';

test('an answer, and a line of the log, never stand behind a line of progress', () => {
  const written: string[] = [];
  const io = keepProgressApart({
    stdout: (text) => written.push(`out ${text}`),
    stderr: (text) => written.push(`err ${text}`),
    env: {},
    isTerminal: true,
    shutdown: new AbortController().signal,
  });
  let now = 0;
  const line = createProgressLine({
    write: io.stderr,
    isTerminal: true,
    now: () => {
      now += 150;
      return now;
    },
  });
  const show = (done: number) => line.show({ what: 'cats', done, expected: 0 });
  show(1);
  io.stdout('{}\n');
  show(2);
  io.stderr('a warning\n');
  io.stdout('more\n');
  show(3);
  line.end();
  io.stdout('done\n');
  assert.deepEqual(
    written.map((text) => text.replaceAll(erase, '<erase>').replace(/(cats \d).*/, '$1')),
    [
      'err <erase>cats 1',
      'err <erase>',
      'out {}\n',
      'err <erase>cats 2',
      'err <erase>',
      'err a warning\n',
      'out more\n',
      'err <erase>cats 3',
      'err <erase>',
      'out done\n',
    ],
  );
});
