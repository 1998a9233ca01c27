import type { Sql } from '../database/connect.ts';

/** Something did not do what it should. `message` says what. */
export class TrialError extends Error {
  override readonly name = 'TrialError';
}

/** Throws TrialError unless both are the same as JSON. */
export function expectSame(what: string, found: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new TrialError(`${what}: found ${one}, expected ${other}`);
}

/** Throws TrialError unless it holds. */
export function expect(what: string, holds: boolean, found: unknown): void {
  if (!holds) throw new TrialError(`${what}: found ${JSON.stringify(found)}`);
}

/** The application under trial: its answer to a request. */
export type Application = (request: Request) => Promise<Response>;

/** Asks the application as a browser would, and takes the answer apart. Throws TrialError for another status than `expected`. */
async function ask(app: Application, method: string, path: string, expected: number, body?: unknown): Promise<unknown> {
  const response = await app(
    new Request(`http://localhost${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    }),
  );
  const text = await response.text();
  if (response.status !== expected)
    throw new TrialError(`${method} ${path} answered ${response.status}, expected ${expected}: ${text.slice(0, 500)}`);
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new TrialError(`${method} ${path} answered with something else than JSON: ${text.slice(0, 200)}`);
  }
}

/** Two sightings of one cat 30 m apart, one of another cat without a place, one of a cat that is known. */
const sightings = [
  { text: 'Orange tabby with a torn ear near the benches', nickname: 'Smokey' },
  { text: 'Orange tabby with torn ear, sleeping below the benches' },
  { text: 'Black kitten, white paws', location_city: 'Oslo', location_street: 'Storgata' },
  { text: 'Grey cat limping, hurt paw, very friendly — 🐈' },
];

const places = [
  { latitude: 52.52, longitude: 13.405 },
  { latitude: 52.5202, longitude: 13.4053 },
];

/** What was written, as it was answered. */
export interface Written {
  cat: { id: number };
  entries: { id: number; text: string; createdAt: string }[];
  comments: { id: number }[];
  analysis: unknown;
}

/** Writes a cat, sightings, comments and an analysis through the API, and coordinates, which no request may give, beside it. */
export async function writeThroughApi(app: Application, sql: Sql): Promise<Written> {
  const cat = (await ask(app, 'POST', '/cats', 200, { name: 'Trouble' })) as Written['cat'];
  const entries: Written['entries'] = [];
  for (const sighting of sightings)
    entries.push((await ask(app, 'POST', '/entries', 200, sighting)) as Written['entries'][number]);
  for (const [index, { latitude, longitude }] of places.entries())
    await sql`
      update entries set location_lat = ${latitude}, location_lon = ${longitude} where id = ${entries[index]?.id ?? 0}`;
  const known = entries.at(-1)?.id;
  await ask(app, 'POST', `/entries/${known}/assign/${cat.id}`, 200);
  const comments: Written['comments'] = [];
  for (const content of ['Comes by every evening.', 'Eats\nanything — even "this".'])
    comments.push(
      (await ask(app, 'POST', `/cats/${cat.id}/comments`, 201, { author_name: 'Mia', content })) as { id: number },
    );
  const analysis = await ask(app, 'POST', `/entries/${known}/analyze`, 200);
  return { cat, entries, comments, analysis };
}

/** Sends what must be refused. */
export async function writeNonsense(app: Application): Promise<void> {
  for (const [method, path, status, body] of [
    ['POST', '/entries', 422, {}],
    ['POST', '/entries', 422, { text: 'x'.repeat(5001) }],
    ['GET', '/entries/2147483647', 404],
    ['POST', '/entries/2147483647/analyze', 404],
    ['GET', '/entries/by-area?lat=91&lon=0', 422],
    ['GET', '/nowhere', 404],
  ] as const)
    await ask(app, method, path, status, body);
}

/** Reads back what was written, and compares. */
export async function readThroughApi(app: Application, written: Written): Promise<void> {
  const { cat, entries, comments, analysis } = written;
  const newestFirst = entries.map(({ id, text, createdAt }) => ({ id, text, createdAt })).toReversed();
  const listed = (await ask(app, 'GET', '/entries', 200)) as Written['entries'];
  expectSame(
    'all sightings',
    listed.map(({ id, text, createdAt }) => ({ id, text, createdAt })),
    newestFirst,
  );
  for (const { id } of entries) {
    const one = (await ask(app, 'GET', `/entries/${id}`, 200)) as { id: number };
    expectSame(
      `sighting ${id}`,
      one,
      listed.find((entry) => entry.id === id),
    );
  }
  const known = entries.at(-1)?.id;
  expectSame('the analysis', await ask(app, 'GET', `/entries/${known}/analysis`, 200), analysis);
  const page = (await ask(app, 'GET', `/cats/${cat.id}/sightings`, 200)) as { total: number };
  expectSame('sightings of the cat', page.total, 1);
  const said = (await ask(app, 'GET', `/cats/${cat.id}/comments`, 200)) as { comments: unknown[] };
  expectSame('comments on the cat', said.comments, comments.toReversed());
}

/** Asks for matches, sightings close by and suggested groups: the two of one cat have to find each other. */
export async function matchThroughApi(app: Application, { entries }: Written): Promise<void> {
  const [first, second] = entries.map(({ id }) => id);
  const [best] = (await ask(app, 'GET', `/entries/${first}/matches`, 200)) as { candidate_id: number; score: number }[];
  expect('the best match', best?.candidate_id === second && (best?.score ?? 0) > 0.5, best);
  const nearby = (await ask(app, 'GET', `/entries/${first}/nearby?radius_meters=100`, 200)) as {
    entry_id: number;
    distance_meters: number;
  }[];
  expectSame(
    'sightings within 100 m',
    nearby.map(({ entry_id }) => entry_id),
    [second],
  );
  // Their difference in degrees on a sphere of 6371 km, by hand: 22.2 m north and 20.3 m east.
  expect('the distance', Math.abs((nearby[0]?.distance_meters ?? 0) - 30.1) < 0.2, nearby[0]?.distance_meters);
  const area = 'lat=52.52&lon=13.405&radius=500';
  const { total_count } = (await ask(app, 'GET', `/entries/by-area?${area}`, 200)) as { total_count: number };
  expectSame('sightings of the area', total_count, 2);
  const { groups } = (await ask(app, 'GET', `/entries/by-area/suggested-groups?${area}`, 200)) as {
    groups: { sighting_count?: number; entry_ids?: number[] }[];
  };
  expectSame('suggested groups', groups.length, 1);
}

/** Asks for each kind of insight, twice: the second is the first. */
export async function askForInsights(app: Application, { cat }: Written): Promise<void> {
  for (const mode of ['profile', 'care', 'update', 'risk']) {
    const [first, second] = [
      await ask(app, 'POST', `/cats/${cat.id}/insights`, 200, { mode }),
      await ask(app, 'POST', `/cats/${cat.id}/insights`, 200, { mode }),
    ];
    expectSame(`the insight "${mode}", asked for again`, second, first);
  }
  const { flags } = (await ask(app, 'POST', `/cats/${cat.id}/insights`, 200, { mode: 'risk' })) as { flags: string[] };
  expect('an insight about a hurt cat warns', flags.length > 0, flags);
}

/** Asks for the documentation, all of which the program has to have in it. */
export async function readDocumentation(app: Application): Promise<void> {
  const page = await app(new Request('http://localhost/swagger'));
  const html = await page.text();
  const script = /src="([^"]*swagger\/assets\/[^"]+)"/.exec(html)?.[1];
  expect('/swagger is a page with a script of its own', page.status === 200 && script !== undefined, page.status);
  expect('/swagger loads nothing from elsewhere', !/(?:src|href)="https?:/.test(html), html.slice(0, 500));
  const loaded = await app(new Request(new URL(script ?? '', 'http://localhost/swagger')));
  const { byteLength } = await loaded.arrayBuffer();
  expect('the script of the page', loaded.status === 200 && byteLength > 500_000, {
    status: loaded.status,
    byteLength,
  });
  const { openapi, paths } = (await ask(app, 'GET', '/swagger/json', 200)) as { openapi: string; paths: object };
  expect('the OpenAPI document', openapi.startsWith('3.1') && Object.keys(paths).length > 20, { openapi });
}

/** Asks at the addresses that platforms ask. */
export async function askForHealth(app: Application): Promise<void> {
  expectSame('/health', await ask(app, 'GET', '/health', 200), { status: 'ok' });
  const { status } = (await ask(app, 'GET', '/health/ready', 200)) as { status: string };
  expectSame('/health/ready', status, 'ready');
}
