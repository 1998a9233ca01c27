import { AppError } from '../errors.ts';
import type { Lifecycle } from '../lifecycle.ts';

/** Paths that answer whatever the state of the database. */
const alwaysOpen =
  /^\/(?:$|health(?:\/(?:live|ready))?$|version$|docs(?:\/errors)?$|redoc$|openapi\.json$|swagger(?:\/|$))/;

/** Seconds after which a client may ask again while the schema is being brought up to date. */
export const retryAfterSeconds = 2;

/** Throws 503 for an API request that comes before the schema is current. */
export function requireReady(lifecycle: Lifecycle, path: string): void {
  if (lifecycle.servesApi || alwaysOpen.test(path)) return;
  throw new AppError(503, 'NOT_READY', 'The server is starting: its database is not ready yet. Try again soon.', {
    retryAfter: retryAfterSeconds,
  });
}
