import { AppError } from '../errors.ts';
import { factsOf } from './request-facts.ts';

/** The most that a JSON body may hold, in bytes: the largest valid one (5000 escaped emoji and its fields) is under 100 kB. */
export const maxJsonBytes = 131_072;

/** How deep JSON may be nested: no body of this API needs three levels, and what walks thousands runs out of stack. */
const maxDepth = 64;

const jsonType = /^application\/(?:[\w.!#$&^-]+\+)?json$/i;

/**
 * Reads a JSON body: 400 when it does not arrive whole, 415 for another content type or none, and for one that is compressed, 413 above
 * `maxJsonBytes` (counted, whatever Content-Length says), 422 `json_invalid` with the offset for a syntax error. An empty body is `null`,
 * which validation reports as missing.
 */
export async function readJsonBody(request: Request): Promise<unknown> {
  requireUnencoded(request);
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > maxJsonBytes) throw tooLarge();
  const bytes = await readBytes(request, maxJsonBytes, tooLarge);
  if (bytes.length === 0) return null;
  const mediaType = request.headers.get('content-type')?.split(';')[0]?.trim() ?? '';
  // Also without one: any website may have a browser send that without asking first, so it is not taken for JSON.
  if (!jsonType.test(mediaType)) throw unsupportedType('JSON', ['application/json'], mediaType);
  return parseJson(bytes);
}

/** 415 for a body of another type than those that are read. `mediaType` is empty where the request names none. */
export function unsupportedType(wanted: string, types: readonly string[], mediaType: string): AppError {
  const given = mediaType === '' ? '' : `, not ${mediaType.slice(0, 100)}`;
  return new AppError(
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    `The body must be ${wanted}: send it with Content-Type: ${types.join(' or ')}${given}`,
    { headers: { 'accept-post': types.join(', ') } },
  );
}

/**
 * Throws 415 for a compressed body (RFC 7694), with the header that says what is taken. A kilobyte can hold a megabyte of them, and no
 * body of this API is worth compressing.
 */
export function requireUnencoded(request: Request): void {
  const encoding = request.headers.get('content-encoding')?.trim().toLowerCase();
  if (!encoding || encoding === 'identity') return;
  throw new AppError(
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    `The body must not be compressed: send it without Content-Encoding: ${encoding.slice(0, 100)}`,
    { headers: { 'accept-encoding': 'identity' } },
  );
}

function tooLarge(): AppError {
  return new AppError(413, 'PAYLOAD_TOO_LARGE', `The body is too large: at most ${maxJsonBytes} bytes`);
}

/** The bytes of a body. Throws what `tooLarge` makes once there are more than `limit`. */
export async function readBytes(
  request: Request,
  limit: number,
  tooLarge: () => AppError,
): Promise<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const { peer } = factsOf(request);
  for await (const chunk of received(request.body)) {
    size += chunk.length;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
    peer?.arrived(chunk.length);
  }
  peer?.arrivedWhole();
  // Bun 1.4.5 refuses what may follow a chunked body (trailer fields, RFC 9112 7.1.2) with a 400 of its own, but after it has given the
  // body. What it has refused must not be done, or a client that tries again does it twice. A turn later it has said so.
  if (request.headers.has('transfer-encoding')) {
    await new Promise((resolve) => setImmediate(resolve));
    if (request.signal.aborted) throw incomplete();
  }
  if (chunks.length === 1 && chunks[0]) return chunks[0];
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** What comes of a body. That the connection breaks in the middle is no fault of ours: nobody is to be woken by it. */
async function* received(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    yield* body;
  } catch (error) {
    throw incomplete(error);
  }
}

function incomplete(cause?: unknown): AppError {
  return new AppError(400, 'BODY_INCOMPLETE', 'The body did not arrive whole', { cause });
}

function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidJson(0, 'the body is not valid UTF-8');
  }
  const tooDeep = offsetBeyondDepth(text);
  if (tooDeep !== undefined) throw invalidJson(tooDeep, `nested deeper than ${maxDepth} levels`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidJson(offsetOfSyntaxError(text), error instanceof Error ? error.message : String(error));
  }
}

function invalidJson(offset: number, reason: string): AppError {
  return new AppError(422, 'VALIDATION_FAILED', `The body is not valid JSON: ${reason}`, {
    fields: [
      { type: 'json_invalid', loc: ['body', offset], msg: 'JSON decode error', input: {}, ctx: { error: reason } },
    ],
  });
}

/** Where the nesting exceeds `maxDepth`, if it does. */
function offsetBeyondDepth(text: string): number | undefined {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '[' || character === '{') {
      depth++;
      if (depth > maxDepth) return at;
    } else if (character === ']' || character === '}') depth--;
  }
  return undefined;
}

/**
 * Where JSON text goes wrong: the engines word their messages differently and not all name a position, so the longest
 * prefix that is still the beginning of some JSON is searched for with a scanner of the grammar (RFC 8259).
 */
export function offsetOfSyntaxError(text: string): number {
  const open: string[] = [];
  let expects: 'value' | 'valueOrEnd' | 'key' | 'keyOrEnd' | 'colon' | 'commaOrEnd' | 'end' = 'value';
  let at = 0;
  const afterValue = () => (open.length === 0 ? 'end' : 'commaOrEnd');
  for (;;) {
    const start = skipSpace(text, at);
    const end = endOfToken(text, start);
    if (end === undefined) return start;
    const mark = text.charAt(start);
    const string = mark === '"';
    const scalar = !string && !marks.includes(mark);
    if (expects === 'value' || expects === 'valueOrEnd') {
      if (mark === '{' || mark === '[') {
        open.push(mark);
        expects = mark === '{' ? 'keyOrEnd' : 'valueOrEnd';
      } else if (mark === ']' && expects === 'valueOrEnd') {
        open.pop();
        expects = afterValue();
      } else if (string || scalar) expects = afterValue();
      else return start;
    } else if (expects === 'key' || expects === 'keyOrEnd') {
      if (string) expects = 'colon';
      else if (mark === '}' && expects === 'keyOrEnd') {
        open.pop();
        expects = afterValue();
      } else return start;
    } else if (expects === 'colon') {
      if (mark !== ':') return start;
      expects = 'value';
    } else if (expects === 'commaOrEnd') {
      const inside = open.at(-1);
      if (mark === ',') expects = inside === '{' ? 'key' : 'value';
      else if (mark === (inside === '{' ? '}' : ']')) {
        open.pop();
        expects = afterValue();
      } else return start;
    } else return start;
    at = end;
  }
}

const marks = '[]{}:,';

const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Where the token that begins here ends; undefined when none does. */
function endOfToken(text: string, start: number): number | undefined {
  const first = text.charAt(start);
  if (first === '"') return endOfString(text, start);
  if (first !== '' && marks.includes(first)) return start + 1;
  scalar.lastIndex = start;
  return scalar.test(text) ? scalar.lastIndex : undefined;
}

/** By hand: a pattern with a choice inside a repetition takes Bun most of a second for a megabyte, and then gives up. */
function endOfString(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') return at + 1;
    if (text.charCodeAt(at) < 0x20) return undefined;
    if (character !== '\\') continue;
    at++;
    if (text[at] === 'u' && /^[\da-f]{4}$/i.test(text.slice(at + 1, at + 5))) at += 4;
    else if (!'"\\/bfnrt'.includes(text[at] ?? '?')) return undefined;
  }
  return undefined;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text[at])) at++;
  return at;
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\n' || character === '\r';
}
