/** What keeps TLS from being had, by code of the runtime (OpenSSL's verification) and of the driver, and what to do about it. */
const failures: Record<string, { problem: string; advice: string }> = {
  TLS_NOT_OFFERED: {
    problem: 'the server does not speak TLS, which sslmode asks for',
    advice: 'switch TLS on there (ssl = on), or write sslmode=disable where the network is encrypted by other means',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    problem: 'the certificate of the server is for another name than the host',
    advice:
      'write the host as the certificate has it, or let the server have one for this host (sslmode=verify-ca ignores the name)',
  },
  CERT_HAS_EXPIRED: {
    problem: 'the certificate of the server, or of its authority, has expired',
    advice: 'renew it on the server; if it is valid there, set the clock of this machine',
  },
  CERT_NOT_YET_VALID: {
    problem: 'the certificate of the server, or of its authority, is not valid yet',
    advice: 'set the clocks of this machine and of the server',
  },
  CERT_REVOKED: { problem: 'the certificate of the server has been revoked', advice: 'renew it on the server' },
};

const untrusted = {
  problem: 'the certificate of the server is signed by no authority that is trusted here, or is not valid',
  advice:
    'let sslrootcert name the file with the certificate of its authority, or write sslrootcert=system for a public one',
};

/** How OpenSSL and the runtimes say that no trusted authority vouches. */
const untrustedCodes =
  /^(UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)\w*|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|CERT_\w+|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/;

/** Why TLS to the server failed and what to do, or undefined for any other error. Waiting does not cure it. */
export function explainTlsFailure(error: unknown): { problem: string; advice: string } | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (Object.hasOwn(failures, code)) return failures[code];
  if (untrustedCodes.test(code)) return untrusted;
  // TLS was begun, and the two found no version or cipher in common, or what came was none.
  if (/^(ERR_SSL_|EPROTO$)/.test(code))
    return {
      problem: `TLS with the server failed (${code})`,
      advice: 'see that it is a PostgreSQL server, and that it takes TLS 1.2 or newer (ssl_min_protocol_version)',
    };
  return undefined;
}
