import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScratch } from '../database/scratch.ts';
import { parseHeader } from '../migrator/header.ts';
import { loadCatalog } from '../migrator/migration-catalog.ts';
import { differencesOf } from './known-schema.ts';
import { tablesAt, unarchivedTables } from './tables.ts';

// A migration that adds a table or a column has to say whether backups hold it: this fails until it does.
test('every version of the schema has the tables and columns that archives of it hold', {
  timeout: 60_000,
}, async () => {
  const database = await openScratch();
  try {
    for (const { version, file, sql } of loadCatalog()) {
      // Never the part that undoes it: then whatever it adds would be gone again before the comparison.
      const { up } = parseHeader(file, sql);
      await database.sql.unsafe(sql.slice(up.start, up.end));
      const rows = await database.sql<
        { name: string; columns: string[]; computed: string[]; key: string; numbered: boolean }[]
      >`
        select relname as name, (
            select json_agg(attname order by attnum) from pg_attribute
            where attrelid = pg_class.oid and attnum > 0 and not attisdropped and attgenerated = ''
          ) as columns, (
            select coalesce(json_agg(attname order by attnum), '[]') from pg_attribute
            where attrelid = pg_class.oid and attnum > 0 and not attisdropped and attgenerated <> ''
          ) as computed,
          (select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ') from pg_index, pg_attribute
            where indrelid = pg_class.oid and indisprimary and attrelid = indrelid and attnum = any(indkey)) as key,
          pg_get_serial_sequence(relname, (
            select attname from pg_attribute where attrelid = pg_class.oid and attnum = 1)) is not null as numbered
        from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')`;
      const made = rows.filter(({ name }) => !unarchivedTables.includes(name));
      const held = tablesAt(version);
      const inOrder = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
      assert.deepEqual(
        made
          .map(({ name, columns, computed, key, numbered }) => ({
            name,
            columns: columns.toSorted(),
            computed: computed.toSorted(),
            key,
            numbered,
          }))
          .sort(inOrder),
        held
          .map(({ name, columns, computed, numbered }) => ({
            name,
            columns: columns.toSorted(),
            computed: computed.toSorted(),
            key: `${columns[0]} bigint`,
            numbered,
          }))
          .sort(inOrder),
        `schema version ${version}`,
      );
      const references = await database.sql<{ child: string; parent: string }[]>`
        select conrelid::regclass::text as child, confrelid::regclass::text as parent from pg_constraint
        where contype = 'f' and conrelid <> confrelid and connamespace = current_schema()::regnamespace`;
      const place = (table: string) => held.findIndex(({ name }) => name === table);
      for (const { child, parent } of references) assert.ok(place(parent) < place(child), `${parent} before ${child}`);
    }
  } finally {
    await database.close();
  }
});

test('a column or a table that is not in the list is named, and so is one that is missing', () => {
  const known = [{ name: 'cats', columns: ['id', 'name'], numbered: true, computed: [] }];
  assert.deepEqual(differencesOf(known, [{ name: 'cats', columns: ['name', 'id'] }]), []);
  assert.deepEqual(
    differencesOf(known, [
      { name: 'cats', columns: ['id', 'colour'] },
      { name: 'photos', columns: ['id'] },
    ]),
    [
      'table photos: this program does not know it',
      'column cats.colour: this program does not know it',
      'column cats.name: is missing',
    ],
  );
  assert.deepEqual(differencesOf(known, []), ['table cats: is missing']);
});
