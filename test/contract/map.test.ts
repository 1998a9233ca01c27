import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { SuggestedGroup } from '../../src/matching/groups.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { assertInvalid, assertKeys, bodyOf } from './answers.ts';

interface Area {
  center_lat: number;
  center_lon: number;
  radius_meters: number;
  total_count: number;
  unassigned_count: number;
  sightings: { entry_id: number; text_preview: string; latitude: number; longitude: number }[];
}

interface Suggestions {
  area_center_lat: number;
  area_center_lon: number;
  area_radius_meters: number;
  total_unassigned: number;
  groups: SuggestedGroup[];
}

/** Every test has a corner of the Earth of its own. 0.0007 degrees of latitude are 77.8 m. */
const sightings: [id: number, lat: number, lon: number, facts?: { text?: string; location?: string; cat?: number }][] =
  [
    [101, 10, 10, { text: 'Grey', location: 'Here', cat: 500 }],
    [102, 10.0007, 10, { text: `${'🐈'.repeat(101)}` }],
    [103, 10, 10.02],
    [104, 10, 10, { cat: 501 }],
    [110, 5, 179.9999],
    [111, 5, -179.9999],
    [112, 89.9999, 0],
    [113, 89.9999, 180],
    [114, -90, 77],
    [115, 0, 0],
    // Two groups: the second is made later, and is the more confident.
    [201, 20, 20.01, { text: 'orange tabby' }],
    [202, 20, 20.01, { text: 'orange tabby' }],
    [203, 20, 20.01, { text: 'orange tabby', location: `${'🐈'.repeat(30)} and more` }],
    [204, 20, 20.01, { text: 'orange tabby' }],
    [205, 20, 20.01, { text: 'orange tabby' }],
    [211, 20, 20, { text: 'black' }],
    [212, 20, 20, { text: 'white' }],
    [213, 20, 20, { text: 'grey' }],
    [214, 20, 20, { text: 'grey', cat: 500 }],
    // Not transitive: the newest is the seed, and here it stands at an end.
    [221, 30.0014, 30],
    [222, 30.0014, 30],
    [223, 30.0007, 30],
    [224, 30, 30],
    // Here it stands in the middle.
    [231, 40.0014, 40, { location: 'Mill' }],
    [232, 40, 40, { location: 'Mill' }],
    [233, 40.0007, 40, { location: 'Bridge' }],
  ];

let site: Site;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    await sql`
      insert into cats (id, name, created_at) values
        (500, 'Tom', '2026-01-01T00:00:00Z'), (501, null, '2026-01-01T00:00:00Z')`;
    for (const [id, lat, lon, { text = `sighting${id}`, location = null, cat = null } = {}] of sightings)
      await sql`
        insert into entries (id, text, created_at, location, location_normalized, location_lat, location_lon, cat_id)
        values (${id}, ${text}, '2026-01-02T03:04:05.000006Z', ${location}, ${location && `${location}, Berlin`}, ${lat}, ${lon}, ${cat})`;
    await sql`insert into entries (text, created_at, location) values ('nowhere', '2026-01-02T00:00:00Z', 'Here')`;
  });
  call = clientOf((await site.start()).url);
});
after(() => site.close());

const area = async (query: string) => bodyOf(await call<Area>('GET', `/entries/by-area?${query}`));
const suggestions = async (query: string) =>
  bodyOf(await call<Suggestions>('GET', `/entries/by-area/suggested-groups?${query}`));
const memberIds = ({ groups }: Suggestions) => groups.map(({ entry_ids }) => entry_ids);

