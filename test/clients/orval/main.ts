// What a client made by orval does: reports a sighting, reads it back, asks for one that is not there, looks at the map.
import assert from 'node:assert/strict';
import { createEntry, getEntry, listAreaSightings } from './api.ts';

const made = await createEntry({ text: 'Seen by a client made by orval', nickname: 'Smokey' });
assert.ok(made.status === 200);
const found = await getEntry(made.data.id);
assert.ok(found.status === 200);
assert.deepEqual(found.data, made.data);
assert.equal(found.data.nickname, 'Smokey');
const missing = await getEntry(made.data.id + 1000);
assert.ok(missing.status === 404);
const area = await listAreaSightings({ lat: 52.5200081, lon: 13.4049541 });
assert.ok(area.status === 200);
assert.equal(area.data.center_lat, 52.5200081);
const refused = await listAreaSightings({ lat: 52.5, lon: 13.4, radius: 10_001 });
assert.ok(refused.status === 422);
// A list unless problem details were asked for.
const { detail } = refused.data;
assert.ok(Array.isArray(detail));
console.log(JSON.stringify({ id: made.data.id, code: missing.data.code, field: detail[0]?.loc[1] }));
