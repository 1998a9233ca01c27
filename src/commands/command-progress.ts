import process from 'node:process';
import { createProgressLine } from '../archive/progress-line.ts';
import type { CommandIO } from './command.ts';

/** The line of progress of a command: on standard error, because standard output is its answer. */
export function openProgressLine(io: CommandIO) {
  return createProgressLine({ write: io.stderr, isTerminal: process.stderr.isTTY === true });
}
