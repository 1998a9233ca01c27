// Is the map quick for people who look at it? Reads only: areas at the zoom levels of the front end, suggested groups now and then, a
// sighting that is opened. Wants sightings with coordinates: fill an empty database with `catatlas seed --entries 20000`.
import { type Circle, fieldsOf } from './lib/api.ts';
import { checkAnswer, tellCause } from './lib/findings.ts';
import { counted } from './lib/iterations.ts';
import { prepareRun, virtualUsersFor } from './lib/run.ts';
import { durations, everyArrivalServed, nothingWrong } from './lib/thresholds.ts';

interface Place {
  lat: number;
  lon: number;
}

/** The middles of the cities that `catatlas seed` fills. */
const cities: readonly Place[] = [
  { lat: 52.5042, lon: 13.4225 },
  { lat: 53.5586, lon: 9.9647 },
  { lat: 48.1986, lon: 16.3695 },
  { lat: 40.6501, lon: -73.9496 },
  { lat: 51.4655, lon: -2.5879 },
];
/** Metres, for the zoom levels 12 to 17 of the front end. */
const radii = [2500, 1200, 600, 300, 150, 75];
const groupsRadius = 300;
/** How far from the middle of a city people look, in metres: most seeded sightings are within. */
const wander = 1400;
const metersPerDegree = 111_195;

const run = prepareRun({ script: 'map', rate: 10, durationSeconds: 60, keep: false });
const { api, upkeep, settings } = run;

export const options = run.options(
  {
    viewers: {
      executor: 'constant-arrival-rate',
      exec: 'look',
      rate: settings.rate,
      duration: `${settings.durationSeconds}s`,
      preAllocatedVUs: virtualUsersFor(settings.rate),
    },
  },
  {
    ...nothingWrong,
    ...everyArrivalServed,
    ...durations({
      'GET /entries/by-area': 'p(95)<500',
      'GET /entries/by-area/suggested-groups': 'p(95)<500',
      'GET /entries/:id': 'p(95)<500',
    }),
  },
);

interface Sights {
  /** The commit that answered; null when the server did not say. */
  commit: string | null;
  /** The places that have something to show. */
  places: Place[];
}

export function setup(): Sights {
  const commit = run.requireReady();
  const places = cities.filter(
    (place) => Number(fieldsOf(upkeep.listArea({ ...place, radius: wander }))['total_count']) > 0,
  );
  if (places.length === 0) {
    const cause = 'no sightings in any city of the seed: run `catatlas seed --entries 20000` on an empty database';
    tellCause(cause);
    throw new Error(cause);
  }
  return { commit, places };
}

export const look = counted<Sights>(({ places }) => {
  const circle: Circle = { ...nearby(oneOf(places)), radius: oneOf(radii) };
  const answer = api.listArea(circle);
  const { total_count, sightings } = fieldsOf(answer);
  const list: { entry_id: number }[] = Array.isArray(sightings) ? sightings : [];
  checkAnswer(answer, {
    'GET /entries/by-area is 200': ({ status }) => status === 200,
    'GET /entries/by-area counts what it lists': () => total_count === list.length,
  });
  if (Math.random() < 1 / 5)
    checkAnswer(api.suggestGroups({ ...circle, radius: Math.min(circle.radius, groupsRadius) }), {
      'GET /entries/by-area/suggested-groups is 200': ({ status }) => status === 200,
    });
  if (list.length > 0 && Math.random() < 1 / 3)
    checkAnswer(api.readEntry(oneOf(list).entry_id), { 'GET /entries/:id is 200': ({ status }) => status === 200 });
});

export const { handleSummary } = run;

/** Somewhere around a place. */
function nearby({ lat, lon }: Place): Place {
  const degrees = wander / metersPerDegree;
  const away = () => (2 * Math.random() - 1) * degrees;
  return { lat: lat + away(), lon: lon + away() / Math.cos((lat * Math.PI) / 180) };
}

function oneOf<T>(list: readonly T[]): T {
  const one = list[Math.floor(Math.random() * list.length)];
  if (one === undefined) throw new Error('nothing to choose from');
  return one;
}
