import { z } from 'zod';
import { instant } from '../entries/schemas.ts';
import { booleanParameter, integerParameter, numberParameter } from '../http/fields.ts';

const area = {
  lat: numberParameter({ min: -90, max: 90 }).meta({
    description: 'Latitude of the centre in degrees',
    example: 52.52,
  }),
  lon: numberParameter({ min: -180, max: 180 }).meta({
    description: 'Longitude of the centre in degrees',
    example: 13.405,
  }),
  radius: integerParameter({ min: 1, max: 10_000, fallback: 500 }).meta({ description: 'Radius in metres' }),
};

export const areaQuery = z.object({
  ...area,
  include_assigned: booleanParameter({ fallback: true }).meta({ description: 'Also those that have a cat' }),
});

export const groupsQuery = z.object({
  ...area,
  cluster_radius: integerParameter({ min: 10, max: 500, fallback: 100 }).meta({
    description: 'How close to the first sighting of a group the others are, in metres',
  }),
  min_sightings: integerParameter({ min: 2, max: 10, fallback: 2 }).meta({
    description: 'The least sightings a group has',
  }),
});

const degrees = (description: string) => z.number().meta({ description });

export const areaSightings = z
  .object({
    center_lat: degrees('As asked'),
    center_lon: degrees('As asked'),
    radius_meters: z.int(),
    total_count: z.int().meta({ description: 'Sightings in the list' }),
    unassigned_count: z.int().meta({ description: 'Of them without a cat' }),
    sightings: z.array(
      z
        .object({
          entry_id: z.int(),
          text_preview: z.string().meta({ description: 'The first 100 characters' }),
          location: z.string().nullable(),
          location_normalized: z.string().nullable(),
          latitude: degrees('Degrees'),
          longitude: degrees('Degrees'),
          cat_id: z.int().nullable(),
          cat_name: z.string().nullable(),
          created_at: instant,
        })
        .meta({ id: 'AreaSighting', description: 'A sighting on the map' }),
    ),
  })
  .meta({ id: 'AreaSightings', description: 'The sightings of an area, by id descending' });

export const suggestedGroups = z
  .object({
    area_center_lat: degrees('As asked'),
    area_center_lon: degrees('As asked'),
    area_radius_meters: z.int(),
    total_unassigned: z.int().meta({ description: 'Sightings without a cat in the area, grouped or not' }),
    groups: z
      .array(
        z
          .object({
            group_id: z.int().meta({ description: 'Number within this answer' }),
            confidence: z.number().meta({ description: '0 to 1, two decimals', example: 0.61 }),
            center_lat: degrees('Mean latitude'),
            center_lon: degrees('Mean longitude'),
            radius_meters: z.number().meta({ description: 'To the farthest sighting, one decimal', example: 27.1 }),
            entry_ids: z.array(z.int()),
            reasons: z.array(z.string()),
            suggested_name: z.string().nullable().meta({ example: 'Cat near Park A' }),
          })
          .meta({ id: 'SuggestedGroup', description: 'Sightings that may be one cat' }),
      )
      .meta({ description: 'Most confident first' }),
  })
  .meta({ id: 'SuggestedGroups', description: 'Suggested cats of an area' });
