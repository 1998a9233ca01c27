import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import { sqlStateOf } from './errors.ts';
import { openScratch } from './scratch.ts';

/** Two engines are started, on a machine that may be busy. */
const slow = { timeout: 60_000 };

test('openScratch() opens empty databases that know nothing of each other and leave nothing behind', slow, async () => {
  const before = readdirSync(process.cwd());
  const one = await openScratch();
  const other = await openScratch();
  try {
    assert.equal(one.kind, 'embedded');
    await one.sql`create table kept (id bigint primary key)`;
    await one.sql`insert into kept (id) values (1), (2)`;
    assert.deepEqual([...(await one.sql`select count(id) as number from kept`)], [{ number: 2 }]);
    await assert.rejects(
      async () => await other.sql`select id from kept`,
      (error) => sqlStateOf(error) === '42P01',
    );
  } finally {
    await one.close();
    await other.close();
  }
  await assert.rejects(async () => await one.sql`select 1`);
  assert.deepEqual(readdirSync(process.cwd()), before);
});
