import * as z from 'zod';
import { entryIds, idParameter, integerParameter, optionalText, patchText } from '../http/fields.ts';
import { instant } from '../http/instants.ts';
import { later, type ValueOf } from '../http/later.ts';

const nameLimit = { max: 100 };

const nullable = (description: string, example: string | null = null) =>
  z.string().nullable().meta({ description, example });

const nameWords = { description: 'What people call the cat', example: 'Smokey' };
const catName = () => z.string().nullable().meta(nameWords);
const catId = () => z.int().meta({ description: 'Number of the cat', example: 3 });

export const cat = later(() =>
  z
    .object({ id: catId(), name: catName(), createdAt: instant() })
    .meta({ id: 'Cat', description: 'An individual cat' }),
);

export type Cat = ValueOf<typeof cat>;

export const catList = later(() => z.array(cat.schema).meta({ description: 'All cats, by id descending' }));

export const catInput = later(() =>
  z
    .object({ name: optionalText(nameLimit).meta(nameWords) })
    .meta({ id: 'CatInput', description: 'A new cat; it may go without a name', example: { name: 'Smokey' } }),
);

export const catPatch = later(() =>
  z.object({ name: patchText(nameLimit).meta(nameWords) }).meta({
    id: 'CatPatch',
    description: 'Changes to a cat. null or blank clears the name; `{}` changes nothing.',
    example: { name: 'Smokey' },
  }),
);

export const changedCat = later(() =>
  z
    .object({
      id: catId(),
      name: catName(),
      updatedAt: instant().meta({
        description: 'When it was last changed',
        example: '2026-11-22T13:13:34.577339+00:00',
      }),
    })
    .meta({ id: 'ChangedCat', description: 'A cat after a change' }),
);

export const catFromSightings = later(() =>
  z.object({ entry_ids: entryIds(), name: optionalText(nameLimit).meta(nameWords) }).meta({
    id: 'CatFromSightings',
    description: 'A new cat and its sightings',
    example: { entry_ids: [7, 8], name: 'Smokey' },
  }),
);

export const linkInput = later(() =>
  z
    .object({ entry_ids: entryIds() })
    .meta({ id: 'LinkInput', description: 'Sightings to link to a cat', example: { entry_ids: [7, 8] } }),
);

const ids = (description: string) => z.array(z.int()).meta({ description });

export const linkResult = later(() =>
  z
    .object({
      cat_id: catId(),
      linked_count: z.int().meta({ description: 'Newly linked and already linked together', example: 2 }),
      already_linked: ids('Were linked to this cat before'),
      newly_linked: ids('Are linked now'),
      failed: ids('Do not exist'),
    })
    .meta({
      id: 'LinkResult',
      description: 'What became of each sighting, in the order sent',
      example: { cat_id: 3, linked_count: 2, already_linked: [7], newly_linked: [8], failed: [] },
    }),
);

export const catPath = later(() => z.object({ cat_id: idParameter('Number of the cat') }));

/** The pages that offset paging can reach without leaving the range of whole numbers. */
const lastPage = 1_000_000_000;

/** `page` and `limit` of a paged list. */
export const pageQuery = later(() =>
  z.object({
    page: integerParameter({ min: 1, max: lastPage, fallback: 1 }).meta({ description: 'Page, from 1' }),
    limit: integerParameter({ min: 1, max: 100, fallback: 20 }).meta({ description: 'Rows a page' }),
  }),
);

/** The facts of a page, beside its rows. */
export const pageFacts = () => ({
  total: z.int().meta({ description: 'Rows in all', example: 1 }),
  page: z.int().meta({ description: 'This page', example: 1 }),
  limit: z.int().meta({ description: 'Rows a page', example: 20 }),
  totalPages: z.int().meta({ description: 'Pages in all, at least 1', example: 1 }),
  hasMore: z.boolean().meta({ description: 'Is there a page after this one?', example: false }),
});

/** What lists of sightings of a cat have in common. */
const sightingFacts = () => ({
  id: z.int().meta({ description: 'Number of the sighting' }),
  text: z.string().meta({ description: 'What was seen' }),
  createdAt: instant(),
  location: nullable('Where it was seen'),
});

const photoUrl = () => nullable('Web address of a photo');

export const catSightings = later(() =>
  z
    .object({
      sightings: z
        .array(
          z.object({
            ...sightingFacts(),
            location_normalized: nullable('The address as the geocoder names it'),
            location_lat: z.number().nullable().meta({ description: 'Latitude in degrees (WGS 84)' }),
            location_lon: z.number().nullable().meta({ description: 'Longitude in degrees (WGS 84)' }),
            photo_url: photoUrl(),
            nickname: nullable('What the reporter calls the cat'),
            isFavorite: z.boolean().meta({ description: 'The one favourite mark, shared by all visitors' }),
          }),
        )
        .meta({ description: 'The sightings of this page' }),
      ...pageFacts(),
    })
    .meta({
      id: 'CatSightings',
      description: 'A page of the sightings of a cat, newest first',
      example: {
        sightings: [
          {
            id: 8,
            text: 'Orange tabby with torn ear sleeping, limping a bit',
            createdAt: '2026-11-22T13:13:34.577339Z',
            location: 'Park A',
            location_normalized: null,
            location_lat: 52.520308,
            location_lon: 13.405254,
            photo_url: null,
            nickname: null,
            isFavorite: false,
          },
        ],
        total: 1,
        page: 1,
        limit: 20,
        totalPages: 1,
        hasMore: false,
      },
    }),
);

