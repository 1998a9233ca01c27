import { type Instant, instantOf } from '../clock.ts';
import { joinAddress } from '../entries/address.ts';
import { createDice, type Dice } from './dice.ts';
import {
  authors,
  behaviours,
  type City,
  cities,
  coats,
  comments,
  conditions,
  extras,
  marks,
  nicknames,
  places,
} from './words.ts';

export interface SeedCat {
  id: number;
  name: string | null;
  createdAt: Instant;
  updatedAt: Instant | null;
}

export interface SeedEntry {
  id: number;
  text: string;
  createdAt: Instant;
  isFavorite: boolean;
  nickname: string | null;
  location: string | null;
  catId: number | null;
  photoUrl: string | null;
  address: SeedAddress | null;
  place: SeedPlace | null;
}

interface SeedAddress {
  street: string;
  number: string;
  zip: string;
  city: string;
  country: string;
}

/** What a geocoder found. */
interface SeedPlace {
  normalized: string;
  lat: number;
  lon: number;
  osmId: string;
}

export interface SeedComment {
  catId: number;
  author: string;
  content: string;
  createdAt: Instant;
}

/** Made-up data of which any row can be made without those before it. */
export interface SeedWorld {
  cats: number;
  /** `id` from 1 to `cats`. */
  cat(id: number): SeedCat;
  /** `id` from 1 to the number of entries. Later ids are later sightings. */
  entry(id: number): SeedEntry;
  /** The ids of the sightings that are linked to a cat, ascending. */
  linkedTo(catId: number): number[];
  commentsOn(catId: number): SeedComment[];
}

/** The moment after the last sighting, and how long before it the first one was. Fixed, so that the same seed is the same data. */
const end = Date.UTC(2026, 10, 1) * 1000;
const span = 2 * 365 * 86_400 * 1e6;
const day = 86_400 * 1e6;

/** Sizes of a season: primes, so that any step through one comes to every place once. */
const seasonSizes = [5, 23, 97, 499, 1999, 9973, 19_997];

/** Streams of the dice: a table, or a kind of thing, each. */
const stream = { season: 1, animal: 2, entry: 3, cat: 4, comments: 5 } as const;

interface Animal {
  /** Its places in the season: from here up to the next animal's. */
  start: number;
  size: number;
  /** Its cat's place among the cats of a season; undefined when nobody has recognised it. */
  rank: number | undefined;
  /** When, as a place among the sightings of a season, its cat is made. */
  knownAt: number;
}

/**
 * A world of `entries` sightings. Time goes in seasons of equal length with equal patterns: in each, animals of their own live, each
 * at one place, and are seen once or up to dozens of times, spread over the season. Most of those that are seen more than
 * once have been recognised as a cat, and most of their sightings are linked.
 */
