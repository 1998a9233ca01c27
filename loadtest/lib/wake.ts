import { sleep } from 'k6';
import type { Api } from './api.ts';

/** Between two tries, in seconds. */
const pauseSeconds = 1;
const longestTrySeconds = 10;

/**
 * Asks for readiness until it is given, so that the start of a machine that slept, or a migration under way, is not taken
 * for a slow or broken server. False when that took longer than allowed. Nothing of it is measured.
 */
export function wakeServer(upkeep: Api, withinSeconds: number): boolean {
  const deadline = Date.now() + withinSeconds * 1000;
  for (;;) {
    const left = Math.max(1, Math.ceil((deadline - Date.now()) / 1000));
    if (upkeep.readiness(`${Math.min(left, longestTrySeconds)}s`).status === 200) return true;
    if (Date.now() + pauseSeconds * 1000 >= deadline) return false;
    sleep(pauseSeconds);
  }
}
