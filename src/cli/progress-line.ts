import type { Progress } from '../archive/progress.ts';

interface ProgressLineOptions {
  write(text: string): void;
  /** One line that is written over again and again; otherwise a new line every few seconds. */
  isTerminal: boolean;
  /** Milliseconds. Default: the clock of the process. */
  now?(): number;
}

/** How often what is shown changes, in milliseconds. */
const terminalInterval = 100;
const plainInterval = 5000;

const barWidth = 24;

/** Shows how far the work is, how fast, and how long it still takes. Each `what` is measured for itself. */
export function createProgressLine({ write, isTerminal, now = () => performance.now() }: ProgressLineOptions): {
  show: Progress;
  /** Leaves the line as it is and goes to the next one. */
  end(): void;
} {
  const interval = isTerminal ? terminalInterval : plainInterval;
  let what: string | undefined;
  let began = 0;
  let shown = now();
  let open = false;
  return {
    show(step) {
      const time = now();
      if (step.what !== what) {
        what = step.what;
        began = time;
      }
      if (time - shown < interval) return;
      shown = time;
      const line = describeStep(step, (time - began) / 1000, isTerminal);
      // Carriage return and "erase in line" (ECMA-48).
      write(isTerminal ? `\r\u001b[K${line}` : `${line}\n`);
      open = isTerminal;
    },
    end() {
      if (open) write('\r\u001b[K');
      open = false;
    },
  };
}

function describeStep(step: Parameters<Progress>[0], seconds: number, withBar: boolean): string {
  const { what, done, expected } = step;
  const rate = seconds > 0.2 ? done / seconds : 0;
  const speed = rate > 0 ? `, ${Math.round(rate)} rows/s` : '';
  // How many there will be is not always known, or none.
  if (done >= expected) return `${what} ${done}${speed}`;
  const share = done / expected;
  const filled = Math.round(share * barWidth);
  const bar = withBar ? ` [${'#'.repeat(filled)}${' '.repeat(barWidth - filled)}]` : '';
  const pace = rate > 0 ? `${speed}, ${duration((expected - done) / rate)} left` : '';
  return `${what}${bar} ${done} of ${expected} (${Math.floor(share * 100)} %)${pace}`;
}

/** `45 s`, `3 min 05 s` */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}
