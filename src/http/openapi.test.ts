import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Elysia } from 'elysia';
import * as z from 'zod';
import {
  compileClient,
  findGaps,
  generateClientTypes,
  lintDocument,
  operationsOf,
} from '../../test/harness/document-checks.ts';
import { createSampleApp } from '../../test/harness/sample-app.ts';
import { errorCatalog } from './error-catalog.ts';
import { type ApiDocument, buildDocument, errorSchemas } from './openapi.ts';
import { operation, shownAs } from './operation.ts';

const sample = createSampleApp(() => assert.fail('the script is not needed for the document'));

function operationOf(document: ApiDocument, name: string) {
  const found = operationsOf(document).find((each) => each.name === name);
  assert.ok(found, `${name} is in the document`);
  return found.operation;
}

const info = { title: 'Sample', version: '1', description: 'Sample' };
const tags = [{ name: 'Cats', description: 'Cats.' }];
const facts = {
  operationId: 'getCat',
  tag: 'Cats',
  summary: 'Read a cat',
  description: 'Reads a cat.',
  success: { description: 'The cat.', schema: z.object({ id: z.int() }) },
  errors: [],
};

describe('the document of the sample app', () => {
  test('passes the linter', async () => {
    assert.deepEqual(await lintDocument(await sample.document()), []);
  });

  test('would not pass it with an example that does not fit its schema', async () => {
    const document = structuredClone(await sample.document());
    const body = operationOf(document, 'POST /entries').requestBody;
    assert.ok(body && 'content' in body);
    Object.assign(body.content['application/json'] ?? {}, { example: { text: 12 } });
    assert.match((await lintDocument(document)).join(), /no-invalid-media-type-examples.*must be string/s);
  });

  test('leaves no gaps', async () => {
    assert.deepEqual(findGaps(await sample.document()), []);
  });

  // The compiler reads the whole standard library first.
  test('makes a client that compiles, and that refuses what the API refuses', { timeout: 60_000 }, async () => {
    const usage = `
      import type { components, operations, paths } from './api.ts';
      type NewEntry = paths['/entries']['post']['requestBody']['content']['application/json'];
      export const complete: NewEntry = { text: 'A cat', nickname: null };
      // @ts-expect-error text is required
      export const incomplete: NewEntry = { nickname: 'Momo' };
      export const id: operations['getEntry']['parameters']['path']['entry_id'] = 12;
      export const nickname = (entry: components['schemas']['Entry']): string | null => entry.nickname;
      export const code: operations['getEntry']['responses'][404]['content']['application/json']['code'] = 'X';
      // @ts-expect-error this operation has no 404
      export const none: operations['listEntries']['responses'][404] = {};
    `;
    assert.deepEqual(await compileClient(await generateClientTypes(await sample.document()), usage), []);
  });

  test('names the components by their meta id, one for both directions', async () => {
    const document = await sample.document();
    const names = Object.keys(document.components?.schemas ?? {});
    for (const name of ['Entry', 'NewEntry', 'StringError', 'ObjectError', 'ValidationError', 'Problem'])
      assert.ok(names.includes(name), name);
    assert.deepEqual(
      names.filter((name) => name.endsWith('Output') || name.startsWith('__')),
      [],
    );
  });

  test('contains nothing of zod', async () => {
    assert.doesNotMatch(JSON.stringify(await sample.document()), /"(_zod|def|shape|~standard|x-operation)":/);
  });

  test('leaves out hidden routes', async () => {
    const { paths } = await sample.document();
    assert.deepEqual(
      Object.keys(paths ?? {}).filter((path) => /^\/($|swagger|docs|redoc|openapi)/.test(path)),
      [],
    );
  });

  test('shows path and query integers as integers, with range, default and example', async () => {
    const [path, query] = operationOf(await sample.document(), 'GET /entries/{entry_id}/matches').parameters ?? [];
    assert.deepEqual(path, {
      in: 'path',
      name: 'entry_id',
      required: true,
      description: 'The entry',
      example: 12,
      schema: { type: 'integer', minimum: 1 },
    });
    assert.deepEqual(query, {
      in: 'query',
      name: 'top_k',
      description: 'How many at most',
      example: 5,
      schema: { type: 'integer', minimum: 1, maximum: 20, default: 5 },
    });
  });

  test('lists every error that an operation can answer', async () => {
    const document = await sample.document();
    const statuses = (name: string) => Object.keys(operationOf(document, name).responses ?? {});
    assert.deepEqual(statuses('POST /entries'), ['200', '400', '413', '415', '422', '500', '503']);
    assert.deepEqual(statuses('GET /entries'), ['200', '500', '503']);
    assert.deepEqual(statuses('GET /entries/{entry_id}'), ['200', '404', '422', '500', '503']);
    assert.deepEqual(statuses('GET /health'), ['200', '500']);
    assert.deepEqual(statuses('DELETE /cats/{cat_id}/comments/{comment_id}'), ['204', '404', '422', '500', '503']);
  });

  test('knows the shapes of detail', async () => {
    const { components } = await sample.document();
    const schemaOf = (name: string) => JSON.stringify(components?.responses?.[name]);
    assert.match(
      schemaOf('EntryNotFound'),
      /"application\/json":.*StringError.*"application\/problem\+json":.*Problem/,
    );
    assert.match(schemaOf('CatNotFoundObject'), /ObjectError/);
    assert.match(schemaOf('ValidationFailed'), /ValidationError/);
    assert.match(schemaOf('DatabaseUnavailableOrNotReadyOrRequestTimeout'), /"retry-after"/);
  });

  test('gives examples of errors that fit their schemas', async () => {
    const { components } = await sample.document();
    const byId = {
      StringError: errorSchemas.string,
      ObjectError: errorSchemas.object,
      ValidationError: errorSchemas.fields,
      Problem: errorSchemas.problem,
    };
    let checked = 0;
    for (const response of Object.values(components?.responses ?? {})) {
      for (const media of Object.values('content' in response ? (response.content ?? {}) : {})) {
        const id = JSON.stringify(media).match(/#\/components\/schemas\/(\w+)/)?.[1] as keyof typeof byId;
        for (const example of Object.values(('examples' in media ? media.examples : undefined) ?? {})) {
          assert.ok('value' in example);
          const { code } = byId[id].parse(example.value);
          assert.ok(code in errorCatalog, code);
          checked += 1;
        }
      }
    }
    assert.ok(checked > 10);
  });

  test('keeps a body of its own for a status that is not an error there', async () => {
    const { responses } = operationOf(await sample.document(), 'GET /health/ready');
    assert.match(JSON.stringify(responses?.['503']), /retry-after.*schemas\/Readiness/);
    assert.deepEqual(Object.keys(responses ?? {}), ['200', '500', '503']);
  });
});

describe('buildDocument', () => {
  const build = (app: { routes: { method: string; path: string; hooks: unknown }[] }) =>
    buildDocument({ routes: app.routes, info, tags });

  test('refuses a route that is not described, and names it', () => {
    assert.throws(() => build(new Elysia().get('/cats', () => [])), /GET \/cats is not described/);
  });

  test('refuses an unknown tag, a repeated operationId, a path parameter or an answer without a schema', () => {
    const get = (path: string, changes: object = {}) =>
      new Elysia().get(path, () => '', { detail: operation({ ...facts, ...changes }) });
    assert.throws(() => build(get('/cats', { tag: 'Dogs' })), /unknown tag: Dogs/);
    assert.throws(() => build(get('/a').use(get('/b'))), /GET \/b repeats the operationId getCat/);
    assert.throws(() => build(get('/cats/:cat_id')), /path parameter cat_id has no schema/);
    assert.throws(() => build(get('/cats', { success: { description: 'A cat.' } })), /200 answer has no schema/);
  });

  test('refuses a response schema that is not described', () => {
    const app = new Elysia().get('/cats', () => ({ id: 1 }), {
      response: { 202: z.object({ id: z.int() }) },
      detail: operation(facts),
    });
    assert.throws(() => build(app), /202 answer has a schema but no description/);
  });

  test('takes the content types of a body from the description', () => {
    const app = new Elysia().post('/cats', () => ({ id: 1 }), {
      body: z.object({ image: z.file() }),
      detail: operation({ ...facts, requestContentTypes: ['multipart/form-data'] }),
    });
    const body = operationOf(build(app), 'POST /cats').requestBody;
    assert.ok(body && 'content' in body);
    assert.deepEqual(Object.keys(body.content), ['multipart/form-data']);
  });

  test('says nothing of unknown fields in answers, so that fields can be added', () => {
    const app = new Elysia().get('/cats', () => ({ id: 1 }), { detail: operation(facts) });
    assert.doesNotMatch(JSON.stringify(build(app).paths), /additionalProperties/);
  });
});

test('shownAs replaces what zod made, but keeps the words', () => {
  const jsonSchema = { type: 'string', pattern: '^\\d+$', description: 'The cat', examples: [3] };
  shownAs({ type: 'integer', minimum: 1 })({ jsonSchema });
  assert.deepEqual(jsonSchema, { type: 'integer', minimum: 1, description: 'The cat', examples: [3] });
});
