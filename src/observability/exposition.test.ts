import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counter, gauge, histogram } from './exposition.ts';

test('a counter: HELP, TYPE, one line for each combination of labels', () => {
  const requests = counter('requests_total', 'Requests.', ['method', 'status']);
  requests.add(['GET', '200']);
  requests.add(['GET', '200'], 2);
  requests.add(['POST', '404']);
  assert.equal(
    requests.render(),
    [
      '# HELP requests_total Requests.',
      '# TYPE requests_total counter',
      'requests_total{method="GET",status="200"} 3',
      'requests_total{method="POST",status="404"} 1',
      '',
    ].join('\n'),
  );
});

test('a counter without labels is there from the start: its first event is an increase', () => {
  const errors = counter('errors_total', 'Errors.');
  assert.match(errors.render(), /^errors_total 0$/m);
  errors.add([]);
  assert.match(errors.render(), /^errors_total 1$/m);
});

test('a histogram: cumulative buckets, bounds included, +Inf, sum and count', () => {
  const seconds = histogram('seconds', 'Time.', [0.1, 1], ['route']);
  for (const value of [0.1, 0.5, 1, 7]) seconds.observe(['/cats'], value);
  assert.deepEqual(seconds.render().split('\n').slice(2, -1), [
    'seconds_bucket{route="/cats",le="0.1"} 1',
    'seconds_bucket{route="/cats",le="1"} 3',
    'seconds_bucket{route="/cats",le="+Inf"} 4',
    'seconds_sum{route="/cats"} 8.6',
    'seconds_count{route="/cats"} 4',
  ]);
});

test('a gauge is read when it is rendered; what is not known has no line', () => {
  let value: number | undefined = 2;
  const level = gauge('level', 'Level.', () => value);
  assert.match(level.render(), /\nlevel 2\n$/);
  value = undefined;
  assert.equal(level.render(), '# HELP level Level.\n# TYPE level gauge\n');
});

test('labels and help are escaped, so that no text can make a line of its own', () => {
  const info = gauge('info', 'One\nline \\ only', () => [[{ text: 'a "b" \\ c\nd' }, 1]]);
  assert.equal(
    info.render(),
    '# HELP info One\\nline \\\\ only\n# TYPE info gauge\ninfo{text="a \\"b\\" \\\\ c\\nd"} 1\n',
  );
});
