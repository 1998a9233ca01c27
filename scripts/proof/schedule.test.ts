import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Outcome, runSteps, type Step } from './schedule.ts';

const step = (name: string, more: Partial<Step> = {}): Step => ({
  name,
  command: ['true'],
  seconds: 1,
  load: 1,
  ...more,
});

/** Runs steps on a clock that goes from one end to the next: each takes its `seconds`. */
async function simulate(steps: readonly Step[], processors: number, failing: readonly string[] = []) {
  let now = 0;
  let over = false;
  let busiest = 0;
  const running: { step: Step; end: number; finish(outcome: Outcome): void }[] = [];
  const starts: Record<string, number> = {};
  const beside: Record<string, number> = {};
  const work = runSteps(steps, {
    processors,
    began: (one) => (starts[one.name] = now),
    ended: () => {},
    run: (one) =>
      new Promise((finish) => {
        running.push({ step: one, end: now + one.seconds, finish });
        busiest = Math.max(
          busiest,
          running.reduce((sum, { step: { load } }) => sum + load, 0),
        );
        for (const { step: other } of running)
          beside[other.name] = Math.max(beside[other.name] ?? 0, running.length - 1);
      }),
  });
  const end = () => (over = true);
  work.then(end, end);
  while (!over) {
    // The scheduler waits for nothing but ends: by now it has begun all that it will.
    await new Promise((resolve) => setImmediate(resolve));
    const [first] = running.toSorted((one, other) => one.end - other.end);
    if (first === undefined) continue;
    running.splice(running.indexOf(first), 1);
    now = first.end;
    const { name, seconds } = first.step;
    first.finish({ passed: !failing.includes(name), output: '', seconds, processorSeconds: seconds });
  }
  return { results: await work, starts, busiest, beside, seconds: now };
}

test('steps run side by side until the processors are busy', async () => {
  const { busiest, seconds, results } = await simulate(
    ['one', 'two', 'three', 'four'].map((name) => step(name, { seconds: 10 })),
    2,
  );
  assert.deepEqual([busiest, seconds, results.length], [2, 20, 4]);
});

test('steps that wait run beside those that compute', async () => {
  const waiting = ['a', 'b', 'c', 'd'].map((name) => step(name, { load: 0.25, seconds: 30 }));
  const { seconds, busiest } = await simulate([step('computes', { seconds: 30 }), ...waiting], 2);
  assert.deepEqual([seconds, busiest], [30, 2]);
});

test('the one that most waits for begins first, whatever it takes itself', async () => {
  const { starts } = await simulate(
    [step('long', { seconds: 20 }), step('short', { seconds: 2 }), step('after', { seconds: 30, needs: ['short'] })],
    1,
  );
  assert.deepEqual(starts, { short: 0, after: 2, long: 32 });
});

test('one that is larger than the machine runs, with nothing beside it that counts', async () => {
  const { beside, seconds } = await simulate(
    [step('large', { load: 4, seconds: 5 }), step('other', { seconds: 1 })],
    2,
  );
  assert.deepEqual([beside['large'], seconds], [0, 6]);
});

test('one that must be alone begins when all the others have ended', async () => {
  const { starts, beside } = await simulate(
    [step('alone', { alone: true, load: 0.1, seconds: 90 }), step('one', { load: 0.1 }), step('two', { load: 0.1 })],
    2,
  );
  assert.deepEqual([starts['alone'], beside['alone']], [1, 0]);
});

test('what needs a failed step is not run and has failed, by way of others too; the rest runs', async () => {
  const { results, starts } = await simulate(
    [step('build'), step('tests', { needs: ['build'] }), step('later', { needs: ['tests'] }), step('other')],
    2,
    ['build'],
  );
  assert.deepEqual(Object.fromEntries(results.map(({ step: { name }, passed }) => [name, passed])), {
    build: false,
    tests: false,
    later: false,
    other: true,
  });
  assert.deepEqual(Object.keys(starts).sort(), ['build', 'other']);
  assert.match(results.find(({ step: { name } }) => name === 'later')?.output ?? '', /not run/);
});

test('a plan that cannot work is refused before anything runs', async () => {
  for (const [steps, message] of [
    [[step('a', { needs: ['b'] })], /a needs "b", which is no step/],
    [[step('a', { needs: ['b'] }), step('b', { needs: ['a'] })], /needs itself/],
    [[step('a'), step('a')], /same name/],
    [[step('a', { needs: ['b'] }), step('b', { alone: true })], /runs alone/],
  ] as const)
    await assert.rejects(simulate(steps, 1), message);
});
