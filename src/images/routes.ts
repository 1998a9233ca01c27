import { Elysia } from 'elysia';
import * as z from 'zod';
import type { AppContext } from '../context.ts';
import { createEntry } from '../entries/create.ts';
import { entry, entryForm, entryPath } from '../entries/schemas.ts';
import { readForm } from '../http/form.ts';
import { later } from '../http/later.ts';
import { notImplemented } from '../http/not-implemented.ts';
import { operation } from '../http/operation.ts';

const uploadedImage = later(() =>
  z
    .object({
      url: z.string().meta({
        description: 'Web address of the photo',
        example: 'https://images.example/sightings/20261122_131334_1f2e3d4c.jpg',
      }),
    })
    .meta({ id: 'UploadedImage', description: 'A stored photo' }),
);

const refuse = (): never => {
  throw photosUnavailable();
};

const photosUnavailable = () => notImplemented('Uploading photos');

/** The photo operations of the contract. This version stores no photos: what needs one answers 501 without reading it. */
export const imageRoutes = (context: AppContext) =>
  new Elysia({ name: 'images' })
    .post(
      '/entries/with-image',
      async ({ body: { image, ...input } }) => {
        if (image) throw photosUnavailable();
        return await createEntry(context, { ...input, photo_url: null });
      },
      {
        body: entryForm,
        response: { 200: entry },
        detail: operation({
          operationId: 'createEntryWithImage',
          tag: 'Images',
          summary: 'Log a sighting with a form',
          description:
            'The same as `POST /entries`, for a form. A photo in it is not available in this version: 501, and nothing is stored. Use `POST /entries` and send a `photo_url`.',
          requestContentTypes: ['multipart/form-data', 'application/x-www-form-urlencoded'],
          // Texts alone are never so large: there is a photo in it.
          readBody: (request) => readForm(request, photosUnavailable),
          success: { description: 'The new sighting' },
          errors: ['TEXT_EMPTY', 'FORM_INVALID', 'NOT_IMPLEMENTED'],
        }),
      },
    )
    .patch('/entries/:entry_id/image', refuse, {
      params: entryPath,
      detail: operation({
        operationId: 'replaceEntryImage',
        tag: 'Images',
        summary: 'Replace the photo of a sighting',
        description: 'Not available in this version: answers 501. Use `PATCH /entries/{entry_id}` with a `photo_url`.',
        success: { description: 'The sighting with its new photo', schema: entry },
        errors: ['NOT_IMPLEMENTED'],
      }),
    })
    .post('/upload/image', refuse, {
      detail: operation({
        operationId: 'uploadImage',
        tag: 'Images',
        summary: 'Upload a photo',
        description: 'Not available in this version: answers 501.',
        success: { description: 'Where the photo is', schema: uploadedImage },
        errors: ['NOT_IMPLEMENTED'],
      }),
    });
