import { readFileSync } from 'node:fs';

/** The signals on which a program ends in good order, each with the exit code of one that insists. */
export function endingSignals(): [signal: NodeJS.Signals, code: number][] {
  const signals: [NodeJS.Signals, number][] = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ];
  // A terminal that closes, and some supervisors. A handler would undo what `nohup` did.
  if (!hangupIgnored()) signals.push(['SIGHUP', 129]);
  return signals;
}

/** Signals that mean something to others (log rotation, debuggers) and nothing here: their default would end the process. */
export function idleSignals(): NodeJS.Signals[] {
  return process.platform === 'win32' ? [] : ['SIGUSR1', 'SIGUSR2'];
}

/** Was the program started so that it outlives its terminal? Linux says, to Bun; elsewhere it is not known, and taken for no. */
function hangupIgnored(): boolean {
  // Deno 2.9.6 shows /proc only with all permissions.
  if (process.platform !== 'linux' || typeof Bun === 'undefined') return false;
  const mask = /^SigIgn:\s*([\da-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  return (BigInt(`0x${mask}`) & 1n) === 1n;
}
