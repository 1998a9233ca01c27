import { AppError } from '../errors.ts';

/** 501 for an operation of the contract that this version does not have yet. Says so instead of pretending. */
export function notImplemented(what: string): AppError {
  return new AppError(501, 'NOT_IMPLEMENTED', `${what} is not available in this version of the server`, {
    retryable: false,
  });
}
