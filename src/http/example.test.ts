import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleOf } from './example.ts';

const components = {
  Cat: {
    type: 'object',
    properties: { id: { type: 'integer', examples: [3] }, name: { type: ['string', 'null'] } },
    required: ['id', 'name'],
  },
  Tree: { type: 'object', properties: { child: { $ref: '#/components/schemas/Tree' } }, required: ['child'] },
};

test('an example is put together from those of the parts', () => {
  const schema = {
    type: 'object',
    properties: {
      cats: { type: 'array', items: { $ref: '#/components/schemas/Cat' } },
      state: { type: 'string', enum: ['open', 'closed'] },
      kind: { const: 'page' },
      limit: { type: 'integer', default: 20 },
      last: { type: 'boolean' },
      note: { anyOf: [{ type: 'null' }, { type: 'string', examples: ['shy'] }] },
      extra: { type: 'string' },
    },
    required: ['cats', 'state', 'kind', 'limit', 'last', 'note'],
  };
  assert.deepEqual(exampleOf(schema, components), {
    cats: [{ id: 3, name: null }],
    state: 'open',
    kind: 'page',
    limit: 20,
    last: false,
    note: 'shy',
  });
});

test('the example of a whole schema wins over those of its parts', () => {
  const schema = { type: 'object', properties: { id: { examples: [1] } }, examples: [{ id: 2 }] };
  assert.deepEqual(exampleOf(schema, components), { id: 2 });
});

test('without an example for a required part there is none', () => {
  const schema = { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] };
  assert.equal(exampleOf(schema, components), undefined);
  assert.equal(exampleOf({ type: 'array', items: schema }, components), undefined);
  assert.equal(exampleOf({ $ref: '#/components/schemas/Dog' }, components), undefined);
  assert.equal(exampleOf({ $ref: '#/components/schemas/Tree' }, components), undefined);
});

test('null stands where nothing else is possible', () => {
  assert.equal(exampleOf({ anyOf: [{ type: 'string' }, { type: 'null' }] }, components), null);
});
