const batchSize = 500;

/**
 * A JSON array of rows by descending id, fetched in batches by key. Memory stays flat and no connection is held while a slow
 * client reads; a list that fits one batch is a plain answer. The first batch is read before the answer begins, so that a
 * failure there is a proper error; a later one cuts the connection, which a client sees as a failed download.
 */
export async function streamJsonArray<Row extends { id: number }>(
  listBefore: (before: number, limit: number) => Promise<Row[]>,
): Promise<Response> {
  const first = await listBefore(Number.MAX_SAFE_INTEGER, batchSize);
  if (first.length < batchSize) return Response.json(first);
  const encoder = new TextEncoder();
  let rows = first;
  let opening = '[';
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const last = rows.at(-1);
      if (last === undefined) {
        controller.enqueue(encoder.encode(']'));
        controller.close();
        return;
      }
      controller.enqueue(encoder.encode(opening + JSON.stringify(rows).slice(1, -1)));
      opening = ',';
      rows = rows.length < batchSize ? [] : await listBefore(last.id, batchSize);
    },
  });
  return new Response(body, { headers: { 'content-type': 'application/json' } });
}
