import { sleep } from 'k6';
import { type Api, type Entry, entriesOf } from './api.ts';

/**
 * A run that is stopped gives up its requests, but the server goes on with those it has: so the list is read until it showed nothing
 * of ours so often in a row, a second apart. k6 does not tell teardown whether the run was stopped.
 */
const quietLooks = 3;
const pauseSeconds = 1;

/**
 * Deletes every sighting that is ours. Reads the whole list, the only way to find them by their marks. Returns how many
 * could not be deleted, or undefined when the list could not be read.
 */
export function deleteEntries(upkeep: Api, isOurs: (entry: Entry) => boolean): number | undefined {
  for (let quiet = 0; quiet < quietLooks; sleep(pauseSeconds)) {
    const found = entriesOf(upkeep.listEntries())?.filter(isOurs);
    if (found === undefined) return undefined;
    const left = found.filter(({ id }) => {
      const { status } = upkeep.deleteEntry(id);
      return status !== 204 && status !== 404;
    });
    if (left.length > 0) return left.length;
    quiet = found.length === 0 ? quiet + 1 : 0;
  }
  return 0;
}

/** The moment of the server's own clock, in milliseconds: the two clocks need not agree. */
export function serverTime(headers: Record<string, string>): number {
  const date = Date.parse(headers['Date'] ?? '');
  return Number.isNaN(date) ? Date.now() : date;
}
