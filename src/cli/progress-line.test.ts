import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProgressLine } from './progress-line.ts';

function progressOf(isTerminal: boolean) {
  const written: string[] = [];
  let time = 0;
  const line = createProgressLine({ write: (text) => void written.push(text), isTerminal, now: () => time });
  return {
    written,
    end: line.end,
    at(seconds: number, done: number, what = 'entries', expected = 1000) {
      time = seconds * 1000;
      line.show({ what, done, expected });
    },
  };
}

test('a terminal sees one line with a bar, the rate and the time that is left', () => {
  const { written, at, end } = progressOf(true);
  at(0, 0);
  at(2, 500);
  at(2.01, 510);
  at(3, 990);
  end();
  end();
  assert.deepEqual(written, [
    '\r\u001b[Kentries [############            ] 500 of 1000 (50 %), 250 rows/s, 2 s left',
    '\r\u001b[Kentries [########################] 990 of 1000 (99 %), 330 rows/s, 1 s left',
    '\r\u001b[K',
  ]);
});

test('anything else sees a line every five seconds', () => {
  const { written, at, end } = progressOf(false);
  at(0, 0);
  at(4.9, 10);
  at(5, 10);
  at(6, 20);
  at(10, 0, 'cats, reading back', 0);
  at(20, 50, 'cats');
  end();
  assert.deepEqual(written, [
    'entries 10 of 1000 (1 %), 2 rows/s, 8 min 15 s left\n',
    'cats, reading back 0\n',
    'cats 50 of 1000 (5 %)\n',
  ]);
});
