import { foldWhitespace, trimEnd } from './whitespace.ts';

/** Lengths, in code points, of the texts that the API shortens. */
export const ANALYSIS_SUMMARY_LENGTH = 160;
export const PROFILE_SUMMARY_LENGTH = 220;
export const CITATION_LENGTH = 120;
const PREVIEW_LENGTH = 100;

/** The first `count` code points of `text`: never half of a surrogate pair. */
export function firstCodePoints(text: string, count: number): string {
  if (text.length <= count) return text;
  let end = 0;
  for (let taken = 0; taken < count && end < text.length; taken += 1) {
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}

/**
 * `text` on one line, in at most `length` code points: whitespace folded, and when it is too long, cut one short,
 * trimmed, and ended with `…`.
 */
export function excerpt(text: string, length: number): string {
  const folded = foldWhitespace(text);
  if (firstCodePoints(folded, length) === folded) return folded;
  return `${trimEnd(firstCodePoints(folded, length - 1))}…`;
}

/** The start of a sighting's text as lists of places show it: 100 code points as they are, and three dots when cut. */
export function previewOf(text: string): string {
  const start = firstCodePoints(text, PREVIEW_LENGTH);
  return start === text ? text : `${start}...`;
}
