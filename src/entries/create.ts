import type { AppContext } from '../context.ts';
import { retried } from '../database/transaction.ts';
import { AppError } from '../errors.ts';
import { locationOf } from './edit.ts';
import { insertEntry } from './queries.ts';
import type { Entry, EntryInput } from './schemas.ts';

/** Throws 400 for a text that was nothing but white space, and is empty since it was trimmed. */
export function requireText(text: string | undefined): void {
  if (text === '') throw new AppError(400, 'TEXT_EMPTY', 'text must not be empty');
}

/** Stores a new sighting. Throws 400 for a blank text. */
export async function createEntry(
  { sql, clock }: Pick<AppContext, 'sql' | 'clock'>,
  input: EntryInput,
): Promise<Entry> {
  requireText(input.text);
  const row = { ...input, location: locationOf(input), createdAt: clock.now() };
  return await retried(() => insertEntry(sql, row));
}
