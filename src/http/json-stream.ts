import { isLastBatch } from '../database/batches.ts';
import { currentRequest } from '../observability/current-request.ts';
import type { Log } from '../observability/log.ts';
import { asAppError, logProblem } from './problem.ts';
import { readOnceMore } from './read-again.ts';
import type { Work } from './work.ts';

/** A row of a list, as the database wrote it in JSON. */
export interface JsonRow {
  id: number;
  json: string;
}

/** How many answers read their next part at once: the others wait, so that they leave connections and processor to short requests. */
const partsAtOnce = 2;

/** How long an answer may take to be sent, in milliseconds. A client that reads more slowly is cut off. */
const longestAnswer = 5 * 60_000;

interface StreamOptions {
  log: Log;
  work: Pick<Work, 'enterStreams'>;
  /** What of the room for streamed answers this one takes: more for one that remembers much. Default: 1. */
  weight?: number;
}

const headers = { 'content-type': 'application/json' };

/**
 * A JSON array of rows by descending id, fetched in batches by key. Memory stays flat and no connection is held while a slow
 * client reads; a list that fits one batch is a plain answer. The first batch is read before the answer begins, so that a
 * failure there is a proper error; a later one that a second try does not cure cuts the connection, which a client sees as a failed
 * download, and the log has why. HEAD of a longer list has no length: to know it, the whole table would be read. Its route has to be
 * there: Elysia 1.4.30 makes HEAD out of GET by counting the bytes, and would count none.
 */
export async function streamJsonArray(
  options: StreamOptions,
  listBefore: (before: number) => Promise<JsonRow[]>,
): Promise<Response> {
  const first = await listBefore(Number.MAX_SAFE_INTEGER);
  if (isLast(first)) return new Response(`[${join(first)}]`, { headers });
  // A stream all the same, and one that has not ended yet: the runtimes would give no body a length of 0.
  if (currentRequest()?.method === 'HEAD')
    return new Response(new ReadableStream({ pull: (controller) => controller.close() }, { highWaterMark: 0 }), {
      headers,
    });
  // Let go once it is sent: a client may stop reading then.
  let unsent: readonly JsonRow[] | undefined = first;
  let before: number | undefined = Number.MAX_SAFE_INTEGER;
  return await streamJson(options, async () => {
    if (before === undefined) return undefined;
    const opening = unsent === undefined ? ',' : '[';
    const rows = unsent ?? (await listBefore(before));
    unsent = undefined;
    const last = isLast(rows);
    before = last ? undefined : rows.at(-1)?.id;
    return `${rows.length > 0 ? opening : ''}${join(rows)}${last ? ']' : ''}`;
  });
}

const join = (batch: readonly JsonRow[]) => batch.map((row) => row.json).join(',');

/** A batch without rows is the last one, and so is one that its bounds have not cut. */
function isLast(rows: readonly JsonRow[]): boolean {
  return isLastBatch(
    rows.length,
    rows.reduce((sum, row) => sum + row.json.length, 0),
  );
}

/**
 * An answer in parts, each made when the client wants it; the last one is undefined. Takes a place among the streamed answers, and throws
 * 503 SERVER_BUSY when there is none.
 */
export async function streamJson(
  { log, work, weight = 1 }: StreamOptions,
  nextPart: () => Promise<string | undefined>,
): Promise<Response> {
  const leave = await work.enterStreams(weight);
  const encoder = new TextEncoder();
  const requestId = currentRequest()?.id ?? '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    clearTimeout(timer);
    leave();
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        timer = setTimeout(() => {
          end();
          log.warn('an answer was read too slowly and is cut off', { request_id: requestId });
          controller.error(new Error('the answer was read too slowly'));
        }, longestAnswer);
        timer.unref();
      },
      async pull(controller) {
        try {
          const part = await inTurn(() => readOnceMore(nextPart));
          if (part !== undefined) return controller.enqueue(encoder.encode(part));
          end();
          controller.close();
        } catch (error) {
          end();
          logProblem(log, asAppError(error), requestId);
          throw error;
        }
      },
      cancel: end,
    },
    // Nothing is read ahead: thousands of clients may have stopped reading.
    { highWaterMark: 0 },
  );
  return new Response(body, { headers });
}

const waiting: (() => void)[] = [];
let reading = 0;

/** Waits until fewer than `partsAtOnce` answers read their next part. */
async function inTurn<T>(read: () => Promise<T>): Promise<T> {
  if (reading >= partsAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  else reading += 1;
  try {
    return await read();
  } finally {
    const next = waiting.shift();
    if (next === undefined) reading -= 1;
    else next();
  }
}
