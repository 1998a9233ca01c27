import { excerpt, firstCodePoints, PROFILE_SUMMARY_LENGTH } from '../analysis/excerpt.ts';
import { Mood } from '../analysis/sentiment.ts';
import { TagCount } from '../analysis/tokens.ts';
import { foldWhitespace } from '../analysis/whitespace.ts';
import type { Instant } from '../clock.ts';

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

/** What an insight is for (contract 4.3). */
export type InsightMode = 'profile' | 'care' | 'update' | 'risk';

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

/** So many places of a cat are told apart: more of them would take more memory than a profile may. */
const MOST_PLACES = 5000;

const NO_SIGHTINGS_TEXT = 'No sightings assigned yet. Link a sighting to this cat and its profile will fill in.';

/** What the texts of a cat say, taken in one by one. */
class Description {
  count = 0;
  #beginning = '';
  readonly #tags = new TagCount();
  readonly #mood = new Mood();

  add(text: string): void {
    this.count += 1;
    this.#tags.add(text);
    this.#mood.add(text);
    // More than an excerpt needs, and no more than that.
    if (this.#beginning.length <= PROFILE_SUMMARY_LENGTH * 4)
      this.#beginning = firstCodePoints(foldWhitespace(`${this.#beginning}\n${text}`), PROFILE_SUMMARY_LENGTH * 2);
  }

  /** Tags, temperament and the text of the profile; `place` is a whole sentence part such as `last seen at Park A`. */
  of(cat: Pick<ProfileCat, 'id' | 'name'>, place: string) {
    const tags = this.#tags.top(TAG_COUNT);
    const { temperament } = this.#mood;
    const sentences = [
      `${cat.name || `Cat #${cat.id}`}, ${place}.`,
      `Sightings so far: ${this.count}.`,
      `Temperament: ${temperament}.`,
      `Recurring words: ${tags.length > 0 ? tags.join(', ') : 'none yet'}.`,
      `In short: ${excerpt(this.#beginning, PROFILE_SUMMARY_LENGTH)}`,
    ];
    return { top_tags: tags, temperament_guess: temperament, profile_text: sentences.join(' ') };
  }
}

/** The short profile. Add all sightings of the cat, newest id first. */
export class ProfileDraft {
  readonly #description = new Description();
  readonly #locations = new Set<string>();

  add({ text, location }: Pick<ProfileEntry, 'text' | 'location'>): void {
    this.#description.add(text);
    if (location && this.#locations.size < LOCATION_COUNT) this.#locations.add(location);
  }

  finish(cat: Pick<ProfileCat, 'id' | 'name'>): Profile {
    const locations = [...this.#locations];
    const { count } = this.#description;
    const described =
      count === 0
        ? { top_tags: [], temperament_guess: 'unknown', profile_text: NO_SIGHTINGS_TEXT }
        : this.#description.of(cat, `last seen at ${locations[0] ?? 'unknown area'}`);
    return { cat_id: cat.id, name: cat.name, sightings_count: count, locations, ...described };
  }
}

/** The places where a cat was seen, each told by the newest sighting there: add sightings newest first. */
class Places {
  readonly #summaries = new Map<string, LocationSummary>();

  add(entry: ProfileEntry): void {
    const location = entry.location || entry.locationNormalized;
    if (!location) return;
    const known = this.#summaries.get(location);
    if (known !== undefined) known.count += 1;
    else if (this.#summaries.size < MOST_PLACES)
      this.#summaries.set(location, {
        location,
        normalizedLocation: entry.locationNormalized,
        count: 1,
        lastSeen: entry.createdAt,
        lat: entry.latitude,
        lon: entry.longitude,
      });
  }

  /** The most frequent first, ties by the latest sighting. */
  ranked(): LocationSummary[] {
    return [...this.#summaries.values()].sort((a, b) => b.count - a.count);
  }
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

/** Everything the profile page shows. Add all sightings of the cat, latest `createdAt` first. */
export class EnhancedProfileDraft {
  readonly #description = new Description();
  readonly #places = new Places();
  readonly #recent: EnhancedProfile['recentSightings'] = [];
  #photoCount = 0;
  #primaryPhoto: string | null = null;
  #lastSeen: Instant | null = null;
  #firstSeen: Instant | null = null;

  add(entry: ProfileEntry): void {
    const { id, text, createdAt, location, photoUrl } = entry;
    this.#description.add(text);
    this.#places.add(entry);
    if (this.#recent.length < RECENT_COUNT) this.#recent.push({ id, text, createdAt, location, photo_url: photoUrl });
    if (photoUrl) {
      this.#photoCount += 1;
      this.#primaryPhoto ??= photoUrl;
    }
    this.#lastSeen ??= createdAt;
    this.#firstSeen = createdAt;
  }

  /** `insights`: all that are stored for the cat. */
  finish(cat: ProfileCat, insights: readonly StoredInsight[]): EnhancedProfile {
    const places = this.#places.ranked();
    const commonest = places[0]?.location ?? null;
    const has = (mode: InsightMode) => insights.some((insight) => insight.mode === mode);
    const { count } = this.#description;
    const described =
      count === 0
        ? { top_tags: [], temperament_guess: 'unknown / neutral', profile_text: NO_SIGHTINGS_TEXT }
        : this.#description.of(cat, `most often seen at ${commonest ?? 'unknown area'}`);
    return {
      cat: { id: cat.id, name: cat.name, createdAt: cat.createdAt, primaryPhoto: this.#primaryPhoto },
      stats: {
        totalSightings: count,
        uniqueLocations: places.length,
        photoCount: this.#photoCount,
        firstSeen: this.#firstSeen,
        lastSeen: this.#lastSeen,
        mostFrequentLocation: commonest,
      },
      recentSightings: this.#recent,
      locationSummary: places.slice(0, SUMMARY_COUNT),
      insightStatus: {
        hasProfile: has('profile'),
        hasCare: has('care'),
        hasUpdate: has('update'),
        hasRisk: has('risk'),
        lastUpdated: latestOf(insights.map((insight) => insight.updatedAt)),
      },
      ...described,
    };
  }
}
