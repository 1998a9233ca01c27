import { Elysia } from 'elysia';
import { catNotFound } from '../cats/not-found.ts';
import { keepCat } from '../cats/queries.ts';
import type { AppContext } from '../context.ts';
import { retried, transaction } from '../database/transaction.ts';
import { streamJsonArray } from '../http/json-stream.ts';
import { operation } from '../http/operation.ts';
import { workOf } from '../http/work.ts';
import { createEntry, requireText } from './create.ts';
import { applyPatch } from './edit.ts';
import { entryNotFound, entryOrNotFound } from './not-found.ts';
import {
  assignEntry,
  deleteEntry,
  findEntry,
  listEntriesBefore,
  lockEntry,
  toggleFavorite,
  updateEntry,
} from './queries.ts';
import { entry, entryCatPath, entryInput, entryList, entryPatch, entryPath } from './schemas.ts';

const newEntry = { entry_id: '$response.body#/id' };

/** What a client can do with a sighting it has just made. */
const entryLinks = {
  getEntry: newEntry,
  updateEntry: newEntry,
  toggleFavorite: newEntry,
  analyzeEntry: newEntry,
  findMatches: newEntry,
  deleteEntry: newEntry,
};

/** Sightings: read, create, change, delete, mark, assign to a cat. */
export const entryRoutes = (context: AppContext) => {
  const listEntries = ({ request }: { request: Request }) =>
    streamJsonArray({ log: context.log, work: workOf(request) }, (before) => listEntriesBefore(context.sql, before));
  return new Elysia({ name: 'entries' })
    .head('/entries', listEntries, { detail: { hide: true } })
    .get('/entries', listEntries, {
      detail: operation({
        operationId: 'listEntries',
        tag: 'Entries',
        summary: 'List all sightings',
        description: 'Every sighting, newest id first, as one array. Large lists are streamed.',
        success: { description: 'All sightings', schema: entryList },
        work: { queue: 'lists' },
        errors: [],
      }),
    })
    .post('/entries', ({ body }) => createEntry(context, body), {
      body: entryInput,
      response: { 200: entry },
      detail: operation({
        operationId: 'createEntry',
        tag: 'Entries',
        summary: 'Log a sighting',
        description:
          'Texts are trimmed, and optional ones that are blank become null. When any address part is given, `location` is joined from the parts. Coordinates come later, from `normalize-location`.',
        success: { description: 'The new sighting', links: entryLinks },
        errors: ['TEXT_EMPTY'],
      }),
    })
    .get(
      '/entries/:entry_id',
      async ({ params: { entry_id } }) => entryOrNotFound(await findEntry(context.sql, entry_id)),
      {
        params: entryPath,
        response: { 200: entry },
        detail: operation({
          operationId: 'getEntry',
          tag: 'Entries',
          summary: 'Read one sighting',
          description: 'The sighting with this id.',
          success: { description: 'The sighting' },
          errors: ['ENTRY_NOT_FOUND'],
        }),
      },
    )
    .patch(
      '/entries/:entry_id',
      async ({ params: { entry_id }, body }) => {
        requireText(body.text);
        return await transaction(context.sql, async (tx) => {
          const current = entryOrNotFound(await lockEntry(tx, entry_id));
          return await updateEntry(tx, applyPatch(current, body));
        });
      },
      {
        params: entryPath,
        body: entryPatch,
        response: { 200: entry },
        detail: operation({
          operationId: 'updateEntry',
          tag: 'Entries',
          summary: 'Change a sighting',
          description:
            'Changes what is sent, keeps what is left out, clears what is null. A changed location loses its coordinates until it is normalised again.',
          success: { description: 'The changed sighting' },
          policy: 'owner',
          errors: ['TEXT_EMPTY', 'ENTRY_NOT_FOUND'],
        }),
      },
    )
    .delete(
      '/entries/:entry_id',
      async ({ params: { entry_id } }) => {
        if (!(await retried(() => deleteEntry(context.sql, entry_id)))) throw entryNotFound();
        return new Response(null, { status: 204 });
      },
      {
        params: entryPath,
        detail: operation({
          operationId: 'deleteEntry',
          tag: 'Entries',
          summary: 'Delete a sighting',
          description: 'Deletes the sighting and its analysis.',
          success: { status: 204, description: 'Deleted' },
          policy: 'owner',
          errors: ['ENTRY_NOT_FOUND'],
        }),
      },
    )
    .post(
      '/entries/:entry_id/favorite',
      async ({ params: { entry_id } }) => entryOrNotFound(await retried(() => toggleFavorite(context.sql, entry_id))),
      {
        params: entryPath,
        response: { 200: entry },
        detail: operation({
          operationId: 'toggleFavorite',
          tag: 'Entries',
          summary: 'Flip the favourite mark',
          description: 'Flips the one mark that all visitors share. Two calls at once flip it twice: none is lost.',
          success: { description: 'The sighting with its new mark' },
          errors: ['ENTRY_NOT_FOUND'],
        }),
      },
    )
    .post(
      '/entries/:entry_id/assign/:cat_id',
      async ({ params: { entry_id, cat_id } }) =>
        await transaction(context.sql, async (tx) => {
          if (!(await keepCat(tx, cat_id))) throw catNotFound();
          return entryOrNotFound(await assignEntry(tx, entry_id, cat_id));
        }),
      {
        params: entryCatPath,
        response: { 200: entry },
        detail: operation({
          operationId: 'assignEntry',
          tag: 'Entries',
          summary: 'Assign a sighting to a cat',
          description: 'A sighting of another cat moves over. The cat is looked for first, then the sighting.',
          success: { description: 'The sighting, assigned' },
          errors: ['CAT_NOT_FOUND', 'ENTRY_NOT_FOUND'],
        }),
      },
    )
    .delete(
      '/entries/:entry_id/cat',
      async ({ params: { entry_id } }) =>
        entryOrNotFound(await retried(() => assignEntry(context.sql, entry_id, null))),
      {
        params: entryPath,
        response: { 200: entry },
        detail: operation({
          operationId: 'unassignEntry',
          tag: 'Entries',
          summary: 'Take a sighting away from its cat',
          description: 'Undoes an assignment. A sighting that has no cat stays as it is.',
          success: { description: 'The sighting, without a cat' },
          policy: 'owner',
          errors: ['ENTRY_NOT_FOUND'],
        }),
      },
    );
};
