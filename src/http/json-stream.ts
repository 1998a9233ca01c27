const batchSize = 500;

/** A row of a list, as the database wrote it in JSON. */
export interface JsonRow {
  id: number;
  json: string;
}

/**
 * A JSON array of rows by descending id, fetched in batches by key. Memory stays flat and no connection is held while a slow
 * client reads; a list that fits one batch is a plain answer. The first batch is read before the answer begins, so that a
 * failure there is a proper error; a later one cuts the connection, which a client sees as a failed download.
 */
export async function streamJsonArray(
  listBefore: (before: number, limit: number) => Promise<JsonRow[]>,
): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  const join = (batch: readonly JsonRow[]) => batch.map((row) => row.json).join(',');
  const first = await listBefore(Number.MAX_SAFE_INTEGER, batchSize);
  if (first.length < batchSize) return new Response(`[${join(first)}]`, { headers });
  const encoder = new TextEncoder();
  let unsent: readonly JsonRow[] | undefined = first;
  let before = Number.MAX_SAFE_INTEGER;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const rows = unsent ?? (await listBefore(before, batchSize));
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
