import type { z } from 'zod';

/**
 * A schema that is built when it is first used. What the API takes and answers is some hundred zod schemas, which take as long to
 * build as everything else of a start together; none is needed before the first request, most not before the documentation.
 */
export interface Later<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** What Elysia validates with (https://standardschema.dev). */
  readonly '~standard': Schema['~standard'];
}

/** What a value of such a schema looks like. */
export type ValueOf<Deferred> = Deferred extends Later<infer Schema> ? z.output<Schema> : never;

/** Defers a schema. */
export function later<Schema extends z.ZodType>(build: () => Schema): Later<Schema> {
  let built: Schema | undefined;
  const schema = () => {
    built ??= build();
    return built;
  };
  return {
    get schema() {
      return schema();
    },
    '~standard': {
      version: 1,
      vendor: 'zod',
      validate: (value: unknown) => schema()['~standard'].validate(value),
    } as Schema['~standard'],
  };
}

/** The schema itself, deferred or not. */
export function built(schema: unknown): unknown {
  return typeof schema === 'object' && schema !== null && 'schema' in schema && '~standard' in schema
    ? schema.schema
    : schema;
}
