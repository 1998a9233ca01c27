// Resident memory of the binary with PostgreSQL after 60 s of mixed load. `bun bench/memory.ts [seconds]`
//
// 25 users, each about ten requests a second: the deployment plan's mix of lists, new sightings and health checks (1:3:1), and what the
// front end adds: analyses, matches, maps, profiles, comments. 2000 sightings to begin with, a tenth of them with coordinates.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { connectPostgres } from '../src/database/connect.ts';
import { freePort, startPostgres } from '../test/harness/postgres.ts';

const seconds = Number(process.argv[2] ?? 60);
const binary = fileURLToPath(new URL('../dist/catatlas', import.meta.url));
const limitMegabytes = 128;

const postgres = await startPostgres({ version: 18 });
const url = await postgres.createDatabase();
const port = await freePort();
const env = {
  DATABASE_URL: url,
  JWT_SECRET: execFileSync(binary, ['secret']).toString().trim(),
  HOST: '127.0.0.1',
  PORT: String(port),
  LOG_FORMAT: 'json',
  HOME: '/tmp',
};
execFileSync(binary, ['migrate'], { env, stdio: 'ignore' });
const database = connectPostgres({ url, applicationName: 'bench', maxConnections: 1 });
await database.sql`
  insert into entries (text, created_at, location, location_lat, location_lon)
  select 'Orange tabby number ' || n || ' with a torn ear near the park, limping', now(), 'Park ' || n % 50,
    case when n % 10 = 0 then 52.5 + n * 1e-5 end, case when n % 10 = 0 then 13.4 + n * 1e-5 end
  from generate_series(1, 2000) as n`;
await database.close();

const server = spawn(binary, [], { env, stdio: 'ignore' });
const base = `http://127.0.0.1:${port}`;
const status = async (path: string) =>
  await fetch(base + path).then(
    (answer) => answer.status,
    () => 0,
  );
while ((await status('/health/ready')) !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024;
const idle = resident();

const post = (path: string, body?: unknown) =>
  fetch(base + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
const any = (below: number) => 1 + Math.floor(Math.random() * below);
const entry = { text: 'Black cat hissing by the fountain, thin', nickname: 'Shadow', location_city: 'Berlin' };
const cat = (await (await post('/cats/from-sightings', { entry_ids: [10, 20, 30, 40] })).json()) as { id: number };
const mix: (() => Promise<Response>)[] = [
  () => fetch(`${base}/entries`),
  () => post('/entries', entry),
  () => post('/entries', entry),
  () => post('/entries', entry),
  () => fetch(`${base}/health`),
  () => post(`/entries/${any(2000)}/analyze`),
  () => post(`/entries/${any(2000)}/favorite`),
  () => fetch(`${base}/entries/${any(2000)}/matches?top_k=10`),
  () => fetch(`${base}/entries/${any(200) * 10}/nearby?radius_meters=1000`),
  () => fetch(`${base}/entries/by-area?lat=52.51&lon=13.41&radius=5000`),
  () => fetch(`${base}/entries/by-area/suggested-groups?lat=52.51&lon=13.41&radius=2000`),
  () => fetch(`${base}/cats/${cat.id}/profile/enhanced`),
  () => post(`/cats/${cat.id}/insights`, { mode: 'profile' }),
  () => post(`/cats/${cat.id}/comments`, { author_name: 'Mia', content: 'Comes by every evening.' }),
];
const until = performance.now() + seconds * 1000;
let requests = 0;
let failures = 0;
async function user(): Promise<void> {
  while (performance.now() < until) {
    const call = mix[any(mix.length) - 1];
    if (!call) continue;
    const answer = await call();
    await answer.arrayBuffer();
    requests += 1;
    if (!answer.ok) failures += 1;
    await new Promise((resolve) => setTimeout(resolve, 60 + Math.random() * 80));
  }
}
let peak = 0;
const watch = setInterval(() => {
  peak = Math.max(peak, resident());
}, 250);
await Promise.all(Array.from({ length: 25 }, user));
clearInterval(watch);
const after = resident();
server.kill('SIGKILL');
await postgres.stop();

console.log(
  `${cpus().length} x ${cpus()[0]?.model}, bun ${process.versions['bun']}; ${requests} requests in ${seconds} s, ${failures} failed`,
);
console.log(
  `resident: ${idle.toFixed(0)} MB idle, ${peak.toFixed(0)} MB at most, ${after.toFixed(0)} MB after (to reach: ${limitMegabytes})`,
);
process.exit(failures === 0 && after <= limitMegabytes ? 0 : 1);
