// No word boundary on purpose: `3cats` gives `cats`. Lower-casing comes first, so that the Kelvin sign (U+212A) counts as
// `k` and U+0130 as `i`; these two are the only characters whose lower case brings ASCII letters in, in Python and here.
const TOKEN = /[a-z][a-z0-9_-]{2,}/g;

const STOPWORDS = new Set(
  (
    'the a an and or but if then so to of in on for with is are was were be been it this that i you we they my at as by ' +
    'from into about over after before again'
  ).split(' '),
);

/** The words of `text` in order, lower case, at least three characters, stopwords left out. */
function tokensOf(text: string): string[] {
  const found = text.toLowerCase().match(TOKEN);
  return found === null ? [] : found.filter((token) => !STOPWORDS.has(token));
}

/** The distinct words of `text` that matching compares. Whitespace needs no folding: no token reaches over it. */
export function keywords(text: string): Set<string> {
  return new Set(tokensOf(text));
}

/** The `count` most frequent words of `text`, most frequent first, ties in order of first appearance. */
export function topTags(text: string, count: number): string[] {
  const frequencies = new Map<string, number>();
  for (const token of tokensOf(text)) frequencies.set(token, (frequencies.get(token) ?? 0) + 1);
  return [...frequencies]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([token]) => token);
}
