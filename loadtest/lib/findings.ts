// What is found wrong is said at once in the log of k6, and again in the report.
import { check, group } from 'k6';
import { type Answer, fieldsOf, headerOf } from './api.ts';
import { describeFailure, type FailedCheck, noteOfCause, noteOfFailure } from './summary/notes.ts';

/** The checks that failed in this virtual user. One failure of each is told: a server that is down fails all of thousands. */
const told = new Set<string>();

/** Checks what is claimed of an answer, and tells which request made a claim false. True when every claim is. */
export function checkAnswer(answer: Answer, claims: Record<string, (answer: Answer) => boolean>): boolean {
  return Object.entries(claims)
    .map(([name, claim]) => {
      const holds = check(answer, { [name]: claim });
      if (!holds && !told.has(name)) tellFailure(failedCheck(name, answer));
      return holds;
    })
    .every((holds) => holds);
}

/** Says why the run can only fail: the first line of its report. */
export function tellCause(cause: string): void {
  console.error(cause);
  group(noteOfCause(cause), () => {});
}

function tellFailure(failure: FailedCheck): void {
  told.add(failure.check);
  console.error(`failed: ${describeFailure(failure)}`);
  group(noteOfFailure(failure), () => {});
}

function failedCheck(name: string, answer: Answer): FailedCheck {
  const { method, url } = answer.request;
  const code = fieldsOf(answer)['code'];
  return {
    check: name,
    method,
    path: url.replace(/^\w+:\/\/[^/]+/, ''),
    status: answer.status,
    code: typeof code === 'string' ? code : '',
    requestId: headerOf(answer, 'X-Request-Id'),
    error: answer.error,
  };
}