/** The profile of a cat in words. */
const summaryFacts = () => ({
  top_tags: z.array(z.string()).meta({ description: 'Up to eight words that its sightings share' }),
  temperament_guess: z.string().meta({ description: 'Its temperament, as far as the texts tell' }),
  profile_text: z.string().meta({ description: 'The profile in a few sentences' }),
});

export const catProfile = later(() =>
  z
    .object({
      cat_id: catId(),
      name: catName(),
      sightings_count: z.int().meta({ description: 'Sightings in all' }),
      locations: z.array(z.string()).meta({ description: 'Up to five places, most recent first' }),
      ...summaryFacts(),
    })
    .meta({
      id: 'CatProfile',
      description: 'A cat, from its sightings',
      example: {
        cat_id: 3,
        name: 'Smokey',
        sightings_count: 1,
        locations: ['Park A'],
        top_tags: ['orange', 'tabby', 'torn', 'ear'],
        temperament_guess: 'unknown / neutral',
        profile_text: 'Smokey, last seen at Park A. Sightings so far: 1.',
      },
    }),
);

const kept = (mode: string) => z.boolean().meta({ description: `Is an insight of mode \`${mode}\` kept?` });

export const enhancedProfile = later(() =>
  z
    .object({
      cat: z
        .object({
          id: catId(),
          name: catName(),
          createdAt: instant(),
          primaryPhoto: nullable('Web address of the newest photo'),
        })
        .meta({ description: 'The cat itself' }),
      stats: z
        .object({
          totalSightings: z.int().meta({ description: 'Sightings in all' }),
          uniqueLocations: z.int().meta({ description: 'Different places among them' }),
          photoCount: z.int().meta({ description: 'Sightings with a photo' }),
          firstSeen: instant().nullable().meta({ description: 'When its first sighting was reported, in UTC' }),
          lastSeen: instant().nullable().meta({ description: 'When its newest sighting was reported, in UTC' }),
          mostFrequentLocation: nullable('Where it is seen most often'),
        })
        .meta({ description: 'Its sightings in figures' }),
      recentSightings: z
        .array(z.object({ ...sightingFacts(), photo_url: photoUrl() }))
        .meta({ description: 'The newest five' }),
      locationSummary: z
        .array(
          z.object({
            location: z.string().meta({ description: 'The place as written' }),
            normalizedLocation: nullable('The address as the geocoder names it'),
            count: z.int().meta({ description: 'Sightings there' }),
            lastSeen: instant().meta({ description: 'When the newest of them was reported, in UTC' }),
            lat: z.number().nullable().meta({ description: 'Latitude in degrees (WGS 84)' }),
            lon: z.number().nullable().meta({ description: 'Longitude in degrees (WGS 84)' }),
          }),
        )
        .meta({ description: 'Up to ten places, most often seen first' }),
      insightStatus: z
        .object({
          hasProfile: kept('profile'),
          hasCare: kept('care'),
          hasUpdate: kept('update'),
          hasRisk: kept('risk'),
          lastUpdated: instant().nullable().meta({ description: 'When the newest of them was made, in UTC' }),
        })
        .meta({ description: 'Which insights are kept' }),
      ...summaryFacts(),
    })
    .meta({
      id: 'EnhancedCatProfile',
      description: 'Everything the profile page shows',
      example: {
        cat: { id: 3, name: 'Smokey', createdAt: '2026-11-22T13:13:34.577339Z', primaryPhoto: null },
        stats: {
          totalSightings: 1,
          uniqueLocations: 1,
          photoCount: 0,
          firstSeen: '2026-11-22T13:13:34.577339Z',
          lastSeen: '2026-11-22T13:13:34.577339Z',
          mostFrequentLocation: 'Park A',
        },
        recentSightings: [
          {
            id: 8,
            text: 'Orange tabby with torn ear',
            createdAt: '2026-11-22T13:13:34.577339Z',
            location: 'Park A',
            photo_url: null,
          },
        ],
        locationSummary: [
          {
            location: 'Park A',
            normalizedLocation: null,
            count: 1,
            lastSeen: '2026-11-22T13:13:34.577339Z',
            lat: 52.520308,
            lon: 13.405254,
          },
        ],
        insightStatus: { hasProfile: false, hasCare: false, hasUpdate: false, hasRisk: false, lastUpdated: null },
        top_tags: ['orange', 'tabby', 'torn', 'ear'],
        temperament_guess: 'unknown / neutral',
        profile_text: 'Smokey, most often seen at Park A. Sightings so far: 1.',
      },
    }),
);
