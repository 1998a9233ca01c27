/** Where a request stands among those it belongs to (W3C Trace Context). */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits, shared by everything that one cause set off. */
  traceId: string;
  /** 16 of them, for the work of this server. */
  spanId: string;
  /** The span that caused this one, when the caller named it. */
  parentSpanId: string | undefined;
}

/** `version-traceid-parentid-flags`; a later version may have more behind it (W3C Trace Context, 3.2.2 and 4.3). */
const form = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-[\da-f]{2}(-.*)?$/;

/**
 * The trace that a `traceparent` header names, or a new one where it is missing or not valid. The caller's `sampled` flag is not
 * followed: anybody could make us record everything.
 */
export function traceContextOf(header: string | null): TraceContext {
  const id = newId();
  const spanId = id.slice(0, 16);
  const [, version, traceId, parentSpanId, more] = (header === null ? null : form.exec(header.trim())) ?? [];
  const valid =
    traceId !== undefined &&
    version !== 'ff' &&
    !(version === '00' && more !== undefined) &&
    !/^0+$/.test(traceId) &&
    !/^0+$/.test(parentSpanId ?? '');
  return valid ? { traceId, spanId, parentSpanId } : { traceId: id, spanId, parentSpanId: undefined };
}

/** 32 hexadecimal digits that nobody else has. The first 12 are all random, the others but for six bits. */
export function newId(): string {
  return crypto.randomUUID().replaceAll('-', '');
}