describe('GET /entries/by-area', () => {
  test('lists the sightings of an area, newest id first, with every key', async () => {
    const found = await area('lat=10&lon=10');
    assertKeys(found, ['center_lat', 'center_lon', 'radius_meters', 'total_count', 'unassigned_count', 'sightings']);
    for (const sighting of found.sightings)
      assertKeys(sighting, [
        'entry_id',
        'text_preview',
        'location',
        'location_normalized',
        'latitude',
        'longitude',
        'cat_id',
        'cat_name',
        'created_at',
      ]);
    const bare = { location: null, location_normalized: null, created_at: '2026-01-02T03:04:05.000006Z' };
    assert.deepEqual(found, {
      center_lat: 10,
      center_lon: 10,
      radius_meters: 500,
      total_count: 3,
      unassigned_count: 1,
      sightings: [
        {
          ...bare,
          entry_id: 104,
          text_preview: 'sighting104',
          latitude: 10,
          longitude: 10,
          cat_id: 501,
          cat_name: null,
        },
        {
          ...bare,
          entry_id: 102,
          text_preview: `${'🐈'.repeat(100)}...`,
          latitude: 10.0007,
          longitude: 10,
          cat_id: null,
          cat_name: null,
        },
        {
          ...bare,
          entry_id: 101,
          text_preview: 'Grey',
          location: 'Here',
          location_normalized: 'Here, Berlin',
          latitude: 10,
          longitude: 10,
          cat_id: 500,
          cat_name: 'Tom',
        },
      ],
    });
  });

  const areas: [string, string, number[], unassigned: number][] = [
    ['77 m do not reach 77.8 m', 'lat=10&lon=10&radius=77', [104, 101], 0],
    ['78 m do', 'lat=10&lon=10&radius=78', [104, 102, 101], 1],
    ['10 km', 'lat=10.0&lon=%2B10&radius=10000', [104, 103, 102, 101], 2],
    ['without those that have a cat', 'lat=10&lon=10&include_assigned=false', [102], 1],
    ['across the antimeridian, from the east', 'lat=5&lon=-180', [111, 110], 2],
    ['across the antimeridian, from the west', 'lat=5&lon=180&radius=12', [111, 110], 2],
    ['around the north pole', 'lat=90&lon=123', [113, 112], 2],
    ['at the south pole', 'lat=-90&lon=0&radius=1', [114], 1],
    ['where everything is 0', 'lat=0&lon=0', [115], 1],
    ['in 1e1 as a number', 'lat=1e1&lon=1e1&radius=1', [104, 101], 0],
    ['where nothing is', 'lat=-45&lon=-45', [], 0],
  ];
  for (const [title, query, ids, unassigned] of areas)
    test(title, async () => {
      const found = await area(query);
      assert.deepEqual(
        found.sightings.map(({ entry_id }) => entry_id),
        ids,
      );
      assert.deepEqual([found.total_count, found.unassigned_count], [ids.length, unassigned]);
    });

  test('has no limit', async () => {
    const found = await area('lat=20&lon=20.005&radius=10000');
    assert.equal(found.total_count, 9);
  });
});

describe('GET /entries/by-area/suggested-groups', () => {
  test('groups, the most confident first, numbered as they were made', async () => {
    const found = await suggestions('lat=20&lon=20&radius=2000');
    assertKeys(found, ['area_center_lat', 'area_center_lon', 'area_radius_meters', 'total_unassigned', 'groups']);
    for (const group of found.groups)
      assertKeys(group, [
        'group_id',
        'confidence',
        'center_lat',
        'center_lon',
        'radius_meters',
        'entry_ids',
        'reasons',
        'suggested_name',
      ]);
    assert.deepEqual(found, {
      area_center_lat: 20,
      area_center_lon: 20,
      area_radius_meters: 2000,
      total_unassigned: 8,
      groups: [
        {
          group_id: 1,
          confidence: 1,
          center_lat: 20,
          center_lon: 20.01,
          radius_meters: 0,
          entry_ids: [205, 204, 203, 202, 201],
          reasons: ['5 sightings within 0m', 'text similarity 1.00', 'same location text'],
          suggested_name: `Cat near ${'🐈'.repeat(30)}`,
        },
        {
          group_id: 0,
          confidence: 0.54,
          center_lat: 20,
          center_lon: 20,
          radius_meters: 0,
          entry_ids: [213, 212, 211],
          reasons: ['3 sightings within 0m'],
          suggested_name: null,
        },
      ],
    });
  });

  const groupings: [string, string, number[][], unassigned: number][] = [
    ['min_sightings drops smaller groups', 'lat=20&lon=20&radius=2000&min_sightings=4', [[205, 204, 203, 202, 201]], 8],
    [
      'a seed at the end reaches one step',
      'lat=30&lon=30',
      [
        [222, 221],
        [224, 223],
      ],
      4,
    ],
    ['members of a dropped group are not set free', 'lat=30&lon=30&min_sightings=3', [], 4],
    ['a wider cluster reaches them all', 'lat=30&lon=30&cluster_radius=156', [[224, 223, 222, 221]], 4],
    ['a narrow one only what stands together', 'lat=30&lon=30&cluster_radius=10', [[222, 221]], 4],
    ['a seed in the middle reaches both ends', 'lat=40&lon=40', [[233, 232, 231]], 3],
    ['the area cuts', 'lat=30&lon=30&radius=80', [[224, 223]], 2],
    ['nothing', 'lat=-45&lon=-45', [], 0],
  ];
  for (const [title, query, expected, unassigned] of groupings)
    test(title, async () => {
      const found = await suggestions(query);
      assert.deepEqual(memberIds(found), expected);
      assert.equal(found.total_unassigned, unassigned);
    });

  test('a group is named after its commonest location', async () => {
    const { groups } = await suggestions('lat=40&lon=40');
    assert.deepEqual([groups[0]?.suggested_name, groups[0]?.reasons], ['Cat near Mill', ['3 sightings within 78m']]);
  });
});

