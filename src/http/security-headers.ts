import type { Settings } from '../config/settings.ts';

/**
 * Headers that every answer carries (OWASP REST security cheat sheet). The API itself loads nothing and may not be framed; the
 * documentation pages replace the policy with their own.
 */
const always = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/**
 * Two years, in which a browser that was here once asks by HTTPS only (RFC 6797). Without includeSubDomains: served at
 * `example.com`, that would shut out sites below it that this program knows nothing of.
 */
const overHttps = { ...always, 'strict-transport-security': 'max-age=63072000' };

/**
 * The headers for the answer to this request. TLS ends in front of this program, so the proxy there has to say that the client
 * came by HTTPS; over HTTP the promise must not be made (RFC 6797, 7.2), and in development it would cut off `http://localhost`.
 */
export function securityHeaders({ production }: Pick<Settings, 'production'>, request: Request) {
  return production && request.headers.get('x-forwarded-proto') === 'https' ? overHttps : always;
}
