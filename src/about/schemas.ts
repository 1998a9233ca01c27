import * as z from 'zod';
import { later } from '../http/later.ts';

const path = (description: string, example: string) => z.string().meta({ description, example });

export const home = later(() =>
  z
    .object({
      name: z.string().meta({ description: 'The name of the API' }),
      version: z.string().meta({ description: 'The version of the server' }),
      docs: path('The documentation, to read and to try', '/swagger'),
      openapi: path('This document', '/swagger/json'),
      health: path('Whether the server lives', '/health'),
      version_url: path('What exactly is running', '/version'),
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
      name: z.string().meta({ description: 'The name of the API', example: 'CatAtlas API' }),
      version: z.string().meta({ description: 'The version of the server', example: '1.0.0' }),
      commit: z
        .string()
        .meta({ description: 'Commit of the source, or `source` when not built from one', example: '4f1c2ab' }),
      built_at: z
        .string()
        .nullable()
        .meta({ description: 'When it was built, in UTC; null when run from source', example: '2026-11-22T13:13:34Z' }),
      runtime: z.string().meta({ description: 'What it runs on, with its version', example: 'bun 1.4.5' }),
    })
    .meta({ id: 'Version', description: 'What exactly is running' }),
);
