import { Elysia } from 'elysia';
import * as z from 'zod';
import { entry, entryPath } from '../entries/schemas.ts';
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
  throw notImplemented('Uploading photos');
};

/** The photo operations of the contract. This version stores no photos and answers 501 without reading the upload. */
export const imageRoutes = () =>
  new Elysia({ name: 'images' })
    .post('/entries/with-image', refuse, {
      detail: operation({
        operationId: 'createEntryWithImage',
        tag: 'Images',
        summary: 'Log a sighting with a photo',
        description: 'Not available in this version: answers 501. Use `POST /entries` and send a `photo_url`.',
        success: { description: 'The new sighting', schema: entry },
        errors: ['NOT_IMPLEMENTED'],
      }),
    })
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
