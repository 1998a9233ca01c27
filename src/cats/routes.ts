import { Elysia } from 'elysia';
import { type Instant, withOffset } from '../clock.ts';
import type { AppContext } from '../context.ts';
import type { Sql, Tx } from '../database/connect.ts';
import { retried, snapshot, transaction } from '../database/transaction.ts';
import { entryNotFound } from '../entries/not-found.ts';
import type { AppError } from '../errors.ts';
import { type Representation, represent, representation } from '../http/conditional.ts';
import { streamJsonArray } from '../http/json-stream.ts';
import { operation } from '../http/operation.ts';
import { pageOf } from '../http/paging.ts';
import { type Work, workOf } from '../http/work.ts';
import { planLinks } from './linking.ts';
import { catNotFound, profileCatNotFound } from './not-found.ts';
import { type EnhancedProfile, EnhancedProfileDraft, type Profile, ProfileDraft } from './profile.ts';
import { type Made, ProfileCache } from './profile-cache.ts';
import {
  assignEntries,
  catExists,
  countSightings,
  deleteCat,
  eachProfileEntry,
  eachProfileText,
  findCat,
  findEmptiedCat,
  findLastChange,
  findProfileVersion,
  insertCat,
  keepCat,
  listCatsBefore,
  listSightingsPage,
  listStoredInsights,
  lockEntryCats,
  renameCat,
} from './queries.ts';
import {
  type Cat,
  cat,
  catFromSightings,
  catInput,
  catList,
  catPatch,
  catPath,
  catProfile,
  catSightings,
  changedCat,
  enhancedProfile,
  linkInput,
  linkResult,
  pageQuery,
} from './schemas.ts';

const newCat = { cat_id: '$response.body#/id' };

/** What a client can do with a cat it has just made. */
const catLinks = {
  getCat: newCat,
  updateCat: newCat,
  linkSightings: newCat,
  listCatSightings: newCat,
  getEnhancedCatProfile: newCat,
  createComment: newCat,
  deleteCat: newCat,
};

/** The profiles of so many cats are kept: at most some megabytes. */
const keptProfiles = 200;

/** A browser may keep it, and has to ask each time: who has just linked a sighting wants to see it in the profile. */
const toRevalidate = (profile: Profile | EnhancedProfile) =>
  representation(JSON.stringify(profile), {
    'content-type': 'application/json',
    'cache-control': 'private, no-cache',
  });

/** Makes a profile of what `read` finds, at the version that these rows have. */
async function makeFrom(
  sql: Sql,
  catId: number,
  notFound: AppError,
  read: (tx: Tx, found: Cat) => Promise<Profile | EnhancedProfile>,
): Promise<Made<Representation>> {
  const { version, profile } = await snapshot(sql, async (tx) => {
    const found = await findCat(tx, catId);
    const version = await findProfileVersion(tx, catId);
    if (!found || version === undefined) throw notFound;
    return { version, profile: await read(tx, found) };
  });
  return { version, profile: await toRevalidate(profile) };
}

const makeProfile = (sql: Sql, catId: number, work: Work) =>
  makeFrom(sql, catId, catNotFound(), async (tx, found) => {
    const draft = new ProfileDraft();
    for await (const entries of eachProfileText(tx, catId)) await work.each(entries, (entry) => draft.add(entry));
    return draft.finish(found);
  });

const makeEnhancedProfile = (sql: Sql, catId: number, work: Work) =>
  makeFrom(sql, catId, profileCatNotFound(catId), async (tx, found) => {
    const draft = new EnhancedProfileDraft();
    for await (const entries of eachProfileEntry(tx, catId)) await work.each(entries, (entry) => draft.add(entry));
    return draft.finish(found, await listStoredInsights(tx, catId));
  });

/** Makes a cat the one that was asked for: it takes the name, unless none was sent. */
async function takeOver(tx: Tx, emptied: Cat, { name, now }: { name: string | null; now: Instant }): Promise<Cat> {
  if (name === null || name === emptied.name) return emptied;
  await renameCat(tx, { id: emptied.id, name, updatedAt: now });
  return { ...emptied, name };
}

