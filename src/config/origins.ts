import { type Kind, kindOf, quote, type Reading, type Wrong, wrong } from './kinds.ts';

/**
 * A comma-separated list of origins, as browsers write them in the `Origin` header: scheme, host, and the port if it is not
 * the scheme's own (RFC 6454 section 6.2). What differs only in case or in such a port is put right; whatever could never
 * equal an `Origin` header is wrong, with the corrected text in the message. `*` is read here and refused in production.
 */
export const origins: Kind<string[]> = kindOf('list of origins, separated by commas', (text) => {
  if (text.trim().startsWith('[')) return wrong('is written as a JSON list', jsonRemedy(text));
  const items = text.split(',').map((item) => item.trim());
  const named = items.filter((item) => item !== '');
  if (named.length === 0) return wrong('names no origin', 'Set it to origins such as https://catatlas.com.');
  const values: string[] = [];
  const faults: Wrong[] = [];
  for (const item of named) {
    const reading = readOrigin(item);
    if ('value' in reading) values.push(reading.value);
    else faults.push(...reading.wrong);
  }
  return faults.length > 0 ? { wrong: faults } : { value: [...new Set(values)] };
});

function jsonRemedy(text: string): string {
  const example = 'Write the origins with commas between them, without brackets and quotes';
  try {
    const list: unknown = JSON.parse(text);
    const readings = Array.isArray(list) ? list.map((item) => readOrigin(String(item))) : [];
    const values = readings.map((reading) => ('value' in reading ? reading.value : undefined));
    if (values.length > 0 && !values.includes(undefined)) return `${example}: ${values.join(',')}`;
  } catch {
    // Not JSON after all: the general remedy fits.
  }
  return `${example}: https://catatlas.com,https://www.catatlas.com`;
}

function readOrigin(item: string): Reading<string> {
  if (item === '*') return { value: item };
  if (/[;\s]/.test(item))
    return wrong('has something other than commas between origins', 'Write commas between them, and nothing else.');
  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#\\]*)(.*)$/is.exec(item);
  if (!parts) return withoutScheme(item);
  const [, scheme = '', authority = '', rest = ''] = parts;
  const userEnd = authority.lastIndexOf('@');
  const origin = serialize(scheme.toLowerCase(), authority.slice(userEnd + 1));
  // The text in front of an @ may be a password: it is not repeated.
  if (userEnd >= 0)
    return wrong(
      'has an origin with a user name or password in it',
      `An origin is only scheme and host: ${origin ?? 'https://catatlas.com'}`,
    );
  if (authority.includes('*'))
    return wrong(`${quote(item)} is a pattern`, 'Name each origin in full: patterns are not supported.');
  if (origin === undefined)
    return wrong(`${quote(item)} is not an origin`, 'An origin is scheme and host, such as https://catatlas.com.');
  if (rest === '') return { value: origin };
  const what =
    rest === '/'
      ? 'a slash at the end'
      : rest.startsWith('?')
        ? 'a query'
        : rest.startsWith('#')
          ? 'a fragment'
          : 'a path';
  return wrong(`${quote(item)} has ${what}, and browsers never send that in an Origin header`, `Write it as ${origin}`);
}

function withoutScheme(item: string): Reading<string> {
  if (item.toLowerCase() === 'null')
    return wrong(
      '"null" is what any sandboxed page and local file sends',
      'Serve the page over http and name that origin.',
    );
  const local = /^(localhost|127\.0\.0\.1|\[::1\])(?![\w.-])/i.test(item);
  const authority = /^[^/?#@\s]+/.exec(item)?.[0] ?? '';
  const meant = item.includes('@') ? undefined : serialize(local ? 'http' : 'https', authority);
  const shown = item.includes('@') ? 'an origin' : quote(item);
  return wrong(
    `${shown} has no scheme`,
    `Write it with http:// or https://, for example ${meant ?? 'https://catatlas.com'}`,
  );
}

/** The origin as a browser writes it, or undefined when there is none. */
function serialize(scheme: string, authority: string): string | undefined {
  if (/[\s"'<>]/.test(authority) || !URL.canParse(`${scheme}://${authority}`)) return undefined;
  const url = new URL(`${scheme}://${authority}`);
  if (url.hostname === '') return undefined;
  // For schemes of apps (capacitor://localhost, chrome-extension://id) URL says the origin is opaque; browsers send this.
  return url.origin === 'null' ? `${scheme}://${url.host}` : url.origin;
}
