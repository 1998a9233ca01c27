// No word boundary on purpose: `3cats` gives `cats`. Lower-casing comes first, so that the Kelvin sign (U+212A) counts as
// `k` and U+0130 as `i`; these two are the only characters whose lower case brings ASCII letters in, in Python and here.
const KEYWORD = /[a-z][a-z0-9_-]{2,}/g;

/** Scripts without spaces between words: what stands between two spaces there is a sentence. */
const UNSPACED = ['Han', 'Hiragana', 'Katakana', 'Thai', 'Lao', 'Khmer', 'Myanmar', 'Tibetan'];
const LETTER = `[\\p{L}--[${UNSPACED.map((script) => `\\p{scx=${script}}`).join('')}]]`;

/** The same shape with the letters, marks and digits of all scripts that put spaces between words. */
const WORD = new RegExp(`${LETTER}[${LETTER}\\p{M}\\p{N}_\\-]{2,}`, 'gv');

const STOPWORDS = new Set(
  (
    'the a an and or but if then so to of in on for with is are was were be been it this that i you we they my at as by ' +
    'from into about over after before again'
  ).split(' '),
);

/** What matches in `text`, in order, lower case, stopwords left out. */
function wordsOf(text: string, shape: RegExp): string[] {
  const found = text.toLowerCase().match(shape);
  return found === null ? [] : found.filter((word) => !STOPWORDS.has(word));
}

/**
 * The distinct words of `text` that matching compares: of ASCII letters, so that scores stay the ones that clients of the first server
 * know. Whitespace needs no folding: no word reaches over it.
 */
export function keywords(text: string): Set<string> {
  return new Set(wordsOf(text, KEYWORD));
}

/** The `count` most frequent words of `text`, most frequent first, ties in order of first appearance. */
export function topTags(text: string, count: number): string[] {
  const tags = new TagCount();
  tags.add(text);
  return tags.top(count);
}

/** How many different words are counted, and how many characters they may have together: some ten megabytes. */
const MOST_WORDS = 50_000;
const MOST_CHARACTERS = 1_000_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Counts the words that people read as tags, over any number of texts. They are words of any script, whole: a note in German has
 * `weiße` and not `wei`. Words that come up for the first time when there are `MOST_WORDS` others are not counted.
 */
export class TagCount {
  readonly #frequencies = new Map<string, number>();
  #characters = 0;

  add(text: string): void {
    // Composed, so that one word has one spelling.
    for (const word of wordsOf(text.normalize('NFC'), WORD)) {
      const known = this.#frequencies.get(word);
      if (known !== undefined) this.#frequencies.set(word, known + 1);
      else if (this.#frequencies.size < MOST_WORDS && this.#characters + word.length <= MOST_CHARACTERS) {
        this.#characters += word.length;
        // A copy: a part of a text keeps the whole text in memory.
        this.#frequencies.set(decoder.decode(encoder.encode(word)), 1);
      }
    }
  }

  /** The `count` most frequent words so far, most frequent first, ties in order of first appearance. */
  top(count: number): string[] {
    const best: { word: string; frequency: number }[] = [];
    // Not by sorting all: of fifty thousand words that would take a tenth of a second.
    for (const [word, frequency] of this.#frequencies) {
      const place = best.findLastIndex((each) => each.frequency >= frequency) + 1;
      if (place >= count) continue;
      best.splice(place, 0, { word, frequency });
      if (best.length > count) best.pop();
    }
    return best.map(({ word }) => word);
  }
}
