/**
 * `unknown`: it cannot be measured from here, and nobody asked for it. `unasked`: it was to be asked, and could not be: nothing is known,
 * so that it counts as little as a failure does.
 */
export type Verdict = 'pass' | 'fail' | 'warn' | 'unknown' | 'unasked';

/** One thing that was looked at. Holds no secret. */
export interface Check {
  /** Its section and its name: `database.encoding`. Programs go by it, so it stays. */
  id: string;
  title: string;
  verdict: Verdict;
  /** What was found, in a few words. */
  found: string;
  /** What to do, or null when there is nothing to do. */
  advice: string | null;
}

/** Makes the check of this name, with one of the verdicts. */
export function checkOf(id: string, title: string) {
  return {
    pass: (found: string): Check => ({ id, title, verdict: 'pass', found, advice: null }),
    warn: (found: string, advice: string): Check => ({ id, title, verdict: 'warn', found, advice }),
    fail: (found: string, advice: string): Check => ({ id, title, verdict: 'fail', found, advice }),
    unknown: (found: string, advice: string | null = null): Check => ({ id, title, verdict: 'unknown', found, advice }),
    unasked: (because: string, advice: string | null = null): Check => ({
      id,
      title,
      verdict: 'unasked',
      found: because.startsWith(notAsked) ? because : `${notAsked}${because}`,
      advice,
    }),
  };
}

const notAsked = 'not asked, because ';

/** What an attempt to find something out has come to. */
export type Finding<T> = { value: T } | { error: unknown };

/** Finds something out: whatever goes wrong is a finding, too, so that other checks go on. */
export async function attempt<T>(work: () => Promise<T>): Promise<Finding<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

/** The first line of an error, in words for people. */
export function describeError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message || code || error.name : String(error);
  return message.split('\n', 1)[0] ?? message;
}

/** `1 file`, `3 files` */
export function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

/** Bytes as people say them: `1.5 GB`. */
export function sayBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Is this a name or an address of this machine or of a private network, which the world cannot reach? */
export function isPrivateHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (isLoopback(name) || /\.(internal|local|lan|home\.arpa|flycast)$/.test(name)) return true;
  if (/^(10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\./.test(name)) return true;
  // Unique local and link-local addresses (RFC 4193, RFC 4291); a name without a dot is one of this network.
  return name.includes(':') ? /^(f[cd]|fe[89ab])/.test(name) : !name.includes('.');
}

/** Is this a name or an address of this machine, or a directory of sockets on it? */
export function isLoopback(host: string): boolean {
  return /^(\/.*|localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/i.test(host);
}
