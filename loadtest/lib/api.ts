// The API as a client calls it: a function for each endpoint. Every request carries its endpoint as the tag `name`, because
// k6 would otherwise keep one series for each URL, ids and all (grafana/k6#2762), and a `phase`: only measured requests
// are held against thresholds, not those that wake the server or clear up.
import http, { type Params, type RefinedResponse, type ResponseType } from 'k6/http';

export type Answer = RefinedResponse<ResponseType | undefined>;
export type Phase = 'measured' | 'upkeep';

/** The parts of a sighting that the scripts look at. */
export interface Entry {
  id: number;
  text: string;
  nickname: string | null;
  location: string | null;
  createdAt: string;
}

export type NewEntry = Pick<Entry, 'text'> & Partial<Pick<Entry, 'nickname' | 'location'>>;

/** A part of the map; the radius in metres. */
export interface Circle {
  lat: number;
  lon: number;
  radius: number;
}

export type Api = ReturnType<typeof connectApi>;

/** A request that takes longer has failed; a list may be long. */
const usualTimeout = '10s';
const listTimeout = '120s';

/** The endpoints of the server at this address. */
export function connectApi(baseUrl: string, phase: Phase, timeout = usualTimeout) {
  const params = (name: string, more: Params = {}): Params => ({
    timeout,
    responseType: 'text',
    ...more,
    tags: { name, phase },
  });
  const get = (name: string, path: string, more?: Params): Answer => http.get(`${baseUrl}${path}`, params(name, more));
  const area = ({ lat, lon, radius }: Circle) => `lat=${lat}&lon=${lon}&radius=${radius}`;
  return {
    health: () => get('GET /health', '/health'),
    readiness: (within = timeout) => get('GET /health/ready', '/health/ready', { timeout: within }),
    version: () => get('GET /version', '/version'),
    docsPage: () => get('GET /swagger', '/swagger'),
    openApiDocument: () => get('GET /swagger/json', '/swagger/json'),
    /** The question of a browser before a cross-origin POST; 400 is the right answer to a foreign origin. */
    preflight: (origin: string, expectedStatus: number): Answer =>
      http.options(
        `${baseUrl}/entries`,
        null,
        params('OPTIONS /entries', {
          headers: {
            Origin: origin,
            'Access-Control-Request-Method': 'POST',
            'Access-Control-Request-Headers': 'Content-Type',
          },
          responseCallback: http.expectedStatuses(expectedStatus),
        }),
      ),
    /** Every sighting there is. `none` throws the body away as it comes. */
    listEntries: (responseType: 'text' | 'none' = 'text') =>
      get('GET /entries', '/entries', { responseType, timeout: listTimeout }),
    createEntry: (entry: NewEntry, headers: Record<string, string> = {}): Answer =>
      http.post(
        `${baseUrl}/entries`,
        JSON.stringify(entry),
        params('POST /entries', { headers: { 'Content-Type': 'application/json', ...headers } }),
      ),
    readEntry: (id: number, expectedStatus = 200) =>
      get('GET /entries/:id', `/entries/${id}`, { responseCallback: http.expectedStatuses(expectedStatus) }),
    /** A server in production refuses it with 403 unless it has ALLOW_ANONYMOUS_EDITS=True: an answer, where the caller expects it. */
    deleteEntry: (id: number, ...expected: number[]): Answer =>
      http.del(
        `${baseUrl}/entries/${id}`,
        null,
        params('DELETE /entries/:id', { responseCallback: http.expectedStatuses(204, ...expected) }),
      ),
    listArea: (circle: Circle) => get('GET /entries/by-area', `/entries/by-area?${area(circle)}`),
    suggestGroups: (circle: Circle) =>
      get('GET /entries/by-area/suggested-groups', `/entries/by-area/suggested-groups?${area(circle)}`),
  };
}

/** A response header by its canonical name (`Access-Control-Allow-Origin`), or nothing at all as an empty text. */
export function headerOf(answer: Answer, name: string): string {
  return answer.headers[name] ?? '';
}

/** The JSON object of an answer. A body that is none gives no fields, so that a check fails instead of the script. */
export function fieldsOf(answer: Answer): Record<string, unknown> {
  const value = parsed(answer);
  return isObject(value) ? value : {};
}

/** The commit that `GET /version` names; null when it names none. */
export function commitOf(answer: Answer): string | null {
  const { commit } = fieldsOf(answer);
  return typeof commit === 'string' && commit !== '' ? commit : null;
}

/** The sighting of an answer; undefined when it holds none. */
export function entryOf(answer: Answer): Entry | undefined {
  const value = parsed(answer);
  return isEntry(value) ? value : undefined;
}

/** The sightings of an answer that is a list; undefined when it is none. */
export function entriesOf(answer: Answer): Entry[] | undefined {
  const value = parsed(answer);
  return Array.isArray(value) && value.every(isEntry) ? value : undefined;
}

function parsed(answer: Answer): unknown {
  if (typeof answer.body !== 'string') return undefined;
  try {
    return JSON.parse(answer.body);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEntry(value: unknown): value is Entry {
  return isObject(value) && typeof value['id'] === 'number' && typeof value['text'] === 'string' && 'nickname' in value;
}
