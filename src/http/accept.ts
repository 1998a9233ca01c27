/**
 * The weight that a client gives a name in `Accept` or `Accept-Encoding`: 1 unless it says otherwise, 0 for what it does not want,
 * undefined for what it does not name (RFC 9110 12.4.2). Names are compared without regard to case; wildcards are names as well.
 */
export function weightOf(header: string | null | undefined, name: string): number | undefined {
  for (const each of header?.split(',') ?? []) {
    const [named, ...parameters] = each.split(';').map((part) => part.trim().toLowerCase());
    if (named !== name) continue;
    return Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
  }
  return undefined;
}

/** Does the client name this media type, and want it? A browser names `text/html`; curl's wildcard names nothing. */
export function names(accept: string | null | undefined, mediaType: string): boolean {
  return (weightOf(accept, mediaType) ?? 0) > 0;
}
