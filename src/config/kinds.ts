import { isIP } from 'node:net';
import { resolve } from 'node:path';
import * as z from 'zod';
import { closest } from './spelling.ts';

/** What is wrong with a text and what to write in its place. Shown to people: neither may repeat a secret. */
export interface Wrong {
  problem: string;
  fix: string;
}

export type Reading<T> = { value: T } | { wrong: readonly Wrong[] };

/** A kind of setting: reads the text of an environment variable as a value. */
export interface Kind<T> {
  /** In words, for help and documentation: `whole number from 1 to 100`. */
  readonly type: string;
  readonly schema: z.ZodType<T, string>;
}

/** Makes a kind. Every fault found becomes an issue of the schema, its remedy in `params.fix`. */
export function kindOf<T>(type: string, read: (text: string) => Reading<T>): Kind<T> {
  const schema = () =>
    z.string().transform((text, context): T => {
      const reading = read(text);
      if ('value' in reading) return reading.value;
      for (const { problem, fix } of reading.wrong)
        context.issues.push({ code: 'custom', message: problem, params: { fix }, input: undefined });
      return z.NEVER;
    }) as unknown as z.ZodType<T, string>;
  // Built when read: most settings are left as they are, and every schema that is made slows the start.
  return {
    type,
    get schema() {
      return schema();
    },
  };
}

/** Reads a text as a kind; like the schema, but with the remedies beside the problems. */
export function readAs<T>(kind: Kind<T>, text: string): Reading<T> {
  const result = kind.schema.safeParse(text);
  if (result.success) return { value: result.data };
  return {
    wrong: result.error.issues.map((issue) => ({
      problem: issue.message,
      fix: issue.code === 'custom' ? String(issue.params?.['fix']) : `Set it to a ${kind.type}.`,
    })),
  };
}

/** One fault. */
export function wrong(problem: string, fix: string): { wrong: readonly Wrong[] } {
  return { wrong: [{ problem, fix }] };
}

