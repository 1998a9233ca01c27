import { AppError } from '../errors.ts';
import type { Admission, WorkClass } from './admission.ts';
import { factsOf } from './request-facts.ts';

/** How long work may keep the event loop, in milliseconds, before everything else gets a turn. */
const sliceMilliseconds = 2;

/** Whole seconds after which a client whose request took too long may ask again. */
const retryAfter = 5;

/** The work for one request, in slices: everything else goes on between them, and it stops when nobody waits for it any more. */
export interface Work {
  /** Resolves when the event loop has turned and no other work is in its slice. Throws as `check` does. */
  turn(): Promise<void>;
  /** The same, but only when this slice has been long: cheap enough to be called often. */
  breathe(): Promise<void>;
  /** Calls `visit` with each item, in slices. */
  each<Item>(items: Iterable<Item>, visit: (item: Item) => void): Promise<void>;
  /** Runs steps to their end, in slices, and returns what they return. */
  run<Result>(steps: Iterator<unknown, Result>): Promise<Result>;
  /** Throws 503 REQUEST_TIMEOUT when the time of the request is over, and 499 when its client has gone. */
  check(): void;
  /** The same for what others wait for, too: it goes on when this client has gone. */
  shared(): Work;
  /** Takes a place among the answers that are sent part by part, to be given back at its end. Throws 503 SERVER_BUSY. */
  enterStreams(weight: number): Promise<() => void>;
}

/** Work of all requests, in the order in which it gets its slice: one each time the event loop has turned. */
const queue: (() => void)[] = [];

function nextSlice(): Promise<void> {
  return new Promise((resolve) => {
    queue.push(resolve);
    if (queue.length === 1) setImmediate(giveSlice);
  });
}

function giveSlice(): void {
  queue.shift()?.();
  if (queue.length > 0) setImmediate(giveSlice);
}

/** The error of a request whose time is over. */
export function requestTimeout(): AppError {
  return new AppError(
    503,
    'REQUEST_TIMEOUT',
    'The answer took too long, and the work was stopped. Ask for less, or try again later.',
    {
      retryAfter,
    },
  );
}

/** Work until `endsAt` (on the clock of `performance.now()`), for as long as its client, if it has one, is there. */
export function createWork(client: AbortSignal | undefined, admission: Admission, endsAt: number): Work {
  let sliceBegan = 0;
  const check = () => {
    if (performance.now() > endsAt) throw requestTimeout();
    if (client?.aborted) throw new AppError(499, 'CLIENT_GONE', 'The client has gone', { retryable: false });
  };
  const turn = async () => {
    await nextSlice();
    sliceBegan = performance.now();
    check();
  };
  const isLong = () => performance.now() - sliceBegan > sliceMilliseconds;
  const breathe = async () => {
    if (isLong()) await turn();
  };
  return {
    check,
    turn,
    breathe,
    async each(items, visit) {
      for (const item of items) {
        if (isLong()) await turn();
        visit(item);
      }
    },
    async run(steps) {
      for (;;) {
        if (isLong()) await turn();
        const step = steps.next();
        if (step.done === true) return step.value;
      }
    },
    shared: () => createWork(undefined, admission, endsAt),
    enterStreams: (weight) => admission.enter({ queue: 'streams', weight }),
  };
}

/** The work of a request that the application has let in. */
export function workOf(request: Request): Work {
  const { work } = factsOf(request);
  if (work === undefined) throw new Error('this request has not been let in');
  return work;
}

/** Lets a request in, after it was validated: from now on its time runs. Waits for its turn where its operation is expensive. */
export async function letIn(
  request: Request,
  { admission, seconds, work }: { admission: Admission; seconds: number; work: WorkClass | undefined },
): Promise<void> {
  const facts = factsOf(request);
  facts.startTime?.(seconds);
  facts.work = createWork(request.signal, admission, performance.now() + seconds * 1000);
  if (work !== undefined) facts.leave = await admission.enter(work);
}
