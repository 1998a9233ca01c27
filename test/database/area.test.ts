import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectPostgres, type Database } from '../../src/database/connect.ts';
import { snapshot } from '../../src/database/transaction.ts';
import { AppError } from '../../src/errors.ts';
import { readArea } from '../../src/map/area.ts';
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts';
import { makeSchema } from '../harness/schema.ts';

const circle = { lat: 10, lon: 20, radius: 500, include_assigned: true };

let server: RunningPostgres;
let database: Database;
before(async () => {
  server = await startPostgres({ version: 18 });
  database = connectPostgres({ url: await server.createDatabase(), applicationName: 'catatlas test' });
  await makeSchema(database);
  await database.sql`
    insert into entries (text, created_at, location_lat, location_lon)
    select 'Grey', now(), ${circle.lat}, ${circle.lon} from generate_series(1, 3)`;
});
after(async () => {
  await database?.close();
  await server.stop();
});

const each = async <Item>(items: Iterable<Item>, visit: (item: Item) => void) => {
  for (const item of items) visit(item);
};

const read = (most: number) => snapshot(database.sql, (tx) => readArea(tx, circle, { each }, most));

test('an area with as many sightings as may be listed is read', async () => {
  assert.equal((await read(3)).head.total_count, 3);
});

test('an area with one more is refused: the radius is what is wrong', async () => {
  await assert.rejects(read(2), (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.status, 422);
    assert.equal(error.code, 'AREA_TOO_LARGE');
    assert.deepEqual(error.fields?.[0]?.loc, ['query', 'radius']);
    assert.match(error.message, /More than 2 sightings .* smaller radius/);
    return true;
  });
});
