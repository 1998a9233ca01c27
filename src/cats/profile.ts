import { excerpt, PROFILE_SUMMARY_LENGTH } from '../analysis/excerpt.ts';
import { temperamentOf } from '../analysis/sentiment.ts';
import { topTags } from '../analysis/tokens.ts';
import type { Instant } from '../clock.ts';
import type { InsightMode } from '../insights/insight.ts';

export interface ProfileCat {
  id: number;
  name: string | null;
  createdAt: Instant;
}

export interface ProfileEntry {
  id: number;
  text: string;
  createdAt: Instant;
  location: string | null;
  locationNormalized: string | null;
  latitude: number | null;
  longitude: number | null;
  photoUrl: string | null;
}

/** When a cached insight was last made, whether or not it is still up to date. */
export interface StoredInsight {
  mode: InsightMode;
  updatedAt: Instant;
}

/** Body of GET /cats/{id}/profile. */
export interface Profile {
  cat_id: number;
  name: string | null;
  sightings_count: number;
  locations: string[];
  top_tags: string[];
  temperament_guess: string;
  profile_text: string;
}

export interface LocationSummary {
  location: string;
  normalizedLocation: string | null;
  count: number;
  lastSeen: Instant;
  lat: number | null;
  lon: number | null;
}

/** Body of GET /cats/{id}/profile/enhanced. */
export interface EnhancedProfile {
  cat: ProfileCat & { primaryPhoto: string | null };
  stats: {
    totalSightings: number;
    uniqueLocations: number;
    photoCount: number;
    firstSeen: Instant | null;
    lastSeen: Instant | null;
    mostFrequentLocation: string | null;
  };
  recentSightings: {
    id: number;
    text: string;
    createdAt: Instant;
    location: string | null;
    photo_url: string | null;
  }[];
  locationSummary: LocationSummary[];
  insightStatus: {
    hasProfile: boolean;
    hasCare: boolean;
    hasUpdate: boolean;
    hasRisk: boolean;
    lastUpdated: Instant | null;
  };
  top_tags: string[];
  temperament_guess: string;
  profile_text: string;
}

const TAG_COUNT = 8;
const LOCATION_COUNT = 5;
const RECENT_COUNT = 5;
const SUMMARY_COUNT = 10;

const NO_SIGHTINGS_TEXT = 'No sightings assigned yet. Link a sighting to this cat and its profile will fill in.';

interface Description {
  tags: string[];
  temperament: string;
  text: string;
}

/** Name, place (a whole sentence part such as `last seen at Park A`), count, temperament, tags and the texts in short. */
function describe(
  cat: Pick<ProfileCat, 'id' | 'name'>,
  entries: readonly { text: string }[],
  place: string,
): Description {
  const text = entries.map((entry) => entry.text).join('\n');
  const tags = topTags(text, TAG_COUNT);
  const temperament = temperamentOf(text);
  const sentences = [
    `${cat.name || `Cat #${cat.id}`}, ${place}.`,
    `Sightings so far: ${entries.length}.`,
    `Temperament: ${temperament}.`,
    `Recurring words: ${tags.length > 0 ? tags.join(', ') : 'none yet'}.`,
    `In short: ${excerpt(text, PROFILE_SUMMARY_LENGTH)}`,
  ];
  return { tags, temperament, text: sentences.join(' ') };
}

/** The short profile. `entries` are all sightings of the cat, newest id first. */
export function buildProfile(
  cat: Pick<ProfileCat, 'id' | 'name'>,
  entries: readonly Pick<ProfileEntry, 'text' | 'location'>[],
): Profile {
  const base = { cat_id: cat.id, name: cat.name, sightings_count: entries.length };
  if (entries.length === 0) {
    return { ...base, locations: [], top_tags: [], temperament_guess: 'unknown', profile_text: NO_SIGHTINGS_TEXT };
  }
  const locations = [...new Set(entries.flatMap(({ location }) => location || []))].slice(0, LOCATION_COUNT);
  const { tags, temperament, text } = describe(cat, entries, `last seen at ${locations[0] ?? 'unknown area'}`);
  return { ...base, locations, top_tags: tags, temperament_guess: temperament, profile_text: text };
}

/** All places where the cat was seen, the most frequent first, ties by the latest sighting, told by the newest one there. */
function summariseLocations(newestFirst: readonly ProfileEntry[]): LocationSummary[] {
  const summaries = new Map<string, LocationSummary>();
  for (const entry of newestFirst) {
    const location = entry.location || entry.locationNormalized;
    if (!location) continue;
    const known = summaries.get(location);
    if (known !== undefined) {
      known.count += 1;
      continue;
    }
    summaries.set(location, {
      location,
      normalizedLocation: entry.locationNormalized,
      count: 1,
      lastSeen: entry.createdAt,
      lat: entry.latitude,
      lon: entry.longitude,
    });
  }
  return [...summaries.values()].sort((a, b) => b.count - a.count);
}

/** An Instant as text that sorts by time: without it `34Z` sorts after `34.5Z`. */
function sortable(instant: Instant): string {
  return instant.includes('.') ? instant : instant.replace('Z', '.000000Z');
}

function latestOf(instants: readonly Instant[]): Instant | null {
  return instants.reduce<Instant | null>(
    (latest, instant) => (latest === null || sortable(instant) > sortable(latest) ? instant : latest),
    null,
  );
}

/**
 * Everything the profile page shows. `entries` are all sightings of the cat, latest `createdAt` first; `insights` all that
 * are stored for it.
 */
export function buildEnhancedProfile(
  cat: ProfileCat,
  entries: readonly ProfileEntry[],
  insights: readonly StoredInsight[],
): EnhancedProfile {
  const photos = entries.flatMap(({ photoUrl }) => photoUrl || []);
  const places = summariseLocations(entries);
  const commonest = places[0]?.location ?? null;
  const has = (mode: InsightMode) => insights.some((insight) => insight.mode === mode);
  const described: Description =
    entries.length === 0
      ? { tags: [], temperament: 'unknown / neutral', text: NO_SIGHTINGS_TEXT }
      : describe(cat, entries, `most often seen at ${commonest ?? 'unknown area'}`);
  return {
    cat: { id: cat.id, name: cat.name, createdAt: cat.createdAt, primaryPhoto: photos[0] ?? null },
    stats: {
      totalSightings: entries.length,
      uniqueLocations: places.length,
      photoCount: photos.length,
      firstSeen: entries.at(-1)?.createdAt ?? null,
      lastSeen: entries[0]?.createdAt ?? null,
      mostFrequentLocation: commonest,
    },
    recentSightings: entries.slice(0, RECENT_COUNT).map(({ id, text, createdAt, location, photoUrl }) => ({
      id,
      text,
      createdAt,
      location,
      photo_url: photoUrl,
    })),
    locationSummary: places.slice(0, SUMMARY_COUNT),
    insightStatus: {
      hasProfile: has('profile'),
      hasCare: has('care'),
      hasUpdate: has('update'),
      hasRisk: has('risk'),
      lastUpdated: latestOf(insights.map((insight) => insight.updatedAt)),
    },
    top_tags: described.tags,
    temperament_guess: described.temperament,
    profile_text: described.text,
  };
}
