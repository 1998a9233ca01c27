import * as z from 'zod';
import { booleanParameter, integerParameter, numberParameter } from '../http/fields.ts';
import { instant } from '../http/instants.ts';
import { later } from '../http/later.ts';

export const matchQuery = later(() =>
  z.object({
    top_k: integerParameter({ min: 1, max: 20, fallback: 5 }).meta({ description: 'How many at most' }),
    min_score: numberParameter({ min: 0, max: 1, fallback: 0.15 }).meta({ description: 'The least score' }),
  }),
);

export const nearbyQuery = later(() =>
  z.object({
    radius_meters: integerParameter({ min: 1, max: 5000, fallback: 500 }).meta({ description: 'Radius in metres' }),
    top_k: integerParameter({ min: 1, max: 50, fallback: 10 }).meta({ description: 'How many at most' }),
    include_assigned: booleanParameter({ fallback: true }).meta({ description: 'Also those that have a cat' }),
  }),
);

const reasons = () =>
  z
    .array(z.string())
    .meta({ description: 'Why, for people', example: ['text similarity 0.40', 'distance 5m (score 1.00)'] });

export const matchList = later(() =>
  z
    .array(
      z
        .object({
          entry_id: z.int().meta({ description: 'The sighting asked about' }),
          candidate_id: z.int().meta({ description: 'The one that resembles it' }),
          score: z.number().meta({ description: '0 to 1, three decimals', example: 0.698 }),
          reasons: reasons(),
          candidate_nickname: z.string().nullable().meta({ description: 'What its reporter calls the cat' }),
          candidate_location: z.string().nullable().meta({ description: 'Where it was seen' }),
          candidate_text: z.string().meta({ description: 'What was seen' }),
          candidate_createdAt: instant(),
        })
        .meta({
          id: 'Match',
          description: 'A sighting that may show the same cat',
          example: {
            entry_id: 7,
            candidate_id: 8,
            score: 0.634,
            reasons: ['text similarity 0.31', 'distance 39m (score 0.96)'],
            candidate_nickname: null,
            candidate_location: 'Park A',
            candidate_text: 'Orange tabby with torn ear sleeping, limping a bit',
            candidate_createdAt: '2026-11-22T13:13:34.577339Z',
          },
        }),
    )
    .meta({ description: 'Best first' }),
);

export const nearbyList = later(() =>
  z
    .array(
      z
        .object({
          entry_id: z.int().meta({ description: 'Number of the sighting close by' }),
          distance_meters: z.number().meta({ description: 'Distance in metres, one decimal', example: 39 }),
          location: z.string().nullable().meta({ description: 'Where it was seen' }),
          location_normalized: z.string().nullable().meta({ description: 'The address as the geocoder names it' }),
          text_preview: z.string().meta({ description: 'The first 100 characters' }),
          cat_id: z.int().nullable().meta({ description: 'The cat it is assigned to' }),
          cat_name: z.string().nullable().meta({ description: 'The name of that cat' }),
          created_at: instant(),
          match_score: z.number().meta({ description: '0 to 1, three decimals', example: 0.634 }),
          reasons: reasons(),
        })
        .meta({
          id: 'NearbySighting',
          description: 'A sighting close by',
          example: {
            entry_id: 8,
            distance_meters: 39,
            location: 'Park A',
            location_normalized: null,
            text_preview: 'Orange tabby with torn ear sleeping, limping a bit',
            cat_id: 3,
            cat_name: 'Smokey',
            created_at: '2026-11-22T13:13:34.577339Z',
            match_score: 0.634,
            reasons: ['text similarity 0.31', 'distance 39m (score 0.96)'],
          },
        }),
    )
    .meta({ description: 'Closest first' }),
);
