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
    const resident = residentBytes();
    // What the last collection could not free is in use: collecting again before it has grown is work for nothing.
    if (resident === undefined || resident < comfortable || resident < floor * 1.04) return;
    Bun.gc(true);
    floor = residentBytes() ?? resident;
  }, lookEveryMilliseconds);
  timer.unref();
}

/** Undefined when it cannot be asked, which takes a file descriptor: connections may have taken all. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}
