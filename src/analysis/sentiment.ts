export type Sentiment = 'positive' | 'neutral' | 'negative';
export type Temperament = 'friendly' | 'defensive / cautious' | 'unknown / neutral';

const WORD = /[a-z']+/g;
const POSITIVE = ['good', 'great', 'nice', 'love', 'fun', 'happy', 'win', 'success', 'worked', 'improved'];
const NEGATIVE = ['bad', 'hard', 'confusing', 'stuck', 'fail', 'error', 'issue', 'frustrating', 'broken'];
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
  const words = new Set(text.toLowerCase().match(WORD));
  const present = (word: string) => words.has(word);
  const balance = POSITIVE.filter(present).length - NEGATIVE.filter(present).length;
  if (balance > 0) return 'positive';
  return balance < 0 ? 'negative' : 'neutral';
}

/** The temperament that cat profiles and insights show for the sentiment of the cat's texts. */
export function temperamentOf(text: string): Temperament {
  return TEMPERAMENTS[sentimentOf(text)];
}
