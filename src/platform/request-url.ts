/** A name or an address, and perhaps a port. Elsewhere in a URL its other characters would mean something. */
const plainHost = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d*)?$/i;

/**
 * Sees to it that `request.url` can be parsed, and that its path is the one which was asked for. The runtimes put it together
 * from the Host as it was sent: without one (HTTP/1.0, as load balancers check health), or with one that Bun 1.4.5 does not
 * like, it is the path alone; `x:99999` and `[` are no URL; on Deno 2.9.6 `a/b` is the beginning of the path. What the client
 * calls this server decides nothing here, so that such a request is one to `localhost`.
 */
export function repairUrl(request: Request): void {
  const host = request.headers.get('host');
  const { url } = request;
  if (host !== null && plainHost.test(host) && URL.canParse(url)) return;
  // A property in front of that of its class: a new Request would have to take over the body, and may not be of every method.
  Object.defineProperty(request, 'url', { value: `http://localhost${targetOf(url, host)}` });
}

/** Path and query, without what would be the host. Normalized, as they are in any URL that was parsed. */
export function targetOf(url: string, host: string | null): string {
  const origin = host ? `http://${host}` : '';
  const target =
    origin !== '' && url.startsWith(origin) ? url.slice(origin.length) : url.replace(/^[a-z]+:\/\/[^/?#]*/i, '');
  // Behind a host and a slash anything is a path.
  const { pathname, search } = new URL(`http://localhost${target.startsWith('/') ? '' : '/'}${target}`);
  return pathname + search;
}
