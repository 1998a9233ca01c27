import { keywords } from '../analysis/tokens.ts';

/** How many pairs and shared words the mean similarities of one answer may cost: about 0.2 s. */
export const SIMILARITY_STEPS = 50_000_000;
/** Splitting a byte of text into words takes about as long as this many of those steps. */
const STEPS_PER_BYTE = 10;

/** The most text of one group that is split into words, in bytes. Its words, all different, take some twenty times as much memory. */
const LONGEST_TEXT = 1_000_000;

const pairsOf = (count: number) => (count * (count - 1)) / 2;

const sumOf = (sizes: readonly number[]) => sizes.reduce((sum, size) => sum + size, 0);

/** What the mean similarity of texts of these sizes (bytes) costs, in steps, shared words left out. */
export function similarityCost(sizes: readonly number[]): number {
  return 1 + pairsOf(sizes.length) + STEPS_PER_BYTE * sumOf(sizes);
}

/** Every n-th item, with n the next whole number from `excess` up: all of them when nothing is in excess. At least two. */
function thinOut<Item>(items: readonly Item[], excess: number): readonly Item[] {
  const stride = Math.max(1, Math.ceil(excess));
  const kept = stride === 1 ? items : items.filter((_, position) => position % stride === 0);
  return kept.length < 2 ? items.slice(0, 2) : kept;
}

/**
 * The texts whose similarity stands for that of all, for so many steps: all of them where that is affordable. `sizeOf` in bytes.
 *
 * Pairs grow with the square. Where they are more than the steps (some 4500 ordinary notes within one cluster radius, as when
 * a city is all that is known of the address), every n-th text stands for all, evenly over the group.
 */
export function textsToCompare<Text>(
  texts: readonly Text[],
  sizeOf: (text: Text) => number,
  steps = SIMILARITY_STEPS,
): readonly Text[] {
  const bytes = sumOf(texts.map(sizeOf));
  const excess = Math.max(
    Math.sqrt(pairsOf(texts.length) / steps),
    (STEPS_PER_BYTE * bytes) / steps,
    bytes / LONGEST_TEXT,
  );
  return thinOut(texts, excess);
}

/** Gives each different keyword of a group's texts a number, from 0 up: numbers take far less memory than words. */
export class KeywordNumbers {
  readonly #numbers = new Map<string, number>();

  get count(): number {
    return this.#numbers.size;
  }

  /** The distinct keywords of a text. */
  of(text: string): Uint32Array {
    return Uint32Array.from(keywords(text), (word) => {
      const known = this.#numbers.get(word) ?? this.#numbers.size;
      this.#numbers.set(word, known);
      return known;
    });
  }
}

/** For every keyword the positions of the sets that have it, ascending: those of word w are at `starts[w]` up to `starts[w + 1]`. */
function indexSets(sets: readonly Uint32Array[], wordCount: number) {
  const starts = new Uint32Array(wordCount + 1);
  for (const words of sets) for (const word of words) starts[word + 1] = (starts[word + 1] ?? 0) + 1;
  for (let word = 0; word < wordCount; word += 1) starts[word + 1] = (starts[word + 1] ?? 0) + (starts[word] ?? 0);
  const positions = new Uint32Array(starts[wordCount] ?? 0);
  const next = starts.slice();
  for (const [position, words] of sets.entries()) {
    for (const word of words) {
      const place = next[word] ?? 0;
      positions[place] = position;
      next[word] = place + 1;
    }
  }
  return { starts, positions };
}

/**
 * Mean Jaccard index of the keywords over all pairs of texts, 0 to 1; 0 for fewer than two texts. Exact, to the last bit
 * what comparing set with set in two nested loops gives, as long as the words that are shared cost at most `steps` steps: above that,
 * every n-th text stands for all. A step of the generator is one text.
 */
export function* meanSimilarity(
  sets: readonly Uint32Array[],
  wordCount: number,
  steps = SIMILARITY_STEPS,
): Generator<void, number> {
  const { starts } = indexSets(sets, wordCount);
  let shared = 0;
  for (let word = 0; word < wordCount; word += 1) shared += pairsOf((starts[word + 1] ?? 0) - (starts[word] ?? 0));
  return yield* meanJaccard(thinOut(sets, Math.sqrt(shared / steps)), wordCount);
}

/** Shared words are counted through an index of who has which word: the most part of most pairs is never looked at. */
function* meanJaccard(sets: readonly Uint32Array[], wordCount: number): Generator<void, number> {
  const count = sets.length;
  if (count < 2) return 0;
  const { starts, positions } = indexSets(sets, wordCount);
  const shared = new Uint32Array(count);
  /** For every keyword how many texts up to and including the present one have it: they have been paired. */
  const passed = new Uint32Array(wordCount);
  let sum = 0;
  for (const [a, words] of sets.entries()) {
    yield;
    for (const word of words) {
      const next = (passed[word] ?? 0) + 1;
      passed[word] = next;
      const end = starts[word + 1] ?? 0;
      for (let place = (starts[word] ?? 0) + next; place < end; place += 1) {
        const b = positions[place] ?? 0;
        shared[b] = (shared[b] ?? 0) + 1;
      }
    }
    for (let b = a + 1; b < count; b += 1) {
      const both = shared[b] ?? 0;
      if (both === 0) continue;
      sum += both / (words.length + (sets[b]?.length ?? 0) - both);
      shared[b] = 0;
    }
  }
  return sum / pairsOf(count);
}
