import type { CurrentRequest } from './current-request.ts';
import type { Log } from './log.ts';
import type { AnsweredRequest, RequestObserver } from './request-observer.ts';
import { faultEvent, type Origin, type SentryEvent, sdk, transactionEvent } from './sentry-events.ts';

/** A fault of the program. */
export interface Fault {
  /** What was being done, in words that are always the same. */
  message: string;
  error?: unknown;
  request?: CurrentRequest | undefined;
  /** Did it end the process? */
  fatal?: boolean;
}

/** The way to Sentry. None of these waits for it, but for `flush`. */
export interface Sentry {
  report(fault: Fault): void;
  /** Records a share of the requests as transactions. */
  readonly requests: RequestObserver;
  /** Waits until what was reported has arrived, for so many milliseconds at the most. */
  flush(milliseconds: number): Promise<void>;
}

interface SentryOptions {
  /** `https://KEY@HOST/PROJECT`. */
  dsn: string;
  origin: Origin;
  /** The share of requests that are recorded, 0 to 1. */
  sampleRate: number;
  /** Where is said that Sentry cannot be reached. */
  log: Log;
}

/** How long Sentry may take for one event, in milliseconds. */
const deadline = 5000;

/** How many events may be under way: what comes while Sentry is slow must not fill the memory. */
const mostUnderWay = 30;

/** How many faults a minute are reported: when everything fails, the first ones tell it. As many transactions. */
const mostPerMinute = 60;

/** How many statements of a request are recorded. */
const mostStatements = 50;

/** What asks whether the server lives, not what it is for. */
const unrecorded = /^\/(?:health|version)(?:\/|$)/;

/** What Sentry counts, and limits, separately. */
type Category = 'error' | 'transaction';

/**
 * Speaks to Sentry by its envelopes (develop.sentry.dev, envelopes), without its SDK: that patches the runtime it finds, more than
 * doubles the packages we ship and takes 23 MB of memory (@sentry/bun 11.8), for one POST.
 */
export function openSentry({ dsn, origin, sampleRate, log }: SentryOptions): Sentry {
  const { address, key } = readDsn(dsn);
  const underWay = new Set<Promise<void>>();
  const limits = { error: new MinuteLimit(), transaction: new MinuteLimit() };
  const silentUntil = { error: 0, transaction: 0 };
  let reached = true;

  const post = async (category: Category, event: SentryEvent): Promise<void> => {
    const type = category === 'error' ? 'event' : 'transaction';
    const lines = [{ event_id: event.event_id, sent_at: new Date().toISOString(), sdk }, { type }, event];
    try {
      const response = await fetch(address, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-sentry-envelope',
          'x-sentry-auth': `Sentry sentry_version=7, sentry_client=${sdk.name}/${sdk.version}, sentry_key=${key}`,
        },
        body: lines.map((line) => JSON.stringify(line)).join('\n'),
        redirect: 'error',
        signal: AbortSignal.timeout(deadline),
      });
      await response.body?.cancel();
      const pauses = readPauses(response);
      for (const each of ['error', 'transaction'] as const) {
        const seconds = pauses[each];
        if (seconds > 0) silentUntil[each] = performance.now() + seconds * 1000;
      }
      if (!response.ok && response.status !== 429) throw new Error(`it answered ${response.status}`);
      if (!reached) log.info('Sentry takes reports again');
      reached = true;
    } catch (error) {
      // Once, and not with every event.
      if (reached) log.warn('Sentry cannot be reached: faults are in this log only', { error });
      reached = false;
    }
  };

  const send = (category: Category, event: () => SentryEvent): void => {
    const now = performance.now();
    if (now < silentUntil[category] || underWay.size >= mostUnderWay || !limits[category].takes(now)) return;
    const work = post(category, event());
    underWay.add(work);
    void work.finally(() => underWay.delete(work));
  };

  return {
    report: ({ message, error, request, fatal = false }) =>
      send('error', () => faultEvent(origin, { message, error, request, fatal })),
    requests: {
      begins(request) {
        if (sampleRate > 0 && Math.random() < sampleRate) request.statements = [];
      },
      ends(answered: AnsweredRequest) {
        const { statements, route } = answered.request;
        if (statements === undefined || route === undefined || unrecorded.test(route)) return;
        statements.splice(mostStatements);
        send('transaction', () => transactionEvent(origin, answered));
      },
    },
    async flush(milliseconds) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, milliseconds);
      });
      await Promise.race([Promise.all(underWay), late]);
      clearTimeout(timer);
    },
  };
}

class MinuteLimit {
  #began = Number.NEGATIVE_INFINITY;
  #count = 0;

  takes(now: number): boolean {
    if (now - this.#began >= 60_000) {
      this.#began = now;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count <= mostPerMinute;
  }
}

function readDsn(dsn: string): { address: string; key: string } {
  const url = new URL(dsn.trim());
  const path = url.pathname.split('/');
  const project = path.pop();
  return { address: `${url.origin}${path.join('/')}/api/${project}/envelope/`, key: url.username };
}

/** For how many seconds Sentry wants nothing of a kind (develop.sentry.dev, rate limiting). */
function readPauses({ status, headers }: Response): Record<Category, number> {
  const limits = headers.get('x-sentry-rate-limits');
  const pauses = { error: 0, transaction: 0 };
  if (limits === null) {
    const seconds = status === 429 ? Number(headers.get('retry-after') ?? 60) || 60 : 0;
    return { error: seconds, transaction: seconds };
  }
  for (const limit of limits.split(',')) {
    const [seconds = '', categories = ''] = limit.trim().split(':');
    for (const each of ['error', 'transaction'] as const)
      if (categories === '' || categories.split(';').includes(each))
        pauses[each] = Math.max(pauses[each], Number(seconds) || 60);
  }
  return pauses;
}
