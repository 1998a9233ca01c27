import type { CurrentRequest } from './current-request.ts';

/** A request that has been answered. */
export interface AnsweredRequest {
  request: CurrentRequest;
  status: number;
  /** When it began, on the clock of `performance.now()`, and how long it took until the answer was ready. */
  began: number;
  milliseconds: number;
}

/** Somebody who is told of every request. Neither may throw. */
export interface RequestObserver {
  begins(request: CurrentRequest): void;
  ends(answered: AnsweredRequest): void;
}
