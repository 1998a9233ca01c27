import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traceContextOf } from './trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = '00f067aa0ba902b7';

test('a valid traceparent is taken over, with a span of our own', () => {
  for (const header of [
    `00-${traceId}-${parent}-01`,
    `00-${traceId}-${parent}-00`,
    ` 00-${traceId}-${parent}-01 `,
    // A later version may have more.
    `cc-${traceId}-${parent}-01-what-the-future-holds`,
  ]) {
    const trace = traceContextOf(header);
    assert.deepEqual([trace.traceId, trace.parentSpanId], [traceId, parent], header);
    assert.match(trace.spanId, /^[\da-f]{16}$/);
    assert.notEqual(trace.spanId, parent);
  }
});

test('without one, or with one that is not valid, the trace is new', () => {
  const seen = new Set<string>();
  for (const header of [
    null,
    '',
    'nonsense',
    `00-${traceId}-${parent}`,
    `ff-${traceId}-${parent}-01`,
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId}-${parent}-01-more`,
    `00-${traceId.toUpperCase()}-${parent}-01`,
    `00-${traceId}-${parent}-01, 00-${traceId}-${parent}-01`,
    `00-${traceId}0-${parent}-01`,
  ]) {
    const trace = traceContextOf(header);
    assert.match(trace.traceId, /^[\da-f]{32}$/);
    assert.equal(trace.parentSpanId, undefined, String(header));
    seen.add(trace.traceId);
  }
  assert.equal(seen.size, 11);
  assert.equal(seen.has(traceId), false);
});