/** Individual cats: read, create, change, delete, link sightings, profiles. */
export const catRoutes = (context: AppContext) => {
  const profiles = new ProfileCache<Representation>(keptProfiles);
  const enhancedProfiles = new ProfileCache<Representation>(keptProfiles);
  const listCats = ({ request }: { request: Request }) =>
    streamJsonArray({ log: context.log, work: workOf(request) }, (before) => listCatsBefore(context.sql, before));
  const rename = (change: Parameters<typeof renameCat>[1]) => retried(() => renameCat(context.sql, change));
  return new Elysia({ name: 'cats' })
    .head('/cats', listCats, { detail: { hide: true } })
    .get('/cats', listCats, {
      detail: operation({
        operationId: 'listCats',
        tag: 'Cats',
        summary: 'List all cats',
        description: 'Every cat, newest id first, as one array.',
        success: { description: 'All cats', schema: catList },
        work: { queue: 'lists' },
        errors: [],
      }),
    })
    .post(
      '/cats',
      ({ body }) => {
        const input = { name: body.name, createdAt: context.clock.now() };
        return retried(() => insertCat(context.sql, input));
      },
      {
        body: catInput,
        response: { 200: cat },
        detail: operation({
          operationId: 'createCat',
          tag: 'Cats',
          summary: 'Create a cat',
          description: 'A cat without sightings. `{}` is fine: a cat may go without a name.',
          success: { description: 'The new cat', links: catLinks },
          errors: [],
        }),
      },
    )
    .post(
      '/cats/from-sightings',
      ({ body }) =>
        transaction(context.sql, async (tx) => {
          const existing = await lockEntryCats(tx, body.entry_ids);
          if (existing.size === 0) throw entryNotFound();
          const now = context.clock.now();
          const emptied = await findEmptiedCat(tx, existing);
          const made = emptied
            ? await takeOver(tx, emptied, { name: body.name, now })
            : await insertCat(tx, { name: body.name, createdAt: now });
          await assignEntries(tx, [...existing.keys()], made.id);
          return made;
        }),
      {
        body: catFromSightings,
        response: { 200: cat },
        detail: operation({
          operationId: 'createCatFromSightings',
          tag: 'Cats',
          summary: 'Create a cat from sightings',
          description:
            'Creates a cat and assigns the sightings to it, also those of other cats. A cat that would be left without any sighting is not left behind: it becomes this cat, with its comments, and with the name when one is sent. Unknown ids are skipped; when none exists, nothing is created and the answer is 404.',
          success: { description: 'The cat' },
          work: { queue: 'cats' },
          errors: ['ENTRY_NOT_FOUND'],
        }),
      },
    )
    .get(
      '/cats/:cat_id',
      async ({ params: { cat_id } }) => {
        const found = await findCat(context.sql, cat_id);
        if (!found) throw catNotFound();
        return found;
      },
      {
        params: catPath,
        response: { 200: cat },
        detail: operation({
          operationId: 'getCat',
          tag: 'Cats',
          summary: 'Read one cat',
          description: 'The cat with this id. Its profile is at `/cats/{cat_id}/profile/enhanced`.',
          success: { description: 'The cat' },
          errors: ['CAT_NOT_FOUND'],
        }),
      },
    )
    .patch(
      '/cats/:cat_id',
      async ({ params: { cat_id }, body }) => {
        const changed =
          body.name === undefined
            ? await findLastChange(context.sql, cat_id)
            : await rename({ id: cat_id, name: body.name, updatedAt: context.clock.now() });
        if (!changed) throw profileCatNotFound(cat_id);
        return { ...changed, updatedAt: withOffset(changed.updatedAt) };
      },
      {
        params: catPath,
        body: catPatch,
        response: { 200: changedCat },
        detail: operation({
          operationId: 'updateCat',
          tag: 'Cats',
          summary: 'Rename a cat',
          description: 'null or a blank name takes the name away. `{}` changes nothing.',
          success: { description: 'The changed cat' },
          errors: ['CAT_NOT_FOUND'],
          errorDetail: 'object',
        }),
      },
    )
    .delete(
      '/cats/:cat_id',
      async ({ params: { cat_id } }) => {
        if (!(await retried(() => deleteCat(context.sql, cat_id)))) throw catNotFound();
        return new Response(null, { status: 204 });
      },
      {
        params: catPath,
        detail: operation({
          operationId: 'deleteCat',
          tag: 'Cats',
          summary: 'Delete a cat',
          description: 'Deletes the cat, its comments and insights. Its sightings stay and belong to no cat.',
          success: { status: 204, description: 'Deleted' },
          policy: 'owner',
          errors: ['CAT_NOT_FOUND'],
        }),
      },
    )
    .post(
      '/cats/:cat_id/link-sightings',
      ({ params: { cat_id }, body }) =>
        transaction(context.sql, async (tx) => {
          if (!(await keepCat(tx, cat_id))) throw catNotFound();
          const outcome = planLinks(cat_id, body.entry_ids, await lockEntryCats(tx, body.entry_ids));
          await assignEntries(tx, outcome.newly_linked, cat_id);
          return { cat_id, ...outcome };
        }),
      {
        params: catPath,
        body: linkInput,
        response: { 200: linkResult },
        detail: operation({
          operationId: 'linkSightings',
          tag: 'Cats',
          summary: 'Link sightings to a cat',
          description:
            'Says of each id whether it is newly linked, was linked already, or does not exist. A sighting of another cat moves over.',
          success: { description: 'What became of each sighting' },
          work: { queue: 'cats' },
          errors: ['CAT_NOT_FOUND'],
        }),
      },
    )
    .get(
      '/cats/:cat_id/sightings',
      async ({ params: { cat_id }, query }) => {
        if (!(await catExists(context.sql, cat_id))) throw profileCatNotFound(cat_id);
        const [total, sightings] = await Promise.all([
          countSightings(context.sql, cat_id),
          listSightingsPage(context.sql, { catId: cat_id, ...query }),
        ]);
        return { sightings, ...pageOf(total, query) };
      },
      {
        params: catPath,
        query: pageQuery,
        response: { 200: catSightings },
        detail: operation({
          operationId: 'listCatSightings',
          tag: 'Cats',
          summary: 'List the sightings of a cat',
          description: 'Newest first, in pages. A page past the end is empty.',
          success: { description: 'A page of sightings' },
          work: { queue: 'cats' },
          errors: ['CAT_NOT_FOUND'],
          errorDetail: 'object',
        }),
      },
    )
    .get(
      '/cats/:cat_id/profile',
      async ({ params: { cat_id }, request }) => {
        const version = await findProfileVersion(context.sql, cat_id);
        if (version === undefined) throw catNotFound();
        return represent(
          request,
          await profiles.get(cat_id, version, () => makeProfile(context.sql, cat_id, workOf(request).shared())),
        );
      },
      {
        params: catPath,
        response: { 200: catProfile },
        detail: operation({
          operationId: 'getCatProfile',
          tag: 'Cats',
          summary: 'Short profile of a cat',
          description: 'What its sightings say of the cat, in a few lines.',
          success: { description: 'The profile' },
          work: { queue: 'profiles' },
          revalidated: true,
          errors: ['CAT_NOT_FOUND'],
        }),
      },
    )
    .get(
      '/cats/:cat_id/profile/enhanced',
      async ({ params: { cat_id }, request }) => {
        const version = await findProfileVersion(context.sql, cat_id);
        if (version === undefined) throw profileCatNotFound(cat_id);
        const make = () => makeEnhancedProfile(context.sql, cat_id, workOf(request).shared());
        return represent(request, await enhancedProfiles.get(cat_id, version, make));
      },
      {
        params: catPath,
        response: { 200: enhancedProfile },
        detail: operation({
          operationId: 'getEnhancedCatProfile',
          tag: 'Cats',
          summary: 'Everything the profile page shows',
          description: 'The cat, its numbers, newest sightings, places, insights, and what its sightings say of it.',
          success: { description: 'The profile' },
          work: { queue: 'profiles' },
          revalidated: true,
          errors: ['CAT_NOT_FOUND'],
          errorDetail: 'object',
        }),
      },
    );
};
