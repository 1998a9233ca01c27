import * as z from 'zod';
import {
  createDocument,
  type ZodOpenApiMediaTypeObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiOverrideContext,
  type ZodOpenApiParameters,
  type ZodOpenApiPathItemObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi';
import { type ErrorCode, type ErrorEntry, errorCatalog, errorType, isRetryable } from './error-catalog.ts';
import { type ExampleSource, exampleOf } from './example.ts';
import { built } from './later.ts';
import { type Answer, describedBy, type OperationFacts } from './operation.ts';
import { describePolicy } from './policy.ts';

// This file is imported when the document is first asked for, not at start-up: building it takes tens of milliseconds.

/** An OpenAPI 3.1 document. */
export type ApiDocument = ReturnType<typeof createDocument>;

/** The part of Elysia's `app.routes` that the document is made from. */
export interface DocumentedRoute {
  method: string;
  path: string;
  hooks: unknown;
}

export interface DocumentOptions {
  routes: readonly DocumentedRoute[];
  info: { title: string; version: string; summary?: string; description: string };
  /** In the order in which they are shown. Every operation belongs to one of them. */
  tags: readonly { name: string; description: string }[];
  /** Default: the server that the document was fetched from. */
  servers?: { url: string; description: string }[];
}

interface RouteSchemas {
  detail?: { hide?: boolean };
  body?: unknown;
  query?: unknown;
  params?: unknown;
  headers?: unknown;
  response?: unknown;
}

const documentedMethods = { GET: 'get', PUT: 'put', POST: 'post', PATCH: 'patch', DELETE: 'delete' } as const;

const message = z.string().meta({ description: 'The error in words, to be shown to people.' });
const code = z.string().meta({ description: 'Names the kind of error and never changes. Decide by this.' });
const retryable = z.boolean().meta({ description: 'Whether the same request may succeed later.' });
const requestId = z.string().meta({
  description: 'Names this request in the log of the server. Also in the `x-request-id` header.',
});
const beside = { message, code, retryable, request_id: requestId };

// Each with words of its own: zod would write a list of types otherwise, which generators of clients for Go refuse.
const step = z.union([
  z.string().meta({ description: 'The name of a field, or where the fields are.' }),
  z.int().meta({ description: 'The place in a list or a text, from 0.' }),
]);

const fieldProblem = z
  .object({
    type: z.string().meta({ description: 'The rule that was broken.' }),
    loc: z.array(step).meta({
      description: 'Where: `body`, `path` or `query`, then the way to the field.',
      example: ['body', 'entry_ids', 0],
    }),
    msg: z.string().meta({ description: 'What is wrong, in words.' }),
    input: z.unknown().meta({ description: 'The value that was sent.' }),
    ctx: z.record(z.string(), z.unknown()).optional().meta({ description: 'The limit that was broken, by name.' }),
  })
  .meta({ id: 'FieldProblem', description: 'One invalid field.' });

const stringError = z
  .object({ detail: z.string().meta({ description: 'The same as `message`.' }), ...beside })
  .meta({ id: 'StringError', description: 'An error whose `detail` is a text.' });

const objectError = z
  .object({ detail: z.object({ code, message, retryable }).meta({ description: 'The error again.' }), ...beside })
  .meta({ id: 'ObjectError', description: 'An error whose `detail` is an object.' });

const validationError = z
  .object({ detail: z.array(fieldProblem).meta({ description: 'Every invalid field.' }), ...beside })
  .meta({ id: 'ValidationError', description: 'The request is not valid. `detail` lists every invalid field.' });

const problem = z
  .object({
    type: z.string().meta({ description: 'Leads to a page about this kind of error.', format: 'uri-reference' }),
    title: z.string().meta({ description: 'The kind of error in words.' }),
    status: z.int().meta({ description: 'The HTTP status.' }),
    detail: z.string().meta({ description: 'This occurrence of the error in words.' }),
    instance: z.string().meta({ description: 'The path that was asked for.', format: 'uri-reference' }),
    code,
    retryable,
    request_id: requestId,
    errors: z.array(fieldProblem).optional().meta({ description: 'Every invalid field, with status 422.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details, for clients that ask for them with `Accept`.' });

type ErrorShape = 'string' | 'object' | 'fields';

/** The bodies of error answers, by the shape of their `detail` (contract section 2), and RFC 9457 problem details. */
export const errorSchemas = { string: stringError, object: objectError, fields: validationError, problem } as const;

const headers = {
  RequestId: {
    description: 'Names this request in the log of the server. Sent back unchanged when the client gave a usable one.',
    schema: { type: 'string' as const },
    example: exampleRequestId(),
  },
  RetryAfter: {
    description: 'Seconds to wait before the request is repeated.',
    schema: { type: 'integer' as const, minimum: 0 },
    example: 2,
  },
};

const requestIdHeader = { 'x-request-id': { $ref: '#/components/headers/RequestId' } };

const tagHeader = {
  etag: {
    description: 'Changes whenever the answer does. Browsers send it back by themselves, as `If-None-Match`.',
    schema: { type: 'string' as const },
    example: exampleTag(),
  },
};

const ifNoneMatch = z.object({
  'if-none-match': z.string().optional().meta({
    description:
      'Tags of answers that the client has. When one of them is that of the answer, 304 is sent in its place.',
    example: exampleTag(),
  }),
});

function exampleTag(): string {
  return '"5d41402abc4b2a76b9719d911017c592"';
}

function exampleRequestId(): string {
  return '0193577e-7a1c-7cc2-b4a5-7c1d6e2f9a10';
}

/**
 * Makes the OpenAPI 3.1 document of the routes that are described with `operation`. Routes with `detail: { hide: true }`
 * are left out. Throws an Error that names the route where one is not described, or not completely.
 */
export function buildDocument({ routes, info, tags, servers }: DocumentOptions): ApiDocument {
  const paths: Record<string, ZodOpenApiPathItemObject> = {};
  const errorAnswers = new Map<string, ZodOpenApiResponseObject>();
  const operationIds = new Set<string>();
  for (const route of routes) {
    const schemas = schemasOf(route);
    const method = documentedMethods[route.method as keyof typeof documentedMethods];
    if (method === undefined || schemas.detail?.hide === true) continue;
    const name = `${route.method} ${route.path}`;
    const facts = describedBy(schemas.detail);
    if (!facts) throw new Error(`${name} is not described: give it detail: operation({ … }) or detail: { hide: true }`);
    if (!tags.some((tag) => tag.name === facts.tag)) throw new Error(`${name} has an unknown tag: ${facts.tag}`);
    if (operationIds.has(facts.operationId)) throw new Error(`${name} repeats the operationId ${facts.operationId}`);
    operationIds.add(facts.operationId);
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [method]: buildOperation(name, path, facts, schemas, errorAnswers) };
  }
  const document = createDocument(
    {
      openapi: '3.1.1',
      info: { ...info, license: { name: 'MIT', identifier: 'MIT' } },
      servers: servers ?? [{ url: '/', description: 'This server' }],
      // Says that no operation asks for credentials, where leaving it out would say nothing. What is closed is closed with any.
      security: [],
      tags: tags.filter((tag) => routes.some((route) => describedBy(schemasOf(route).detail)?.tag === tag.name)),
      paths,
      components: { headers },
    },
    { override: refineSchema },
  );
  const schemas = (document.components?.schemas ?? {}) as Record<string, ExampleSource>;
  for (const item of Object.values(document.paths ?? {})) {
    for (const method of Object.values(documentedMethods)) {
      const found = item[method];
      if (found) completeExamples(found, schemas);
    }
  }
  return document;
}

function schemasOf(route: DocumentedRoute): RouteSchemas {
  const hooks = (route.hooks ?? {}) as RouteSchemas;
  const { body, query, params, headers } = hooks;
  return { ...hooks, body: built(body), query: built(query), params: built(params), headers: built(headers) };
}

function buildOperation(
  name: string,
  path: string,
  facts: OperationFacts,
  schemas: RouteSchemas,
  errorAnswers: Map<string, ZodOpenApiResponseObject>,
): ZodOpenApiOperationObject {
  const requestParams: ZodOpenApiParameters = {};
  for (const [location, schema] of [
    ['path', schemas.params],
    ['query', schemas.query],
    ['header', facts.revalidated ? ifNoneMatch : schemas.headers],
  ] as const) {
    if (schema instanceof z.ZodObject) requestParams[location] = schema;
    else if (schema !== undefined) throw new Error(`${name}: its ${location} parameters are not a zod object`);
  }
  for (const [, parameter] of path.matchAll(/\{(\w+)\}/g)) {
    const shape = schemas.params instanceof z.ZodObject ? schemas.params.shape : {};
    if (!Object.hasOwn(shape, String(parameter))) throw new Error(`${name}: path parameter ${parameter} has no schema`);
  }
  const body = schemas.body;
  if (body !== undefined && !isZod(body)) throw new Error(`${name}: its body is not a zod schema`);
  const hasInput = body !== undefined || Object.keys(requestParams).length > 0;
  const { operationId, summary } = facts;
  return {
    operationId,
    tags: [facts.tag],
    summary,
    description: [facts.description, describePolicy(facts.policy ?? 'anyone')].filter(Boolean).join('\n\n'),
    ...(facts.deprecated === true && { deprecated: true }),
    ...(Object.keys(requestParams).length > 0 && { requestParams }),
    ...(body && {
      requestBody: {
        required: !body.isOptional(),
        content: Object.fromEntries(
          (facts.requestContentTypes ?? ['application/json']).map((type) => [type, media(body, facts.requestExample)]),
        ),
      },
    }),
    responses: {
      ...successAnswers(name, facts, schemas.response),
      ...errorAnswersOf(
        facts,
        { writes: !name.startsWith('GET '), hasInput, hasBody: body !== undefined },
        errorAnswers,
      ),
    },
  };
}

function isZod(schema: unknown): schema is z.ZodType {
  return schema instanceof z.ZodType;
}

function media(schema: z.ZodType, example: unknown): ZodOpenApiMediaTypeObject {
  return example === undefined ? { schema } : { schema, example };
}

function successAnswers(
  name: string,
  facts: OperationFacts,
  response: unknown,
): Record<string, ZodOpenApiResponseObject> {
  const successStatus = facts.success.status ?? 200;
  const schemas: Record<string, unknown> = isZod(response)
    ? { [successStatus]: response }
    : { ...(response as Record<string, unknown> | undefined) };
  const notModified = { description: 'The client has the answer already: its tag was in `If-None-Match`' };
  const answers: Record<string, Answer> = {
    [successStatus]: facts.success,
    ...(facts.revalidated && { 304: notModified }),
    ...facts.otherAnswers,
  };
  for (const status of Object.keys(schemas))
    if (!Object.hasOwn(answers, status))
      throw new Error(`${name}: its ${status} answer has a schema but no description`);
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]): [string, ZodOpenApiResponseObject] => {
      const schema = built(answer.schema ?? schemas[status]);
      const { description } = answer;
      const tag = facts.revalidated && tagHeader;
      const retryAfter = status === '503' && { 'retry-after': { $ref: '#/components/headers/RetryAfter' } };
      const links = Object.entries(answer.links ?? {}).map(
        ([operationId, parameters]) => [operationId, { operationId, parameters: { ...parameters } }] as const,
      );
      const common = {
        description,
        headers: { ...requestIdHeader, ...tag, ...retryAfter },
        ...(links.length > 0 && { links: Object.fromEntries(links) }),
      };
      if (isZod(schema))
        return [
          status,
          { ...common, content: { [answer.contentType ?? 'application/json']: media(schema, answer.example) } },
        ];
      if (Number(status) < 300 && status !== '204') throw new Error(`${name}: its ${status} answer has no schema`);
      return [status, common];
    }),
  );
}

