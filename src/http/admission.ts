import { AppError } from '../errors.ts';

/** The queues that expensive operations share, each with the weight that may be at work in it at once. */
export const capacities = {
  /** Compare one sighting with all others. */
  matching: 2,
  /** Look through all sightings of a place. */
  places: 4,
  groups: 1,
  /** Read all sightings of a cat. */
  profiles: 2,
  /** Change or read many rows of one cat. */
  cats: 8,
  /** Read the beginning of a list of any length. */
  lists: 16,
  /** Answers that are being sent part by part: each keeps one part, and what it needs to find the next. */
  streams: 64,
} as const;

export type QueueName = keyof typeof capacities;

/** What an operation takes of the server. Declared beside its path, see `work` in operation.ts. */
export interface WorkClass {
  queue: QueueName;
  /** How much of the capacity of its queue it takes. Default: 1. */
  weight?: number;
}

/** How many requests wait in a queue at most. One that waits costs some ten kilobytes. */
const longestQueue = 200;

/** How long a request waits in a queue at most, in milliseconds. */
const longestWait = 900;

/** Whole seconds after which a client that was turned away may ask again. */
const retryAfter = 2;

interface Waiting {
  weight: number;
  start(): void;
}

interface Queue {
  atWork: number;
  waiting: Waiting[];
}

/** Lets so much expensive work in at once, makes a few requests wait for their turn, and turns the others away. */
export class Admission {
  readonly #queues = new Map<QueueName, Queue>();
  readonly #limits: { waiting: number; milliseconds: number };

  constructor(limits = { waiting: longestQueue, milliseconds: longestWait }) {
    this.#limits = limits;
  }

  /**
   * Resolves when the work may begin, with a function to be called at its end (more than once does no harm).
   *
   * @throws {AppError} 503 SERVER_BUSY: at once when the queue is full, else when the turn has not come in time
   */
  async enter({ queue: name, weight = 1 }: WorkClass): Promise<() => void> {
    const queue = this.#queues.get(name) ?? { atWork: 0, waiting: [] };
    this.#queues.set(name, queue);
    if (queue.waiting.length > 0 || !fits(name, queue, weight)) await this.#wait(name, queue, weight);
    else queue.atWork += weight;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      queue.atWork -= weight;
      startNext(name, queue);
    };
  }

  async #wait(name: QueueName, queue: Queue, weight: number): Promise<void> {
    if (queue.waiting.length >= this.#limits.waiting) throw busy();
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        weight,
        start() {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        queue.waiting.splice(queue.waiting.indexOf(waiting), 1);
        // The one that gave up may have stood in front of lighter ones.
        startNext(name, queue);
        reject(busy());
      }, this.#limits.milliseconds);
      queue.waiting.push(waiting);
    });
  }
}

function fits(name: QueueName, { atWork }: Queue, weight: number): boolean {
  return atWork + weight <= capacities[name];
}

function startNext(name: QueueName, queue: Queue): void {
  for (let next = queue.waiting[0]; next !== undefined && fits(name, queue, next.weight); next = queue.waiting[0]) {
    queue.waiting.shift();
    queue.atWork += next.weight;
    next.start();
  }
}

function busy(): AppError {
  return new AppError(503, 'SERVER_BUSY', 'The server has too much of this work at the moment. Try again soon.', {
    retryAfter,
  });
}
