import { Buffer } from 'node:buffer';
import { copyIn } from '../archive/rows.ts';
import type { Tx } from '../database/connect.ts';

/** About the size of one COPY: the embedded engine takes its data as a whole. */
const pageBytes = 1024 * 1024;

/**
 * Appends lines, as COPY's text format has them, to a table. `onPage` is called with each page before it is written; it may
 * throw, and then nothing more is written. The next page is made while the one before is on its way.
 */
export async function writeLines(
  tx: Tx,
  { table, columns, freeze }: { table: string; columns: readonly string[]; freeze?: boolean },
  lines: Iterable<string>,
  onPage: (page: Buffer) => void,
): Promise<void> {
  const statement = `copy ${table} (${columns.join(', ')}) from stdin${freeze ? ' (freeze)' : ''}`;
  let under: Promise<void> = Promise.resolve();
  try {
    for (const page of pagesOf(lines)) {
      onPage(page);
      await under;
      under = copyIn(tx, statement, page);
      // Whoever waits for it hears of it; until then it is nobody's.
      under.catch(() => {});
      // Gives way, so that the page leaves before the next one is made.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    await under;
  }
}

function* pagesOf(lines: Iterable<string>): Iterable<Buffer> {
  let text: string[] = [];
  let length = 0;
  for (const line of lines) {
    text.push(line);
    length += line.length;
    if (length < pageBytes) continue;
    yield Buffer.from(text.join(''));
    text = [];
    length = 0;
  }
  if (length > 0) yield Buffer.from(text.join(''));
}
