/** A command that ends well or not. */
export interface Step {
  /** The only step of this name. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** The names of steps that have to end well before this one begins. */
  readonly needs?: readonly string[];
  /** How long it takes, in seconds, roughly. */
  readonly seconds: number;
  /** How many processors it keeps busy meanwhile: 1 for one that computes, less for one that waits. */
  readonly load: number;
  /** Nothing runs beside it. Begins when all the others have ended. */
  readonly alone?: boolean;
}

/** How a command ended, and what it cost. */
export interface Outcome {
  readonly passed: boolean;
  readonly output: string;
  readonly seconds: number;
  readonly processorSeconds: number;
}

export interface Result extends Outcome {
  readonly step: Step;
}

interface Conditions {
  /** How many processors there are: the loads of steps that run side by side come to no more. */
  processors: number;
  run(step: Step): Promise<Outcome>;
  began(step: Step): void;
  ended(result: Result): void;
}

/**
 * Runs every step once, side by side as far as the processors go, the one first that most waits for. A step is not run when one that
 * it needs has failed: then it has failed too. Throws when a step needs one that there is not, or, by way of others, itself.
 */
export async function runSteps(
  steps: readonly Step[],
  { processors, run, began, ended }: Conditions,
): Promise<Result[]> {
  const urgency = urgencies(steps);
  const waiting = steps.toSorted(
    (one, other) =>
      Number(one.alone ?? false) - Number(other.alone ?? false) ||
      (urgency.get(other.name) ?? 0) - (urgency.get(one.name) ?? 0),
  );
  const running = new Map<Step, Promise<void>>();
  const results: Result[] = [];
  const settle = (result: Result) => {
    results.push(result);
    ended(result);
  };
  const fits = (step: Step) => {
    if (running.size === 0) return true;
    if (step.alone || [...running.keys()].some((other) => other.alone)) return false;
    const busy = [...running.keys()].reduce((sum, { load }) => sum + load, 0);
    return busy + step.load <= processors + 1e-9;
  };
  const begin = (step: Step) => {
    waiting.splice(waiting.indexOf(step), 1);
    began(step);
    running.set(
      step,
      run(step).then((outcome) => {
        running.delete(step);
        settle({ step, ...outcome });
      }),
    );
  };
  while (waiting.length > 0 || running.size > 0) {
    for (const step of failedBefore(waiting, results)) {
      waiting.splice(waiting.indexOf(step), 1);
      settle({ step, passed: false, output: 'not run: what it needs has failed', seconds: 0, processorSeconds: 0 });
    }
    const passed = new Set(results.filter((result) => result.passed).map((result) => result.step.name));
    // Alone is last: until everything else has ended, none of them begins.
    const next = waiting.find(
      (step) =>
        (step.needs ?? []).every((name) => passed.has(name)) &&
        fits(step) &&
        (!step.alone || waiting.every((other) => other.alone)),
    );
    if (next) begin(next);
    else if (running.size > 0) await Promise.race(running.values());
  }
  return results;
}

/** The steps that need, directly or by way of others, one that has failed. */
function failedBefore(waiting: readonly Step[], results: readonly Result[]): Step[] {
  const failed = new Set(results.filter(({ passed }) => !passed).map(({ step }) => step.name));
  const doomed: Step[] = [];
  for (;;) {
    const more = waiting.filter(
      (step) => !doomed.includes(step) && (step.needs ?? []).some((name) => failed.has(name)),
    );
    if (more.length === 0) return doomed;
    doomed.push(...more);
    for (const { name } of more) failed.add(name);
  }
}

/** How many seconds pass from the beginning of each step to the end of the last one that waits for it. */
function urgencies(steps: readonly Step[]): Map<string, number> {
  const byName = new Map(steps.map((step) => [step.name, step]));
  if (byName.size !== steps.length) throw new Error('two steps have the same name');
  const dependents = new Map<string, Step[]>();
  for (const step of steps)
    for (const name of step.needs ?? []) {
      const needed = byName.get(name);
      if (needed === undefined) throw new Error(`${step.name} needs "${name}", which is no step`);
      if (needed.alone && !step.alone) throw new Error(`${step.name} needs "${name}", which runs alone, after it`);
      dependents.set(name, [...(dependents.get(name) ?? []), step]);
    }
  const known = new Map<string, number>();
  const urgencyOf = (step: Step, trail: readonly string[]): number => {
    if (trail.includes(step.name)) throw new Error(`${step.name} needs itself: ${[...trail, step.name].join(', ')}`);
    const before = known.get(step.name);
    if (before !== undefined) return before;
    const rest = (dependents.get(step.name) ?? []).map((one) => urgencyOf(one, [...trail, step.name]));
    const urgency = step.seconds + Math.max(0, ...rest);
    known.set(step.name, urgency);
    return urgency;
  };
  for (const step of steps) urgencyOf(step, []);
  return known;
}
