import type { CommandIO } from './cli/command.ts';
import { faultReporter } from './observability/fault-reports.ts';
import { createLog, type Log } from './observability/log.ts';
import type { FileError } from './platform/file-error.ts';
import { openOutput } from './platform/output.ts';
import { endingSignals, idleSignals } from './platform/signals.ts';

// Before anything imports Elysia, which decides at import whether to be a development server. By a variable, because the
// bundler replaces the expression process.env.NODE_ENV by a constant.
const { env } = process;
const mode = 'NODE_ENV';
if (!env[mode]) env[mode] = 'production';

const controller = new AbortController();
let unwritten = 0;
let outputLost = false;
let onWritten = (): void => {};

/** Writes text, and counts what is still under way: ending the process would cut a pipe off after 64 KiB (Bun 1.4.5). */
function writer(stream: typeof process.stdout | typeof process.stderr, name: string): (text: string) => void {
  const write = openOutput(stream, name);
  /** How much could not be written since the last success. */
  let lost = 0;
  const fail = (error: FileError): void => {
    outputLost = true;
    // The reader has gone (`catatlas openapi | head`): nobody is left to tell, so stop in good order.
    if (error.readerGone) controller.abort();
    // Not a reason to stop: a server can do without its log, a command has its work to finish.
    else if (lost++ === 0) io.stderr(`catatlas: ${error.message}. What is written there is lost.\n`);
  };
  const recover = (): void => {
    const lines = lost;
    lost = 0;
    io.stderr(`catatlas: ${name} can be written again. ${lines} lines were lost.\n`);
  };
  const done = (error?: FileError): void => {
    unwritten--;
    if (error) fail(error);
    else if (lost > 0) recover();
    onWritten();
  };
  return (text) => {
    unwritten++;
    // What was lost may have left half a line.
    write(lost > 0 ? `\n${text}` : text, done);
  };
}

const io: CommandIO = {
  stdout: writer(process.stdout, 'standard output'),
  stderr: writer(process.stderr, 'standard error'),
  env,
  isTerminal: process.stdout.isTTY === true,
  shutdown: controller.signal,
};

/** How long Sentry may hold up the end of the process, and after a signal a reader of its output that has stalled, in milliseconds. */
const patience = 2000;

/** Ends the process once everything has been written, and reported. */
async function exit(code: number): Promise<never> {
  await faultReporter()?.flush(patience);
  // Unless it was told to stop it waits: what `catatlas openapi | less` has not read yet is still wanted.
  if (controller.signal.aborted) setTimeout(() => process.exit(code || 1), patience);
  while (unwritten > 0) {
    const { promise, resolve } = Promise.withResolvers<void>();
    onWritten = resolve;
    await promise;
  }
  process.exit(outputLost && code === 0 ? 1 : code);
}

/**
 * One Ctrl+C may arrive twice: from the terminal, which signals every process in front, and from the `bun run` or `npx` that
 * started this one, which passes it on. In milliseconds.
 */
const echo = 250;
let firstSignal: number | undefined;

// Until there is a handler, a signal ends the process in the middle of its requests.
for (const [signal, code] of endingSignals())
  process.on(signal, () => {
    const now = performance.now();
    firstSignal ??= now;
    if (controller.signal.aborted && now - firstSignal > echo) process.exit(code);
    controller.abort();
  });

for (const signal of idleSignals()) process.on(signal, () => {});

let crashed = false;

/** A fault of the program itself. Its state is unknown from here on, so nothing is tried but to say what happened. */
function crash(what: string, error: unknown): void {
  const format = process.stderr.isTTY ? 'pretty' : 'json';
  const now = () => new Date().toISOString();
  const log = createLog({ level: 'ERROR', format, write: io.stderr, now });
  log.error(what, { error: error instanceof Error ? error : new Error(String(error)) });
  // What comes of ending is not to be reported again, and again.
  if (crashed) return;
  crashed = true;
  // A reader that takes nothing must not keep a broken process alive.
  setTimeout(() => process.exit(1), patience);
  void report(what, error, log).then(() => exit(1));
}

/** Tells Sentry, where SENTRY_DSN is set: also when the command had not come to opening it. */
async function report(message: string, error: unknown, log: Log): Promise<void> {
  if (!env['SENTRY_DSN'] && !env['SENTRY_DSN_FILE']) return;
  try {
    const { openProcessSentry } = await import('./observability/process-sentry.ts');
    openProcessSentry({ env }, log)?.report({ message, error, fatal: true });
  } catch (failure) {
    log.error('the fault could not be reported', { error: failure });
  }
}

process.on('uncaughtException', (error) => crash('uncaught exception, stopping', error));
process.on('unhandledRejection', (reason) => crash('unhandled rejection, stopping', reason));

// Nothing is left that could wake this process, and yet its command has not come to an end.
process.on('beforeExit', () => {
  crash('nothing is left to wait for, stopping', new Error('the command waits for what can never come'));
});

async function run(): Promise<void> {
  try {
    const [{ runCommandLine }, { commands }] = await Promise.all([
      import('./cli/command-line.ts'),
      import('./commands/help.ts'),
    ]);
    await exit(await runCommandLine(process.argv.slice(2), io, commands));
  } catch (error) {
    crash('unexpected error, stopping', error);
  }
}

// No await: while a module waits, Bun 1.4.5 tells of no end but spins.
void run();
