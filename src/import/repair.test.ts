import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readMoment } from './repair.ts';
import { firstServerSchema, writeSqlite } from './sqlite-file.fixture.ts';
import { openSqliteFile } from './sqlite-file.ts';
import { type Renumbered, readSourceRows } from './sqlite-rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'catatlas-import-repair-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const now = `'2026-01-01T00:00:00Z'`;
let files = 0;

/** What becomes of the bad rows of a file with a cat 1 and an entry 1 and these statements. */
async function repair(...statements: string[]) {
  files += 1;
  const path = join(folder, `${files}.db`);
  await writeSqlite(
    path,
    ...Object.values(firstServerSchema).map((sql) => sql.replaceAll(' NOT NULL', '')),
    `insert into cats values (1, 'A', ${now}, null)`,
    `insert into entries (id, text, createdAt) values (1, 'a', ${now})`,
    ...statements,
  );
  const file = await openSqliteFile(path);
  const renumbered: Renumbered = new Map();
  const leftOut = new Map<string, Set<bigint>>();
  const rows = file.tables.flatMap((table) => {
    const read = [...readSourceRows(file.reader, table, leftOut, renumbered)];
    leftOut.set(table.name, new Set(read.filter(({ line }) => line === undefined).map(({ id }) => id)));
    return read.map((row) => ({ ...row, table: table.name }));
  });
  file.close();
  return rows.filter(({ problems }) => problems.length > 0);
}

/** An entry 2 with everything in it, but for the columns given. */
function entry(given: Record<string, string>): string {
  const columns = {
    id: '2',
    text: `'seen'`,
    createdAt: now,
    isFavorite: '1',
    nickname: `'Cosmo'`,
    location: `'Park'`,
    cat_id: '1',
    location_lat: '52.5',
    location_lon: '13.25',
    location_city: `'Berlin'`,
    ...given,
  };
  return `insert into entries (${Object.keys(columns).join(', ')}) values (${Object.values(columns).join(', ')})`;
}

const whole = ['2', 'seen', '2026-01-01 00:00:00+00', 't', 'Cosmo', 'Park', '1', '\\N', '\\N', '52.5', '13.25'];
const rest = ['\\N', '\\N', '\\N', '\\N', 'Berlin', '\\N'];
const place: Record<string, number> = {
  id: 0,
  text: 1,
  createdAt: 2,
  isFavorite: 3,
  nickname: 4,
  location: 5,
  cat_id: 6,
  location_lat: 9,
  location_lon: 10,
};

describe('the repair of a sighting', () => {
  const cases: [name: string, given: Record<string, string>, becomes: Record<string, string>][] = [
    ['no text', { text: 'null' }, { text: '[no text]' }],
    ['an empty text', { text: `''` }, { text: '[no text]' }],
    ['a blob for a text', { text: `x'3432'` }, { text: '42' }],
    ['a text that is not UTF-8', { text: `cast(x'61ff62' as text)` }, { text: 'a\ufffdb' }],
    ['a NUL in a text', { text: `'a' || char(0) || 'b'` }, { text: 'a\ufffdb' }],
    ['a blob for a nickname', { nickname: `x'e7'` }, { nickname: '\ufffd' }],
    ['a huge location', { location: `printf('%.*c', 104857601, 'x')` }, { location: '\\N' }],
    ['a huge text', { text: `printf('%.*c', 104857601, 'x')` }, { text: '[no text]' }],
    ['a date for a moment', { createdAt: `'2026-02-03'` }, { createdAt: '2026-02-03 00:00:00+00' }],
    ['nine digits', { createdAt: `'2026-02-03T04:05:06.123456789Z'` }, { createdAt: '2026-02-03 04:05:06.123456+00' }],
    ['no moment', { createdAt: `'yesterday'` }, { createdAt: '1970-01-01 00:00:00+00' }],
    ['null for a moment', { createdAt: 'null' }, { createdAt: '1970-01-01 00:00:00+00' }],
    ['a flag of 2', { isFavorite: '2' }, { isFavorite: 't' }],
    ['a flag in words', { isFavorite: `'false'` }, { isFavorite: 'f' }],
    ['no flag', { isFavorite: 'null' }, { isFavorite: 'f' }],
    ['a cat that is not there', { cat_id: '7' }, { cat_id: '\\N' }],
    ['a cat in words', { cat_id: `'seven'` }, { cat_id: '\\N' }],
    ['half a coordinate', { location_lon: 'null' }, { location_lat: '\\N', location_lon: '\\N' }],
    ['a latitude of 91', { location_lat: '91' }, { location_lat: '\\N', location_lon: '\\N' }],
    ['an endless longitude', { location_lon: '1e999' }, { location_lat: '\\N', location_lon: '\\N' }],
    ['a latitude in words', { location_lat: `'north'` }, { location_lat: '\\N', location_lon: '\\N' }],
    ['an id of 0', { id: '0' }, { id: '2' }],
    ['an id beyond 2^53', { id: '9007199254740993' }, { id: '2' }],
  ];
  for (const [name, given, becomes] of cases)
    it(`puts ${name} right and keeps everything else`, async () => {
      const rows = await repair(entry(given));
      assert.equal(rows.length, 1);
      const expected = [...whole, ...rest];
      for (const [column, text] of Object.entries(becomes)) expected[place[column] ?? -1] = text;
      assert.deepEqual(rows[0]?.line?.trimEnd().split('\t'), expected);
      assert.deepEqual(Object.keys(rows[0]?.repaired ?? {}).sort(), Object.keys(becomes).sort());
    });
});

