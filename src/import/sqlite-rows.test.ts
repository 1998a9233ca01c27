import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { firstServerSchema, writeSqlite } from './sqlite-file.fixture.ts';
import { openSqliteFile } from './sqlite-file.ts';
import { originalRow, readSourceRows } from './sqlite-rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'catatlas-sqlite-rows-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const now = `'2026-01-01T00:00:00Z'`;

/** What becomes of the rows of `table` in a file made by these statements, with a cat 1 and an entry 1. */
async function rowsOf(table: string, statements: string[], leftOut = new Map<string, Set<bigint>>()) {
  files += 1;
  const path = join(folder, `${files}.db`);
  await writeSqlite(
    path,
    ...Object.values(firstServerSchema),
    `insert into cats values (1, 'A', ${now}, null)`,
    `insert into entries (id, text, createdAt) values (1, 'a', ${now})`,
    ...statements,
  );
  const file = await openSqliteFile(path);
  const found = file.tables.find(({ name }) => name === table);
  assert.ok(found);
  const rows = [...readSourceRows(file.reader, found, leftOut)];
  const originals = rows
    .filter(({ problems }) => problems.length > 0)
    .map(({ id }) => originalRow(file.reader, found, id));
  file.close();
  return { rows, originals };
}

const entry = (columns: string, values: string) =>
  `insert into entries (id, text, createdAt, ${columns}) values (2, 'b', ${now}, ${values})`;
const insight = (id: number, values: string) => `insert into cat_insights values (${id}, ${values}, ${now}, ${now})`;

