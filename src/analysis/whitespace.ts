/**
 * What Python calls whitespace (`str.isspace`, `str.strip`, `str.split` and `\s` agree). JavaScript's own set lacks
 * U+001C to U+001F and U+0085, and has U+FEFF, which Python keeps. All of them are single UTF-16 units.
 */
const WHITESPACE =
  '\t\n\v\f\r\u001c\u001d\u001e\u001f \u0085\u00a0\u1680' +
  '\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000';
const WHITESPACE_UNITS = new Set(WHITESPACE);
const WHITESPACE_RUN = new RegExp(`[${WHITESPACE}]+`, 'g');

/** Cuts whitespace off the end, like Python's `str.rstrip()`. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && WHITESPACE_UNITS.has(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

/** Cuts whitespace off both ends, like Python's `str.strip()`. */
export function trim(text: string): string {
  const rest = trimEnd(text);
  let start = 0;
  while (start < rest.length && WHITESPACE_UNITS.has(rest.charAt(start))) start += 1;
  return rest.slice(start);
}

/** Trims, and makes every inner run of whitespace one space, like Python's `' '.join(text.split())`. */
export function foldWhitespace(text: string): string {
  return trim(text).replace(WHITESPACE_RUN, ' ');
}
