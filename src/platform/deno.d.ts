// The few parts of Deno that src/platform uses: the type check runs with Bun's types, which do not know it.
declare namespace Deno {
  const version: { deno: string };
  interface HttpServer {
    addr: { hostname: string; port: number };
    finished: Promise<void>;
    shutdown(): Promise<void>;
  }
  function serve(
    options: { hostname: string; port: number; signal: AbortSignal; onListen(): void },
    handler: (
      request: Request,
      info: { remoteAddr: { hostname: string; port: number } },
    ) => Response | Promise<Response>,
  ): HttpServer;
}
