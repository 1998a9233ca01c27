interface Kept<T> {
  version: string;
  profile: Promise<T>;
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

  /** What `make` makes of this cat at this version. When it fails, nothing is kept. */
  get(catId: number, version: string, make: () => Promise<T>): Promise<T> {
    const known = this.#kept.get(catId);
    // Put in again in any case: a Map is in the order of insertion.
    this.#kept.delete(catId);
    const kept = known?.version === version ? known : { version, profile: make() };
    this.#kept.set(catId, kept);
    if (kept !== known) {
      kept.profile.catch(() => {
        if (this.#kept.get(catId) === kept) this.#kept.delete(catId);
      });
      const [oldest] = this.#kept.keys();
      if (this.#kept.size > this.#limit && oldest !== undefined) this.#kept.delete(oldest);
    }
    return kept.profile;
  }
}
