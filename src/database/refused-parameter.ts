import { sqlStateOf } from './errors.ts';

/** Unknown, with a wrong value, with an impossible name, not to be set by clients. */
const states = /^(?:42704|22023|42602|55P02)$/;

/**
 * The parameter of the address for which a connection was refused; empty when the server does not name it, undefined for any
 * other error. Its value is left out: the server quotes it.
 */
export function refusedParameterOf(error: unknown): string | undefined {
  const state = sqlStateOf(error);
  if (state === undefined) return undefined;
  const { message, severity } = error as Error & { severity?: string };
  // PgBouncer and its like.
  if (state === '08P01') return /unsupported startup parameter(?: in options)?: "?([\w.]+)/.exec(message)?.[1];
  // That of a statement is no FATAL one.
  if (severity !== 'FATAL') return undefined;
  if (state === '42501') return /permission denied to set parameter "([\w.]+)"/.exec(message)?.[1];
  if (state === '42601') return 'options';
  if (!states.test(state)) return undefined;
  // In whatever language the server speaks, and with its quotation marks.
  return /["«»„“]\s?([\w.]+)\s?["«»“”]/u.exec(message)?.[1] ?? '';
}

/** What is wrong with the address, and what to do about it. */
export function explainRefusedParameter(parameter: string): { problem: string; advice: string } {
  const named = parameter === '' ? 'a parameter' : `the parameter ${parameter}`;
  return {
    problem: `the server refuses ${named} of the connection`,
    advice: 'correct it in DATABASE_URL (or the address that was used), behind the question mark, or take it out there',
  };
}