function errorAnswersOf(
  facts: OperationFacts,
  { writes, hasInput, hasBody }: { writes: boolean; hasInput: boolean; hasBody: boolean },
  known: Map<string, ZodOpenApiResponseObject>,
): Record<string, ZodOpenApiResponseObject> {
  const codes = new Set<ErrorCode>(facts.errors);
  if (hasBody) codes.add('BODY_INCOMPLETE').add('PAYLOAD_TOO_LARGE').add('UNSUPPORTED_MEDIA_TYPE');
  if (hasInput) codes.add('VALIDATION_FAILED');
  if (facts.policy === 'owner') codes.add('EDITS_CLOSED');
  codes.add('INTERNAL_ERROR');
  if (facts.work !== undefined) codes.add('SERVER_BUSY');
  if (facts.needsDatabase !== false) {
    codes.add('DATABASE_DAMAGED').add('DATABASE_UNAVAILABLE').add('NOT_READY').add('REQUEST_TIMEOUT');
    if (writes) codes.add('DATABASE_READ_ONLY');
  }
  const byStatus = Map.groupBy(codes, (each) => errorCatalog[each].status);
  const answers: Record<string, ZodOpenApiResponseObject> = {};
  for (const [status, group] of byStatus) {
    if (facts.otherAnswers !== undefined && Object.hasOwn(facts.otherAnswers, status)) continue;
    const shape = (each: ErrorCode): ErrorShape => {
      if ('fieldsExample' in errorCatalog[each]) return 'fields';
      return facts.errorDetail === 'object' && status < 500 && facts.errors.includes(each) ? 'object' : 'string';
    };
    const id = group.map((each) => componentName(each, shape(each))).join('Or');
    const answer = known.get(id) ?? errorAnswer(id, status, group, shape);
    known.set(id, answer);
    answers[status] = answer;
  }
  return answers;
}

