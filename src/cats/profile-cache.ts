/** What was made, and the version of the rows that it was made from. */
export interface Made<T> {
  version: string;
  profile: T;
}

interface Kept<T> {
  version: string;
  made: Promise<Made<T>>;
}

/**
 * Keeps what was made of each cat for as long as its version stays the same: a version that the database computes from the rows
 * (`findProfileVersion`), so what another process wrote counts, too, and nothing kept is ever out of date. Requests for the same
 * version while it is being made wait for the same work. The cat that was not asked for longest goes first.
 */
export class ProfileCache<T> {
  readonly #kept = new Map<number, Kept<T>>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * What `make` makes of this cat at this version. It is kept under the version that it was made from: of several servers of a database
   * the one that is asked for the rows may be behind the one that named the version. When it fails, nothing is kept.
   */
  async get(catId: number, version: string, make: () => Promise<Made<T>>): Promise<T> {
    const known = this.#kept.get(catId);
    // Put in again in any case: a Map is in the order of insertion.
    this.#kept.delete(catId);
    const kept = known?.version === version ? known : { version, made: make() };
    this.#kept.set(catId, kept);
    if (kept !== known) {
      kept.made.then(
        (made) => {
          kept.version = made.version;
        },
        () => {
          if (this.#kept.get(catId) === kept) this.#kept.delete(catId);
        },
      );
      const [oldest] = this.#kept.keys();
      if (this.#kept.size > this.#limit && oldest !== undefined) this.#kept.delete(oldest);
    }
    return (await kept.made).profile;
  }
}