describe('the repair of other rows', () => {
  it('keeps comments, with words that say what is missing', async () => {
    const rows = await repair(
      `insert into cat_comments values (1, 1, '', 'good cat', ${now}, 'never'), (2, 1, 'Ali', null, null, ${now})`,
    );
    assert.deepEqual(
      rows.map(({ line }) => line),
      [
        '1\t1\t[unknown]\tgood cat\t2026-01-01 00:00:00+00\t2026-01-01 00:00:00+00\n',
        '2\t1\tAli\t[no text]\t2026-01-01 00:00:00+00\t2026-01-01 00:00:00+00\n',
      ],
    );
    assert.deepEqual(rows[0]?.repaired, { author_name: '[unknown]', updatedAt: '2026-01-01T00:00:00Z' });
  });

  it('clears the moment of a change that cannot be read', async () => {
    const [cat] = await repair(`insert into cats values (2, 'B', ${now}, 'never')`);
    assert.equal(cat?.line, '2\tB\t2026-01-01 00:00:00+00\t\\N\n');
  });

  it('has links follow a cat that gets a new id', async () => {
    const rows = await repair(
      `insert into cats values (-5, 'B', ${now}, null)`,
      entry({ cat_id: '-5' }),
      `insert into cat_comments values (1, -5, 'Ali', 'hi', ${now}, ${now})`,
    );
    assert.deepEqual(
      rows.map(({ table, line }) => [
        table,
        line
          ?.split('\t')
          .slice(0, table === 'entries' ? 7 : 2)
          .at(-1),
      ]),
      [
        ['cats', 'B'],
        ['entries', '2'],
        ['cat_comments', '2'],
      ],
    );
    assert.equal(rows[0]?.line?.split('\t')[0], '2');
  });

  it('leaves out what is computed from others, and comments on a cat that is not there', async () => {
    const rows = await repair(
      `insert into analyses values (1, 'h', 's', '[1]', 'good', ${now}, ${now})`,
      `insert into cat_insights values (1, 1, 'diet', 'v1', 'h', '{}', ${now}, ${now})`,
      `insert into cat_comments values (1, 9, 'Ali', 'hi', ${now}, ${now})`,
    );
    assert.deepEqual(
      rows.map(({ table, line }) => [table, line]),
      [
        ['analyses', undefined],
        ['cat_insights', undefined],
        ['cat_comments', undefined],
      ],
    );
  });
});

describe('readMoment', () => {
  it('reads what people take for a moment, and nothing else', () => {
    const cases: [string, string | undefined][] = [
      ['2026-02-03', '2026-02-03 00:00:00+00'],
      [' 2026-02-03 04:05:06 ', '2026-02-03 04:05:06+00'],
      ['2026-02-03T04:05:06.1234567Z', '2026-02-03 04:05:06.123456+00'],
      ['2026-02-03T04:05:06+0200', '2026-02-03 02:05:06+00'],
      ['2026-02-03T04:05:06+02', '2026-02-03 02:05:06+00'],
      ['2026-02-30', undefined],
      ['03.02.2026', undefined],
      ['now', undefined],
      ['0000-01-01T00:00:00Z', undefined],
      ['0044-03-15T12:00:00Z BC', undefined],
      ['', undefined],
    ];
    for (const [text, expected] of cases) assert.equal(readMoment(text), expected, text);
  });
});