/** A value as it may be shown in a message: quoted, control characters escaped, at most 60 characters of it. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** A line of text without control characters. */
export function line(longest: number): Kind<string> {
  return kindOf(`text of at most ${longest} characters`, (text) => {
    const value = text.trim();
    const fix = `Set it to a line of at most ${longest} characters.`;
    if (value === '') return wrong('is only white space', fix);
    if (value.length > longest) return wrong(`is ${value.length} characters long`, fix);
    if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value)) return wrong('has line breaks or control characters', fix);
    if (/^(["']).*\1$/.test(value))
      return wrong(
        `starts and ends with a quote: ${quote(value)}`,
        'Remove the quotes: what reads the file here takes them as part of the value.',
      );
    return { value };
  });
}

/** A text that is kept as it is, such as a key. */
export const opaque: Kind<string> = kindOf('text', (value) => ({ value }));

/** A whole number in decimal digits. Both limits are included. */
export function wholeNumber(least: number, most: number, unit = ''): Kind<number> {
  const type = `whole number from ${least} to ${most}`;
  return kindOf(unit === '' ? type : `${type} (${unit})`, (text) => {
    const value = /^(0|[1-9]\d*)$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return { value };
    return wrong(`${quote(text)} is not a ${type}`, `${explainServiceLink(text)}Set it to a ${type}, in digits only.`);
  });
}

/** Why there may be an address where nobody has written one. */
function explainServiceLink(text: string): string {
  return /^(tcp|udp|sctp):\/\//.test(text.trim())
    ? 'Kubernetes sets variables of this form for each Service: write enableServiceLinks: false into the pod. '
    : '';
}

/** A part of the whole, as a number: 0.1 is a tenth. */
export const share: Kind<number> = kindOf('number from 0 to 1', (text) => {
  const value = /^\d*\.?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (value >= 0 && value <= 1) return { value };
  return wrong(
    `${quote(text)} is not a number from 0 to 1`,
    `${explainServiceLink(text)}Set it to a number such as 0.1, or 0 for none and 1 for all.`,
  );
});

const truths = ['true', '1', 'yes', 'on'];
const untruths = ['false', '0', 'no', 'off'];

/** True or false, in the eight usual spellings. Anything else is wrong: in JavaScript the text `False` is truthy. */
export const trueOrFalse: Kind<boolean> = kindOf('true or false', (text) => {
  const word = text.trim().toLowerCase();
  if (truths.includes(word)) return { value: true };
  if (untruths.includes(word)) return { value: false };
  return wrong(
    `${quote(text)} is neither true nor false`,
    'Set it to true or false (1, yes, on and 0, no, off are accepted too, in any case).',
  );
});

/** One of a few words, in any case. `synonyms` are accepted and not advertised. */
export function oneOf<const W extends string>(words: readonly W[], synonyms: Record<string, W> = {}): Kind<W> {
  const type = `one of ${words.join(', ')}`;
  return kindOf(type, (text) => {
    const typed = text.trim().toLowerCase();
    const value =
      words.find((word) => word.toLowerCase() === typed) ??
      (Object.hasOwn(synonyms, typed) ? synonyms[typed] : undefined);
    if (value !== undefined) return { value };
    const meant = closest(typed, words);
    return wrong(
      `${quote(text)} is not ${type}`,
      meant === undefined ? `Set it to ${type}.` : `Did you mean ${meant}? It must be ${type}.`,
    );
  });
}

const hostName = /^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?$/i;

/** The address to listen on: an IP address or a host name, without port or scheme. */
export const listenAddress: Kind<string> = kindOf('IP address or host name', (text) => {
  const value = text.trim();
  const examples = 'such as 127.0.0.1 (this machine only), 0.0.0.0 (every IPv4 address) or :: (every address)';
  if (value === '*') return wrong('"*" is not an address', 'To listen on every address, set it to :: or 0.0.0.0.');
  const bracketed = /^\[(.+)\]$/.exec(value)?.[1];
  if (bracketed !== undefined && isIP(bracketed) === 6)
    return wrong(`${quote(value)} has brackets`, `Write it without them: ${bracketed}`);
  const withPort = /^(.+):(\d{1,5})$/.exec(value);
  if (isIP(value) === 0 && (value.includes('://') || withPort))
    return wrong(
      `${quote(value)} is more than an address`,
      `Set it to the address alone, ${examples}; the port is PORT.`,
    );
  // Digits and dots that are no IP address are a mistyped one, not a name.
  if (isIP(value) !== 0 || (hostName.test(value) && !/^[\d.]+$/.test(value))) return { value };
  return wrong(`${quote(text)} is not an address`, `Set it to an address of this machine, ${examples}.`);
});

/** The code of a region, as Fly.io writes it. It is sent in a header, so it has to be nothing more than that. */
export const regionCode: Kind<string> = kindOf('code of a region', (text) => {
  const value = text.trim();
  if (/^[a-z0-9]{2,10}$/.test(value)) return { value };
  return wrong(`${quote(text)} is not the code of a region`, 'Set it to a code such as iad: small letters and digits.');
});

/** A directory. A relative one starts at the directory in which the program is started. */
export const directory: Kind<string> = kindOf('path of a directory', (text) => {
  if (text.trim() === '') return wrong('is only white space', 'Set it to the full path of a directory.');
  if (/^~|^\$|\$\{|^%\w+%/.test(text))
    return wrong(
      `${quote(text)} holds something that only a shell replaces`,
      'Write the full path, with the home directory spelled out.',
    );
  return { value: resolve(text) };
});

/** Where Sentry takes reports: `https://key@host/project`. The key is a secret, so no message repeats any of it. */
export const sentryDsn: Kind<string> = kindOf('DSN of a Sentry project', (text) => {
  const value = text.trim();
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const fix = 'Copy the DSN from the settings of the project in Sentry (https://KEY@HOST/NUMBER), or leave it out.';
  if (url === undefined || !/^https?:$/.test(url.protocol)) return wrong('is not an http or https address', fix);
  if (url.username === '') return wrong('has no key in front of the host', fix);
  if (!/\/\d+$/.test(url.pathname)) return wrong('does not end with the number of a project', fix);
  return { value };
});
