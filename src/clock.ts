/**
 * A moment in UTC, as ISO 8601 text with microseconds: `2026-11-22T13:13:34.577339Z`. The fraction has six digits, or is
 * absent when it is exactly zero. Text, because a JavaScript Date keeps only milliseconds.
 */
export type Instant = string;

/** Where time comes from; tests put their own in its place. */
export interface Clock {
  now(): Instant;
}

/** Formats microseconds since 1970 as an Instant. */
export function instantOf(epochMicroseconds: number): Instant {
  const seconds = Math.floor(epochMicroseconds / 1_000_000);
  const fraction = epochMicroseconds - seconds * 1_000_000;
  const base = new Date(seconds * 1000).toISOString().slice(0, 19);
  return fraction === 0 ? `${base}Z` : `${base}.${String(fraction).padStart(6, '0')}Z`;
}

/** The same moment as comments and cat updates write it: `+00:00` in place of `Z` (contract section 1). */
export function withOffset(instant: Instant): string {
  return `${instant.slice(0, -1)}+00:00`;
}

/** The wall clock. Follows the system time, with the high-resolution timer filling in what Date cannot say. */
export const systemClock: Clock = (() => {
  let origin = Date.now() - performance.now();
  return {
    now() {
      const wall = Date.now();
      // The timer drifts from the wall clock over days and stops during suspend: follow the wall when they part.
      if (Math.abs(origin + performance.now() - wall) > 20) origin = wall - performance.now();
      return instantOf(Math.floor((origin + performance.now()) * 1000));
    },
  };
})();
