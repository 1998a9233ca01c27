import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closest, editDistance } from './spelling.ts';

test('counts single mistakes', () => {
  for (const [left, right, distance] of [
    ['', '', 0],
    ['serve', 'serve', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['serv', 'serve', 1],
    ['sevre', 'serve', 1],
    ['zerve', 'serve', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ] as const)
    assert.equal(editDistance(left, right), distance, `${left} -> ${right}`);
});

test('is the same in both directions', () => {
  const words = ['serve', 'sevre', 'version', 'DATABASE_URL', 'abab', 'baba', ''];
  for (const left of words)
    for (const right of words) assert.equal(editDistance(left, right), editDistance(right, left));
});

test('finds what was meant, and nothing where nothing is near', () => {
  const commands = ['serve', 'migrate', 'config', 'secret'];
  for (const [typed, meant] of [
    ['serv', 'serve'],
    ['SERVE', 'serve'],
    ['migrte', 'migrate'],
    ['conifg', 'config'],
    ['banana', undefined],
    ['x', undefined],
  ] as const)
    assert.equal(closest(typed, commands), meant, typed);
});
