import { toAppError } from '../database/errors.ts';
import { describeTrouble } from '../database/trouble.ts';
import { AppError, type FieldProblem } from '../errors.ts';
import { currentRequest } from '../observability/current-request.ts';
import type { Log } from '../observability/log.ts';
import { names } from './accept.ts';
import { errorCatalog, errorType, isErrorCode } from './error-catalog.ts';

interface ProblemRequest {
  id: string;
  /** Path without the query, for `instance`. */
  path: string;
  accept: string | null;
}

/** Any thrown thing as an AppError: what is not ours is a database error by its SQLSTATE, or a 500 that says nothing. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return toAppError(error) ?? new AppError(500, 'INTERNAL_ERROR', 'Internal Server Error', { cause: error });
}

/** The one place that turns an error into a response, in the two forms of the contract. */
export function renderProblem(error: AppError, request: ProblemRequest): Response {
  const headers = { ...error.headers, 'cache-control': 'no-store' };
  if (names(request.accept, 'application/problem+json')) {
    return Response.json(problemDetails(error, request), {
      status: error.status,
      headers: { ...headers, 'content-type': 'application/problem+json' },
    });
  }
  return Response.json(
    {
      detail: detailOf(error),
      message: error.message,
      code: error.code,
      retryable: error.retryable,
      request_id: request.id,
    },
    // Without a charset, which JSON has not (RFC 8259) and the first server did not name: some clients compare the whole value.
    { status: error.status, headers: { ...headers, 'content-type': 'application/json' } },
  );
}

function detailOf(error: AppError): string | Record<string, unknown> | FieldProblem[] {
  if (error.fields) return error.fields;
  if (error.detail === 'object') return { code: error.code, message: error.message, retryable: error.retryable };
  return error.message;
}

/** RFC 9457. */
function problemDetails(error: AppError, request: ProblemRequest) {
  return {
    ...(isErrorCode(error.code)
      ? { type: errorType(error.code), title: errorCatalog[error.code].title }
      : { type: 'about:blank', title: error.code }),
    status: error.status,
    detail: error.message,
    instance: request.path,
    code: error.code,
    retryable: error.retryable,
    request_id: request.id,
    ...(error.fields ? { errors: error.fields } : {}),
  };
}

/** Writes down that the database will not have this server, and why. For when that is news. */
export function logRefusal(log: Log, error: unknown): void {
  log.warn(`the database ${describeTrouble(error)}: requests are answered 503 until that is put right`, { error });
}

/** Writes down what a client is not told. 4xx are the client's affair and appear in the access log only. */
export function logProblem(log: Log, error: AppError, requestId: string): void {
  if (error.status < 500 || error.status === 501) return;
  const fields = {
    request_id: requestId,
    trace_id: currentRequest()?.trace.traceId,
    code: error.code,
    status: error.status,
    cause: error.cause,
  };
  if (error.status === 500) log.error('request failed', { ...fields, error });
  else log.warn('request could not be served', fields);
}
