import { z } from 'zod';
import { instant } from '../entries/schemas.ts';

export const sentiment = z.enum(['positive', 'neutral', 'negative']).meta({ description: 'Mood of the text' });

export const analysis = z
  .object({
    entry_id: z.int().meta({ description: 'Number of the sighting', example: 7 }),
    summary: z.string().meta({ description: 'The text in at most 160 characters' }),
    tags: z.array(z.string()).meta({ description: 'Up to five words', example: ['orange', 'tabby', 'cat'] }),
    sentiment,
    updatedAt: instant,
  })
  .meta({ id: 'Analysis', description: 'Summary, tags and mood of a sighting' });

export type Analysis = z.output<typeof analysis>;
