import * as z from 'zod';
import { booleanParameter } from '../http/fields.ts';
import { later } from '../http/later.ts';

export const normalizeQuery = later(() =>
  z.object({
    force: booleanParameter({ fallback: false }).meta({ description: 'Ask the geocoder even when the place is known' }),
  }),
);

/** Contract 4.2, normalize-location. */
export const normalizedLocation = later(() =>
  z
    .object({
      entry_id: z.int().meta({ description: 'Number of the sighting', example: 7 }),
      original_location: z.string().meta({ description: 'The location as written; empty when there is none' }),
      normalized_location: z.string().nullable().meta({ description: 'The address as the geocoder names it' }),
      latitude: z.number().nullable().meta({ description: 'Latitude in degrees (WGS 84)' }),
      longitude: z.number().nullable().meta({ description: 'Longitude in degrees (WGS 84)' }),
      osm_id: z.string().nullable().meta({ description: 'OpenStreetMap id of the place' }),
      status: z
        .enum(['no_location', 'already_normalized', 'success', 'not_found', 'fallback', 'error'])
        .meta({ description: 'What happened' }),
      message: z.string().nullable().meta({ description: 'For people' }),
    })
    .meta({
      id: 'LocationLookup',
      description: 'The result of looking a location up on the map',
      example: {
        entry_id: 7,
        original_location: 'Park Street 5, 10115 Berlin',
        normalized_location: 'Park Street 5, Mitte, 10115 Berlin, Germany',
        latitude: 52.520008,
        longitude: 13.404954,
        osm_id: '240109189',
        status: 'already_normalized',
        message: null,
      },
    }),
);

/** Contract 4.1. `unavailable`: this server has no geocoder. */
export const geocodingHealth = later(() =>
  z
    .object({
      service: z.literal('nominatim').meta({ description: 'The geocoder' }),
      circuit_state: z
        .enum(['closed', 'open', 'half_open'])
        .meta({ description: '`open` while it is not asked because it failed too often' }),
      failure_count: z.int().meta({ description: 'Failures in a row' }),
      last_failure: z.string().nullable().meta({ description: 'When it failed last; null when it never did' }),
      status: z
        .enum(['healthy', 'degraded', 'unavailable'])
        .meta({ description: 'Whether addresses can be looked up' }),
    })
    .meta({
      id: 'GeocodingHealth',
      description: 'State of the geocoder',
      example: {
        service: 'nominatim',
        circuit_state: 'closed',
        failure_count: 0,
        last_failure: null,
        status: 'unavailable',
      },
    }),
);