function componentName(each: ErrorCode, shape: ErrorShape): string {
  const words = each.split('_').map((word) => word.charAt(0) + word.slice(1).toLowerCase());
  return words.join('') + (shape === 'object' ? 'Object' : '');
}

function errorAnswer(
  id: string,
  status: number,
  codes: readonly ErrorCode[],
  shape: (each: ErrorCode) => ErrorShape,
): ZodOpenApiResponseObject {
  const schemas = [...new Set(codes.map((each) => errorSchemas[shape(each)]))];
  const examples = (render: (each: ErrorCode) => unknown) =>
    Object.fromEntries(codes.map((each) => [each, { summary: errorCatalog[each].title, value: render(each) }]));
  const retryAfter = status === 503 || status === 429;
  return {
    id,
    description: codes
      .map((each) => `\`${each}\`: ${errorCatalog[each].cause} ${errorCatalog[each].remedy}`)
      .join('\n\n'),
    headers: {
      ...requestIdHeader,
      ...(retryAfter && { 'retry-after': { $ref: '#/components/headers/RetryAfter' } }),
    },
    content: {
      'application/json': {
        schema: schemas.length === 1 && schemas[0] ? schemas[0] : z.union(schemas),
        examples: examples((each) => exampleBody(each, shape(each))),
      },
      'application/problem+json': { schema: problem, examples: examples(exampleProblem) },
    },
  };
}

