import { Elysia } from 'elysia';
import { previewOf } from '../analysis/excerpt.ts';
import type { AppContext } from '../context.ts';
import { operation } from '../http/operation.ts';
import { suggestGroups } from '../matching/groups.ts';
import { boundingBoxes, haversineMeters } from './distance.ts';
import { listAreaSightings, listGroupCandidates } from './queries.ts';
import { areaQuery, areaSightings, groupsQuery, suggestedGroups } from './schemas.ts';

interface Circle {
  lat: number;
  lon: number;
  radius: number;
}

const within =
  ({ lat, lon, radius }: Circle) =>
  (place: { latitude: number; longitude: number }) =>
    haversineMeters(lat, lon, place.latitude, place.longitude) <= radius;

/** What a map shows: the sightings of an area, and suggested groups among them. */
export const mapRoutes = (context: AppContext) =>
  new Elysia({ name: 'map' })
    .get(
      '/entries/by-area',
      async ({ query }) => {
        const { lat, lon, radius, include_assigned } = query;
        const boxes = boundingBoxes(lat, lon, radius);
        const rows = await listAreaSightings(context.sql, { boxes, includeAssigned: include_assigned });
        const found = rows.filter(within(query));
        return Response.json({
          center_lat: lat,
          center_lon: lon,
          radius_meters: radius,
          total_count: found.length,
          unassigned_count: found.filter((row) => row.cat_id === null).length,
          sightings: found.map((row) => ({
            entry_id: row.id,
            text_preview: previewOf(row.text),
            location: row.location,
            location_normalized: row.location_normalized,
            latitude: row.latitude,
            longitude: row.longitude,
            cat_id: row.cat_id,
            cat_name: row.cat_name,
            created_at: row.createdAt,
          })),
        });
      },
      {
        query: areaQuery,
        detail: operation({
          operationId: 'listAreaSightings',
          tag: 'Map',
          summary: 'List the sightings of an area',
          description: 'All sightings with coordinates within the radius, newest id first.',
          success: { description: 'The sightings of the area', schema: areaSightings },
          errors: [],
        }),
      },
    )
    .get(
      '/entries/by-area/suggested-groups',
      async ({ query }) => {
        const { lat, lon, radius, cluster_radius, min_sightings } = query;
        const rows = await listGroupCandidates(context.sql, boundingBoxes(lat, lon, radius));
        const candidates = rows.filter(within(query));
        return Response.json({
          area_center_lat: lat,
          area_center_lon: lon,
          area_radius_meters: radius,
          total_unassigned: candidates.length,
          groups: suggestGroups(candidates, { clusterRadius: cluster_radius, minSightings: min_sightings }),
        });
      },
      {
        query: groupsQuery,
        detail: operation({
          operationId: 'suggestGroups',
          tag: 'Map',
          summary: 'Suggest cats among the sightings of an area',
          description: 'Groups sightings without a cat that lie close together, with how confident the suggestion is.',
          success: { description: 'Suggested groups, most confident first', schema: suggestedGroups },
          errors: [],
        }),
      },
    );
