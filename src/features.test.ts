// The document of the whole API: complete, and nothing in it contradicts itself.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { findGaps, findSilentFields, lintDocument, operationsOf } from '../test/harness/document-checks.ts';
import { openApiDocument } from './features.ts';
import type { ApiDocument } from './http/openapi.ts';

describe('the document', () => {
  let document: ApiDocument;
  before(async () => {
    document = await openApiDocument({ version: '1.0.0', commit: 'unknown', builtAt: null, runtime: 'test' });
  });

  test('passes the linter, which holds every example against its schema', async () => {
    assert.deepEqual(await lintDocument(document), []);
  });

  test('would not pass it with an example out of its bounds', async () => {
    const wrong = JSON.parse(
      JSON.stringify(document).replace('"examples":["10115"]', `"examples":["${'1'.repeat(21)}"]`),
    );
    assert.match((await lintDocument(wrong)).join(), /no-invalid-schema-examples.*20 characters/);
  });

  test('describes every operation and every field, and shows an example of every field that is sent', () => {
    assert.deepEqual(findGaps(document), []);
    assert.deepEqual(findSilentFields(document), []);
    assert.ok(operationsOf(document).length > 30);
  });

  test('would not without the words of one field', () => {
    const wrong = structuredClone(document);
    const input = wrong.components?.schemas?.['EntryInput'] as { properties: Record<string, object> } | undefined;
    Object.assign(input?.properties['nickname'] ?? {}, { description: undefined, examples: undefined });
    assert.deepEqual(findSilentFields(wrong), [
      'EntryInput.nickname: no description',
      'EntryInput.nickname: no example',
    ]);
  });

  test('names every field by one type, or by one and null: clients in typed languages have no lists of types', () => {
    const lists = [...JSON.stringify(document).matchAll(/"type":\[([^\]]*)\]/g)].map(([, types]) => types);
    assert.ok(lists.length > 0);
    assert.deepEqual(
      lists.filter((types) => !/^"\w+","null"$/.test(String(types))),
      [],
    );
  });

  test('gives numbers the width that they need', () => {
    const without = [...JSON.stringify(document).matchAll(/\{"type":"number"(?![^{}]*"format":"double")[^{}]*\}/g)];
    assert.deepEqual(
      without.map(([found]) => found),
      [],
    );
  });

  test('shows places in Berlin: latitudes are latitudes and longitudes are longitudes', () => {
    const places = [
      ...JSON.stringify(document).matchAll(/"(\w*(?:lat|latitude))":(\d[\d.]*),"\w*(?:lon|longitude)":(\d[\d.]*)/g),
    ];
    assert.ok(places.length >= 8, `${places.length} places`);
    for (const [text, , latitude, longitude] of places) {
      assert.equal(Math.floor(Number(latitude)), 52, text);
      assert.equal(Math.floor(Number(longitude)), 13, text);
    }
  });
});
