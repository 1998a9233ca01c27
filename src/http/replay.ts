import { AppError } from '../errors.ts';
import { maxJsonBytes } from './body.ts';
import { isSafe } from './methods.ts';
import { retryAfterSeconds } from './readiness.ts';

/**
 * How long the proxy may look for a server in the other region. After that it brings the request back, so that the client gets an
 * error of ours, with CORS headers, and not one of the proxy.
 */
const fallback = 'timeout=10s;fallback=force_self';

/**
 * For a server that is not in the region of the primary database: throws the answer on which the proxy of Fly.io repeats a write
 * there. With `primaryElsewhere` undefined, or for a read, does nothing.
 *
 * Source: https://fly.io/docs/networking/dynamic-request-routing/ (the header and its fields); 409 is what the library of Fly.io
 * for Ruby answers.
 */
export function requirePrimary(primaryElsewhere: string | undefined, request: Request): void {
  if (primaryElsewhere === undefined || isSafe(request.method)) return;
  if (request.headers.has('fly-replay-failed'))
    throw new AppError(
      503,
      'DATABASE_READ_ONLY',
      `Writes are taken in the region ${primaryElsewhere}, which cannot be reached at the moment. Try again soon.`,
      { retryAfter: retryAfterSeconds },
    );
  // The proxy repeats nothing above 1 MB. What is too large for us as well gets the answer that it gets anywhere.
  if (Number(request.headers.get('content-length')) > maxJsonBytes) return;
  throw new AppError(409, 'WRITES_ELSEWHERE', `Writes are taken in the region ${primaryElsewhere}`, {
    headers: { 'fly-replay': `region=${primaryElsewhere};${fallback}` },
  });
}
