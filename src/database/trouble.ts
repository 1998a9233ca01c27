import { isEmbeddedStopped } from './embedded-failure.ts';
import { codeOf, damagedStates, isRefusal, isTlsFailure } from './errors.ts';

/** A question that was not answered in time. */
export class SilentError extends Error {
  override readonly name = 'SilentError';
}

/** What went wrong, by code. Whom a health check tells is not told addresses, names of roles or the words of the server. */
const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection: nothing listens there',
  ECONNRESET: 'broke the connection off',
  EPIPE: 'broke the connection off',
  CONNECTION_CLOSED: 'broke the connection off',
  ENOTFOUND: 'its host has no address',
  EAI_AGAIN: 'the name service does not answer for its host',
  EHOSTUNREACH: 'there is no way to its host',
  ENETUNREACH: 'there is no way to its host',
  ETIMEDOUT: 'did not answer in time',
  CONNECT_TIMEOUT: 'did not take the connection in time',
  QUERY_TIMEOUT: 'did not answer in time',
  QUEUE_TIMEOUT: 'every connection of the pool is in use',
  NO_SUITABLE_HOST: 'no host of the list is of the kind that is asked for',
  EMFILE: 'this server has no file descriptor left',
  ENFILE: 'this machine has no file descriptor left',
  '28P01': 'refuses the password',
  '28000': 'refuses the user',
  '3D000': 'does not exist',
  '3F000': 'has no schema for this server',
  '42P01': 'lacks a table, or lets this server not use the schema',
  '42501': 'refuses what this server needs: a privilege is missing',
  '53300': 'has no connection free',
  '57P01': 'ended the connection',
  '57P02': 'has crashed',
  '57P03': 'is starting or stopping',
  '57014': 'did not answer in time',
};

/** What an error says of the database, in a few words that are safe to show. */
export function describeTrouble(error: unknown): string {
  if (isEmbeddedStopped(error)) return 'has stopped: this server ends';
  if (error instanceof SilentError) return error.message;
  const code = codeOf(error);
  const known = code === undefined ? undefined : words[code];
  const state = code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? ` (${code})` : '';
  if (known !== undefined) return known + state;
  if (code !== undefined && damagedStates.test(code)) return `is damaged${state}`;
  if (isTlsFailure(error)) return 'its certificate or its TLS is not accepted';
  if (isRefusal(error)) return `refuses this server${state}`;
  return `failed${state}`;
}

/** While it lasts, the same trouble is written down again after so long, in milliseconds. */
const sayAgain = 60_000;

/** What is wrong with the database, as far as this process has noticed: so that it is written down when it changes, and not at each request. */
export class DatabaseTrouble {
  /** When each was written down last. There are as many as there are descriptions above. */
  readonly #said = new Map<string, number>();
  #damaged = false;

  /** Has this not been written down in the last minute? `now` is on a clock in milliseconds that does not jump. */
  isNews(error: unknown, now: number): boolean {
    const description = describeTrouble(error);
    const last = this.#said.get(description);
    if (last !== undefined && now - last < sayAgain) return false;
    this.#said.set(description, now);
    return true;
  }

  /** Was there any until now? */
  endTrouble(): boolean {
    const ended = this.#said.size > 0;
    this.#said.clear();
    return ended;
  }

  /** Has a statement met damage? That does not heal while a process runs: whoever repairs it starts anew. */
  get damaged(): boolean {
    return this.#damaged;
  }

  noteDamage(): void {
    this.#damaged = true;
  }
}
