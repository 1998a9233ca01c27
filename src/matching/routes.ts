import { Elysia } from 'elysia';
import { previewOf } from '../analysis/excerpt.ts';
import type { AppContext } from '../context.ts';
import { snapshot } from '../database/transaction.ts';
import { entryOrNotFound } from '../entries/not-found.ts';
import { entryPath } from '../entries/schemas.ts';
import { AppError } from '../errors.ts';
import { boundingBoxes } from '../geo/distance.ts';
import { eachPlace } from '../geo/places.ts';
import { operation } from '../http/operation.ts';
import { workOf } from '../http/work.ts';
import {
  eachMatchCandidate,
  findMatchEntry,
  listNearbyCandidates,
  type MatchCandidate,
  type NearbyCandidate,
} from './queries.ts';
import { createMatchRanking, createNearbyRanking } from './ranking.ts';
import { matchList, matchQuery, nearbyList, nearbyQuery } from './schemas.ts';
import type { MatchEntry } from './score.ts';

/** Sightings that may show the same cat, and sightings close by. */
export const matchingRoutes = (context: AppContext) =>
  new Elysia({ name: 'matching' })
    .get(
      '/entries/:entry_id/matches',
      async ({ params: { entry_id }, query: { top_k, min_score }, request }) => {
        const subject = entryOrNotFound(await findMatchEntry(context.sql, entry_id));
        const ranking = createMatchRanking<MatchCandidate>(subject, { topK: top_k, minScore: min_score });
        const work = workOf(request);
        for await (const candidates of eachMatchCandidate(context.sql)) await work.each(candidates, ranking.add);
        return ranking.ranked().map(({ candidate, score, reasons }) => ({
          entry_id,
          candidate_id: candidate.id,
          score,
          reasons,
          candidate_nickname: candidate.nickname,
          candidate_location: candidate.location,
          candidate_text: candidate.text,
          candidate_createdAt: candidate.createdAt,
        }));
      },
      {
        params: entryPath,
        query: matchQuery,
        response: { 200: matchList },
        detail: operation({
          operationId: 'findMatches',
          tag: 'Matching',
          summary: 'Find sightings of the same cat',
          description:
            'Compares with every other sighting by the words of the text and, where both have coordinates, by distance; otherwise by the words of the location.',
          success: { description: 'Matches, best first' },
          work: { queue: 'matching' },
          errors: ['ENTRY_NOT_FOUND'],
        }),
      },
    )
    .get(
      '/entries/:entry_id/nearby',
      async ({ params: { entry_id }, query: { radius_meters, top_k, include_assigned }, request }) => {
        const subject = entryOrNotFound(await findMatchEntry(context.sql, entry_id));
        const { latitude, longitude } = subject;
        if (latitude === null || longitude === null)
          throw new AppError(
            400,
            'NO_COORDINATES',
            'Entry has no coordinates. Use POST /entries/{id}/normalize-location first.',
          );
        const center = { ...subject, latitude, longitude };
        const options = { topK: top_k, radiusMeters: radius_meters };
        const boxes = boundingBoxes(latitude, longitude, radius_meters);
        const candidates = await snapshot(context.sql, async (tx) => {
          // The distance alone decides: of all but the closest, nothing else is read.
          const closest = createNearbyRanking<MatchEntry>(center, options);
          for await (const places of eachPlace(tx, { boxes, includeAssigned: include_assigned }))
            await workOf(request).each(places, (place) => closest.add({ ...place, text: '', location: null }));
          const ids = closest.ranked().map(({ candidate }) => candidate.id);
          return await listNearbyCandidates(tx, ids);
        });
        const ranking = createNearbyRanking<NearbyCandidate>(center, options);
        candidates.forEach(ranking.add);
        return ranking.ranked().map(({ candidate, distanceMeters, matchScore, reasons }) => ({
          entry_id: candidate.id,
          distance_meters: distanceMeters,
          location: candidate.location,
          location_normalized: candidate.location_normalized,
          text_preview: previewOf(candidate.text),
          cat_id: candidate.cat_id,
          cat_name: candidate.cat_name,
          created_at: candidate.createdAt,
          match_score: matchScore,
          reasons,
        }));
      },
      {
        params: entryPath,
        query: nearbyQuery,
        response: { 200: nearbyList },
        detail: operation({
          operationId: 'findNearby',
          tag: 'Matching',
          summary: 'Find sightings close by',
          description: 'Sightings within the radius, closest first, each with how well it matches.',
          success: { description: 'Sightings, closest first' },
          work: { queue: 'places' },
          errors: ['ENTRY_NOT_FOUND', 'NO_COORDINATES'],
        }),
      },
    );
