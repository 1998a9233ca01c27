import { createHash } from 'node:crypto';
import { CITATION_LENGTH, excerpt } from '../analysis/excerpt.ts';
import { roundTo } from '../analysis/rounding.ts';
import { temperamentOf } from '../analysis/sentiment.ts';
import { topTags } from '../analysis/tokens.ts';
import { trim } from '../analysis/whitespace.ts';
import type { InsightMode } from '../cats/profile.ts';
import type { Instant } from '../clock.ts';

/** How many sightings, the newest by id, an insight is made from. */
export const INSIGHT_ENTRY_LIMIT = 10;
/** Part of the cache key and of the response: raise it when insights come out differently. */
export const PROMPT_VERSION = 'v1';

const TAG_COUNT = 8;
const CITATION_COUNT = 5;

export interface InsightEntry {
  id: number;
  text: string;
  location: string | null;
  createdAt: Instant;
}

export interface Citation {
  entry_id: number;
  quote: string;
  location: string | null;
  createdAt: Instant;
}

/** An insight as it is answered and stored; keys as the API writes them. */
export interface Insight {
  cat_id: number;
  mode: InsightMode;
  prompt_version: string;
  /** Two decimals, 0.4 to 0.85. */
  confidence: number;
  headline: string;
  summary: string;
  flags: string[];
  suggested_actions: string[];
  citations: Citation[];
  generatedAt: Instant;
}

/**
 * What is worth a warning, and the endings each word may take. Endings are listed and not left open, because the words
 * that merely contain these are everyday ones: glimpse, something, within, thinking.
 */
const WARNINGS: readonly { sign: string; stem: string; endings: string }[] = [
  { sign: 'possible injury', stem: 'limp', endings: '|s|ed|ing|y' },
  { sign: 'possible injury', stem: 'blood', endings: '|y|ied|shot|stain|stains|stained' },
  { sign: 'possible injury', stem: 'wound', endings: '|s|ed|ing' },
  { sign: 'possible malnutrition', stem: 'thin', endings: '|s|ner|nest|ned|ning|ly|ness|nish' },
  { sign: 'possible respiratory issue', stem: 'cough', endings: '|s|ed|ing|y' },
  { sign: 'possible respiratory issue', stem: 'sneez', endings: 'e|es|ed|ing|y' },
  { sign: 'behavior risk', stem: 'aggressive', endings: '|ly|ness' },
  { sign: 'behavior risk', stem: 'hiss', endings: '|es|ed|ing|y' },
];

const WARNING_PATTERNS = WARNINGS.map(({ sign, stem, endings }) => ({
  sign,
  pattern: new RegExp(`(?<![\\p{L}\\p{M}\\p{N}])${stem}(?:${endings})(?![\\p{L}\\p{M}\\p{N}])`, 'u'),
}));

const ACTIONS: Record<InsightMode, readonly string[]> = {
  care: [
    'Keep your distance, stay calm and let the cat come to you.',
    'Leave the cat a way out: do not corner, chase or grab it.',
    'If you see signs of illness or injury, write them down with time and place and call a local rescue or TNR group.',
    'Offer food and fresh water only where it is safe and allowed.',
  ],
  risk: [
    'These are hints from notes and not a diagnosis; only a vet can tell.',
    'If the same signs are seen again, pass them on to a rescue group or a vet soon.',
    'Take notes and, if it can be done safely, a photo that shows the problem.',
  ],
  update: [
    'Post a short update with the time and a rough area that keeps the cat safe.',
    'Ask others in the area to look out for the cat at similar times.',
  ],
  profile: [
    'Note coat, tail, ear marks and behaviour in the same words each time.',
    'Watch at similar times of day to see whether a pattern holds.',
  ],
};

/**
 * The key under which an insight is cached: SHA-256 (hex) over the sightings it is made from, in their order. Caches of
 * the first server carry over only while this and the format of `createdAt` stay as they are.
 */
export function contextHash(entries: readonly InsightEntry[]): string {
  const context = entries
    .slice(0, INSIGHT_ENTRY_LIMIT)
    .map(
      ({ id, createdAt, location, text }) => `id=${id} createdAt=${createdAt} location=${location ?? ''}\ntext=${text}`,
    )
    .join('\n---\n');
  return createHash('sha256').update(context, 'utf8').digest('hex');
}

/** Warnings for words in `text`, in a fixed order, at most one for each; each names the word as it stands in the text. */
export function flagsOf(text: string): string[] {
  const lowerCase = text.toLowerCase();
  return WARNING_PATTERNS.flatMap(({ sign, pattern }) => {
    const [word] = pattern.exec(lowerCase) ?? [];
    return word === undefined ? [] : [`${sign} (${word} mentioned)`];
  });
}

function confidenceFor(sightings: number): number {
  return sightings < 2 ? 0.4 : roundTo(Math.min(0.85, 0.35 + 0.08 * sightings), 2);
}

function summarise(sightings: number, temperament: string, tags: readonly string[]): string {
  return [
    `Drawn from ${sightings === 1 ? '1 sighting' : `${sightings} sightings`}; temperament so far: ${temperament}.`,
    `Recurring words: ${tags.length > 0 ? tags.join(', ') : 'none yet'}.`,
  ].join(' ');
}

/** The insight as it is answered to whoever asked this. It is stored without the question, which is nobody else's. */
export function withQuestion(insight: Insight, question: string | null): Insight {
  const asked = trim(question ?? '');
  return asked === '' ? insight : { ...insight, summary: `${insight.summary} You asked: “${asked}”` };
}

/**
 * An insight from a cat's sightings, newest id first; at most the first ten count. Throws RangeError without any sighting:
 * the caller answers 400 before.
 */
export function buildInsight(input: {
  catId: number;
  mode: InsightMode;
  entries: readonly InsightEntry[];
  generatedAt: Instant;
}): Insight {
  const { catId, mode, generatedAt } = input;
  const entries = input.entries.slice(0, INSIGHT_ENTRY_LIMIT);
  if (entries.length === 0) throw new RangeError(`cat ${catId} has no sightings to draw an insight from`);
  const text = entries.map((entry) => entry.text).join('\n');
  const temperament = temperamentOf(text);
  return {
    cat_id: catId,
    mode,
    prompt_version: PROMPT_VERSION,
    confidence: confidenceFor(entries.length),
    headline: `Cat #${catId} — ${temperament}`,
    summary: summarise(entries.length, temperament, topTags(text, TAG_COUNT)),
    flags: flagsOf(text),
    suggested_actions: [...ACTIONS[mode]],
    citations: entries.slice(0, CITATION_COUNT).map((entry) => ({
      entry_id: entry.id,
      quote: excerpt(entry.text, CITATION_LENGTH),
      location: entry.location,
      createdAt: entry.createdAt,
    })),
    generatedAt,
  };
}
