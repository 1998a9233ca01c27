/** The part of a JSON schema (2020-12) that an example can be read from. */
export interface ExampleSource {
  $ref?: string;
  examples?: unknown[];
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  type?: string | string[];
  properties?: Record<string, ExampleSource>;
  required?: string[];
  items?: ExampleSource | boolean;
  anyOf?: ExampleSource[];
  oneOf?: ExampleSource[];
  allOf?: ExampleSource[];
}

/**
 * An example of a schema, put together from the examples in it and in the schemas it names. Undefined where a required part
 * has none: nothing is invented but `null`, `false` and an empty object.
 */
export function exampleOf(schema: ExampleSource, components: Readonly<Record<string, ExampleSource>>): unknown {
  return build(schema, components, []);
}

function build(
  schema: ExampleSource,
  components: Readonly<Record<string, ExampleSource>>,
  path: readonly string[],
): unknown {
  if (schema.examples !== undefined) return schema.examples[0];
  if ('const' in schema) return schema.const;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace('#/components/schemas/', '');
    const target = components[name];
    return target === undefined || path.includes(name) ? undefined : build(target, components, [...path, name]);
  }
  for (const option of schema.anyOf ?? schema.oneOf ?? []) {
    const example = build(option, components, path);
    if (example !== undefined && example !== null) return example;
  }
  if (schema.allOf !== undefined)
    return Object.assign({}, ...schema.allOf.map((part) => build(part, components, path)));
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.includes('object')) return buildObject(schema, components, path);
  if (types.includes('array')) return buildArray(schema, components, path);
  if (types.includes('null') || schema.anyOf?.some(({ type }) => type === 'null')) return null;
  return types.includes('boolean') ? false : undefined;
}

function buildObject(
  { properties = {}, required = [] }: ExampleSource,
  components: Readonly<Record<string, ExampleSource>>,
  path: readonly string[],
): unknown {
  const example: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(properties)) {
    const value = build(property, components, path);
    if (value === undefined && required.includes(name)) return undefined;
    // What may be left out is shown only where its schema has something to show.
    if (value !== undefined && (required.includes(name) || value !== null)) example[name] = value;
  }
  return example;
}

function buildArray(
  { items }: ExampleSource,
  components: Readonly<Record<string, ExampleSource>>,
  path: readonly string[],
): unknown {
  const item = typeof items === 'object' ? build(items, components, path) : undefined;
  return item === undefined ? undefined : [item];
}
