import { isConnectionLost } from '../database/errors.ts';
import type { AppError } from '../errors.ts';
import { isSafe } from './methods.ts';
import { factsOf } from './request-facts.ts';

type Fetch = (request: Request) => Promise<Response>;

/** A read that has taken longer, in milliseconds, is not asked again: its client has waited enough. */
const patience = 1000;

/** What breaks one connection of the pool mostly breaks all. The pool needs this long to notice, in milliseconds. */
const pause = 50;

/**
 * Asks the application once more when the connection to the database broke under a read: on a new one it is likely to succeed. The
 * world outside sees one request and one answer.
 */
export function readAgain(fetch: Fetch): Fetch {
  return async (request) => {
    const response = await fetch(request);
    if (!factsOf(request).interrupted) return response;
    await poolNotices();
    return await fetch(request);
  };
}

/** The same for one of the reads of an answer that has begun, which cannot be asked for as a whole again. */
export async function readOnceMore<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isConnectionLost(error)) throw error;
    await poolNotices();
    return await read();
  }
}

const poolNotices = () => new Promise((resolve) => setTimeout(resolve, pause));

/** Is this failure a reason to ask again? Notes it if so; the second failure of a request is final. */
export function noteInterruption(request: Request, { cause }: AppError): boolean {
  const facts = factsOf(request);
  if (facts.interrupted || !isSafe(request.method) || !isConnectionLost(cause)) return false;
  facts.interrupted = performance.now() - facts.began < patience;
  return facts.interrupted;
}
