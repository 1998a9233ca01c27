/** Requests with bodies that have not arrived whole: what Deno would break off at the end (`drain` in serve.ts). */
export interface Arrivals {
  /** Answers a request, which gets its body by `request.body` alone. What the answer leaves of the body counts no more. */
  during(request: Request, answer: () => Promise<Response>): Promise<Response>;
  /** Resolves as soon as there is none. */
  none(): Promise<void>;
}

export function watchArrivals(): Arrivals {
  const arriving = new Set<Request>();
  let none = Promise.withResolvers<void>();

  function arrived(request: Request): void {
    if (arriving.delete(request) && arriving.size === 0) none.resolve();
  }

  return {
    async during(request, answer) {
      // On Deno there is a body to every POST, if of nothing.
      if (request.body === null || !hasContent(request.headers)) return answer();
      if (arriving.size === 0) none = Promise.withResolvers();
      arriving.add(request);
      const body = withEnd(request.body, () => arrived(request));
      // A property in front of that of its class: a new Request would ask for the signal.
      Object.defineProperty(request, 'body', { value: body });
      try {
        return await answer();
      } finally {
        arrived(request);
      }
    },
    async none() {
      while (arriving.size > 0) await none.promise;
    },
  };
}

/** Does a body follow? By RFC 9112, 6.3. */
export function hasContent(headers: Headers): boolean {
  return headers.has('transfer-encoding') || Number(headers.get('content-length')) > 0;
}

/** The same bytes, read when they are asked for. Not before: Deno throws away what nobody has asked for, but waits for who has. */
function withEnd(body: ReadableStream<Uint8Array>, ended: () => void): ReadableStream<Uint8Array> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return new ReadableStream(
    {
      async pull(controller) {
        reader ??= body.getReader();
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        ended();
        controller.close();
      },
      cancel: (reason) => (reader ?? body).cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
