// What a script tells its report. k6 hands nothing from the iterations to handleSummary but metrics, checks and groups (grafana/k6#1768), so
// a note is the name of an empty group. No k6 module is imported, so that this can be tested without k6.

/** A check that was false, and the answer that it looked at. */
export interface FailedCheck {
  check: string;
  method: string;
  /** With the query, without the server. */
  path: string;
  /** 0 when none came. */
  status: number;
  /** Of the error, where it is one of CatAtlas; else empty. */
  code: string;
  requestId: string;
  /** Why no answer came, in the words of k6; else empty. */
  error: string;
}

export interface Notes {
  /** Why the run could only fail, the first reason first. */
  causes: string[];
  failures: FailedCheck[];
}

interface Group {
  name: string;
  groups: readonly Group[];
}

/** The names of groups may not hold `::`, which is in addresses. */
const causePrefix = 'note: cause ';
const failurePrefix = 'note: failure ';

/** The name of the group that notes a cause. */
export const noteOfCause = (cause: string): string => causePrefix + encodeURIComponent(cause);

/** The name of the group that notes a failed check. */
export const noteOfFailure = (failure: FailedCheck): string =>
  failurePrefix + encodeURIComponent(JSON.stringify(failure));

/** The notes among the groups of a run. */
export function readNotes(root: Group): Notes {
  const notes: Notes = { causes: [], failures: [] };
  const visit = ({ name, groups }: Group): void => {
    if (name.startsWith(causePrefix)) notes.causes.push(decodeURIComponent(name.slice(causePrefix.length)));
    if (name.startsWith(failurePrefix))
      notes.failures.push(JSON.parse(decodeURIComponent(name.slice(failurePrefix.length))) as FailedCheck);
    for (const group of groups) visit(group);
  };
  visit(root);
  return notes;
}

/** The failure in one line: the request, what came of it, and how to find it in the log of the server. */
export function describeFailure({ check, method, path, status, code, requestId, error }: FailedCheck): string {
  const outcome = status === 0 ? `no answer: ${error}` : [status, code].filter((part) => part !== '').join(' ');
  return `${check}: ${method} ${path}: ${outcome}${requestId && `, request ${requestId}`}`;
}