export function createWorld({ seed, entries }: { seed: number; entries: number }): SeedWorld {
  const dice = createDice(seed);
  const size = seasonSizes.filter((one) => one <= Math.max(entries, 5)).at(-1) ?? 5;
  const { animals, animalAt, known, step, inverse } = planSeason(dice, size);
  const step0 = Math.floor(span / entries);

  const timeOf = (index: number) => end - span + index * step0;
  const seasonOf = (index: number) => Math.floor(index / size);
  const animalOf = (index: number): number => animalAt[((index % size) * step) % size] ?? 0;
  const linkShare = 0.85;

  /** What stays the same about an animal. */
  const traitsOf = (season: number, animal: number) => {
    dice.roll(stream.animal, season * size + animal);
    const city = dice.pick(cities);
    return {
      city,
      street: dice.pick(city.streets),
      zip: dice.pick(city.zips),
      number: 1 + dice.below(180),
      lat: city.lat + (dice.spread() * 1400) / metersPerLat,
      lon: city.lon + (dice.spread() * 1400) / city.metersPerLon,
      coat: dice.pick(coats),
      mark: dice.pick(marks),
      mood: dice.pick(moods),
      nickname: dice.pick(nicknames),
    };
  };

  const isLinked = (index: number, { rank, knownAt }: Animal): boolean => {
    if (rank === undefined) return false;
    dice.roll(stream.entry, index);
    // A cat that never was linked to anything would not have been made.
    return index % size === knownAt || dice.chance(linkShare);
  };

  const catNumber = (season: number, rank: number) => season * known.length + rank + 1;
  /** Cats are made when the sightings come that made people recognise them. */
  const lastSeason = seasonOf(entries - 1);
  const cats =
    lastSeason * known.length +
    known.filter((animal) => lastSeason * size + (animals[animal]?.knownAt ?? size) < entries).length;

  const catOf = (id: number) => {
    const season = Math.floor((id - 1) / known.length);
    const animal = known[(id - 1) % known.length] ?? 0;
    const found = animals[animal];
    if (!found) throw new RangeError(`there is no cat ${id}`);
    return { season, animal, found };
  };

  return {
    cats,
    cat(id) {
      const { season, animal, found } = catOf(id);
      const { nickname } = traitsOf(season, animal);
      dice.roll(stream.cat, id);
      const createdAt = timeOf(season * size + found.knownAt) + 1 + dice.below(step0);
      return {
        id,
        name: dice.chance(0.9) ? nickname : null,
        createdAt: instantOf(createdAt),
        updatedAt: dice.chance(0.3) ? instantOf(Math.min(createdAt + dice.below(20 * day), end)) : null,
      };
    },
    entry(id) {
      const index = id - 1;
      const season = seasonOf(index);
      const animal = animalOf(index);
      const found = animals[animal];
      if (!found) throw new RangeError(`there is no entry ${id}`);
      const linked = isLinked(index, found);
      // A linked sighting may come before its cat: it was linked afterwards. The cat must exist, though.
      const catId = linked && found.rank !== undefined ? catNumber(season, found.rank) : null;
      const traits = traitsOf(season, animal);
      dice.roll(stream.entry, index + entries);
      const address = dice.chance(0.85) ? addressOf(dice, traits) : null;
      return {
        id,
        createdAt: instantOf(timeOf(index) + dice.below(step0)),
        catId: catId !== null && catId <= cats ? catId : null,
        isFavorite: dice.chance(0.04),
        nickname: dice.chance(0.4) ? traits.nickname : null,
        location: address ? joinAddress(address) : dice.chance(0.5) ? dice.pick(places)[traits.city.language] : null,
        address,
        place: address && dice.chance(0.9) ? placeOf(dice, traits, address) : null,
        photoUrl: dice.chance(0.25) ? photoUrl(dice, timeOf(index)) : null,
        text: textOf(dice, traits),
      };
    },
    linkedTo(catId) {
      const { season, found } = catOf(catId);
      const places = Array.from({ length: found.size }, (_, place) => ((found.start + place) * inverse) % size);
      return places
        .sort((a, b) => a - b)
        .map((place) => season * size + place)
        .filter((index) => index < entries && isLinked(index, found))
        .map((index) => index + 1);
    },
    commentsOn(catId) {
      const { season, animal, found } = catOf(catId);
      const { city } = traitsOf(season, animal);
      dice.roll(stream.comments, catId);
      const count = dice.chance(0.45) ? 1 + dice.below(4) : 0;
      let time = timeOf(season * size + found.knownAt) + step0;
      return Array.from({ length: count }, () => {
        time += 1 + dice.below(5 * day);
        return {
          catId,
          author: dice.pick(authors),
          content: dice.pick(comments)[languageOf(dice, city)],
          createdAt: instantOf(Math.min(time, end)),
        };
      });
    },
  };
}

const metersPerLat = 111_200;
const moods = ['friendly', 'friendly', 'shy', 'shy', 'wary'] as const;

