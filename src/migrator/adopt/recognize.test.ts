import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { acceptedTypes, type PrototypeTable, prototype, prototypeTables } from './prototype.ts';
import { classify, type FoundColumn, type FoundTable } from './recognize.ts';

/** A table as the prototype's last version made it. */
function table(name: PrototypeTable, changes: Partial<FoundTable> = {}): FoundTable {
  const { key, columns } = prototype[name];
  return {
    name,
    kind: 'r',
    rowSecurity: false,
    inherits: false,
    columns: columns.map(({ name: column, kind, nullable }) => ({
      name: column,
      type: acceptedTypes[kind][0] ?? '',
      required: !nullable,
      generated: false,
      serial: column === 'id',
    })),
    constraints: [{ kind: 'p', columns: [key], references: null, text: `${name}_pkey PRIMARY KEY (${key})` }],
    dependents: [],
    ...changes,
  };
}

/** The table with one column changed, added or (undefined) taken away. */
function withColumn(name: PrototypeTable, column: string, change: Partial<FoundColumn> | undefined): FoundTable {
  const plain: FoundColumn = { name: column, type: 'text', required: false, generated: false, serial: false };
  const { columns } = table(name);
  const index = columns.findIndex((one) => one.name === column);
  const changed = change === undefined ? [] : [{ ...(columns[index] ?? plain), ...change }];
  if (index < 0) columns.push(...changed);
  else columns.splice(index, 1, ...changed);
  return table(name, { columns });
}

function differencesOf(...found: FoundTable[]): string[] {
  const recognition = classify(found);
  return recognition.kind === 'foreign' ? recognition.differences : [];
}

describe('classify', () => {
  test('no table of ours is an empty database', () => {
    assert.deepEqual(classify([]), { kind: 'empty' });
  });

  test('all tables with all columns are the last shape', () => {
    const recognition = classify(prototypeTables.map((name) => table(name)));
    assert.equal(recognition.kind, 'prototype');
    assert.deepEqual(Object.keys(recognition.kind === 'prototype' ? recognition.shape : {}), [
      'cats',
      'entries',
      'analyses',
      'cat_insights',
      'cat_comments',
    ]);
  });

  test('entries alone, without the columns that came later, are the first shape', () => {
    const recognition = classify([table('entries', { columns: table('entries').columns.slice(0, 4) })]);
    assert.ok(recognition.kind === 'prototype');
    assert.deepEqual(
      recognition.shape.entries?.map(({ name }) => name),
      ['id', 'text', 'createdat', 'isfavorite'],
    );
    assert.deepEqual(Object.keys(recognition.shape), ['entries']);
  });

  test('the order of columns does not matter, nor that numbers or texts are of the other size', () => {
    const wide: Record<string, string> = {
      integer: 'bigint',
      text: 'character varying',
      real: 'double precision',
    };
    const { columns } = table('entries');
    const found = table('entries', {
      columns: columns.map((column) => ({ ...column, type: wide[column.type] ?? '' })).reverse(),
    });
    assert.equal(classify([found]).kind, 'prototype');
  });

  test('known keys may be there', () => {
    const entries = table('entries');
    entries.constraints.push({ kind: 'f', columns: ['cat_id'], references: 'cats', text: 'any' });
    const insights = table('cat_insights');
    insights.constraints.push({
      kind: 'u',
      columns: ['cat_id', 'mode', 'prompt_version', 'context_hash'],
      references: null,
      text: 'any',
    });
    assert.equal(classify([table('cats'), entries, insights]).kind, 'prototype');
  });

  test('every difference is listed at once, with what was expected', () => {
    assert.deepEqual(
      differencesOf(
        withColumn('cats', 'createdat', { type: 'timestamp with time zone' }),
        withColumn('analyses', 'sentiment', undefined),
        withColumn('cat_comments', 'pinned', { type: 'boolean' }),
      ),
      [
        'cats.createdat: has the type timestamp with time zone, expected text or character varying',
        'entries: is missing, and the prototype always had it',
        'analyses.sentiment: is missing, expected text',
        'cat_comments.pinned: is not a column of the prototype (type boolean)',
      ],
    );
  });

  const entries = (changes: Partial<FoundTable>) => table('entries', changes);
  const constraint = { kind: 'c', columns: ['text'], references: null, text: 'short CHECK (length(text) < 9)' };
  const key = table('entries').constraints;
  const strange: [string, FoundTable, string][] = [
    ['a view', entries({ kind: 'v' }), 'entries: is a view, expected a table'],
    ['a partitioned table', entries({ kind: 'p' }), 'entries: is a partitioned table, expected a table'],
    [
      'a column that is quoted camelCase',
      withColumn('entries', 'createdAt', {}),
      'entries.createdAt: is not a column of the prototype (type text)',
    ],
    [
      'a column that may be null',
      withColumn('entries', 'text', { required: false }),
      'entries.text: is allowed to be NULL, expected NOT NULL',
    ],
    [
      'a column that may not be null',
      withColumn('entries', 'nickname', { required: true }),
      'entries.nickname: is NOT NULL, expected to allow NULL',
    ],
    [
      'a generated column',
      withColumn('entries', 'location', { generated: true }),
      'entries.location: is a generated column, expected a plain one',
    ],
    [
      'an id without a sequence',
      withColumn('entries', 'id', { serial: false }),
      'entries.id: has no sequence of its own, expected serial',
    ],
    ['no primary key', entries({ constraints: [] }), 'entries: expected the primary key (id)'],
    [
      'a check',
      entries({ constraints: [...key, constraint] }),
      'entries: has a constraint that the prototype had not: short CHECK (length(text) < 9)',
    ],
    [
      'a reference to something else',
      entries({ constraints: [...key, { ...constraint, kind: 'f', text: 'f FOREIGN KEY (text) REFERENCES words' }] }),
      'entries: has a constraint that the prototype had not: f FOREIGN KEY (text) REFERENCES words',
    ],
    [
      'a view that reads it',
      entries({ dependents: ['rule _RETURN on view latest'] }),
      'entries: rule _RETURN on view latest depends on it, expected nothing',
    ],
    [
      'row level security',
      entries({ rowSecurity: true }),
      'entries: has row level security, which may hide rows, expected none',
    ],
    ['a parent', entries({ inherits: true }), 'entries: inherits from another table, expected a table of its own'],
  ];
  for (const [what, found, difference] of strange) {
    test(`${what} is foreign`, () => assert.deepEqual(differencesOf(found), [difference]));
  }
});