describe('readSourceRows', () => {
  it('writes rows as COPY does', async () => {
    const { rows } = await rowsOf('entries', [
      `update entries set text = 'Grüße' || char(10) || '🐈' || char(65533), createdAt = '2025-12-27T22:06:09.468148Z', isFavorite = 1, cat_id = 1,
        location_lat = 52.520308, location_lon = 13`,
    ]);
    assert.deepEqual(rows, [
      {
        id: 1n,
        line: '1\tGrüße\\n🐈\ufffd\t2025-12-27 22:06:09.468148+00\tt\t\\N\t\\N\t1\t\\N\t\\N\t52.520308\t13\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n',
        unlinked: false,
        problems: [],
      },
    ]);
  });

  it('reads every row of a long table once, in the order of ids', async () => {
    const { rows } = await rowsOf('cats', [
      `with recursive n (i) as (select 2 union all select i + 3 from n where i < 3000) insert into cats select i, null, ${now}, null from n`,
    ]);
    const ids = rows.map(({ id }) => id);
    assert.equal(ids.length, 1002);
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => Number(a - b)),
    );
  });

  it('takes what is longer than the API allows, and texts of white space', async () => {
    const { rows } = await rowsOf('entries', [
      entry('nickname', `printf('%.*c', 200000, 'x')`),
      `update entries set text = ' ' where id = 1`,
    ]);
    assert.deepEqual(
      rows.map(({ problems }) => problems),
      [[], []],
    );
  });

  it('names what is wrong with a row', async () => {
    const cases: [table: string, statement: string, problem: string | RegExp][] = [
      ['entries', entry('isFavorite', '2'), 'isFavorite is 2 and neither 0 nor 1'],
      ['entries', entry('cat_id', '7'), 'cat_id is 7: there is no such cat'],
      ['entries', entry('cat_id', `'seven'`), 'cat_id is text and not a whole number'],
      ['entries', entry('nickname', `'a' || char(0) || 'b'`), 'nickname has a NUL character, at byte 1'],
      ['entries', entry('location', `cast(x'61ff' as text)`), 'location is not valid UTF-8'],
      ['entries', entry('location', `cast(x'eda080' as text)`), 'location is not valid UTF-8'],
      ['entries', entry('location', `x'6162'`), 'location is a blob and not text'],
      ['entries', entry('location', `printf('%.*c', 104857601, 'x')`), /^location is huge: 104857601 bytes/],
      ['entries', entry('location_lat, location_lon', '91, 0'), 'location_lat is 91: it must be between -90 and 90'],
      [
        'entries',
        entry('location_lat, location_lon', '0, -180.5'),
        'location_lon is -180.5: it must be between -180 and 180',
      ],
      ['entries', entry('location_lat', '1'), 'has only one of location_lat and location_lon'],
      ['entries', entry('location_lon', '0'), 'has only one of location_lat and location_lon'],
      ['entries', `insert into entries (id, text, createdAt) values (2, '', ${now})`, 'text is empty'],
      [
        'entries',
        `insert into entries (id, text, createdAt) values (0, 'a', ${now})`,
        'id is 0: ids are from 1 to 2^53-1',
      ],
      [
        'entries',
        `insert into entries (id, text, createdAt) values (-9223372036854775808, 'a', ${now})`,
        /^id is -9223372036854775808/,
      ],
      [
        'entries',
        `insert into entries (id, text, createdAt) values (9007199254740993, 'a', ${now})`,
        /^id is 9007199254740993/,
      ],
      [
        'entries',
        `insert into entries (id, text, createdAt) values (2, 'a', '27.12.2025')`,
        /^createdAt is "27.12.2025" and not a moment/,
      ],
      [
        'analyses',
        `insert into analyses values (5, 'h', 's', '[]', 'neutral', ${now}, ${now})`,
        'entry_id is 5: there is no such entry',
      ],
      [
        'analyses',
        `insert into analyses values (1, 'h', 's', '[1]', 'neutral', ${now}, ${now})`,
        'tags_json is JSON, but not an array of texts',
      ],
      [
        'analyses',
        `insert into analyses values (1, 'h', 's', 'a,b', 'neutral', ${now}, ${now})`,
        /^tags_json is not JSON/,
      ],
      [
        'analyses',
        `insert into analyses values (1, 'h', 's', '["\\u0000"]', 'neutral', ${now}, ${now})`,
        /^tags_json has a NUL/,
      ],
      [
        'analyses',
        `insert into analyses values (1, 'h', 's', '[]', 'good', ${now}, ${now})`,
        'sentiment is "good": expected positive, neutral, negative',
      ],
      [
        'cat_insights',
        insight(1, `1, 'diet', 'v1', 'h', '{}'`),
        'mode is "diet": expected profile, care, update, risk',
      ],
      ['cat_insights', insight(1, `1, 'care', 'v1', 'h', '"x"'`), 'insight_json is JSON, but not an object'],
      ['cat_insights', insight(1, `9, 'care', 'v1', 'h', '{}'`), 'cat_id is 9: there is no such cat'],
      [
        'cat_comments',
        `insert into cat_comments values (1, 9, 'a', 'b', ${now}, ${now})`,
        'cat_id is 9: there is no such cat',
      ],
      ['cat_comments', `insert into cat_comments values (1, 1, '', 'b', ${now}, ${now})`, 'author_name is empty'],
    ];
    for (const [table, statement, problem] of cases) {
      const { rows } = await rowsOf(table, [statement]);
      const problems = rows.flatMap((row) => row.problems);
      assert.equal(problems.length, 1, `${statement}: ${problems.join('; ')}`);
      if (typeof problem === 'string') assert.equal(problems[0], problem);
      else assert.match(String(problems[0]), problem);
    }
  });

  it('names all that is wrong with a row, and keeps its values', async () => {
    const { rows, originals } = await rowsOf('entries', [
      `insert into entries (id, text, createdAt, isFavorite, cat_id, nickname, location, photo_url, location_lat)
        values (2, '', 'never', 9007199254740993, 9, cast(x'ff' as text), x'00ff', 'a' || char(0), 1e999)`,
    ]);
    assert.deepEqual(rows[1]?.problems, [
      'text is empty',
      'createdAt is "never" and not a moment such as 2026-11-22T13:13:34.577339Z',
      'isFavorite is 9007199254740993 and neither 0 nor 1',
      'location is a blob and not text',
      'location_lat is Infinity: it must be between -90 and 90',
      'nickname is not valid UTF-8',
      'photo_url has a NUL character, at byte 1',
      'has only one of location_lat and location_lon',
      'cat_id is 9: there is no such cat',
    ]);
    const [{ text, createdAt, isFavorite, cat_id, nickname, location, photo_url, location_lat } = {}] = originals;
    assert.deepEqual(
      { text, createdAt, isFavorite, cat_id, nickname, location, photo_url, location_lat },
      {
        text: '',
        createdAt: 'never',
        isFavorite: { integer: '9007199254740993' },
        cat_id: 9,
        nickname: { text_base64: '/w==' },
        location: { blob_base64: 'AP8=' },
        photo_url: 'a\0',
        location_lat: { number: 'Infinity' },
      },
    );
  });

  it('clears the link of a sighting whose cat does not come along, and leaves out what cannot be without it', async () => {
    const leftOut = new Map([
      ['cats', new Set([1n])],
      ['entries', new Set([1n])],
    ]);
    const sightings = await rowsOf('entries', ['update entries set cat_id = 1'], leftOut);
    assert.deepEqual(sightings.rows[0]?.problems, ['cat_id is 1: that cat is a bad row itself']);
    assert.equal(sightings.rows[0]?.unlinked, true);
    assert.match(String(sightings.rows[0]?.line), /^1\ta\t2026-01-01 00:00:00\+00\tf\t\\N\t\\N\t\\N\t/);
    const analyses = await rowsOf(
      'analyses',
      [`insert into analyses values (1, 'h', 's', '[]', 'neutral', ${now}, ${now})`],
      leftOut,
    );
    assert.equal(analyses.rows[0]?.line, undefined);
    assert.deepEqual(analyses.rows[0]?.problems, ['entry_id is 1: that entry is a bad row itself']);
  });

  it('leaves out the later ones of insights with the same key, where a file lacks the constraint', async () => {
    const { rows } = await rowsOf('cat_insights', [
      'drop table cat_insights',
      firstServerSchema.cat_insights.replace(/, UNIQUE\(.*\)\)$/s, ')'),
      ...[1, 2, 3].map((id) => insight(id, `1, 'care', 'v1', 'h${id === 2 ? 2 : ''}', '{}'`)),
    ]);
    assert.deepEqual(
      rows.map(({ problems }) => problems),
      [[], [], ['has the same cat_id, mode, prompt_version, context_hash as an earlier row']],
    );
  });
});