describe('the area in the query', () => {
  for (const path of ['/entries/by-area', '/entries/by-area/suggested-groups']) {
    const refused: [string, ...(string | number)[][]][] = [
      ['', ['missing', 'query', 'lat'], ['missing', 'query', 'lon']],
      ['lat=1', ['missing', 'query', 'lon']],
      ['lat=100&lon=-200', ['less_than_equal', 'query', 'lat'], ['greater_than_equal', 'query', 'lon']],
      ['lat=-90.1&lon=180.1', ['greater_than_equal', 'query', 'lat'], ['less_than_equal', 'query', 'lon']],
      ['lat=north&lon=', ['float_parsing', 'query', 'lat'], ['float_parsing', 'query', 'lon']],
      ['lat=nan&lon=-inf', ['finite_number', 'query', 'lat'], ['finite_number', 'query', 'lon']],
      ['lat=1&lon=1&radius=0', ['greater_than_equal', 'query', 'radius']],
      ['lat=1&lon=1&radius=20000', ['less_than_equal', 'query', 'radius']],
      ['lat=1&lon=1&radius=1.5', ['int_parsing', 'query', 'radius']],
    ];
    for (const [query, ...problems] of refused)
      test(`${path}?${query}`, async () => {
        assertInvalid(await call('GET', `${path}?${query}`), ...problems);
      });
  }

  const refused: [string, string, string][] = [
    ['/entries/by-area?lat=1&lon=1&include_assigned=', 'bool_parsing', 'include_assigned'],
    ['/entries/by-area/suggested-groups?lat=1&lon=1&cluster_radius=5', 'greater_than_equal', 'cluster_radius'],
    ['/entries/by-area/suggested-groups?lat=1&lon=1&cluster_radius=501', 'less_than_equal', 'cluster_radius'],
    ['/entries/by-area/suggested-groups?lat=1&lon=1&min_sightings=1', 'greater_than_equal', 'min_sightings'],
    ['/entries/by-area/suggested-groups?lat=1&lon=1&min_sightings=11', 'less_than_equal', 'min_sightings'],
  ];
  for (const [path, type, field] of refused)
    test(path, async () => {
      assertInvalid(await call('GET', path), [type, 'query', field]);
    });

  test('what a bound is, a problem says', async () => {
    const [lat] = assertInvalid(await call('GET', '/entries/by-area?lat=100&lon=0'), [
      'less_than_equal',
      'query',
      'lat',
    ]);
    assert.deepEqual(lat, {
      type: 'less_than_equal',
      loc: ['query', 'lat'],
      msg: 'Input should be less than or equal to 90',
      input: '100',
      ctx: { le: 90 },
    });
    const [missing] = assertInvalid(await call('GET', '/entries/by-area?lat=1'), ['missing', 'query', 'lon']);
    assert.deepEqual(missing, { type: 'missing', loc: ['query', 'lon'], msg: 'Field required', input: null });
  });
});
