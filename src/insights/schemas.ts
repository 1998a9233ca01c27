import * as z from 'zod';
import { optionalText } from '../http/fields.ts';
import { instant } from '../http/instants.ts';
import { later } from '../http/later.ts';

const mode = () =>
  z.enum(['profile', 'care', 'update', 'risk']).meta({ description: 'What the insight is for', example: 'profile' });

export const insightInput = later(() =>
  z
    .object({
      mode: mode(),
      question: optionalText({ max: 500 }).meta({
        description: 'Echoed to you in a newly made insight, and not stored; a cached one does not change with it',
        example: 'Is it limping?',
      }),
    })
    .meta({ id: 'InsightInput', description: 'Which insight to give', example: { mode: 'profile' } }),
);

export const insight = later(() =>
  z
    .object({
      cat_id: z.int().meta({ description: 'Number of the cat', example: 3 }),
      mode: mode(),
      prompt_version: z.string().meta({ description: 'Which rules made it', example: 'v1' }),
      confidence: z.number().meta({ description: '0.4 to 0.85, growing with the number of sightings', example: 0.67 }),
      headline: z.string().meta({ description: 'The insight in a few words', example: 'Cat #3 — friendly' }),
      summary: z.string().meta({ description: 'The insight in a few sentences' }),
      flags: z.array(z.string()).meta({ description: 'Up to eight warnings' }),
      suggested_actions: z.array(z.string()).meta({ description: 'What to do next' }),
      citations: z
        .array(
          z.object({
            entry_id: z.int().meta({ description: 'Number of the sighting' }),
            quote: z.string().meta({ description: 'The beginning of its text' }),
            location: z.string().nullable().meta({ description: 'Where it was seen' }),
            createdAt: instant(),
          }),
        )
        .meta({ description: 'Up to five sightings that it draws on' }),
      generatedAt: instant(),
    })
    .meta({
      id: 'Insight',
      description: 'What the newest ten sightings say of a cat',
      example: {
        cat_id: 3,
        mode: 'profile',
        prompt_version: 'v1',
        confidence: 0.67,
        headline: 'Cat #3 — unknown / neutral',
        summary: 'Drawn from 4 sightings; temperament so far: unknown / neutral. Recurring words: cat, orange, tabby.',
        flags: ['possible injury (limping mentioned)'],
        suggested_actions: ['Note coat, tail, ear marks and behaviour the same way each time.'],
        citations: [
          {
            entry_id: 8,
            quote: 'Orange tabby with torn ear sleeping',
            location: 'Park A',
            createdAt: '2026-11-22T13:13:34.577339Z',
          },
        ],
        generatedAt: '2026-11-22T13:13:34.577339Z',
      },
    }),
);
