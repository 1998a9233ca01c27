import { currentRequest } from '../observability/current-request.ts';
import type { Log } from '../observability/log.ts';
import { asAppError, logProblem } from './problem.ts';
import { readOnceMore } from './read-again.ts';

const batchSize = 500;

/** A row of a list, as the database wrote it in JSON. */
export interface JsonRow {
  id: number;
  json: string;
}

/**
 * A JSON array of rows by descending id, fetched in batches by key. Memory stays flat and no connection is held while a slow
 * client reads; a list that fits one batch is a plain answer. The first batch is read before the answer begins, so that a
 * failure there is a proper error; a later one that a second try does not cure cuts the connection, which a client sees as a failed
 * download, and the log has why. HEAD of a longer list has no length: to know it, the whole table would be read. Its route has to be
 * there: Elysia 1.4.30 makes HEAD out of GET by counting the bytes, and would count none.
 */
export async function streamJsonArray(
  log: Log,
  listBefore: (before: number, limit: number) => Promise<JsonRow[]>,
): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  const join = (batch: readonly JsonRow[]) => batch.map((row) => row.json).join(',');
  const first = await listBefore(Number.MAX_SAFE_INTEGER, batchSize);
  if (first.length < batchSize) return new Response(`[${join(first)}]`, { headers });
  const request = currentRequest();
  // A stream all the same, and one that has not ended yet: the runtimes would give no body a length of 0.
  if (request?.method === 'HEAD')
    return new Response(new ReadableStream({ pull: (controller) => controller.close() }, { highWaterMark: 0 }), {
      headers,
    });
  const encoder = new TextEncoder();
  const requestId = request?.id ?? '';
  const nextBatch = async (before: number) => {
    try {
      return await readOnceMore(() => listBefore(before, batchSize));
    } catch (error) {
      logProblem(log, asAppError(error), requestId);
      throw error;
    }
  };
  let unsent: readonly JsonRow[] | undefined = first;
  let before = Number.MAX_SAFE_INTEGER;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const rows = unsent ?? (await nextBatch(before));
        unsent = undefined;
        const opening = before === Number.MAX_SAFE_INTEGER ? '[' : rows.length > 0 ? ',' : '';
        const last = rows.length < batchSize;
        controller.enqueue(encoder.encode(opening + join(rows) + (last ? ']' : '')));
        if (last) controller.close();
        else before = rows.at(-1)?.id ?? 0;
      },
    },
    // Nothing is read ahead: thousands of clients may have stopped reading.
    { highWaterMark: 0 },
  );
  return new Response(body, { headers });
}
