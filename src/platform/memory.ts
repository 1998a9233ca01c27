/** Above this many bytes the process asks itself whether it needs them. */
const comfortable = 104 * 1024 * 1024;

const lookEveryMilliseconds = 500;

/**
 * Gives memory back that only garbage holds. JavaScriptCore lets garbage grow by the memory of the whole machine, which on a large one
 * means never to look; a small server beside others should stay small. A collection takes about ten milliseconds, and is only
 * made when memory has grown. Until the process ends. Deno's V8 does this by itself.
 */
export function keepMemoryLow(): void {
  if (typeof Bun === 'undefined') return;
  let floor = 0;
  const timer = setInterval(() => {
    const resident = process.memoryUsage.rss();
    // What the last collection could not free is in use: collecting again before it has grown is work for nothing.
    if (resident < comfortable || resident < floor * 1.04) return;
    Bun.gc(true);
    floor = process.memoryUsage.rss();
  }, lookEveryMilliseconds);
  timer.unref();
}
