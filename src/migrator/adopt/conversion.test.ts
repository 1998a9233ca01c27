import assert from 'node:assert/strict';
import { test } from 'node:test';
import { momentPattern } from './conversion.ts';

const pattern = new RegExp(momentPattern);

test('every day of the calendar is a moment, and no other', () => {
  // 400 years: after them the calendar repeats.
  for (let year = 1800; year < 2200; year += 1) {
    for (let month = 0; month <= 13; month += 1) {
      for (let day = 0; day <= 32; day += 1) {
        const parts = [String(year), String(month).padStart(2, '0'), String(day).padStart(2, '0')].join('-');
        const date = new Date(`${parts}T00:00:00Z`);
        const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(parts);
        assert.equal(pattern.test(`${parts}T00:00:00Z`), exists, parts);
      }
    }
  }
});

test('all that the prototype wrote is a moment', () => {
  for (const text of [
    '2026-11-22T13:13:34.577339Z',
    '2026-11-22T13:13:34Z',
    '2026-11-22T13:13:34.577339+00:00',
    '2026-11-22T13:13:34',
    '2026-11-22 13:13:34.5',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999Z',
  ])
    assert.ok(pattern.test(text), text);
});

test('what PostgreSQL would take and change is none', () => {
  for (const text of [
    '',
    'now',
    'infinity',
    'yesterday',
    '2026-11-22',
    '2026-11-22T13:13Z',
    '2026-11-22T24:00:00Z',
    '2026-11-22T23:59:60Z',
    '2026-11-22T13:13:34.5773391Z',
    '2026-11-22T13:13:34.Z',
    '2026-11-22T13:13:34+02:00',
    '2026-11-22T13:13:34-00:00',
    '10000-01-01T00:00:00Z',
    '0044-03-15T12:00:00 BC',
    ' 2026-11-22T13:13:34Z',
    '2026-11-22T13:13:34Z\n',
    '22.11.2026 13:13:34',
  ])
    assert.ok(!pattern.test(text), text);
});
