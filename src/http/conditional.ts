/** An answer that may be sent many times. Its headers have its tag. */
export interface Representation {
  body: string;
  headers: Readonly<Record<string, string>>;
}

/** Tags an answer by the hash of its text (RFC 9110 8.8.3): the same tag on every machine and after every restart. */
export async function representation(body: string, headers: Record<string, string>): Promise<Representation> {
  return { body, headers: { ...headers, etag: `"${(await sha256(body)).slice(0, 32)}"` } };
}

/** In hexadecimal digits. By Web Crypto: an import of node:crypto would be paid for at start-up, wherever it is written. */
async function sha256(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The answer, or 304 for a client that has it already. */
export function represent(request: Request, { body, headers }: Representation): Response {
  if (isCurrent(request, headers['etag'])) return new Response(null, { status: 304, headers });
  return new Response(body, { headers });
}

/** Does the client have the answer with this tag? RFC 9110 13.1.2: a list of tags, compared weakly, or `*`. */
export function isCurrent(request: Request, etag: string | undefined): boolean {
  const known = request.headers.get('if-none-match')?.split(',') ?? [];
  return known.some((each) => ['*', etag].includes(each.trim().replace(/^W\//, '')));
}
