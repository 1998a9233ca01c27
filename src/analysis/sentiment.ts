export type Sentiment = 'positive' | 'neutral' | 'negative';
export type Temperament = 'friendly' | 'defensive / cautious' | 'unknown / neutral';

const WORD = /[a-z']+/g;
const POSITIVE = ['good', 'great', 'nice', 'love', 'fun', 'happy', 'win', 'success', 'worked', 'improved'];
const NEGATIVE = ['bad', 'hard', 'confusing', 'stuck', 'fail', 'error', 'issue', 'frustrating', 'broken'];
const KNOWN = new Set([...POSITIVE, ...NEGATIVE]);
const TEMPERAMENTS: Record<Sentiment, Temperament> = {
  positive: 'friendly',
  negative: 'defensive / cautious',
  neutral: 'unknown / neutral',
};

/**
 * Whether distinct positive or distinct negative words are more. A word with an apostrophe is one word: `good's` is not
 * `good`. The lists are those of the first server; clients compare their results with its results.
 */
export function sentimentOf(text: string): Sentiment {
  const mood = new Mood();
  mood.add(text);
  return mood.sentiment;
}

/** The temperament that insights show for the sentiment of the cat's texts. */
export function temperamentOf(text: string): Temperament {
  return TEMPERAMENTS[sentimentOf(text)];
}

/** The sentiment of any number of texts together. */
export class Mood {
  readonly #present = new Set<string>();

  add(text: string): void {
    for (const word of text.toLowerCase().match(WORD) ?? []) if (KNOWN.has(word)) this.#present.add(word);
  }

  get sentiment(): Sentiment {
    const present = (word: string) => this.#present.has(word);
    const balance = POSITIVE.filter(present).length - NEGATIVE.filter(present).length;
    if (balance > 0) return 'positive';
    return balance < 0 ? 'negative' : 'neutral';
  }

  get temperament(): Temperament {
    return TEMPERAMENTS[this.sentiment];
  }
}
