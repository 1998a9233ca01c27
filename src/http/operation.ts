import type { z } from 'zod';
import type { WorkClass } from './admission.ts';
import type { ErrorCode } from './error-catalog.ts';
import type { Later } from './later.ts';
import type { Policy } from './policy.ts';

/** An answer that is not an error. Its schema is taken from the route's `response` unless one is given here. */
export interface Answer {
  description: string;
  /** For a route that returns a `Response` itself, which Elysia does not validate. */
  schema?: z.ZodType | Later<z.ZodType>;
  /** Default `application/json`. */
  contentType?: string;
  example?: unknown;
  /** What can be done next with what the answer holds: parameters of other operations as runtime expressions (OpenAPI links). */
  links?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What a route says about itself for the API document, beyond its schemas. */
export interface OperationFacts {
  /** Unique; becomes the name of the function in generated clients: `createEntry`. */
  operationId: string;
  /** One of the document's tags. */
  tag: string;
  /** A few words, imperative, no full stop. */
  summary: string;
  /** Markdown. */
  description: string;
  /** Default: 200. */
  success: Answer & { status?: number };
  /** Other answers with a body of their own, by status: for example the 503 of a readiness check. */
  otherAnswers?: Readonly<Record<number, Answer>>;
  /** Who may do it. Default: `anyone`. Adds its own error to the document. */
  policy?: Policy;
  /** The errors of this operation. What every operation can answer (413, 415, 422, 500, 503) is added by itself. */
  errors: readonly ErrorCode[];
  /** The shape of `detail` in the `errors` above that are below 500: the profile-page endpoints have an object (contract section 2). */
  errorDetail?: 'string' | 'object';
  /** The answer has a tag, and is 304 for whoever has it already (`represent` in conditional.ts). */
  revalidated?: true;
  /** Set for an expensive operation: the queue in which its requests wait for their turn (admission.ts). Adds its error to the document. */
  work?: WorkClass;
  /** False for an operation that answers without the database, and so never with 503. */
  needsDatabase?: boolean;
  /** Default: `application/json`. */
  requestContentTypes?: readonly string[];
  /** Reads the body, for the schema to validate. Default: as JSON. */
  readBody?: (request: Request) => Promise<unknown>;
  requestExample?: unknown;
  deprecated?: boolean;
}

const factsKey = 'x-operation';

/** A route's `detail`, as Elysia passes it through. */
export interface OperationDetail {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  [factsKey]: OperationFacts;
}

/** Describes a route: `app.post('/entries', handler, { body, response, detail: operation({ … }) })`. Read by `openapi.ts`. */
export function operation(facts: OperationFacts): OperationDetail {
  const { operationId, tag, summary, description } = facts;
  return { operationId, tags: [tag], summary, description, [factsKey]: facts };
}

/** The facts that `operation` put into a route's `detail`, or undefined where it was not used. */
export function describedBy(detail: unknown): OperationFacts | undefined {
  return isOperationDetail(detail) ? detail[factsKey] : undefined;
}

function isOperationDetail(detail: unknown): detail is OperationDetail {
  return typeof detail === 'object' && detail !== null && factsKey in detail;
}

/** A JSON schema under construction, as zod-openapi hands it to an override. */
interface SchemaUnderConstruction {
  jsonSchema: object;
}

/**
 * For the `override` of `.meta()`: shows a schema in the document as what the client writes. A path or query integer is
 * validated as text and transformed; the document has to say `integer` with its range.
 * `z.string().transform(…).meta({ description: '…', example: 12, override: shownAs({ type: 'integer', minimum: 1 }) })`
 */
export function shownAs(shown: Readonly<Record<string, unknown>>): (context: SchemaUnderConstruction) => void {
  return ({ jsonSchema }) => {
    const kept = Object.entries(jsonSchema).filter(([key]) =>
      /^(description|examples?|default|title|deprecated)$/.test(key),
    );
    for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
    Object.assign(jsonSchema, shown, Object.fromEntries(kept));
  };
}
