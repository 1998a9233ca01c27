import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import type { ApiDocument } from '../../src/http/openapi.ts';

/** Redocly's recommended rules, warnings included. Returns what it finds, one line each: none is the aim. */
export async function lintDocument(document: ApiDocument): Promise<string[]> {
  const config = await createConfig({
    extends: ['recommended'],
    rules: {
      // An operation without input has no 4xx answer: GET /health and the lists cannot be asked in a wrong way.
      'operation-4xx-response': 'off',
      'no-invalid-media-type-examples': 'error',
      'no-invalid-schema-examples': 'error',
      'no-invalid-parameter-examples': 'error',
      'operation-description': 'error',
      'tag-description': 'error',
      'tags-alphabetical': 'off',
      'no-duplicated-tag-names': 'error',
    },
  });
  const problems = await lintFromString({ source: JSON.stringify(document), config });
  return problems.map(({ severity, ruleId, message, location }) => {
    const [place] = location;
    return `${severity} ${ruleId} ${place?.pointer ?? ''}: ${message.trim()}`;
  });
}

/** The types of a client, as openapi-typescript makes them from the document. */
export async function generateClientTypes(document: ApiDocument): Promise<string> {
  return astToString(await openapiTS(JSON.stringify(document)));
}

/**
 * Compiles the generated types together with code that uses them as `./api.ts`, with the strictest options. Returns the
 * compiler's messages: none is the aim.
 */
export async function compileClient(types: string, usage: string): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'client-'));
  try {
    const file = join(directory, 'client.ts');
    await writeFile(join(directory, 'api.ts'), types);
    await writeFile(file, usage);
    const program = ts.createProgram([file], {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.Preserve,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      allowImportingTsExtensions: true,
      noEmit: true,
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      types: [],
      skipLibCheck: true,
    });
    return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
      return ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
    });
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Every operation of the document with its method and path. */
export function operationsOf(document: ApiDocument) {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    (['get', 'put', 'post', 'patch', 'delete'] as const).flatMap((method) => {
      const operation = item[method];
      return operation ? [{ name: `${method.toUpperCase()} ${path}`, operation }] : [];
    }),
  );
}

/**
 * What is missing for every operation to be documented as the house rule says: operationId, tag, summary, description,
 * an example for each JSON body, and the errors that it can always answer.
 */
export function findGaps(document: ApiDocument): string[] {
  return operationsOf(document).flatMap(({ name, operation }) => {
    const gaps: string[] = [];
    const require = (present: unknown, what: string) => {
      if (!present) gaps.push(`${name}: ${what}`);
    };
    require(operation.operationId, 'no operationId');
    require(operation.tags?.length === 1, 'not exactly one tag');
    require(operation.summary && !operation.summary.endsWith('.'), 'no summary, or one with a full stop');
    require(operation.description, 'no description');
    require(operation.responses?.['500'], 'no 500');
    for (const parameter of operation.parameters ?? []) {
      if ('$ref' in parameter) continue;
      require(parameter.description, `parameter ${parameter.name} has no description`);
      require(parameter.example !== undefined, `parameter ${parameter.name} has no example`);
    }
    const bodies = [operation.requestBody, ...Object.values(operation.responses ?? {})];
    for (const body of bodies) {
      if (!body || '$ref' in body) continue;
      const json = body.content?.['application/json'];
      if (json && !('$ref' in json)) require(json.example ?? json.examples, 'a JSON body without an example');
    }
    return gaps;
  });
}

interface Schema {
  $ref?: string;
  format?: string;
  description?: string;
  examples?: unknown[];
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
}

/** The fields that say nothing of themselves: none without a description, and in a request none without an example either. */
export function findSilentFields(document: ApiDocument): string[] {
  const schemas = (document.components?.schemas ?? {}) as Record<string, Schema>;
  const sent = new Set(
    [
      ...JSON.stringify(operationsOf(document).map(({ operation }) => operation.requestBody ?? null)).matchAll(
        /schemas\/(\w+)/g,
      ),
    ].map(([, name]) => name),
  );
  const silent: string[] = [];
  const visit = (schema: Schema, path: string, input: boolean): void => {
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      const target = schemas[field.$ref?.split('/').at(-1) ?? ''] ?? field;
      if (!(field.description ?? target.description)) silent.push(`${path}.${name}: no description`);
      // A file has no example in JSON.
      if (input && target.examples === undefined && target.format !== 'binary')
        silent.push(`${path}.${name}: no example`);
      visit(field, `${path}.${name}`, input);
    }
    if (schema.items) visit(schema.items, `${path}[]`, input);
    for (const option of schema.anyOf ?? []) visit(option, path, input);
  };
  for (const [name, schema] of Object.entries(schemas)) visit(schema, name, sent.has(name));
  return silent;
}
