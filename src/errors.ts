/** One offending input field, in the words that clients of the first server know (contract section 2, the 422 list). */
export interface FieldProblem {
  type: string;
  loc: (string | number)[];
  msg: string;
  input: unknown;
  ctx?: Record<string, unknown>;
}

interface AppErrorOptions {
  /** `object`: the `detail` of the profile-page endpoints is an object with code and message; `string` (default) everywhere else. */
  detail?: 'string' | 'object';
  /** May the same request succeed later? Defaults to true for 429 and 5xx. */
  retryable?: boolean;
  /** Whole seconds a client should wait; becomes `Retry-After`. */
  retryAfter?: number;
  /** Extra response headers, for example `Allow`. */
  headers?: Record<string, string>;
  /** 422 only: every problem found, not just the first. */
  fields?: FieldProblem[];
  /** What really happened. Logged, never sent. */
  cause?: unknown;
}

/**
 * The one error that features throw and that `http/problem.ts` renders. `message` is sent to the client: it must be safe
 * to show and say what to do next. Whatever is private belongs in `cause`.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly status: number;
  readonly code: string;
  readonly retryable: boolean;
  readonly detail: 'string' | 'object';
  readonly headers: Record<string, string>;
  readonly fields: FieldProblem[] | undefined;

  constructor(status: number, code: string, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.code = code;
    this.retryable = options.retryable ?? (status === 429 || status >= 500);
    this.detail = options.detail ?? 'string';
    this.headers =
      options.retryAfter === undefined
        ? { ...options.headers }
        : { ...options.headers, 'retry-after': String(options.retryAfter) };
    this.fields = options.fields;
  }
}
