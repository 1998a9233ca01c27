import process from 'node:process';
import type { CommandIO } from './command.ts';
import { createProgressLine } from './progress-line.ts';

/** The line of progress of a command: on standard error, because standard output is its answer. */
export function openProgressLine(io: CommandIO) {
  return createProgressLine({ write: io.stderr, isTerminal: process.stderr.isTTY === true });
}

/** Carriage return and "erase in line" (ECMA-48): how a line of progress begins that stays open. */
const erase = '\r\u001b[K';

/** The same output, but for a line of progress that is still open: it is erased before anything else is written. */
export function keepProgressApart(io: CommandIO): CommandIO {
  let open = false;
  const close = () => {
    if (open) io.stderr(erase);
    open = false;
  };
  return {
    ...io,
    stdout(text) {
      close();
      io.stdout(text);
    },
    stderr(text) {
      const isProgress = text.startsWith(erase);
      if (!isProgress) close();
      io.stderr(text);
      open = isProgress && text.length > erase.length;
    },
  };
}
