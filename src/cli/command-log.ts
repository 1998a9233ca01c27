import { systemClock } from '../clock.ts';
import type { Settings } from '../config/settings.ts';
import { createLog, type Log } from '../observability/log.ts';
import type { CommandIO } from './command.ts';

/** The log of a command whose standard output is its answer: what is done meanwhile goes beside it, for people unless told otherwise. */
export function openCommandLog(settings: Settings, io: CommandIO): Log {
  return createLog({
    level: settings.LOG_LEVEL,
    format: settings.LOG_FORMAT === 'json' ? 'json' : 'pretty',
    color: wantsColor(io),
    write: (line) => io.stderr(line),
    now: () => systemClock.now(),
  });
}

/** Colours are for terminals, and not for who does not want them (no-color.org). */
export function wantsColor(io: CommandIO): boolean {
  return io.isTerminal && !io.env['NO_COLOR'];
}
