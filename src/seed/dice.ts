/** Chance that can be repeated: the same seed, stream and index give the same draws, in whatever order rows are made. */
export interface Dice {
  /** Begins the draws of one row. `stream` tells tables apart. */
  roll(stream: number, index: number): void;
  /** From 0 up to, and without, `limit`. A whole number. */
  below(limit: number): number;
  /** True in `share` of all cases. */
  chance(share: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** About the normal distribution: mean 0, standard deviation 1, never beyond 3.5 (the sum of four uniform draws). */
  spread(): number;
}

/**
 * mulberry32 behind a hash of the three numbers. Only integer arithmetic and products: no function of Math that runtimes may
 * round differently.
 */
export function createDice(seed: number): Dice {
  let state = 0;
  const draw = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(draw() * limit);
  return {
    roll(stream, index) {
      // The finalizer of MurmurHash3, once for each number.
      state = finalize(finalize(finalize(seed ^ 0x9e3779b9) ^ stream) ^ index);
    },
    below,
    chance: (share) => draw() < share,
    pick(list) {
      const chosen = list[below(list.length)];
      if (chosen === undefined) throw new RangeError('there is nothing to pick from');
      return chosen;
    },
    spread: () => (draw() + draw() + draw() + draw() - 2) * 1.7320508,
  };
}

function finalize(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