/** Which animals a season has, and how a walk through their places comes to the sightings in the order of time. */
function planSeason(dice: Dice, size: number) {
  dice.roll(stream.season, size);
  const step = size > 5 ? 2 + dice.below(size - 3) : 2;
  const inverse = inverseOf(step, size);
  const animals: Animal[] = [];
  const animalAt = new Uint16Array(size);
  for (let start = 0; start < size; ) {
    const wanted = dice.chance(0.3) ? 1 : dice.chance(0.04) ? 20 + dice.below(40) : 2 + dice.below(11);
    const count = Math.min(wanted, size - start);
    const order = Array.from({ length: count }, (_, place) => ((start + place) * inverse) % size).sort((a, b) => a - b);
    animalAt.fill(animals.length, start, start + count);
    // Recognised at the second sighting.
    const knownAt = order[1];
    const isKnown = knownAt !== undefined && dice.chance(0.8);
    animals.push({ start, size: count, rank: isKnown ? 0 : undefined, knownAt: knownAt ?? size });
    start += count;
  }
  const known = animals
    .flatMap(({ rank }, animal) => (rank === undefined ? [] : [animal]))
    .sort((a, b) => (animals[a]?.knownAt ?? 0) - (animals[b]?.knownAt ?? 0));
  for (const [rank, animal] of known.entries()) {
    const found = animals[animal];
    if (found) found.rank = rank;
  }
  return { animals, animalAt, known, step, inverse };
}

/** The number that undoes a multiplication by `value` modulo the prime `modulus` (Fermat). Both are far below 2^26. */
function inverseOf(value: number, modulus: number): number {
  let result = 1;
  for (let base = value % modulus, exponent = modulus - 2; exponent > 0; exponent = Math.floor(exponent / 2)) {
    if (exponent % 2 === 1) result = (result * base) % modulus;
    base = (base * base) % modulus;
  }
  return result;
}

/** The same in both languages. */
type Words = Readonly<Record<City['language'], string>>;

interface Traits {
  city: City;
  street: string;
  zip: string;
  number: number;
  lat: number;
  lon: number;
  coat: (typeof coats)[number];
  mark: (typeof marks)[number];
  mood: (typeof moods)[number];
}

function addressOf(dice: Dice, { city, street, zip, number }: Traits): SeedAddress {
  const near = Math.max(1, number + dice.below(13) - 6);
  return { street, number: String(near), zip, city: city.name, country: city.country };
}

function placeOf(dice: Dice, { city, lat, lon }: Traits, { number, street, zip }: SeedAddress): SeedPlace {
  return {
    normalized: `${number}, ${street}, ${city.name}, ${zip}, ${city.country}`,
    lat: sevenDigits(lat + (dice.spread() * 60) / metersPerLat),
    lon: sevenDigits(lon + (dice.spread() * 60) / city.metersPerLon),
    osmId: String(20_000_000 + dice.below(900_000_000)),
  };
}

/** As geocoders write degrees. */
const sevenDigits = (degrees: number) => Math.round(degrees * 1e7) / 1e7;

/** Most people write in the language of their city, some do not. */
function languageOf(dice: Dice, { language }: City): 'de' | 'en' {
  if (dice.chance(0.8)) return language;
  return language === 'de' ? 'en' : 'de';
}

function textOf(dice: Dice, { city, coat, mark, mood }: Traits): string {
  const language = languageOf(dice, city);
  const place = dice.pick(places)[language];
  const look = dice.chance(0.7) ? `${coat[language]}, ${mark[language]}` : coat[language];
  const first =
    language === 'en'
      ? dice.pick([
          `${capital(look)} cat ${place}.`,
          `Saw a cat ${place}: ${look}.`,
          `${capital(place)}, ${look} cat again.`,
        ])
      : dice.pick([
          `Katze ${place}, ${look}.`,
          `${capital(place)} eine Katze gesehen: ${look}.`,
          `Wieder da ${place}. ${capital(look)}.`,
        ]);
  const sentences = [first];
  if (dice.chance(0.75)) sentences.push(dice.pick<Words>(behaviours[mood])[language]);
  if (dice.chance(0.3)) sentences.push(dice.pick(conditions)[language]);
  if (dice.chance(0.35)) sentences.push(dice.pick(extras)[language]);
  return sentences.join(dice.chance(0.06) ? '\n' : ' ');
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** As the image store names what is uploaded (contract section 7). */
function photoUrl(dice: Dice, time: number): string {
  const stamp = instantOf(time).slice(0, 19).replace(/[-:]/g, '').replace('T', '_');
  const name = (0x1000_0000 + dice.below(0xefff_ffff)).toString(16);
  return `https://photos.example.org/sightings/${stamp}_${name}.jpg`;
}
