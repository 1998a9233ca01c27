// What a client typed by openapi-typescript does: reports a sighting, reads it back, asks for one that is not there, looks at the map.
import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { paths } from './api.ts';

const client = createClient<paths>({ baseUrl: String(process.argv[2]) });
const body = { text: 'Seen by a client typed by openapi-typescript', nickname: 'Smokey' };
const made = await client.POST('/entries', { body });
assert.ok(made.data);
const found = await client.GET('/entries/{entry_id}', { params: { path: { entry_id: made.data.id } } });
assert.deepEqual(found.data, made.data);
assert.equal(found.data?.nickname, 'Smokey');
const missing = await client.GET('/entries/{entry_id}', { params: { path: { entry_id: made.data.id + 1000 } } });
assert.equal(missing.response.status, 404);
assert.ok(missing.error);
const area = await client.GET('/entries/by-area', { params: { query: { lat: 52.5200081, lon: 13.4049541 } } });
assert.equal(area.data?.center_lat, 52.5200081);
const refused = await client.GET('/entries/by-area', { params: { query: { lat: 52.5, lon: 13.4, radius: 10_001 } } });
assert.ok(refused.error && Array.isArray(refused.error.detail));
console.log(JSON.stringify({ id: made.data.id, code: missing.error.code, field: refused.error.detail[0]?.loc[1] }));
