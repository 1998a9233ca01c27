/** The parts of a postal address as a sighting carries them, already trimmed. Null, absent and empty mean the same. */
export interface Address {
  street?: string | null;
  number?: string | null;
  zip?: string | null;
  city?: string | null;
  country?: string | null;
}

function join(separator: string, parts: (string | null | undefined)[]): string {
  return parts.filter(Boolean).join(separator);
}

/** One line made of the parts: `Street 5, 10115 Berlin, Germany`. A number without a street is left out. Null when nothing is left. */
export function joinAddress(address: Address): string | null {
  const street = address.street ? join(' ', [address.street, address.number]) : '';
  const place = join(' ', [address.zip, address.city]);
  return join(', ', [street, place, address.country]) || null;
}

/**
 * The location of a new sighting: made from the address as soon as any part of it was given, in which case the sent
 * `location` does not count, else `location` as sent.
 */
export function locationFrom(location: string | null, address: Address): string | null {
  const { street, number, zip, city, country } = address;
  return [street, number, zip, city, country].some(Boolean) ? joinAddress(address) : location || null;
}
