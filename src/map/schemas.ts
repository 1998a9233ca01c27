import * as z from 'zod';
import { booleanParameter, integerParameter, numberParameter } from '../http/fields.ts';
import { instant } from '../http/instants.ts';
import { later } from '../http/later.ts';

/** In Berlin. */
const exampleCentre = { lat: 52.52, lon: 13.405 };

const area = () => ({
  lat: numberParameter({ min: -90, max: 90 }).meta({
    description: 'Latitude of the centre in degrees',
    example: exampleCentre.lat,
  }),
  lon: numberParameter({ min: -180, max: 180 }).meta({
    description: 'Longitude of the centre in degrees',
    example: exampleCentre.lon,
  }),
  radius: integerParameter({ min: 1, max: 10_000, fallback: 500 }).meta({ description: 'Radius in metres' }),
});

export const areaQuery = later(() =>
  z.object({
    ...area(),
    include_assigned: booleanParameter({ fallback: true }).meta({ description: 'Also those that have a cat' }),
  }),
);

export const groupsQuery = later(() =>
  z.object({
    ...area(),
    cluster_radius: integerParameter({ min: 10, max: 500, fallback: 100 }).meta({
      description: 'How close to the first sighting of a group the others are, in metres',
    }),
    min_sightings: integerParameter({ min: 2, max: 10, fallback: 2 }).meta({
      description: 'The least sightings a group has',
    }),
  }),
);

const degrees = (description: string, example: number) => z.number().meta({ description, example });

export const areaSightings = later(() =>
  z
    .object({
      center_lat: degrees('Latitude of the centre in degrees, as asked', exampleCentre.lat),
      center_lon: degrees('Longitude of the centre in degrees, as asked', exampleCentre.lon),
      radius_meters: z.int().meta({ description: 'Radius in metres, as asked', example: 500 }),
      total_count: z.int().meta({ description: 'Sightings in the list', example: 1 }),
      unassigned_count: z.int().meta({ description: 'Of them without a cat', example: 1 }),
      sightings: z
        .array(
          z
            .object({
              entry_id: z.int().meta({ description: 'Number of the sighting' }),
              text_preview: z.string().meta({ description: 'The first 100 characters' }),
              location: z.string().nullable().meta({ description: 'Where it was seen' }),
              location_normalized: z.string().nullable().meta({ description: 'The address as the geocoder names it' }),
              latitude: degrees('Latitude in degrees (WGS 84)', exampleCentre.lat),
              longitude: degrees('Longitude in degrees (WGS 84)', exampleCentre.lon),
              cat_id: z.int().nullable().meta({ description: 'The cat it is assigned to' }),
              cat_name: z.string().nullable().meta({ description: 'The name of that cat' }),
              created_at: instant(),
            })
            .meta({
              id: 'AreaSighting',
              description: 'A sighting on the map',
              example: {
                entry_id: 8,
                text_preview: 'Orange tabby with torn ear sleeping, limping a bit',
                location: 'Park A',
                location_normalized: null,
                latitude: 52.520308,
                longitude: 13.405254,
                cat_id: null,
                cat_name: null,
                created_at: '2026-11-22T13:13:34.577339Z',
              },
            }),
        )
        .meta({ description: 'The sightings, newest number first' }),
    })
    .meta({ id: 'AreaSightings', description: 'The sightings of an area, by id descending' }),
);

export const suggestedGroups = later(() =>
  z
    .object({
      area_center_lat: degrees('Latitude of the centre in degrees, as asked', exampleCentre.lat),
      area_center_lon: degrees('Longitude of the centre in degrees, as asked', exampleCentre.lon),
      area_radius_meters: z.int().meta({ description: 'Radius in metres, as asked', example: 500 }),
      total_unassigned: z
        .int()
        .meta({ description: 'Sightings without a cat in the area, grouped or not', example: 4 }),
      groups: z
        .array(
          z
            .object({
              group_id: z.int().meta({ description: 'Number within this answer' }),
              confidence: z.number().meta({ description: '0 to 1, two decimals', example: 0.61 }),
              center_lat: degrees('Mean latitude in degrees', 52.5201185),
              center_lon: degrees('Mean longitude in degrees', 13.405003),
              radius_meters: z
                .number()
                .meta({ description: 'From there to the farthest sighting in metres, one decimal', example: 27.1 }),
              entry_ids: z.array(z.int()).meta({ description: 'Numbers of the sightings' }),
              reasons: z.array(z.string()).meta({ description: 'Why, for people' }),
              suggested_name: z
                .string()
                .nullable()
                .meta({ description: 'A name made from their places', example: 'Cat near Park A' }),
            })
            .meta({
              id: 'SuggestedGroup',
              description: 'Sightings that may be one cat',
              example: {
                group_id: 0,
                confidence: 0.61,
                center_lat: 52.5201185,
                center_lon: 13.405003,
                radius_meters: 27.1,
                entry_ids: [11, 9, 8, 7],
                reasons: ['4 sightings within 27m', 'text similarity 0.22'],
                suggested_name: 'Cat near Park A',
              },
            }),
        )
        .meta({ description: 'Most confident first' }),
    })
    .meta({ id: 'SuggestedGroups', description: 'Suggested cats of an area' }),
);
