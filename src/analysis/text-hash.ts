import { createHash } from 'node:crypto';
import { foldWhitespace } from './whitespace.ts';

/** SHA-256 (hex) of the text with its whitespace folded, as UTF-8: tells whether a stored analysis still fits its entry. */
export function textHash(text: string): string {
  return createHash('sha256').update(foldWhitespace(text), 'utf8').digest('hex');
}
