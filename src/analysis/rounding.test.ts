import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixed, roundTo } from './rounding.ts';

// Written by Python 3.11: value, decimals, f'{value:.{decimals}f}', round(value, decimals).
const PYTHON: [number, number, string, number][] = [
  [0.125, 2, '0.12', 0.12],
  [0.375, 2, '0.38', 0.38],
  [0.625, 2, '0.62', 0.62],
  [0.5, 0, '0', 0],
  [1.5, 0, '2', 2],
  [2.5, 0, '2', 2],
  [3.5, 0, '4', 4],
  [0.0625, 3, '0.062', 0.062],
  [12.25, 1, '12.2', 12.2],
  [0.05, 1, '0.1', 0.1],
  [0.25, 1, '0.2', 0.2],
  [0.35, 1, '0.3', 0.3],
  [0.005, 2, '0.01', 0.01],
  [0.015, 2, '0.01', 0.01],
  [0.045, 2, '0.04', 0.04],
  [1.005, 2, '1.00', 1],
  [2.675, 2, '2.67', 2.67],
  [0.9995, 3, '1.000', 1],
  [999.9999, 3, '1000.000', 1000],
  [1162.25, 1, '1162.2', 1162.2],
  [1162.35, 1, '1162.3', 1162.3],
  [1e-9, 3, '0.000', 0],
  [5e-324, 5, '0.00000', 0],
  [0.3, 20, '0.29999999999999998890', 0.3],
  [1e22, 0, '10000000000000000000000', 1e22],
  [1e22, 1, '10000000000000000000000.0', 1e22],
  [123456789012345680000, 1, '123456789012345683968.0', 123456789012345680000],
  [-2.5, 0, '-2', -2],
  [-0.125, 2, '-0.12', -0.12],
  [-0.001, 2, '-0.00', -0],
  [-0, 2, '-0.00', -0],
  [0, 2, '0.00', 0],
];

test('rounds like Python', () => {
  for (const [value, decimals, text, number] of PYTHON) {
    assert.equal(fixed(value, decimals), text, `fixed(${value}, ${decimals})`);
    assert.equal(roundTo(value, decimals), number, `roundTo(${value}, ${decimals})`);
  }
});

/** The same rule by other means: the double as a whole number times a power of two, divided as whole numbers. */
function fixedByIntegers(value: number, decimals: number): string {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const raw = bits.getBigUint64(0);
  const biased = Number((raw >> 52n) & 0x7ffn);
  const fraction = raw & 0xfffffffffffffn;
  const mantissa = biased === 0 ? fraction : fraction | (1n << 52n);
  const exponent = (biased === 0 ? 1 : biased) - 1075;
  const scaled = mantissa * 10n ** BigInt(decimals) * (exponent > 0 ? 1n << BigInt(exponent) : 1n);
  const divisor = exponent < 0 ? 1n << BigInt(-exponent) : 1n;
  let quotient = scaled / divisor;
  const twice = (scaled % divisor) * 2n;
  if (twice > divisor || (twice === divisor && quotient % 2n === 1n)) quotient += 1n;
  const digits = quotient.toString().padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  const sign = raw >> 63n === 1n ? '-' : '';
  return `${sign}${digits.slice(0, point)}${decimals === 0 ? '' : `.${digits.slice(point)}`}`;
}

/** Lehmer's generator: the same numbers in every run, from 0 to 1. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

test('agrees with whole-number arithmetic on random values, ties among them', () => {
  const random = createRandom(11);
  const bits = new DataView(new ArrayBuffer(8));
  let ties = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const decimals = Math.floor(random() * 8);
    bits.setUint32(0, random() * 2 ** 32);
    bits.setUint32(4, random() * 2 ** 32);
    const anyDouble = bits.getFloat64(0);
    const values = [
      random(),
      random() * 5000,
      -random() * 5000,
      Math.floor(random() * 1e6) / 10 ** decimals,
      // An odd number of halves, quarters … : every one of them a tie at this number of decimals.
      (2 * Math.floor(random() * 1e4) + 1) / 2 ** (decimals + 1),
      Number.isFinite(anyDouble) ? anyDouble : 0,
    ];
    for (const value of values) {
      const expected = fixedByIntegers(value, decimals);
      assert.equal(fixed(value, decimals), expected, `${value} to ${decimals}`);
      if (Math.abs(value) < 1e21 && value.toFixed(decimals) !== expected) ties += 1;
    }
  }
  assert.ok(ties > 1000, `only ${ties} values where toFixed alone would be wrong`);
});

test('refuses what has no answer', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.throws(() => fixed(value, 2), RangeError);
    assert.throws(() => roundTo(value, 2), RangeError);
  }
  for (const decimals of [-1, 0.5, 100]) assert.throws(() => fixed(1, decimals), RangeError);
});
