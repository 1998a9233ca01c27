import { type Api, entryOf, type NewEntry } from './api.ts';
import { checkAnswer } from './findings.ts';

/** What the locust file of the deployment plan does: one list and one health check for three new sightings. */
const mix = ['list', 'create', 'create', 'create', 'health'] as const;

/** The plan's sighting. The mark of the run goes into its location, so that it can be found again. */
export const loadEntry: NewEntry = { text: 'Load test entry', nickname: 'Test Cat' };

/**
 * How late answers may be, in milliseconds. 500 is half of the second that a person's thought bears to wait (J. Nielsen, Usability
 * Engineering, 1993, chapter 5); the other half is for the network and the page. A health check does no work, so a late one
 * means that the process itself is behind. Measured with load.ts (README.md): 20, 7 and 3, so a slower machine has room.
 */
export const mixLimits = {
  'GET /entries': 'p(95)<500',
  'POST /entries': 'p(95)<500',
  'GET /health': 'p(95)<100',
};

/** The same with the deletion of what was made, for scripts that do not keep it. */
export const mixLimitsWithDelete = { ...mixLimits, 'DELETE /entries/:id': 'p(95)<500' };

interface MixOptions {
  /** Written into each new sighting. */
  mark: string;
  /**
   * Whether new sightings stay until the end of the run, as in the plan. As `GET /entries` answers with all of them, it then
   * gets slower with every second; a run whose figures must not depend on its length deletes them at once.
   */
  keep: boolean;
}

/** One step of the plan's mix, by chance. */
export function takeStep(api: Api, { mark, keep }: MixOptions): void {
  switch (mix[Math.floor(Math.random() * mix.length)]) {
    case 'list':
      checkAnswer(api.listEntries('none'), { 'GET /entries is 200': ({ status }) => status === 200 });
      break;
    case 'create': {
      const made = api.createEntry({ ...loadEntry, location: mark });
      const entry = entryOf(made);
      checkAnswer(made, {
        'POST /entries is 200': ({ status }) => status === 200,
        'POST /entries returns the sighting': () => entry?.text === loadEntry.text && entry.location === mark,
      });
      if (keep || entry === undefined) break;
      checkAnswer(api.deleteEntry(entry.id), { 'DELETE /entries/:id is 204': ({ status }) => status === 204 });
      break;
    }
    default:
      checkAnswer(api.health(), { 'GET /health is 200': ({ status }) => status === 200 });
  }
}
