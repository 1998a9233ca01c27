import { Elysia } from 'elysia';
import type { AppContext } from '../context.ts';
import { snapshot } from '../database/transaction.ts';
import { streamJson } from '../http/json-stream.ts';
import { operation } from '../http/operation.ts';
import { workOf } from '../http/work.ts';
import { suggestGroups } from '../matching/groups.ts';
import { areaParts, readArea, readerOf, readGroupCandidates } from './area.ts';
import { areaQuery, areaSightings, groupsQuery, suggestedGroups } from './schemas.ts';

/** A large answer remembers the ids of its sightings until it is sent: some megabytes. */
const streamWeight = 16;

/** What a map shows: the sightings of an area, and suggested groups among them. */
export const mapRoutes = (context: AppContext) =>
  new Elysia({ name: 'map' })
    .get(
      '/entries/by-area',
      async ({ query, request }) => {
        const work = workOf(request);
        const area = await snapshot(context.sql, (tx) => readArea(tx, query, work));
        if (area.ids.length <= area.first.length) return Response.json({ ...area.head, sightings: area.first });
        return await streamJson({ log: context.log, work, weight: streamWeight }, areaParts(context.sql, area));
      },
      {
        query: areaQuery,
        detail: operation({
          operationId: 'listAreaSightings',
          tag: 'Map',
          summary: 'List the sightings of an area',
          description:
            'All sightings with coordinates within the radius, newest id first. Large lists are streamed: a sighting that is deleted meanwhile is counted and left out.',
          success: { description: 'The sightings of the area', schema: areaSightings },
          work: { queue: 'places', weight: 2 },
          errors: ['AREA_TOO_LARGE'],
        }),
      },
    )
    .get(
      '/entries/by-area/suggested-groups',
      async ({ query, request }) => {
        const { lat, lon, radius, cluster_radius, min_sightings } = query;
        const work = workOf(request);
        const { total, groups } = await snapshot(context.sql, async (tx) => {
          const { total, candidates } = await readGroupCandidates(tx, query, work);
          const options = { clusterRadius: cluster_radius, minSightings: min_sightings };
          return { total, groups: await suggestGroups(candidates, options, readerOf(tx, work), work) };
        });
        return Response.json({
          area_center_lat: lat,
          area_center_lon: lon,
          area_radius_meters: radius,
          total_unassigned: total,
          groups,
        });
      },
      {
        query: groupsQuery,
        detail: operation({
          operationId: 'suggestGroups',
          tag: 'Map',
          summary: 'Suggest cats among the sightings of an area',
          description:
            'Groups sightings without a cat that lie close together, with how confident the suggestion is. Where there are more than 20 000, the newest are grouped.',
          success: { description: 'Suggested groups, most confident first', schema: suggestedGroups },
          work: { queue: 'groups' },
          errors: [],
        }),
      },
    );
