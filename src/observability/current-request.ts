import { AsyncLocalStorage } from 'node:async_hooks';
import type { TraceContext } from './trace-context.ts';

/** A statement that a request waited for, in milliseconds on the clock of `performance.now()`. */
export interface StatementSpan {
  sql: string;
  began: number;
  ended: number;
}

/** The request that the running code works for. */
export interface CurrentRequest {
  readonly id: string;
  readonly method: string;
  /** The pattern that matched; undefined until one did. */
  readonly route: string | undefined;
  readonly trace: TraceContext;
  /** Where its statements are collected; absent when nobody will look at them. */
  statements?: StatementSpan[];
}

const storage = new AsyncLocalStorage<CurrentRequest | undefined>();

/** Runs `work` so that everything it causes, database queries included, knows which request it is for. */
export function duringRequest<T>(request: CurrentRequest, work: () => T): T {
  return storage.run(request, work);
}

/** Runs `work` for no request, though one may have caused it. */
export function outsideRequests<T>(work: () => T): T {
  return storage.run(undefined, work);
}

/** The request that this code runs for, or undefined outside of any. */
export function currentRequest(): CurrentRequest | undefined {
  return storage.getStore();
}
