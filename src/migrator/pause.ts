/** Waits, but not beyond a shutdown. */
export function pause(milliseconds: number, shutdown?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (shutdown?.aborted) return resolve();
    const timer = setTimeout(finish, milliseconds);
    function finish() {
      clearTimeout(timer);
      shutdown?.removeEventListener('abort', finish);
      resolve();
    }
    shutdown?.addEventListener('abort', finish, { once: true });
  });
}
