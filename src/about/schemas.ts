import * as z from 'zod';
import { later } from '../http/later.ts';

const path = (example: string) => z.string().meta({ example });

export const home = later(() =>
  z
    .object({
      name: z.string(),
      version: z.string(),
      docs: path('/swagger'),
      openapi: path('/swagger/json'),
      health: path('/health'),
      version_url: path('/version'),
    })
    .meta({
      id: 'Home',
      description: 'Where to find what',
      example: {
        name: 'CatAtlas API',
        version: '1.0.0',
        docs: '/swagger',
        openapi: '/swagger/json',
        health: '/health',
        version_url: '/version',
      },
    }),
);

export const version = later(() =>
  z
    .object({
      name: z.string().meta({ example: 'CatAtlas API' }),
      version: z.string().meta({ example: '1.0.0' }),
      commit: z
        .string()
        .meta({ description: 'Commit of the source, or `source` when not built from one', example: '4f1c2ab' }),
      built_at: z.string().nullable().meta({ description: 'When it was built; null when run from source' }),
      runtime: z.string().meta({ example: 'bun 1.4.5' }),
    })
    .meta({ id: 'Version', description: 'What exactly is running' }),
);
