import { Counter } from 'k6/metrics';

/** The names that thresholds use. A counter without a sample is 0 to a threshold, so "more than none" fails on a run that measured nothing. */
export const finishedIterations = 'iterations_finished';
export const brokenIterations = 'iterations_broken';

const finished = new Counter(finishedIterations);
const broken = new Counter(brokenIterations);

/**
 * Counts iterations that came to their end and those that threw. An exception ends an iteration, skips its remaining checks
 * and leaves k6's exit code at 0 (grafana/k6#6480): only a threshold on these counters makes it a failure.
 */
export function counted<Data>(work: (data: Data) => void): (data: Data) => void {
  return (data) => {
    try {
      work(data);
    } catch (error) {
      broken.add(1);
      throw error;
    }
    finished.add(1);
  };
}
