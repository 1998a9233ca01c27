import { totalmem } from 'node:os';

/** How much memory this process may use, in bytes: what its container is given, or the machine has. Undefined where Deno may not look. */
export function availableMemory(): number | undefined {
  try {
    const limit = process.constrainedMemory();
    // Without a limit it is 0 or beyond all memory there is.
    return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  } catch {
    return undefined;
  }
}
