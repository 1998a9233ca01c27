import { ANALYSIS_SUMMARY_LENGTH, excerpt } from './excerpt.ts';
import { sentimentOf } from './sentiment.ts';
import { textHash } from './text-hash.ts';
import { topTags } from './tokens.ts';

const tagCount = 5;

/** What the analysis of a text says (contract 4.2, 5.1-5.3, 5.8). */
export function analyzeText(text: string) {
  return {
    textHash: textHash(text),
    summary: excerpt(text, ANALYSIS_SUMMARY_LENGTH),
    tags: topTags(text, tagCount),
    sentiment: sentimentOf(text),
  };
}