function exampleBody(each: ErrorCode, shape: ErrorShape): Record<string, unknown> {
  const entry: ErrorEntry = errorCatalog[each];
  const text = shape === 'object' ? (entry.objectExample ?? entry.example) : entry.example;
  const retryAgain = isRetryable(each);
  const detail =
    shape === 'fields'
      ? entry.fieldsExample
      : shape === 'object'
        ? { code: each, message: text, retryable: retryAgain }
        : text;
  return { detail, message: text, code: each, retryable: retryAgain, request_id: exampleRequestId() };
}

function exampleProblem(each: ErrorCode): Record<string, unknown> {
  const entry: ErrorEntry = errorCatalog[each];
  return {
    type: errorType(each),
    title: entry.title,
    status: entry.status,
    detail: entry.example,
    instance: '/entries',
    code: each,
    retryable: isRetryable(each),
    request_id: exampleRequestId(),
    ...(entry.fieldsExample && { errors: entry.fieldsExample }),
  };
}

function refineSchema({ jsonSchema, zodSchema, io }: ZodOpenApiOverrideContext): void {
  const definition = zodSchema._zod.def;
  if (io === 'output') {
    // Answers may gain fields in later versions; a document that forbids them would make that a breaking change.
    if (definition.type === 'object' && !('catchall' in definition && definition.catchall)) {
      delete jsonSchema.additionalProperties;
    }
    // zod adds the range of safe integers; in an answer it tells the reader nothing that the format does not.
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) {
      delete jsonSchema.minimum;
      jsonSchema.format = 'int64';
    }
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  }
  // Without it a client in Go has 32 bits, which move a place by metres.
  if (jsonSchema.type === 'number') jsonSchema.format ??= 'double';
  // JSON Schema 2020-12, and so OpenAPI 3.1, knows `examples` only.
  if ('example' in jsonSchema) {
    jsonSchema.examples = [jsonSchema['example']];
    delete jsonSchema['example'];
  }
}

type Operation = NonNullable<NonNullable<ApiDocument['paths']>[string]['get']>;

/** Gives each JSON body that has no example of its own one from its schema, and moves those of parameters. */
function completeExamples(found: Operation, schemas: Readonly<Record<string, ExampleSource>>): void {
  hoistParameterExamples(found.parameters ?? []);
  for (const body of [found.requestBody, ...Object.values(found.responses ?? {})]) {
    const json = body && 'content' in body ? body.content?.['application/json'] : undefined;
    if (!json || '$ref' in json || 'example' in json || json.examples || !json.schema) continue;
    const example = exampleOf(json.schema as ExampleSource, schemas);
    if (example !== undefined) json.example = example;
  }
}

interface SchemaWithExamples {
  examples?: unknown[];
  default?: unknown;
  description?: string;
}

/** Readers and mock servers look for a parameter's description and example at the parameter, not in its schema. */
function hoistParameterExamples(parameters: NonNullable<Operation['parameters']>): void {
  for (const parameter of parameters) {
    if (!('schema' in parameter) || typeof parameter.schema !== 'object' || '$ref' in parameter.schema) continue;
    const { examples, description, ...schema } = parameter.schema as SchemaWithExamples;
    parameter.schema = schema;
    if (description !== undefined) parameter.description = description;
    const example = examples?.[0] ?? schema.default;
    if (example !== undefined) parameter.example = example;
  }
}
