import { AppError } from '../errors.ts';
import { isEmbeddedStopped } from './embedded-failure.ts';

/** The SQLSTATE of a server error (five characters), or undefined for anything else. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** The code of an error: a SQLSTATE, or one of the driver or of the system. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Codes of the driver and of sockets that mean: there is no working connection. */
const connectionCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'QUERY_TIMEOUT',
  'NO_SUITABLE_HOST',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  // No file descriptor left for one.
  'EMFILE',
  'ENFILE',
]);

/** Codes that mean: there was a connection, and it broke. What is tried again gets another one. */
const lostCodes = /^(?:CONNECTION_CLOSED|ECONNRESET|EPIPE|0800[36]|57P0[125])$/;

/** SQLSTATEs of a server that is starting, stopping or full. Class 08 is about connections, but
 * 08P01 is a misunderstanding that waiting does not cure. */
const unavailableStates = /^(?:080..|57P0[1-5]|53...|58030)$/;

/** The disk of the database is full, or its memory. */
const fullStates = /^53[12]00$/;

/** The server is a replica, or set to take no writes. */
export const readOnlyState = '25006';

/** What is kept is not what was written: checksums, structure or files are wrong. Neither waiting nor trying again cures it. */
export const damagedStates = /^(?:XX00[12]|58P01)$/;

/** The server will not have this program, or not let it do what it does: privileges, tables or the schema are gone. */
const refusedStates = /^(?:28...|0P000|3D000|3F000|42501|42P01)$/;

/** OpenSSL's codes, and Node's own, of certificates and handshakes that are not accepted. */
const tlsCodes =
  /^(?:ERR_(?:TLS|SSL|OSSL)_.*|(?:UNABLE_TO|CERT|CRL|DEPTH_ZERO|SELF_SIGNED|INVALID)_.*|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED|EPROTO)$/;

/** Was the connection refused because of a certificate or of TLS itself, by either side? */
export function isTlsFailure(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== undefined) return tlsCodes.test(code);
  // Deno gives no code.
  return error instanceof Error && error.name === 'InvalidData' && /certificate|peer|handshake/i.test(error.message);
}

/**
 * Is the database there, and will not have this program as it is: password, user, name, privileges, TLS? Somebody has to put that
 * right, on either side; then it works again by itself.
 */
export function isRefusal(error: unknown): boolean {
  const code = codeOf(error);
  if (isTlsFailure(error)) return true;
  if (code === undefined || connectionCodes.has(code) || unavailableStates.test(code) || retryStates.test(code))
    return false;
  if (refusedStates.test(code) || driverRefusals.has(code)) return true;
  // Whatever else ends a session before it has begun. (PostgreSQL's own word for it.)
  return error instanceof Error && 'severity' in error && (error.severity === 'FATAL' || error.severity === 'PANIC');
}

/** The driver's words for an authentication that came to nothing. */
const driverRefusals = new Set(['SASL_SIGNATURE_MISMATCH', 'AUTH_TYPE_NOT_IMPLEMENTED']);

/** The role lacks a right. */
export const insufficientPrivilege = '42501';

/** SQLSTATEs of work that the database gave up on, but may do the next time. */
const retryStates = /^(?:40001|40P01|55P03|57014|25P03|25P04)$/;

/** Is there no database to talk to at the moment? Waiting may help. */
export function isDatabaseUnreachable(error: unknown): boolean {
  const code = codeOf(error);
  if (code === undefined) return false;
  // A Unix socket that is not there, or is not for this user.
  if ((error as { syscall?: unknown }).syscall === 'connect') return true;
  return connectionCodes.has(code) || /^(?:080..|57P0[1-5]|53300)$/.test(code);
}

/** Did a connection break that had been there? Not: refused, or silent until a deadline. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && lostCodes.test(code);
}

/** Did a pooler refuse the connection because it does not know a parameter of it? */
export function isRefusedParameter(error: unknown): boolean {
  return sqlStateOf(error) === '08P01' && /unsupported startup parameter/.test((error as Error).message);
}

/** Seconds a client should wait before it tries again. */
const retryAfter = 2;

/**
 * A database error as what a client may know of it, or undefined when it is not one. Never passes on the server's words: they
 * quote the data.
 */
export function toAppError(error: unknown): AppError | undefined {
  if (isRefusal(error))
    return new AppError(
      503,
      'DATABASE_UNAVAILABLE',
      'The database refuses this server at the moment. Try again later.',
      { retryAfter, cause: error },
    );
  const code = codeOf(error);
  if (code === undefined) return undefined;
  if (damagedStates.test(code))
    return new AppError(
      500,
      'DATABASE_DAMAGED',
      'What the database keeps here is damaged. Trying again does not help: tell the operator of this server.',
      { retryable: false, cause: error },
    );
  const unavailable = (message: string, as = 'DATABASE_UNAVAILABLE') =>
    new AppError(503, as, message, { retryAfter, cause: error });
  if (isEmbeddedStopped(error)) return unavailable('The database has stopped. Try again soon.');
  if (fullStates.test(code)) return unavailable('The database has no room for this right now. Try again soon.');
  if (code === readOnlyState)
    return unavailable('The database takes no writes at the moment. Try again soon.', 'DATABASE_READ_ONLY');
  if (connectionCodes.has(code) || unavailableStates.test(code))
    return unavailable('The database cannot be reached right now. Try again soon.');
  if (code === 'QUEUE_TIMEOUT' || retryStates.test(code)) return unavailable('The database is busy. Try again soon.');
  return undefined;
}
