/**
 * Headers that every answer carries (OWASP REST security cheat sheet). The API itself loads nothing and may not be framed; the
 * documentation pages replace the policy with their own.
 */
export const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};
