/**
 * Writes `value` with exactly `decimals` digits after the point (0 to 99), like Python's `f'{value:.2f}'`: to the nearest
 * decimal, exact ties to the even digit, decided on the exact binary value. JavaScript's own `toFixed` pushes ties away
 * from zero, which shows in reasons and scores: a Jaccard of 1/8 is `0.12`, not `0.13`.
 * Throws RangeError when the value is not finite or `decimals` is out of range.
 */
export function fixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`cannot round ${value}: give a finite number`);
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > 99) {
    throw new RangeError(`cannot round to ${decimals} decimals: give a whole number from 0 to 99`);
  }
  if (Object.is(value, -0)) return `-${(0).toFixed(decimals)}`;
  if (Math.abs(value) >= 1e21) {
    // toFixed would switch to exponents here. Doubles of this size are whole numbers, so there is nothing to round.
    return decimals === 0 ? BigInt(value).toString() : `${BigInt(value)}.${'0'.repeat(decimals)}`;
  }
  const nearest = value.toFixed(decimals);
  // A tie has one decimal digit more than asked for, so also at most one binary digit more: scaled by that power of two
  // (which is exact) it is whole. And when it is whole, toFixed with one digit more shows the value without any rounding.
  if (!Number.isInteger(value * 2 ** (decimals + 1))) return nearest;
  const exact = value.toFixed(decimals + 1);
  if (!exact.endsWith('5')) return nearest;
  const towardsZero = decimals === 0 ? exact.slice(0, -2) : exact.slice(0, -1);
  return Number(towardsZero.at(-1)) % 2 === 0 ? towardsZero : nearest;
}

/** `value` rounded to `decimals` digits after the point, like Python's `round(value, decimals)`; see `fixed`. */
export function roundTo(value: number, decimals: number): number {
  return Number(fixed(value, decimals));
}
