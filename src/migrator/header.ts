import { closest } from '../config/spelling.ts';

/** What the first lines of a migration file say of it, and where its two parts are. */
export interface Header {
  /** One transaction for the whole file with its history row; false: its single statement refuses to run in one. */
  transactional: boolean;
  /** `expand`: the version of the program before this file works on, and may serve beside it. `contract`: it does not. */
  compat: Compatibility;
  /** How long one statement of the file may take, in seconds. */
  statementTimeoutSeconds: number;
  /** The part that is applied: offsets into the text. */
  up: Part;
  /** The part that undoes it, or null when nothing can. */
  down: Part | null;
  /** Whether the file says each of these things itself. */
  stated: { compat: boolean; down: boolean };
}

export type Compatibility = 'expand' | 'contract';

/** Number and name of `0001_what_it_does.sql`. */
export function parseFileName(file: string): { version: number; name: string } {
  const [, digits, name] = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(file) ?? [];
  if (digits === undefined || name === undefined)
    throw new Error(`migrations/${file}: a name looks like 0001_what_it_does.sql`);
  return { version: Number(digits), name };
}

interface Part {
  start: number;
  end: number;
}

const defaultStatementTimeoutSeconds = 3600;

const keys = ['transaction', 'compat', 'statement-timeout', 'down'];

/**
 * Reads the header: the comment lines `-- key: value` that the file begins with.
 *
 * ```
 * -- compat: expand              or contract
 * -- transaction: none           left out: one transaction for the file
 * -- statement-timeout: 30min    left out: 1h; units s, min, h
 * -- down: irreversible          or, behind the part that is applied, a line `-- down:` and the part that undoes it
 * ```
 *
 * What a file does not say is taken as what is careful: `contract` and irreversible. Throws with every mistake at once.
 */
export function parseHeader(file: string, sql: string): Header {
  const problems: string[] = [];
  const found = new Map<string, string>();
  for (const [index, line] of headerLines(sql).entries()) {
    const [, key = '', value = ''] = line;
    const place = `migrations/${file}:${index + 1}`;
    if (!keys.includes(key)) {
      const meant = closest(key, keys);
      problems.push(
        `${place}: unknown key "${key}"${meant ? `, did you mean ${meant}?` : `: expected ${keys.join(', ')}`}`,
      );
    } else if (found.has(key)) problems.push(`${place}: "${key}" is given twice`);
    else found.set(key, value);
  }
  const oneOf = (key: string, values: readonly string[]) => {
    const value = found.get(key);
    if (value !== undefined && !values.includes(value))
      problems.push(`migrations/${file}: ${key}: ${value || '(nothing)'}, expected ${values.join(' or ')}`);
    return value;
  };
  const transaction = oneOf('transaction', ['none']);
  const compat = oneOf('compat', ['expand', 'contract']);
  const irreversible = oneOf('down', ['irreversible']);
  const timeout = found.get('statement-timeout');
  const seconds = timeout === undefined ? defaultStatementTimeoutSeconds : parseDuration(timeout);
  if (seconds === undefined)
    problems.push(
      `migrations/${file}: statement-timeout: ${timeout}, expected a number and s, min or h, such as 30min`,
    );

  const marker = /^-- down:[ \t]*$/gm;
  const [first, second] = [...sql.matchAll(marker)];
  if (second) problems.push(`migrations/${file}: two lines "-- down:"`);
  if (first && irreversible) problems.push(`migrations/${file}: it has a down part and says that it is irreversible`);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return {
    transactional: transaction === undefined,
    compat: compat === 'expand' ? 'expand' : 'contract',
    statementTimeoutSeconds: seconds ?? defaultStatementTimeoutSeconds,
    up: { start: 0, end: first?.index ?? sql.length },
    down: first ? { start: first.index + first[0].length, end: sql.length } : null,
    stated: { compat: compat !== undefined, down: first !== undefined || irreversible !== undefined },
  };
}

/** The lines in front of the first one that is not `-- key: value`. */
function headerLines(sql: string): RegExpExecArray[] {
  const lines: RegExpExecArray[] = [];
  for (const line of sql.split('\n')) {
    const match = /^-- ([a-z-]+):(?: +(\S.*?))?\s*$/.exec(line);
    // `-- allow: RULE reason` belongs to the statement below it.
    if (!match || match[1] === 'allow') break;
    lines.push(match);
  }
  return lines;
}

function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^([1-9]\d{0,4})(s|min|h)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * (unit === 'h' ? 3600 : unit === 'min' ? 60 : 1);
}
