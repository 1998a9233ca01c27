// Adoption of the prototype's database, on real servers: each shape that its versions left behind, what is refused, and that an
// end at any moment changes nothing.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { connectPostgres, type Database, type Sql, type Tx } from '../../src/database/connect.ts';
import { type AdoptionReport, adoptPrototype, type RepairSink } from '../../src/migrator/adopt/adopt.ts';
import { recognizeSchema } from '../../src/migrator/adopt/recognize.ts';
import { AdoptionRefused } from '../../src/migrator/adopt/refused.ts';
import { silentLog } from '../../src/observability/log.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const schemaSql = read('../../migrations/0001_schema.sql');
const indexesSql = read('../../migrations/0002_indexes.sql');
const fixture = (name: string) => read(`prototype/${name}.sql`);

/** Some 35 values that our tables do not take. */
const badRows = `alter table analyses drop constraint analyses_entry_id_fkey;
         alter table cat_comments drop constraint cat_comments_cat_id_fkey;
         alter table entries drop constraint entries_cat_id_fkey;
         alter table cat_insights drop constraint cat_insights_cat_id_fkey;
         alter table cat_insights drop constraint cat_insights_cat_id_mode_prompt_version_context_hash_key;
         insert into cats values (0, 'zero', '2026-01-01T00:00:00Z', 'yesterday'), (-1, 'below', '2026-02-30T00:00:00Z', null);
         insert into entries (id, text, createdat, isfavorite, cat_id, location_lat, location_lon) values
           (20, '', 'infinity', 2, 77, 91, 0),
           (25, 'x', '0000-01-01T00:00:00Z', 0, null, null, null),
           (21, 'x', '0044-03-15T12:00:00Z BC', 0, null, 1, null),
           (22, 'x', '2026-01-01T00:00:00+02:00', 0, null, null, -180.5),
           (23, 'x', '2026-01-01T00:00:00.1234567Z', 0, null, 'NaN', 'Infinity'),
           (24, 'x', repeat('ü', 70), 0, null, null, null);
         insert into analyses values
           (99, 'h', 's', '{"a":1}', 'happy', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
           (20, 'h', 's', '["a", 1]', 'neutral', '2026-01-01T00:00:00Z', ''),
           (21, 'h', 's', '["a"', 'neutral', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
           (22, 'h', 's', '["a\\u0000"]', 'neutral', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
         insert into cat_insights (id, cat_id, mode, prompt_version, context_hash, insight_json, createdat, updatedat) values
           (10, 88, 'other', 'v1', 'x', '[]', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
           (11, 1, 'profile', 'v1', 'd17396', '{"a":NaN}', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
           (12, 1, 'care', 'v1', 'd17396', '{"a":1,"a":2}', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
         insert into cat_comments (id, cat_id, author_name, content, createdat, updatedat) values
           (30, 66, '', '', '2026-01-01T00:00:00Z', 'now')`;

interface Hooks {
  onProgress?(step: string): void;
  /** Waited for before each statement that changes or reads tables; gets the number of the backend. */
  beforeStatement?(pid: number): Promise<void>;
  createTables?(tx: Tx): Promise<unknown>;
  repair?: RepairSink;
}

