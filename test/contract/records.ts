import type { Cat } from '../../src/cats/schemas.ts';
import type { Entry } from '../../src/entries/schemas.ts';
import type { Client } from '../harness/client.ts';
import { bodyOf } from './answers.ts';

/** Makes a sighting through the API. */
export async function createEntry(call: Client, input: { text?: string; location?: string } = {}): Promise<Entry> {
  return bodyOf(await call<Entry>('POST', '/entries', { json: { text: 'A cat', ...input } }));
}

/** Makes a cat through the API, with sightings of these texts linked to it. */
export async function createCat(call: Client, { name = null, texts = [] }: CatFacts = {}): Promise<CatWithSightings> {
  const cat = bodyOf(await call<Cat>('POST', '/cats', { json: { name } }));
  const entryIds: number[] = [];
  for (const text of texts) entryIds.push((await createEntry(call, { text })).id);
  if (entryIds.length > 0)
    bodyOf(await call('POST', `/cats/${cat.id}/link-sightings`, { json: { entry_ids: entryIds } }));
  return { ...cat, entryIds };
}

interface CatFacts {
  name?: string | null;
  texts?: readonly string[];
}

type CatWithSightings = Cat & { entryIds: number[] };

/** The cat of a sighting, or null. */
export async function catOf(call: Client, entryId: number): Promise<number | null> {
  return bodyOf(await call<Entry>('GET', `/entries/${entryId}`)).cat_id;
}
