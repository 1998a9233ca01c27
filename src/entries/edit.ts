import { type Address, locationFrom } from './address.ts';
import type { Entry, EntryInput, EntryPatch } from './schemas.ts';

const addressKeys = [
  'location_street',
  'location_number',
  'location_zip',
  'location_city',
  'location_country',
] as const satisfies (keyof Entry)[];

function addressOf(parts: Pick<Entry, (typeof addressKeys)[number]>): Address {
  return {
    street: parts.location_street,
    number: parts.location_number,
    zip: parts.location_zip,
    city: parts.location_city,
    country: parts.location_country,
  };
}

const hasAddress = (parts: Pick<Entry, (typeof addressKeys)[number]>) => addressKeys.some((key) => parts[key] !== null);

/** A new entry's location: made from the address parts when there is any, else as sent (contract 4.2). */
export function locationOf(input: EntryInput): string | null {
  return locationFrom(input.location, addressOf(input));
}

/**
 * The entry after a PATCH. The location follows the address parts when they change; coordinates follow the location, so they
 * are cleared when it changes and the next normalize-location finds them again.
 */
export function applyPatch(entry: Entry, patch: EntryPatch): Entry {
  const changed: Entry = {
    ...entry,
    text: patch.text ?? entry.text,
    nickname: kept(patch.nickname, entry.nickname),
    location: kept(patch.location, entry.location),
    photo_url: kept(patch.photo_url, entry.photo_url),
    location_street: kept(patch.location_street, entry.location_street),
    location_number: kept(patch.location_number, entry.location_number),
    location_zip: kept(patch.location_zip, entry.location_zip),
    location_city: kept(patch.location_city, entry.location_city),
    location_country: kept(patch.location_country, entry.location_country),
  };
  if (addressKeys.some((key) => patch[key] !== undefined)) {
    // A location that was made from parts goes when the last part goes, unless another is sent.
    const own = patch.location === undefined && hasAddress(entry) ? null : changed.location;
    changed.location = locationFrom(own, addressOf(changed));
  }
  const offTheMap = patch.location_lat === null || patch.location_lon === null;
  if (changed.location === entry.location && !offTheMap) return changed;
  return { ...changed, location_normalized: null, location_lat: null, location_lon: null, location_osm_id: null };
}

function kept(change: string | null | undefined, current: string | null): string | null {
  return change === undefined ? current : change;
}
