import { Elysia } from 'elysia';
import { z } from 'zod';
import { apiInfo, apiTags } from '../../src/api-info.ts';
import { AppError } from '../../src/errors.ts';
import { operation, shownAs } from '../../src/http/operation.ts';
import { documentation } from '../../src/http/swagger.ts';
import type { Asset } from '../../src/http/swagger-paths.ts';

const pathInteger = (what: string) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .meta({ description: what, example: 12, override: shownAs({ type: 'integer', minimum: 1 }) });

const queryInteger = (what: string, fallback: number, minimum: number, maximum: number) =>
  z
    .string()
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum))
    .default(fallback)
    .meta({
      description: what,
      example: fallback,
      override: shownAs({ type: 'integer', minimum, maximum, default: fallback }),
    });

const entrySchema = z
  .object({
    id: z.int().meta({ description: 'Assigned by the server.', example: 12 }),
    text: z.string().meta({ description: 'What was seen.' }),
    createdAt: z.string().meta({ description: 'When it was reported.', format: 'date-time' }),
    isFavorite: z.boolean().meta({ description: 'Marked by somebody as a favourite.' }),
    nickname: z.string().nullable().meta({ description: 'What the reporter calls the cat.' }),
    location: z.string().nullable().meta({ description: 'Where, in words.' }),
  })
  .meta({ id: 'Entry', description: 'A sighting.' });

const newEntrySchema = z
  .object({
    text: z.string().min(1).max(5000).meta({ description: 'What was seen.' }),
    nickname: z.string().max(100).nullish().meta({ description: 'What you call the cat.' }),
    location: z.string().max(200).nullish().meta({ description: 'Where, in words.' }),
  })
  .meta({ id: 'NewEntry', description: 'A sighting to be stored.' });

const commentsSchema = z
  .object({ comments: z.array(z.object({ id: z.int(), content: z.string() })), total: z.int() })
  .meta({ id: 'CommentPage' });
const healthSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });
const readinessSchema = z.object({ ready: z.boolean() }).meta({ id: 'Readiness' });

type Entry = z.infer<typeof entrySchema>;

const exampleEntry: Entry = {
  id: 12,
  text: 'Ginger tom asleep on the bakery steps',
  createdAt: '2026-11-22T13:13:34.577339Z',
  isFavorite: false,
  nickname: 'Momo',
  location: 'Via Roma 12, Torino',
};

/** A few operations of each kind, in memory: enough to see the document and its page work without the rest. */
export function createSampleApp(script: () => Asset | Promise<Asset>) {
  const entries: Entry[] = [];
  const entryParams = z.object({ entry_id: pathInteger('The entry') });
  const catParams = z.object({ cat_id: pathInteger('The cat') });
  const find = (id: number): Entry => {
    const entry = entries.find((each) => each.id === id);
    if (!entry) throw new AppError(404, 'ENTRY_NOT_FOUND', 'Entry not found');
    return entry;
  };
  const app = new Elysia()
    .onError(({ error }) => Response.json({ detail: String(error) }, { status: 500 }))
    .get('/', () => 'a page', { detail: { hide: true } })
    .get('/entries', () => entries.toReversed(), {
      response: z.array(entrySchema),
      detail: operation({
        operationId: 'listEntries',
        tag: 'Entries',
        summary: 'List all entries',
        description: 'Every sighting, the newest first.',
        success: { description: 'The entries.', example: [exampleEntry] },
        errors: [],
      }),
    })
    .post(
      '/entries',
      ({ body }) => {
        const entry: Entry = {
          id: entries.length + 1,
          text: body.text,
          createdAt: '2026-11-22T13:13:34.577339Z',
          isFavorite: false,
          nickname: body.nickname ?? null,
          location: body.location ?? null,
        };
        entries.push(entry);
        return entry;
      },
      {
        body: newEntrySchema,
        response: entrySchema,
        detail: operation({
          operationId: 'createEntry',
          tag: 'Entries',
          summary: 'Report a sighting',
          description: 'Stores a sighting. All texts are trimmed; an optional one that is then empty becomes `null`.',
          success: { description: 'The entry as stored.', example: exampleEntry },
          errors: ['TEXT_EMPTY'],
          requestExample: {
            text: 'Ginger tom asleep on the bakery steps',
            nickname: 'Momo',
            location: 'Via Roma 12, Torino',
          },
        }),
      },
    )
    .get('/entries/:entry_id', ({ params }) => find(params.entry_id), {
      params: entryParams,
      response: entrySchema,
      detail: operation({
        operationId: 'getEntry',
        tag: 'Entries',
        summary: 'Read an entry',
        description: 'One sighting.',
        success: { description: 'The entry.', example: exampleEntry },
        errors: ['ENTRY_NOT_FOUND'],
      }),
    })
    .get('/entries/:entry_id/matches', () => [], {
      params: entryParams,
      query: z.object({ top_k: queryInteger('How many at most', 5, 1, 20) }),
      response: z.array(entrySchema),
      detail: operation({
        operationId: 'findMatches',
        tag: 'Matching',
        summary: 'Find matching entries',
        description: 'Entries that may show the same cat, the best first.',
        success: { description: 'The matches.', example: [exampleEntry] },
        errors: ['ENTRY_NOT_FOUND'],
      }),
    })
    .get('/cats/:cat_id/comments', () => ({ comments: [], total: 0 }), {
      params: catParams,
      response: commentsSchema,
      detail: operation({
        operationId: 'listComments',
        tag: 'Comments',
        summary: 'List the comments of a cat',
        description: 'Newest first.',
        success: { description: 'A page of comments.', example: { comments: [], total: 0 } },
        errors: ['CAT_NOT_FOUND'],
        errorDetail: 'object',
      }),
    })
    .delete('/cats/:cat_id/comments/:comment_id', () => new Response(null, { status: 204 }), {
      params: catParams.extend({ comment_id: pathInteger('The comment') }),
      detail: operation({
        operationId: 'deleteComment',
        tag: 'Comments',
        summary: 'Delete a comment',
        description: 'Deletes a comment for good.',
        success: { status: 204, description: 'The comment is gone.' },
        errors: ['COMMENT_NOT_FOUND'],
        errorDetail: 'object',
      }),
    })
    .get('/health', () => ({ status: 'ok' as const }), {
      response: healthSchema,
      detail: operation({
        operationId: 'getHealth',
        tag: 'System',
        summary: 'Health',
        description: 'Always the same answer while the process lives.',
        success: { description: 'The process lives.', example: { status: 'ok' } },
        errors: [],
        needsDatabase: false,
      }),
    })
    .get('/health/ready', () => ({ ready: true }), {
      response: { 200: readinessSchema, 503: readinessSchema },
      detail: operation({
        operationId: 'getReadiness',
        tag: 'System',
        summary: 'Readiness',
        description: 'Whether the server can do its work.',
        success: { description: 'Ready.', example: { ready: true } },
        otherAnswers: { 503: { description: 'Not ready.', example: { ready: false } } },
        errors: [],
        needsDatabase: false,
      }),
    });
  const document = async () => {
    const { buildDocument } = await import('../../src/http/openapi.ts');
    return buildDocument({ routes: app.routes, info: apiInfo('1.0.0'), tags: apiTags });
  };
  return Object.assign(app.use(documentation({ document, script })), { document });
}
