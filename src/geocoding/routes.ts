import { Elysia } from 'elysia';
import type { AppContext } from '../context.ts';
import { entryOrNotFound } from '../entries/not-found.ts';
import { findEntry } from '../entries/queries.ts';
import { entryPath } from '../entries/schemas.ts';
import { operation } from '../http/operation.ts';
import { geocodingHealth, normalizedLocation, normalizeQuery } from './schemas.ts';

/**
 * Looking locations up on the map. This version has no geocoder, and says so as the first server did when it could not reach its own:
 * `fallback`, which its front end takes in silence. An error would be tried three times by it, and shown as one of the address.
 */
export const geocodingRoutes = (context: AppContext) =>
  new Elysia({ name: 'geocoding' })
    .get(
      '/health/geocoding',
      () => ({
        service: 'nominatim' as const,
        circuit_state: 'closed' as const,
        failure_count: 0,
        last_failure: null,
        status: 'unavailable' as const,
      }),
      {
        response: { 200: geocodingHealth },
        detail: operation({
          operationId: 'getGeocodingHealth',
          tag: 'System',
          summary: 'State of the geocoder',
          description: 'This version has no geocoder and says `unavailable`.',
          success: { description: 'State of the geocoder' },
          errors: [],
        }),
      },
    )
    .post(
      '/entries/:entry_id/normalize-location',
      async ({ params: { entry_id }, query: { force } }) => {
        const entry = entryOrNotFound(await findEntry(context.sql, entry_id));
        const known = {
          entry_id,
          original_location: entry.location ?? '',
          normalized_location: entry.location_normalized,
          latitude: entry.location_lat,
          longitude: entry.location_lon,
          osm_id: entry.location_osm_id,
        };
        if (!entry.location)
          return {
            ...known,
            normalized_location: null,
            latitude: null,
            longitude: null,
            osm_id: null,
            status: 'no_location' as const,
            message: 'The sighting has no location: there is nothing to normalise',
          };
        // Compared with null: a latitude of 0 is a place on the equator (contract 11.6).
        if (!force && entry.location_normalized && entry.location_lat !== null)
          return { ...known, status: 'already_normalized' as const, message: null };
        return {
          ...known,
          normalized_location: entry.location,
          latitude: null,
          longitude: null,
          osm_id: null,
          status: 'fallback' as const,
          message: 'This server has no geocoder: the location was not looked up, and nothing was changed',
        };
      },
      {
        params: entryPath,
        query: normalizeQuery,
        response: { 200: normalizedLocation },
        detail: operation({
          operationId: 'normalizeLocation',
          tag: 'Entries',
          summary: 'Look up the location of a sighting',
          description:
            'Answers `no_location` when there is nothing to look up and `already_normalized` when the place is known. Looking up an address is not available in this version: `fallback`, and nothing is changed.',
          success: { description: 'What is known of the place' },
          errors: ['ENTRY_NOT_FOUND'],
        }),
      },
    );
