import { countLines } from './digest.ts';
import type { Manifest, Part } from './format.ts';

/** Told of rows of a table so far, of how many; 0 when that is not known. */
export type Progress = (step: { what: string; done: number; expected: number }) => void;

export interface WatchOptions {
  /** Ends the work before the next page: what was begun is rolled back. */
  shutdown?: AbortSignal;
  /** What is to come, where that is known. */
  expected?: Manifest | undefined;
  onProgress?: Progress;
}

/** Passes parts on, tells how far they are, and stops when told to. */
export async function* watchParts(
  parts: AsyncIterable<Part>,
  { shutdown, expected, onProgress }: WatchOptions,
): AsyncGenerator<Part> {
  let what = '';
  let done = 0;
  for await (const part of parts) {
    shutdown?.throwIfAborted();
    if (part.kind === 'page' && onProgress) {
      const { table, text } = part.page;
      if (table !== what) done = 0;
      what = table;
      done += countLines(text);
      onProgress({ what, done, expected: expected?.tables.find(({ name }) => name === table)?.rows ?? 0 });
    }
    yield part;
  }
}
