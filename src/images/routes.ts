import { Elysia } from 'elysia';
import { entryPath } from '../entries/schemas.ts';
import { notImplemented } from '../http/not-implemented.ts';
import { operation } from '../http/operation.ts';

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
        success: { status: 501, description: 'Not available in this version' },
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
        success: { status: 501, description: 'Not available in this version' },
        errors: ['NOT_IMPLEMENTED'],
      }),
    })
    .post('/upload/image', refuse, {
      detail: operation({
        operationId: 'uploadImage',
        tag: 'Images',
        summary: 'Upload a photo',
        description: 'Not available in this version: answers 501.',
        success: { status: 501, description: 'Not available in this version' },
        errors: ['NOT_IMPLEMENTED'],
      }),
    });