/** What `migrate up` does around an adoption. */
async function adopt(sql: Sql, hooks: Hooks = {}): Promise<AdoptionReport> {
  return await sql.begin(async (tx) => {
    const recognition = await recognizeSchema(tx);
    if (recognition.kind !== 'prototype') throw new Error(JSON.stringify(recognition, null, 1));
    const [{ pid }] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`;
    const unsafe: Tx['unsafe'] = ((text: string) =>
      Promise.resolve(hooks.beforeStatement?.(pid)).then(() => tx.unsafe(text))) as unknown as Tx['unsafe'];
    const session = new Proxy(tx, { get: (target, name) => (name === 'unsafe' ? unsafe : Reflect.get(target, name)) });
    const report = await adoptPrototype(session, {
      shape: recognition.shape,
      createTables: () => (hooks.createTables ? hooks.createTables(tx) : tx.unsafe(schemaSql)),
      log: silentLog,
      ...(hooks.onProgress ? { onProgress: hooks.onProgress } : {}),
      ...(hooks.repair ? { repair: hooks.repair } : {}),
    });
    await tx.unsafe(indexesSql);
    return report;
  });
}

async function refusalOf(work: Promise<unknown>): Promise<AdoptionRefused> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof AdoptionRefused, `expected a refusal, got ${String(outcome)}`);
  return outcome;
}

/** Everything in a database that adoption could touch: definitions, rows, and where the sequences stand. */
async function listing(sql: Sql): Promise<string[]> {
  const definitions = await sql<{ line: string }[]>`
    with mine as (
      select pg_class.oid, nspname || '.' || relname as name, relkind, relacl::text
      from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where nspname not like 'pg\\_%' and nspname <> 'information_schema'
    )
    select concat_ws(' ', 'relation', oid, relkind, name, relacl) as line from mine
    union all select concat_ws(' ', 'schema', nspname) from pg_namespace where nspname not like 'pg\\_%'
    union all select concat_ws(' ', 'function', oid::regprocedure) from pg_proc where oid >= 16384
    union all
    select concat_ws(' ', 'column', name, attnum, attname, format_type(atttypid, atttypmod), attnotnull)
    from mine join pg_attribute on attrelid = mine.oid and attnum > 0
    union all select concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) from pg_constraint where conrelid >= 16384
    order by line`;
  const lines = definitions.map(({ line }) => line);
  for (const line of definitions.map((row) => row.line)) {
    const [, kind, name] = /^relation \d+ ([rS]) (\S+)/.exec(line) ?? [];
    if (name === undefined) continue;
    const rows = await sql.unsafe<{ line: string }[]>(
      kind === 'S'
        ? `select last_value || ' ' || is_called as line from ${name}`
        : `select row_text::text as line from ${name} as row_text order by 1`,
    );
    lines.push(...rows.map((row) => `${name}: ${row.line}`));
  }
  return lines;
}

for (const version of testedVersions) {
  describe(`adoption on PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    const open: Database[] = [];
    before(async () => {
      // Settings of an operator that conversion may not depend on.
      server = await startPostgres({
        version,
        settings: { extra_float_digits: '-3', DateStyle: 'SQL, DMY', bytea_output: 'escape' },
      });
    });
    after(async () => {
      for (const database of open) await database.close();
      await server.stop();
    });

    async function prepare(...scripts: string[]): Promise<{ sql: Sql; url: string }> {
      const url = await server.createDatabase();
      const database = connectPostgres({
        url,
        applicationName: 'adoption test',
        maxConnections: 2,
        statementTimeout: 120,
      });
      open.push(database);
      for (const script of scripts) await database.sql.unsafe(script);
      return { sql: database.sql, url };
    }

    const nextEntry = (sql: Sql) =>
      sql<{ id: number }[]>`
        insert into entries (text, created_at) values ('new', '2026-11-22T13:13:34Z') returning id`.then(
        ([row]) => row?.id,
      );

    test('the first shape: entries alone', async () => {
      const { sql } = await prepare(fixture('01-diary'));
      const { tables } = await adopt(sql);
      assert.deepEqual(
        tables.map(({ table, rows, nextId }) => [table, rows, nextId]),
        [['entries', 3, 9]],
      );
      assert.deepEqual(
        [
          ...(await sql`select id, text, created_at, is_favorite, nickname, cat_id, location_lat from entries order by id`),
        ],
        [
          {
            id: 1,
            text: 'string',
            created_at: '2025-12-27T22:06:09.468148Z',
            is_favorite: false,
            nickname: null,
            cat_id: null,
            location_lat: null,
          },
          {
            id: 2,
            text: 'flo',
            created_at: '2025-12-27T22:18:00.991565Z',
            is_favorite: true,
            nickname: null,
            cat_id: null,
            location_lat: null,
          },
          {
            id: 5,
            text: 'Grüße von der Straße, 猫が好き 🐈',
            created_at: '2025-12-29T00:00:44Z',
            is_favorite: false,
            nickname: null,
            cat_id: null,
            location_lat: null,
          },
        ],
      );
      assert.equal(await nextEntry(sql), 9);
      const [cat] = await sql`insert into cats (created_at) values ('2026-11-22T13:13:34Z') returning id`;
      assert.equal(cat?.['id'], 1);
    });

    test('the second shape: analyses, nicknames and locations', async () => {
      const { sql } = await prepare(fixture('02-nicknames'));
      const { tables } = await adopt(sql);
      assert.deepEqual(
        tables.map(({ table, rows, nextId }) => [table, rows, nextId]),
        [
          ['entries', 3, 4],
          ['analyses', 3, null],
        ],
      );
      assert.deepEqual(
        [...(await sql`select id, text, created_at, is_favorite, nickname, location from entries order by id`)],
        [
          {
            id: 1,
            text: 'Test',
            created_at: '2025-12-27T22:14:54.889655Z',
            is_favorite: false,
            nickname: null,
            location: null,
          },
          {
            id: 2,
            text: 'tuxedo lab schnuggler',
            created_at: '2025-12-31T17:39:47.538436Z',
            is_favorite: true,
            nickname: 'Cosmo',
            location: '406 Fenimore',
          },
          {
            id: 3,
            text: 'it\'s a "cat" \\ with\ta tab\r\nand a second line',
            created_at: '2025-12-31T18:06:48.400000Z',
            is_favorite: false,
            nickname: null,
            location: 'Große Straße 7, Köln',
          },
        ],
      );
      assert.deepEqual(
        [...(await sql`select entry_id, tags, sentiment, created_at, updated_at from analyses order by entry_id`)],
        [
          {
            entry_id: 1,
            tags: [],
            sentiment: 'negative',
            created_at: '2025-12-30T16:50:08.561452Z',
            updated_at: '2025-12-30T16:50:08.561452Z',
          },
          {
            entry_id: 2,
            tags: ['tuxedo', 'lab', 'schnuggler'],
            sentiment: 'neutral',
            created_at: '2025-12-31T17:39:56.094203Z',
            updated_at: '2026-01-02T08:00:00Z',
          },
          {
            entry_id: 3,
            tags: ['kätzin', 'a"b\\c', '🐈'],
            sentiment: 'positive',
            created_at: '2026-01-10T22:10:57.779155Z',
            updated_at: '2026-01-10T22:10:57.779155Z',
          },
        ],
      );
      assert.equal(await nextEntry(sql), 4);
    });

    test('the third shape: cats, insights and photos, with the rows of a real diary', async () => {
      const { sql } = await prepare(fixture('03-cats'));
      const { tables } = await adopt(sql);
      assert.deepEqual(
        tables.map(({ table, rows, nextId }) => [table, rows, nextId]),
        [
          ['cats', 1, 2],
          ['entries', 22, 23],
          ['analyses', 5, null],
          ['cat_insights', 1, 2],
        ],
      );
      assert.deepEqual(
        [...(await sql`select id, name, created_at, updated_at from cats`)],
        [{ id: 1, name: 'Browny', created_at: '2026-01-10T22:27:08.252643Z', updated_at: null }],
      );
      assert.deepEqual(
        [
          ...(await sql`select id, cat_id, is_favorite, nickname, location, text, created_at, photo_url from entries where id in (1, 5, 13, 22) order by id`),
        ],
        [
          {
            id: 1,
            cat_id: 1,
            is_favorite: false,
            nickname: null,
            location: null,
            text: 'string',
            created_at: '2025-12-27T22:06:09.468148Z',
            photo_url: null,
          },
          {
            id: 5,
            cat_id: null,
            is_favorite: true,
            nickname: null,
            location: null,
            text: 'Test 2',
            created_at: '2025-12-27T22:15:03.580710Z',
            photo_url: null,
          },
          {
            id: 13,
            cat_id: null,
            is_favorite: true,
            nickname: 'Cosmo',
            location: '406 Fenimore',
            text: 'tuxedo lab schnuggler',
            created_at: '2025-12-31T17:39:47.538436Z',
            photo_url: null,
          },
          {
            id: 22,
            cat_id: null,
            is_favorite: false,
            nickname: 'Browny',
            location: 'Flatbush 708',
            text: 'Tiger cat looks hungry and miau all the time',
            created_at: '2026-01-10T22:19:13.265485Z',
            photo_url:
              'https://images.squarespace-cdn.com/content/v1/68b1f8e2c6c23f5ccaf77fb5/b9c00e77-9979-4945-8a67-89bfa5f352b8/IMG_3451.jpg',
          },
        ],
      );
      assert.deepEqual(
        [...(await sql`select id, cat_id, mode, prompt_version, context_hash, insight, created_at from cat_insights`)],
        [
          {
            id: 1,
            cat_id: 1,
            mode: 'profile',
            prompt_version: 'v1',
            context_hash: 'd17396ecac446422911f117cc366a45f7da3b41ad468c1afc5d2d5aa87d8accf',
            insight: {
              cat_id: 1,
              mode: 'profile',
              prompt_version: 'v1',
              confidence: 0.51,
              headline: 'Cat #1 — unknown / neutral',
              summary:
                "Based on 2 sighting(s), this cat is currently described as 'unknown / neutral'. Common tags from notes: string.",
              flags: [],
              suggested_actions: [
                'Collect consistent notes about coat pattern, tail, ear marks, and behavior.',
                'Try to observe at similar times to learn routine.',
              ],
              citations: [
                { entry_id: 2, quote: 'string', location: null, createdAt: '2025-12-27T22:06:29.880762Z' },
                { entry_id: 1, quote: 'string', location: null, createdAt: '2025-12-27T22:06:09.468148Z' },
              ],
              generatedAt: '2026-01-10T22:32:41.371023Z',
            },
            created_at: '2026-01-10T22:32:41.371190Z',
          },
        ],
      );
      assert.equal(await nextEntry(sql), 23);
    });

    test('the fourth shape: places of four bytes keep the digits they were shown with', async () => {
      const { sql } = await prepare(fixture('04-places'));
      await adopt(sql);
      const rows = await sql`
        select id, created_at, cat_id, location_lat, location_lon, location_normalized, location_osm_id from entries order by id`;
      assert.deepEqual(
        [...rows],
        [
          {
            id: 10,
            created_at: '2026-02-01T09:30:00.500000Z',
            cat_id: 4,
            location_lat: 52.52031,
            location_lon: 13.405254,
            location_normalized: 'Alexanderplatz, Mitte, Berlin, Deutschland',
            location_osm_id: '3908141014',
          },
          {
            id: 11,
            created_at: '2026-02-01T09:30:01.123000Z',
            cat_id: null,
            location_lat: 0,
            location_lon: 0,
            location_normalized: 'Null Island',
            location_osm_id: null,
          },
          {
            id: 12,
            created_at: '2026-02-01T09:30:02.999999Z',
            cat_id: 3,
            location_lat: -16.85,
            location_lon: 179.99998,
            location_normalized: 'Taveuni, Fiji',
            location_osm_id: '1',
          },
          {
            id: 13,
            created_at: '2026-02-01T09:30:03.000100Z',
            cat_id: null,
            location_lat: -90,
            location_lon: -180,
            location_normalized: 'Pole',
            location_osm_id: '2',
          },
          {
            id: 14,
            created_at: '2026-02-01T09:30:04Z',
            cat_id: null,
            location_lat: 0.00001,
            location_lon: -0.000001,
            location_normalized: 'Tiny',
            location_osm_id: '3',
          },
          {
            id: 15,
            created_at: '2026-02-01T09:30:05Z',
            cat_id: null,
            location_lat: null,
            location_lon: null,
            location_normalized: null,
            location_osm_id: null,
          },
        ],
      );
      assert.deepEqual(
        [...(await sql`select id, name, created_at from cats order by id`)],
        [
          { id: 3, name: null, created_at: '2026-02-01T08:00:00Z' },
          { id: 4, name: 'Müsli', created_at: '2026-02-01T08:00:00.000001Z' },
        ],
      );
      const [insight] = await sql`select insight, updated_at from cat_insights`;
      assert.equal(insight?.['insight'].headline, 'Cat #4 — unknown / neutral');
      assert.equal(insight?.['insight'].confidence, 0.4);
      assert.equal(insight?.['updated_at'], '2026-02-01T10:00:00.000200Z');
    });

    test('the last shape: addresses, renamed cats, comments; sequences that ran ahead', async () => {
      const { sql } = await prepare(fixture('05-comments'));
      const report = await adopt(sql);
      assert.deepEqual(
        report.tables.map(({ table, rows, nextId }) => [table, rows, nextId]),
        [
          ['cats', 3, 4],
          ['entries', 2, 4],
          ['analyses', 1, null],
          ['cat_insights', 2, 3],
          ['cat_comments', 2, 1000],
        ],
      );
      assert.deepEqual(
        [...(await sql`select id, name, created_at, updated_at from cats order by id`)],
        [
          {
            id: 1,
            name: 'Browny',
            created_at: '2026-01-10T22:27:08.252643Z',
            updated_at: '2026-03-01T07:15:00.123456Z',
          },
          { id: 2, name: null, created_at: '2026-03-02T12:00:00Z', updated_at: null },
          {
            id: 3,
            name: 'Şerife Ünlü-Çağ 🐱',
            created_at: '2026-03-03T23:59:59.999999Z',
            updated_at: '2026-03-04T00:00:00Z',
          },
        ],
      );
      assert.deepEqual(
        [
          ...(await sql`
            select id, text, created_at, is_favorite, nickname, location, cat_id, photo_url, location_normalized, location_lat,
              location_lon, location_osm_id, location_street, location_number, location_zip, location_city, location_country
            from entries order by id`),
        ],
        [
          {
            id: 1,
            text: 'Tiger cat with small green eyes',
            created_at: '2026-01-10T22:16:23.832382Z',
            is_favorite: true,
            nickname: 'Browny',
            location: 'Hauptstraße 5, 10115 Berlin, Deutschland',
            cat_id: 1,
            photo_url: 'https://cdn.example.net/sightings/20260110_221623_0a1b2c3d.jpg',
            location_normalized: 'Hauptstraße 5, 10115 Berlin',
            location_lat: 52.52031,
            location_lon: 13.405254,
            location_osm_id: '240109189',
            location_street: 'Hauptstraße',
            location_number: '5',
            location_zip: '10115',
            location_city: 'Berlin',
            location_country: 'Deutschland',
          },
          {
            id: 2,
            text: '<b>drop table cats;</b> -- javascript:alert(1)',
            created_at: '2026-01-10T22:19:13.265485Z',
            is_favorite: false,
            nickname: null,
            location: null,
            cat_id: 1,
            photo_url: null,
            location_normalized: null,
            location_lat: null,
            location_lon: null,
            location_osm_id: null,
            location_street: null,
            location_number: '12a',
            location_zip: null,
            location_city: null,
            location_country: null,
          },
        ],
      );
      assert.deepEqual(
        [...(await sql`select id, cat_id, author_name, content, created_at, updated_at from cat_comments order by id`)],
        [
          {
            id: 1,
            cat_id: 1,
            author_name: 'Zoë',
            content: 'So süß! 😻',
            created_at: '2026-03-05T10:00:00.000010Z',
            updated_at: '2026-03-05T10:00:00.000010Z',
          },
          {
            id: 2,
            cat_id: 3,
            author_name: 'Ali',
            content: 'Line one\nLine two',
            created_at: '2026-03-05T10:00:01Z',
            updated_at: '2026-03-06T00:00:00.100000Z',
          },
        ],
      );
      assert.deepEqual(
        [...(await sql`select id, mode, insight from cat_insights order by id`)],
        [
          { id: 1, mode: 'profile', insight: { cat_id: 1, confidence: 0.51, flags: [] } },
          { id: 2, mode: 'risk', insight: { cat_id: 1, confidence: 1, nested: { b: [1, 2, null], a: true } } },
        ],
      );
      assert.equal(await nextEntry(sql), 4);
      const [comment] = await sql`
        insert into cat_comments (cat_id, author_name, content, created_at, updated_at)
        values (1, 'a', 'b', '2026-11-22T13:13:34Z', '2026-11-22T13:13:34Z') returning id`;
      assert.equal(comment?.['id'], 1000);

      // The old tables are as they were, and can be removed without a loss.
      const [kept] = await sql.unsafe('select createdat from catatlas_prototype.entries where id = 1');
      assert.equal(kept?.['createdat'], '2026-01-10T22:16:23.832382Z');
      assert.equal(report.removeWith, 'drop schema catatlas_prototype cascade');
      await sql.unsafe(report.removeWith);
      assert.equal(await nextEntry(sql), 5);
      await sql`delete from cats where id = 1`;
      const [orphaned] = await sql`select count(cat_id) as assigned, count(*) as entries from entries`;
      assert.deepEqual(orphaned, { assigned: 0, entries: 4 });
    });

    test('a digest is the same whatever the shape, and differs when a microsecond does', async () => {
      const digestOf = async (change: string) => {
        const { sql } = await prepare(fixture('04-places'), change);
        return (await adopt(sql)).tables.find(({ table }) => table === 'entries')?.digest;
      };
      const plain = await digestOf('select 1');
      // Updated rows lie elsewhere in the table.
      assert.equal(
        await digestOf('update entries set isfavorite = 0; alter table entries add location_zip text'),
        plain,
      );
      assert.notEqual(
        await digestOf(`update entries set createdat = '2026-02-01T09:30:00.500001Z' where id = 10`),
        plain,
      );
    });

    test('rights of others on the old tables hold on ours', async () => {
      const role = `reader_${version}`;
      const { sql } = await prepare(
        `create role ${role}`,
        fixture('05-comments'),
        `grant select, insert on entries to ${role} with grant option; grant select on cats to public`,
      );
      await adopt(sql);
      const [rights] = await sql`
        select has_table_privilege(${role}, 'entries', 'SELECT WITH GRANT OPTION, INSERT') as entries,
          has_table_privilege(${role}, 'cats', 'SELECT') as cats, has_table_privilege(${role}, 'analyses', 'SELECT') as analyses`;
      assert.deepEqual(rights, { entries: true, cats: true, analyses: false });
    });

    test('the owner of the database is enough to adopt, and a superuser leaves the owner its rights', async () => {
      for (const adopter of ['owner', 'superuser']) {
        const role = `${adopter}_case_${version}`;
        const { sql, url } = await prepare(`create role ${role} login`);
        await sql`alter database ${sql(new URL(url).pathname.slice(1))} owner to ${sql(role)}`;
        const ownUrl = new URL(url);
        ownUrl.username = role;
        const own = connectPostgres({ url: ownUrl.href, applicationName: 'owner', maxConnections: 1 });
        open.push(own);
        await own.sql.unsafe(fixture('05-comments'));
        await adopt(adopter === 'owner' ? own.sql : sql);
        assert.equal(await nextEntry(own.sql), 4);
      }
    });

    test('keys that somebody lost do not matter as long as the rows are right', async () => {
      const { sql } = await prepare(
        fixture('05-comments'),
        `alter table analyses drop constraint analyses_entry_id_fkey;
         alter table cat_insights drop constraint cat_insights_cat_id_mode_prompt_version_context_hash_key;
         alter table cats alter column id type bigint;
         alter table entries alter column nickname type varchar(100), alter column location_lat type double precision`,
      );
      await sql`update entries set location_lat = 52.520308123456789 where id = 1`;
      await adopt(sql);
      // In the database: this server is set to show fewer digits.
      const [row] =
        await sql`select location_lat = 52.520308123456789::double precision as exact from entries where id = 1`;
      assert.equal(row?.['exact'], true);
    });

    test('every bad row is listed, and nothing is changed', async () => {
      const { sql } = await prepare(fixture('05-comments'), badRows);
      const before = await listing(sql);
      const refusal = await refusalOf(adopt(sql));
      const moment = 'is not a moment in UTC of the years 1 to 9999 such as 2026-11-22T13:13:34.577339Z';
      assert.deepEqual(refusal.problems, [
        `cats id -1: createdat "2026-02-30T00:00:00Z" ${moment}`,
        'cats id -1: id "-1" is outside 1 to 9007199254740991',
        'cats id 0: id "0" is outside 1 to 9007199254740991',
        `cats id 0: updatedat "yesterday" ${moment}`,
        'entries id 20: cat_id "77" names no row of cats',
        `entries id 20: createdat "infinity" ${moment}`,
        'entries id 20: isfavorite "2" is neither 0 nor 1',
        'entries id 20: location_lat "91" is outside -90 to 90',
        'entries id 20: text "" is empty',
        `entries id 21: createdat "0044-03-15T12:00:00Z BC" ${moment}`,
        'entries id 21: location_lat "1" is given without location_lon',
        `entries id 22: createdat "2026-01-01T00:00:00+02:00" ${moment}`,
        'entries id 22: location_lon "-180.5" is outside -180 to 180',
        `entries id 23: createdat "2026-01-01T00:00:00.1234567Z" ${moment}`,
        'entries id 23: location_lat "NaN" is outside -90 to 90',
        'entries id 23: location_lon "Infinity" is outside -180 to 180',
        `entries id 24: createdat "${'ü'.repeat(60)}" ${moment}`,
        `entries id 25: createdat "0000-01-01T00:00:00Z" ${moment}`,
        'analyses entry_id 20: tags_json "[\\"a\\", 1]" has a tag that is not a text',
        `analyses entry_id 20: updatedat "" ${moment}`,
        'analyses entry_id 21: tags_json "[\\"a\\"" is not a JSON array',
        'analyses entry_id 22: tags_json "[\\"a\\\\u0000\\"]" is not a JSON array',
        'analyses entry_id 99: entry_id "99" names no row of entries',
        'analyses entry_id 99: sentiment "happy" is none of positive, neutral, negative',
        'analyses entry_id 99: tags_json "{\\"a\\":1}" is not a JSON array',
        'cat_insights id 10: cat_id "88" names no row of cats',
        'cat_insights id 10: insight_json "[]" is not a JSON object',
        'cat_insights id 10: mode "other" is none of profile, care, update, risk',
        'cat_insights id 11: insight_json "{\\"a\\":NaN}" is not a JSON object',
        'cat_insights id 12: insight_json "{\\"a\\":1,\\"a\\":2}" has a key twice',
        'cat_insights id 11: cat_id, mode, prompt_version, context_hash "1, profile, v1, d17396" is the same as in row 1',
        'cat_comments id 30: author_name "" is empty',
        'cat_comments id 30: cat_id "66" names no row of cats',
        'cat_comments id 30: content "" is empty',
        `cat_comments id 30: updatedat "now" ${moment}`,
      ]);
      assert.match(
        refusal.message,
        /^The prototype's tables have 35 values that cannot be taken over\. Nothing was changed\.\n- cats id -1/,
      );
      assert.match(refusal.message, /Correct these rows.*then try again\.$/);
      assert.deepEqual(await listing(sql), before);

      // Put right, all of it is taken.
      await sql.unsafe(`
        delete from cat_comments where id = 30; delete from cat_insights where id >= 10; delete from analyses where entry_id >= 20;
        delete from entries where id >= 20; delete from cats where id < 1`);
      assert.equal((await adopt(sql)).tables.length, 5);
    });

    test('every bad row is repaired, everything else of it is kept, and each is listed with its old values', async () => {
      const { sql } = await prepare(
        fixture('05-comments'),
        badRows,
        `insert into entries (id, text, createdat, nickname, cat_id) values (26, 'of zero', '2026-02-03', 'Zero', 0);
         insert into cat_comments (id, cat_id, author_name, content, createdat, updatedat) values
           (31, -1, 'Ali', '', 'never', '2026-03-05T10:00:00+01:00')`,
      );
      const kept = await listing(sql);
      const lines: Record<string, unknown>[] = [];
      const { tables } = await adopt(sql, {
        repair: { restart: () => lines.splice(0), write: (line) => lines.push(JSON.parse(line)) },
      });
      assert.deepEqual(
        tables.map(({ table, rows, repaired, leftOut }) => [table, rows, repaired, leftOut]),
        [
          ['cats', 5, 2, 0],
          ['entries', 9, 7, 0],
          ['analyses', 1, 0, 4],
          ['cat_insights', 2, 0, 3],
          ['cat_comments', 3, 1, 1],
        ],
      );
      assert.deepEqual(
        [...(await sql`select id, name, created_at, updated_at from cats where id > 3 order by id`)],
        [
          { id: 4, name: 'below', created_at: '1970-01-01T00:00:00Z', updated_at: null },
          { id: 5, name: 'zero', created_at: '2026-01-01T00:00:00Z', updated_at: null },
        ],
      );
      const point = { location_lat: null, location_lon: null };
      assert.deepEqual(
        [
          ...(await sql`
            select id, text, created_at, is_favorite, nickname, cat_id, location_lat, location_lon from entries where id >= 20 order by id`),
        ],
        [
          {
            id: 20,
            text: '[no text]',
            created_at: '1970-01-01T00:00:00Z',
            is_favorite: true,
            nickname: null,
            cat_id: null,
            ...point,
          },
          {
            id: 21,
            text: 'x',
            created_at: '1970-01-01T00:00:00Z',
            is_favorite: false,
            nickname: null,
            cat_id: null,
            ...point,
          },
          {
            id: 22,
            text: 'x',
            created_at: '2025-12-31T22:00:00Z',
            is_favorite: false,
            nickname: null,
            cat_id: null,
            ...point,
          },
          {
            id: 23,
            text: 'x',
            created_at: '2026-01-01T00:00:00.123456Z',
            is_favorite: false,
            nickname: null,
            cat_id: null,
            ...point,
          },
          {
            id: 24,
            text: 'x',
            created_at: '1970-01-01T00:00:00Z',
            is_favorite: false,
            nickname: null,
            cat_id: null,
            ...point,
          },
          {
            id: 25,
            text: 'x',
            created_at: '1970-01-01T00:00:00Z',
            is_favorite: false,
            nickname: null,
            cat_id: null,
            ...point,
          },
          {
            id: 26,
            text: 'of zero',
            created_at: '2026-02-03T00:00:00Z',
            is_favorite: false,
            nickname: 'Zero',
            cat_id: 5,
            ...point,
          },
        ],
      );
      assert.deepEqual(
        [
          ...(await sql`select id, cat_id, author_name, content, created_at, updated_at from cat_comments where id > 2`),
        ],
        [
          {
            id: 31,
            cat_id: 4,
            author_name: 'Ali',
            content: '[no text]',
            created_at: '2026-03-05T09:00:00Z',
            updated_at: '2026-03-05T09:00:00Z',
          },
        ],
      );
      assert.equal(lines.length, 18);
      const [comment, gone] = ['31', '30'].map((id) =>
        lines.find((line) => line['table'] === 'cat_comments' && String(line['id']) === id),
      );
      assert.equal(gone?.['outcome'], 'left out');
      assert.deepEqual(comment, {
        table: 'cat_comments',
        id: 31,
        problems: [
          'cat_id "-1" names a row of cats that gets another id',
          'content "" is empty',
          'createdat "never" is not a moment in UTC of the years 1 to 9999 such as 2026-11-22T13:13:34.577339Z',
          'updatedat "2026-03-05T10:00:00+01:00" is not a moment in UTC of the years 1 to 9999 such as 2026-11-22T13:13:34.577339Z',
        ],
        outcome: 'repaired',
        repaired: {
          cat_id: 4,
          content: '[no text]',
          createdat: '2026-03-05T09:00:00.000000Z',
          updatedat: '2026-03-05T09:00:00.000000Z',
        },
        row: {
          id: 31,
          cat_id: -1,
          author_name: 'Ali',
          content: '',
          createdat: 'never',
          updatedat: '2026-03-05T10:00:00+01:00',
        },
      });
      // The old tables are as they were, and nothing else has been left beside them.
      const rows = (lines: readonly string[], schema: string) =>
        lines.filter((line) => line.startsWith(`${schema}.`)).map((line) => line.slice(schema.length));
      assert.deepEqual(rows(await listing(sql), 'catatlas_prototype').sort(), rows(kept, 'public').sort());
    });

    test('a database without a bad row is adopted with --repair as without', async () => {
      const lines: string[] = [];
      const { sql } = await prepare(fixture('04-places'));
      const { tables } = await adopt(sql, { repair: { restart: () => {}, write: (line) => lines.push(line) } });
      const plain = await adopt((await prepare(fixture('04-places'))).sql);
      assert.deepEqual([tables, lines], [plain.tables, []]);
    });

    test('fifty bad rows are shown, the rest is counted', async () => {
      const { sql } = await prepare(
        fixture('01-diary'),
        `insert into entries (text, createdat) select 'x', 'never' from generate_series(1, 1000)`,
      );
      const refusal = await refusalOf(adopt(sql));
      assert.equal(refusal.problems.length, 50);
      assert.match(refusal.message, /have 1000 values.*\n- and 950 more\nCorrect/s);
    });

    test('assigned sightings without a table of cats are orphans', async () => {
      const { sql } = await prepare(
        fixture('02-nicknames'),
        'alter table entries add cat_id integer; alter table entries add location_lon real; update entries set cat_id = 1, location_lon = 1 where id = 2',
      );
      assert.deepEqual((await refusalOf(adopt(sql))).problems, [
        'entries id 2: cat_id "1" names no row of cats',
        'entries id 2: location_lon "1" is given without location_lat',
      ]);
    });

    test('other tables beside do not matter', async () => {
      const { sql } = await prepare(
        'create table visits (id int); create schema old; create table old.entries (id int)',
      );
      assert.deepEqual(await recognizeSchema(sql), { kind: 'empty' });
      await sql.unsafe(fixture('03-cats'));
      assert.equal((await recognizeSchema(sql)).kind, 'prototype');
    });

    test('what the prototype did not make is foreign, each difference said', async () => {
      const { sql } = await prepare(
        fixture('05-comments'),
        `alter table cats add colour text, alter column createdat type timestamptz using createdat::timestamptz;
         alter table cat_comments drop column content;
         alter table analyses drop constraint analyses_pkey, alter sentiment drop not null;
         alter table entries add check (length(text) > 0), enable row level security;
         create policy everyone on entries using (true);
         create table visits (entry_id int references entries, text text);
         create view latest as select id, text from entries where isfavorite = 1;
         create rule quiet as on delete to cat_insights do instead nothing;
         create function touch() returns trigger language plpgsql as 'begin return new; end';
         create trigger touched before update on cat_comments for each row execute function touch();
         create function favourites() returns bigint language sql begin atomic select count(*) from entries; end;
         create table entries_2025 () inherits (entries);
         create publication part for table cats;
         create statistics known on createdat, isfavorite from entries`,
      );
      const before = await listing(sql);
      const recognition = await recognizeSchema(sql);
      assert.deepEqual(recognition.kind === 'foreign' ? recognition.differences : recognition, [
        'cats.createdat: has the type timestamp with time zone, expected text or character varying',
        'cats.colour: is not a column of the prototype (type text)',
        'cats: publication of table cats in publication part depends on it, expected nothing',
        'entries: has a constraint that the prototype had not: entries_text_check CHECK ((length(text) > 0))',
        'entries: constraint visits_entry_id_fkey on table visits depends on it, expected nothing',
        'entries: function favourites() depends on it, expected nothing',
        'entries: policy everyone on table entries depends on it, expected nothing',
        'entries: rule _RETURN on view latest depends on it, expected nothing',
        'entries: table entries_2025 depends on it, expected nothing',
        'entries: has row level security, which may hide rows, expected none',
        'analyses.sentiment: is allowed to be NULL, expected NOT NULL',
        'analyses: expected the primary key (entry_id)',
        'cat_insights: rule quiet on table cat_insights depends on it, expected nothing',
        'cat_comments.content: is missing, expected text',
        'cat_comments: trigger touched on table cat_comments depends on it, expected nothing',
      ]);
      assert.deepEqual(await listing(sql), before);
    });

    test('our own tables are foreign', async () => {
      const { sql } = await prepare(schemaSql);
      const recognition = await recognizeSchema(sql);
      assert.ok(recognition.kind === 'foreign' && recognition.differences.length > 20);
    });

    test('a schema in the way, a role that may not, and tables that changed meanwhile are refused', async () => {
      const occupied = await prepare(fixture('01-diary'), 'create schema catatlas_prototype');
      assert.match(
        (await refusalOf(adopt(occupied.sql))).message,
        /cannot be moved\. Nothing was changed\.\n- the schema catatlas_prototype, where the old tables would go, exists already/,
      );

      const role = `weak_${version}`;
      const { sql, url } = await prepare(
        fixture('01-diary'),
        `create role ${role} login; grant select, insert, update, delete on entries to ${role}`,
      );
      const weakUrl = new URL(url);
      weakUrl.username = role;
      const weak = connectPostgres({ url: weakUrl.href, applicationName: 'weak', maxConnections: 1 });
      open.push(weak);
      const { problems } = await refusalOf(adopt(weak.sql));
      assert.equal(problems.length, 2);
      assert.match(problems[0] ?? '', new RegExp(`grant create on database \\S+ to ${role}`));
      assert.match(problems[1] ?? '', new RegExp(`entries belongs to postgres, and the role ${role} may not move it`));

      const late = sql.begin(async (tx) => {
        const recognition = await recognizeSchema(tx);
        assert.ok(recognition.kind === 'prototype');
        await sql`alter table entries add nickname text`;
        await adoptPrototype(tx, {
          shape: recognition.shape,
          createTables: () => tx.unsafe(schemaSql),
          log: silentLog,
        });
      });
      assert.match((await refusalOf(late)).message, /changed between looking at them and locking them/);

      await assert.rejects(
        sql.begin('isolation level repeatable read', (tx) =>
          adoptPrototype(tx, { shape: {}, createTables: async () => {}, log: silentLog }),
        ),
        /needs a READ COMMITTED transaction, this one is REPEATABLE READ/,
      );
    });

    test('rows that do not arrive as they were are noticed', async () => {
      const spoilers = [
        `update entries set created_at = created_at + interval '1 microsecond' where id = 10`,
        `update entries set location_lat = location_lat::real where id = 10`,
        `update entries set text = text || ' ' where id = 11`,
        `update entries set is_favorite = not is_favorite where id = 11`,
        `update entries set cat_id = null where id = 12`,
        `update entries set location_zip = '' where id = 12`,
        `delete from entries where id = 15`,
        `update cats set name = '' where id = 3`,
        `update cat_insights set insight = insight || '{"confidence": 0.4000001}'`,
      ];
      for (const spoiler of spoilers) {
        const { sql } = await prepare(fixture('04-places'));
        const before = await listing(sql);
        // As the last table is filled, something changes what is there.
        const createTables = (tx: Tx) =>
          tx.unsafe(`${schemaSql};
            create function spoil() returns trigger language plpgsql as $$ begin ${spoiler}; return null; end $$;
            create trigger spoiler after insert on cat_insights for each statement execute function spoil()`);
        assert.match((await refusalOf(adopt(sql, { createTables }))).message, /did not arrive as they were/, spoiler);
        assert.deepEqual(await listing(sql), before);
      }
    });

    test('an end at any moment leaves the old tables as they were, and another try works', async () => {
      const { sql, url } = await prepare(fixture('05-comments'));
      const before = await listing(sql);
      const steps: string[] = [];
      for (let round = 0; round <= steps.length; round += 1) {
        const seen: string[] = [];
        const outcome = await adopt(sql, {
          beforeStatement: async (pid) => {
            if (seen.length === round + 1) await terminate(url, pid);
          },
          onProgress: (step) => seen.push(step),
        }).then(
          () => 'adopted',
          (error: { code?: string }) => error.code,
        );
        if (outcome === 'adopted') break;
        steps.push(seen.at(-1) ?? '');
        assert.match(String(outcome), /57P01|CONNECTION_CLOSED/, steps[round]);
        assert.deepEqual(await listing(sql), before, steps[round]);
      }
      assert.deepEqual(steps, [
        'locking',
        ...['cats', 'entries', 'analyses', 'cat_insights', 'cat_comments'].map((table) => `checking ${table}`),
        'creating tables',
        ...['cats', 'entries', 'analyses', 'cat_insights', 'cat_comments'].map((table) => `copying ${table}`),
        ...['cats', 'entries', 'analyses', 'cat_insights', 'cat_comments'].map((table) => `verifying ${table}`),
      ]);
      assert.deepEqual(await sql`select id from entries order by id`.then((rows) => rows.map(({ id }) => id)), [1, 2]);
    });

    test('200 000 sightings, with an end in the middle of copying them', async () => {
      const { sql, url } = await prepare(
        fixture('05-comments'),
        `insert into entries (text, createdat, isfavorite, location, cat_id, location_lat, location_lon)
         select repeat('Orange tabby with a torn ear ', 1 + number % 8), to_char(timestamp '2026-01-01' + number * interval '1.000001 s', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           number % 2, 'Park ' || number % 100, 1 + number % 3, 52 + number / 1e6, 13 + number / 1e6
         from generate_series(1, 200000) as number;
         insert into analyses select id, md5(text), text, '["orange", "tabby"]', 'neutral', createdat, createdat from entries where id between 4 and 1003`,
      );
      let ending: Promise<unknown> | undefined;
      let pid = 0;
      const ended = await adopt(sql, {
        beforeStatement: async (backend) => {
          pid = backend;
        },
        onProgress: (step) => {
          // Not waited for: the statement is under way when the end comes.
          if (step === 'copying entries') ending = terminate(url, pid);
        },
      }).then(
        () => 'adopted',
        (error: { code?: string }) => error.code,
      );
      await ending;
      assert.match(String(ended), /57P01|CONNECTION_CLOSED/);
      const { tables } = await adopt(sql);
      assert.deepEqual(
        tables.slice(1, 3).map(({ rows, nextId }) => [rows, nextId]),
        [
          [200_002, 200_004],
          [1001, null],
        ],
      );
      const [row] = await sql`
        select created_at, is_favorite, cat_id, location_lat = 52.123455 as exact from entries where id = 123459`;
      assert.deepEqual(row, { created_at: '2026-01-02T10:17:36.123456Z', is_favorite: false, cat_id: 1, exact: true });
    });
  });
}

/** Ends a backend, and waits until it has gone. */
async function terminate(url: string, pid: number): Promise<void> {
  const admin = connectPostgres({ url, applicationName: 'admin', maxConnections: 1, statementTimeout: 60 });
  const [row] = await admin.sql<[{ gone: boolean }]>`select pg_terminate_backend(${pid}, 50000) as gone`;
  await admin.close();
  assert.ok(row.gone);
}
