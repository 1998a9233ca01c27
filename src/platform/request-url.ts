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
  const whole = host !== null && plainHost.test(host) && URL.canParse(url);
  const repaired = whole ? decodeUnreserved(url) : decodeUnreserved(`http://localhost${targetOf(url, host)}`);
  // A property in front of that of its class: a new Request would have to take over the body, and may not be of every method.
  if (repaired !== url) Object.defineProperty(request, 'url', { value: repaired });
}

/** Letters, digits and `-._~` (RFC 3986, 2.3): encoded or not, they are the same. Not `%2F`, which is no slash, nor `%25`. */
const encodedUnreserved = /%(?:2[DE]|3\d|4[1-9A-F]|5[\dAF]|6[1-9A-F]|7[\dAE])/gi;

/**
 * The URL with the path as everybody else would write it: `/c%61ts` is `/cats` (RFC 3986, 6.2.2.2). Done once: what it makes is not
 * decoded again, so a path with a `%` that begins no such triplet stays as it is, or `%%361` would become `%61`.
 */
export function decodeUnreserved(url: string): string {
  const query = url.indexOf('?');
  const path = query === -1 ? url : url.slice(0, query);
  if (!path.includes('%') || /%(?![\da-f]{2})/i.test(path)) return url;
  const decoded = path.replace(encodedUnreserved, (triplet) =>
    String.fromCharCode(Number.parseInt(triplet.slice(1), 16)),
  );
  // Again through the parser: dots that were encoded have become segments that mean something.
  return decoded === path ? url : new URL(decoded).href + url.slice(path.length);
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
