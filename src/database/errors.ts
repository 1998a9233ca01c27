import { AppError } from '../errors.ts';
import { isEmbeddedStopped } from './embedded-failure.ts';

/** The SQLSTATE of a server error (five characters), or undefined for anything else. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

function codeOf(error: unknown): string | undefined {
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
const readOnlyState = '25006';

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
  const code = codeOf(error);
  if (code === undefined) return undefined;
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
