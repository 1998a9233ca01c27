import type { Peer } from '../platform/serve.ts';
import type { Work } from './work.ts';

/** What the way of a request needs to know about it, from the first byte to the line in the log. */
export interface RequestFacts {
  id: string;
  /** Without the query. */
  path: string;
  peer: Peer | undefined;
  /** The pattern that matched, `/entries/:entry_id`; undefined when none did. */
  route: string | undefined;
  /** When it came, on the clock of `performance.now()`. */
  began: number;
  /** Has the connection to the database broken under it, so that it is answered by another try? */
  interrupted: boolean;
  /** Path parameters as they were sent; validation replaces them by what they mean. */
  params: Record<string, string | undefined>;
  /** Starts the time that the request may take, in seconds. */
  startTime?: (seconds: number) => void;
  /** What is done for it, once it was let in. */
  work?: Work;
  /** Gives back its place among the expensive requests. */
  leave?: () => void;
}

const known = new WeakMap<Request, RequestFacts>();

/** A client may name its request, so that its log and ours can be joined; anything odd is replaced, not trusted. */
const acceptableId = /^[\w\-=.:]{1,128}$/;

/** The facts of this request, made at the first call. */
export function factsOf(request: Request): RequestFacts {
  const existing = known.get(request);
  if (existing) return existing;
  const offered = request.headers.get('x-request-id');
  const facts: RequestFacts = {
    id: offered !== null && acceptableId.test(offered) ? offered : crypto.randomUUID(),
    path: new URL(request.url).pathname,
    peer: undefined,
    route: undefined,
    began: performance.now(),
    interrupted: false,
    params: {},
  };
  known.set(request, facts);
  return facts;
}
