import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Nearby } from '../../src/matching/ranking.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { bodyOf } from './answers.ts';

// Places with more sightings than are read at a time (2000), listed in one part of an answer (500) or grouped (20 000).

const busy = { lat: 10, lon: 20, count: 4321 };
const crowded = { lat: -30, lon: 40, count: 30_600 };

let site: Site;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    await sql`insert into cats (id, name, created_at) values (1, 'Mia', now())`;
    for (const { lat, lon, count } of [busy, crowded])
      await sql`
        insert into entries (text, created_at, cat_id, location, location_lat, location_lon)
        select 'Grey "tabby" 猫 ' || n, '2026-11-22T13:13:34Z', case when n % 3 = 0 then 1 end, 'Park', ${lat}::float8 + n * 1e-8, ${lon}::float8
        from generate_series(1, ${count}::int) as n`;
    // One outside of the radius, in the box.
    await sql`
      insert into entries (text, created_at, location_lat, location_lon)
      values ('Far', now(), ${busy.lat + 0.0085}, ${busy.lon + 0.0085})`;
  });
  call = clientOf((await site.start()).url);
});
after(() => site.close());

interface Area {
  total_count: number;
  unassigned_count: number;
  sightings: { entry_id: number; cat_id: number | null; cat_name: string | null; text_preview: string }[];
}

test('an area of thousands is whole: counts first, every sighting once, newest id first', async () => {
  const answer = await call<Area>('GET', `/entries/by-area?lat=${busy.lat}&lon=${busy.lon}&radius=1000`);
  const area = bodyOf(answer);
  assert.deepEqual(Object.keys(area), [
    'center_lat',
    'center_lon',
    'radius_meters',
    'total_count',
    'unassigned_count',
    'sightings',
  ]);
  assert.equal(area.total_count, busy.count);
  assert.deepEqual(
    area.sightings.map(({ entry_id }) => entry_id),
    Array.from({ length: busy.count }, (_, at) => busy.count - at),
  );
  assert.equal(area.unassigned_count, area.sightings.filter(({ cat_id }) => cat_id === null).length);
  const [first] = area.sightings;
  assert.equal(first?.text_preview, `Grey "tabby" 猫 ${busy.count}`);
  assert.ok(area.sightings.every(({ cat_id, cat_name }) => cat_name === (cat_id === null ? null : 'Mia')));
  const unassigned = bodyOf(
    await call<Area>('GET', `/entries/by-area?lat=${busy.lat}&lon=${busy.lon}&radius=1000&include_assigned=false`),
  );
  assert.equal(unassigned.total_count, area.unassigned_count);
  assert.ok(unassigned.sightings.every(({ cat_id }) => cat_id === null));
});

test('the closest of thousands are found, newest id first among equals', async () => {
  const near = bodyOf(
    await call<(Nearby<unknown> & { entry_id: number })[]>('GET', '/entries/4000/nearby?radius_meters=5000&top_k=5'),
  );
  // A hundred-millionth of a degree is a millimetre: all within five centimetres are 0.0 m away.
  assert.deepEqual(
    near.map(({ entry_id }) => entry_id),
    [4044, 4043, 4042, 4041, 4040],
  );
});

test('of more than 20 000 sightings without a cat, all are counted and the newest grouped', async () => {
  const groups = bodyOf(
    await call<{ total_unassigned: number; groups: { entry_ids: number[] }[] }>(
      'GET',
      `/entries/by-area/suggested-groups?lat=${crowded.lat}&lon=${crowded.lon}&radius=1000`,
    ),
  );
  const unassigned = Math.ceil((crowded.count * 2) / 3);
  assert.equal(groups.total_unassigned, unassigned);
  assert.equal(groups.groups[0]?.entry_ids.length, 20_000);
});
