import * as z from 'zod';
import { instant } from '../http/instants.ts';
import { later, type ValueOf } from '../http/later.ts';

export const analysis = later(() =>
  z
    .object({
      entry_id: z.int().meta({ description: 'Number of the sighting', example: 7 }),
      summary: z.string().meta({ description: 'The text in at most 160 characters' }),
      tags: z.array(z.string()).meta({ description: 'Up to five words', example: ['orange', 'tabby', 'cat'] }),
      sentiment: z.enum(['positive', 'neutral', 'negative']).meta({ description: 'Mood of the text' }),
      updatedAt: instant(),
    })
    .meta({
      id: 'Analysis',
      description: 'Summary, tags and mood of a sighting',
      example: {
        entry_id: 7,
        summary: 'Orange tabby cat torn ear near park benches, friendly and good',
        tags: ['orange', 'tabby', 'cat', 'torn', 'ear'],
        sentiment: 'positive',
        updatedAt: '2026-11-22T13:13:34.577339Z',
      },
    }),
);

export type Analysis = ValueOf<typeof analysis>;
